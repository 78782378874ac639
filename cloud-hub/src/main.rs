//! The program `agog-hub`; everything is in the library.

fn main() -> std::process::ExitCode {
    agog_hub::cli::main()
}
