//! The command `wasyncio`: runs a component in a sandbox that denies by default.

mod cli;
mod signals;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    arguments.execute()
}

/// Prints one line to standard error, `wasyncio: ` before it.
fn say(message: &dyn std::fmt::Display) {
    let line: Vec<String> = message.to_string().lines().map(|l| l.trim().to_owned()).collect();
    // Nobody is left to be told that standard error is closed.
    _ = writeln!(std::io::stderr(), "wasyncio: {}", line.join(" "));
}
