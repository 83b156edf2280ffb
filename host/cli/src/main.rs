//! The command `wasyncio`: runs a component in a sandbox that denies by default.

mod commands;
mod exit_code;
mod say;
mod signals;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::{Directive, LevelFilter};

use crate::commands::LogFormat;
use crate::exit_code::HostCode;

fn main() -> ExitCode {
    let arguments = match commands::Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nobody is left to be told that the output is closed.
            _ = error.print();
            return if error.use_stderr() { HostCode::Usage.into() } else { ExitCode::SUCCESS };
        }
    };
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::WARN.into()).from_env_lossy();
    let said: Result<Directive, _> = format!("{}=info", say::TARGET).parse();
    let filter = said.map_or(EnvFilter::new("warn"), |said| filter.add_directive(said));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match arguments.log_format() {
        LogFormat::Text => log.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => {
            say::in_json();
            log.json().init();
        }
    }
    arguments.execute()
}
