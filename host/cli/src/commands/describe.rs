//! `wasyncio completions` and `wasyncio man`: the command line, described for shells and for man.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::Cli;
use crate::exit_code::HostCode;
use crate::say;

/// Print completions of this command for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio completions bash > ~/.local/share/bash-completion/completions/wasyncio")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Print the man page of this command, or of one of its commands
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio man run | man -l -")]
pub(super) struct Man {
    /// The command, such as run
    #[arg(value_name = "COMMAND")]
    command: Option<String>,
}

impl Completions {
    pub(super) fn execute(self) -> ExitCode {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "wasyncio", &mut text);
        print(&text)
    }
}

impl Man {
    pub(super) fn execute(self) -> ExitCode {
        // Names of commands in the page are complete only after this.
        let mut command = Cli::command();
        command.build();
        let command = match &self.command {
            None => command,
            Some(name) => match command.find_subcommand(name) {
                Some(found) => found.clone(),
                None => {
                    say::error(&format_args!("there is no command `{name}`"));
                    return HostCode::Usage.into();
                }
            },
        };
        let mut text = Vec::new();
        match clap_mangen::Man::new(command).render(&mut text) {
            Ok(()) => print(&text),
            Err(error) => {
                say::error(&format_args!("cannot write the man page: {error}"));
                ExitCode::FAILURE
            }
        }
    }
}

/// Prints to the standard output.
pub(super) fn print(text: &[u8]) -> ExitCode {
    match io::stdout().write_all(text) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&format_args!("cannot write: {error}"));
            ExitCode::FAILURE
        }
    }
}
