//! The `kdev` program: see the library.

use std::process::ExitCode;

/// musl's own allocator doubles what producing costs (measured).
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    kdev::main()
}
