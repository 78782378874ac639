//! `agog-bench`: see `agog_tests::bench`.

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match agog_tests::bench::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("agog-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
