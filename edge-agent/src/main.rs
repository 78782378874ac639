//! The program `agog-edge`; everything is in the library.

/// glibc's allocator puts neighbours together again and again while machines send many small messages.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    agog_edge::cli::main()
}
