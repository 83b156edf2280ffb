//! The command `wasyncio`: runs a component in a sandbox that denies by default.

mod cli;
mod signals;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::cli::LogFormat;

fn main() -> ExitCode {
    let arguments = cli::Cli::parse();
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.log_format() {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => {
            JSON.store(true, Ordering::Relaxed);
            log.json().init();
        }
    }
    arguments.execute()
}

/// Whether standard error gets one object of JSON a line.
static JSON: AtomicBool = AtomicBool::new(false);

/// Prints one line to standard error, `wasyncio: ` before it; or logs it, if the log is JSON.
fn say(message: &dyn std::fmt::Display) {
    if JSON.load(Ordering::Relaxed) {
        tracing::error!("{message}");
        return;
    }
    let line: Vec<String> = message.to_string().lines().map(|l| l.trim().to_owned()).collect();
    // Nobody is left to be told that standard error is closed.
    _ = writeln!(std::io::stderr(), "wasyncio: {}", line.join(" "));
}
