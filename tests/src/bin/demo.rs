//! `agog-demo`: see `agog_tests::demo`. Ctrl-C and SIGTERM end it and everything that it started.

use std::process::ExitCode;

use agog_tests::demo::{Options, run};
use clap::Parser as _;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// As a shell reports a program that was interrupted.
const INTERRUPTED: u8 = 130;

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let signals = signal(SignalKind::interrupt())
        .and_then(|interrupt| Ok((interrupt, signal(SignalKind::terminate())?)));
    let (mut interrupt, mut terminate): (Signal, Signal) = match signals {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("agog-demo: cannot listen for signals: {error}");
            return ExitCode::FAILURE;
        }
    };
    // The losing branch is dropped, and with it every process of the demo.
    tokio::select! {
        result = run(&options) => match result {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("\nagog-demo: {error:#}");
                ExitCode::FAILURE
            }
        },
        _ = interrupt.recv() => ExitCode::from(INTERRUPTED),
        _ = terminate.recv() => ExitCode::from(INTERRUPTED),
    }
}
