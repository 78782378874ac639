//! The program `agog-edge`; everything is in the library.

fn main() -> std::process::ExitCode {
    agog_edge::cli::main()
}
