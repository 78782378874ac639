//! The program `agog-edge`; everything is in the library.

/// The library's own allocator keeps a block of each size at hand; glibc's puts neighbours together
/// again and again while machines send.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    agog_edge::cli::main()
}
