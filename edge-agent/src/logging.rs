//! Logs go to standard error, where systemd and people look. `AGOG_LOG` or `RUST_LOG` sets what
//! is shown; `AGOG_LOG_FORMAT=json` is for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What is shown when nothing is set.
const DEFAULT_FILTER: &str = "info";

/// Sets up logging for the whole program. A second call has no effect, as tests make.
pub fn set_up() {
    let filter = std::env::var("AGOG_LOG")
        .or_else(|_| std::env::var("RUST_LOG"))
        .ok()
        .and_then(|text| EnvFilter::try_new(text).ok())
        .unwrap_or_else(|| EnvFilter::new(DEFAULT_FILTER));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let json = std::env::var("AGOG_LOG_FORMAT").is_ok_and(|format| format == "json");
    let result = if json {
        builder.json().try_init()
    } else {
        builder
            .with_ansi(std::io::stderr().is_terminal())
            .try_init()
    };
    // Already set up is what tests do; there is nobody to tell.
    drop(result);
}
