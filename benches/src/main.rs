//! The command behind `cargo xtask bench`.

use std::process::ExitCode;

fn main() -> ExitCode {
    wasyncio_bench::main()
}
