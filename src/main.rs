//! The `kdev` program: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    kdev::main()
}
