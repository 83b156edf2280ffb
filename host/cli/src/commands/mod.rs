//! The commands: arguments in, one line and an exit code out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};
use wasyncio_host::{Error, Host, Result};

mod address;
mod cache;
mod check;
mod compile;
mod compose;
mod denied;
mod describe;
mod flags;
mod health;
mod inspect;
mod job;
mod limits;
mod new;
mod output;
mod python;
mod run;
mod script;
mod service;
mod setup;
mod systemd;
mod watch;

use crate::exit_code::HostCode;
use crate::{output_file, say};

/// Runs WebAssembly components that use the network, in a sandbox that denies by default.
#[derive(Debug, Parser)]
#[command(name = "wasyncio", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,

    /// How to log to standard error: text for people, or json, one object a line, also for lines that programs print there
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text")]
    log_format: LogFormat,
}

/// How to log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Box<run::Run>),
    Python(Box<python::Python>),
    Check(Box<check::Check>),
    Compose(compose::Compose),
    Compile(compile::Compile),
    Inspect(inspect::Inspect),
    New(new::New),
    Completions(describe::Completions),
    Man(describe::Man),
}

#[derive(Debug, Args)]
struct Streams {
    /// Use this component for wasyncio:streams instead of the one inside this command
    #[arg(long = "streams", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Cli {
    pub(crate) fn log_format(&self) -> LogFormat {
        self.log_format
    }

    /// Does what was asked and returns the exit code.
    pub(crate) fn execute(self) -> ExitCode {
        let runs = matches!(self.command, Command::Run(_) | Command::Python(_) | Command::Check(_));
        let result = match self.command {
            Command::Run(run) => run.execute(),
            Command::Python(python) => python.execute(),
            Command::Check(check) => check.execute(),
            Command::Compose(compose) => compose.execute(),
            Command::Compile(compile) => compile.execute(),
            Command::Inspect(inspect) => inspect.execute(),
            Command::New(new) => new.execute(),
            Command::Completions(completions) => Ok(completions.execute()),
            Command::Man(man) => Ok(man.execute()),
        };
        result.unwrap_or_else(|error| {
            match &error {
                Error::NoStreams { .. } => say::error(&format_args!("{error} with `--streams FILE`")),
                Error::CompiledCode { .. } => say::error(&format_args!("{error}: with `--allow-precompiled`")),
                _ => say::error(&error),
            }
            if runs { HostCode::of(&error).into() } else { ExitCode::FAILURE }
        })
    }
}

impl Streams {
    /// The host, with this stack for each call of a program or wasmtime's default.
    fn host(&self, cache: &cache::CacheFlags, stack: Option<usize>) -> Result<Host> {
        let builder = cache.apply(Host::builder());
        let builder = match stack {
            Some(bytes) => builder.max_stack(bytes),
            None => builder,
        };
        match &self.file {
            Some(file) => builder.streams(read(file)?),
            None => builder,
        }
        .build()
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|source| Error::Read { file: path.display().to_string(), source })
}

/// Writes a result, as a whole or not at all.
fn write(path: &Path, content: &[u8]) -> ExitCode {
    match output_file::write(path, content) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&format_args!("cannot write {}: {error}", path.display()));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
