//! The binary. All it does is to hand over to the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    c8dr::main()
}
