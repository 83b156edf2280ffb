//! The command `wasyncio`: runs a component in a sandbox that denies by default.

mod commands;
mod descriptors;
mod exit_code;
mod lockdown;
mod log;
mod output_file;
mod records;
mod say;
mod signals;

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
    let always = [say::TARGET, log::PROGRAM].iter().filter_map(|target| format!("{target}=info").parse().ok());
    let filter = always.fold(filter, |filter, target: Directive| filter.add_directive(target));
    // Without colours: an escape sequence in the log is always one that a program wrote, and is shown as such.
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(false).with_writer(log::Log);
    match arguments.log_format() {
        LogFormat::Text => log.init(),
        LogFormat::Json => {
            say::in_json();
            log.json().init();
        }
    }
    descriptors::raise_limit();
    let code = arguments.execute();
    say::finish();
    code
}
