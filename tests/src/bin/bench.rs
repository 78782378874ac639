//! `agog-bench`: see `agog_tests::bench`.

use std::process::ExitCode;

use agog_tests::bench::{self, Options};
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match bench::run(Options::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agog-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
