//! The project's automation, run as `cargo xtask COMMAND`: sets up the compiler for WebAssembly, builds, composes,
//! serves and tests. `cargo xtask help` lists the commands.

mod artifacts;
mod bench;
mod component;
mod conformance;
mod deadline;
mod dependencies;
mod echo;
mod generators;
mod javascript;
mod pyodide;
mod python;
mod stock;
mod test;
mod toolchain;
mod wit;
mod workspace;

use std::error::Error;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::workspace::Workspace;

/// What every step returns; the message says what failed, where, and what to do about it.
type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Parser)]
#[command(bin_name = "cargo xtask", about = "Build, run and test wasyncio")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build dist/wasyncio.wasm, target/release/wasyncio and the composed examples in dist/examples/
    Build,
    /// Build what is needed, then serve the echo example in its sandbox until Ctrl-C
    Echo {
        /// The address to listen on; port 0 lets the system choose
        #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:8888")]
        listen: echo::Listen,
    },
    /// Measure wasyncio beside asyncio, uvloop, tokio and wstd; see BENCHMARKS.md. The buffers alone: cargo bench -p bench-buffers
    Bench(bench::Options),
    /// Build what is needed, then run random programs over a stream reader on CPython and on wasyncio, and compare
    #[command(disable_help_flag = true)]
    Conformance {
        /// --mode plain|composed|linked|sockets-plain|sockets-composed|sockets-linked|all, --cases N, --seed S; --help shows all
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<String>,
    },
    /// Build what is needed, then dist/python.wasm: CPython with asyncio. Fetches componentize-py from PyPI
    Python,
    /// Build what is needed, then the programs in JavaScript, in dist/examples/js/. Compiles componentize-qjs from crates.io, some minutes
    Js,
    /// Print the licences of what is shipped, and the crates under each
    Licences,
    /// Write the interface to dist/wit/: as one encoded package, and as a flat folder of text
    Wit,
    /// Everything that CI runs: formatting, build, clippy, docs, tests
    Test,
}

fn main() -> ExitCode {
    let workspace = Workspace::locate();
    let outcome = match Arguments::parse().command {
        Command::Build => artifacts::build(&workspace).map(|()| ExitCode::SUCCESS),
        Command::Echo { listen } => echo::serve(&workspace, &listen),
        Command::Bench(options) => bench::measure(&workspace, &options).map(|()| ExitCode::SUCCESS),
        Command::Conformance { arguments } => conformance::compare(&workspace, &arguments),
        Command::Python => {
            artifacts::build(&workspace).and_then(|()| python::build(&workspace)).map(|()| ExitCode::SUCCESS)
        }
        Command::Js => {
            artifacts::build(&workspace).and_then(|()| javascript::build(&workspace)).map(|()| ExitCode::SUCCESS)
        }
        Command::Licences => dependencies::licences(&workspace).map(|()| ExitCode::SUCCESS),
        Command::Wit => wit::write(&workspace).map(|()| ExitCode::SUCCESS),
        Command::Test => test::run_all(&workspace).map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error}");
        ExitCode::FAILURE
    })
}
