//! `wasyncio run`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use wasyncio_host::Result;

use super::flags::Flags;
use super::job::Job;
use crate::exit_code;

const EXAMPLES: &str = "\
Examples:
  wasyncio run --allow-listen 127.0.0.1:8888 echo-server.wasm -- 127.0.0.1:8888
  wasyncio run --allow-connect '*.example.com:443' --max-memory 64MiB client.wasm
  wasyncio run --policy echo.toml --workers 4 --grace 30s echo-server.wasm

A policy file:
  listen = [\"127.0.0.1:8888\"]
  connect = [\"*.example.com:443\"]
  args = [\"127.0.0.1:8888\"]
  limits = { max-memory = \"64MiB\" }";

pub(super) const SIGNALS: &str = "\
Signals:
  INT, TERM  stop: listening ends, the program has --grace; the second one ends at once
  HUP        load the program, the policy file and the files of TLS again, without closing the listening sockets: once the new instances
             listen, the old ones have --grace. If they do not come up, the old ones go on. At a third reload within
             the grace period, the oldest instances are cut. If only grants of addresses, deny rules and host names of
             the policy file have changed, the instances that run go on with them at once, and the difference is told:
             listening sockets that are not granted any more are closed, and connections that the program made and that
             are not granted any more are ended; those that it accepted stay

systemd: the command tells a unit of Type=notify when the program listens, and of reloads, stops and its watchdog. Sockets
that are handed in (LISTEN_FDS) are used for the addresses that they are bound to, if the program may listen there.

Environment:
  RUST_LOG  what to log to standard error, such as `info` or `wasyncio_host=debug` [default: warn]";

/// Run a program, with the network access that is granted and no other
///
/// The program is a component that exports wasi:cli/run. If it imports wasyncio:streams, it is composed with the
/// component that provides it first. An address that it asks for without a grant is refused, and the flag that
/// would grant it is named.
#[derive(Debug, Args)]
#[command(after_help = format!("{EXAMPLES}\n\n{}\n\n{SIGNALS}", exit_code::HELP))]
pub(super) struct Run {
    /// The program: a WebAssembly component
    #[arg(value_name = "APP.wasm")]
    app: PathBuf,

    #[command(flatten)]
    flags: Flags,

    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

impl Run {
    pub(super) fn execute(self) -> Result<ExitCode> {
        self.job().execute()
    }

    pub(super) fn job(self) -> Job {
        Job { program: self.app, flags: self.flags, script: None, args: self.args }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::commands::{Cli, Command};

    #[test]
    fn arguments_after_the_dashes_are_the_programs() {
        let cli = Cli::try_parse_from(["wasyncio", "run", "a.wasm", "--env", "A=b=c", "--", "--env"]);
        let Command::Run(run) = cli.unwrap().command else {
            panic!("it is `run`");
        };
        assert_eq!(run.flags.env, [("A".to_owned(), "b=c".to_owned())]);
        assert_eq!(run.args, ["--env"]);
    }

    #[test]
    fn a_bad_grant_is_a_usage_error_that_says_why() {
        let cli = Cli::try_parse_from(["wasyncio", "run", "--allow-listen", "8888", "a.wasm"]);
        let error = cli.expect_err("it has no host");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("has no port"), "{error}");
    }
}
