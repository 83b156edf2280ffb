//! `wasyncio run`.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use wasyncio_host::{
    ConnectGrant, DirectoryGrant, HostEntry, ListenGrant, Metrics, Outcome, Policy, PolicyFile, Program, Result,
    Runner, SharedListeners, Stdio,
};

use super::denied::denied;
use super::limits::LimitFlags;
use super::service::{Service, ServiceFlags};
use super::{Streams, health, systemd, watch};
use crate::exit_code::{self, HostCode};
use crate::{say, signals};

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

const SIGNALS: &str = "\
Signals:
  INT, TERM  stop: listening ends, the program has --grace; the second one ends at once
  HUP        load the program and the policy file again, without closing the listening sockets: once the new instances
             listen, the old ones have --grace. If they do not come up, the old ones go on. At a third reload within
             the grace period, the oldest instances are cut

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
    pub(super) app: PathBuf,

    /// Let the program listen on HOST:PORT; may be repeated
    ///
    /// HOST is an IP address or a network such as 10.0.0.0/8 (IPv6 in brackets), a host name, or * for any address.
    /// PORT is a number, 0 for a port that the system picks, a range such as 8000-8100, or * for any.
    #[arg(long, value_name = "HOST:PORT")]
    allow_listen: Vec<ListenGrant>,

    /// Let the program connect to HOST:PORT; may be repeated
    ///
    /// HOST is an IP address or a network such as 10.0.0.0/8 (IPv6 in brackets), a host name, *.DOMAIN for all names
    /// below a domain, or * for any host. PORT is a number, a range such as 8000-8100, or * for any. A name also lets
    /// the program look it up, and then connect to the addresses that it was given. Of these only public ones, so that
    /// no domain's owner can direct it into your network: grant others by address, or use --resolve.
    #[arg(long, value_name = "HOST:PORT")]
    allow_connect: Vec<ConnectGrant>,

    /// Let the host name NAME stand for these addresses, without asking a resolver; may be repeated
    ///
    /// This grants nothing by itself: the program may use the name if --allow-connect or --allow-listen has it. The
    /// addresses may be private ones.
    #[arg(long, value_name = "NAME=IP[,IP...]")]
    resolve: Vec<HostEntry>,

    /// Let the program read the directory HOST, under the name GUEST; with :rw also write; may be repeated
    #[arg(long, value_name = "HOST[::GUEST][:rw]")]
    dir: Vec<DirectoryGrant>,

    /// Set an environment variable of the program, or hand on this command's; may be repeated
    ///
    /// The program sees no others.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = variable)]
    pub(super) env: Vec<(String, String)>,

    /// Give the program only these of the standard streams: a list of in, out and err, or none [default: in,out,err]
    #[arg(long, value_name = "LIST")]
    stdio: Option<Stdio>,

    /// Take grants, environment, arguments and limits from a TOML file, to which the flags add
    ///
    /// Its keys are listen, connect, resolve, dir, args, stdio, the table env, and the table limits with max-memory,
    /// max-connections, idle-timeout, max-buffer, max-compute and timeout.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    #[command(flatten)]
    pub(super) streams: Streams,

    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    pub(super) args: Vec<String>,

    #[command(flatten)]
    pub(super) limits: LimitFlags,

    #[command(flatten)]
    pub(super) service: ServiceFlags,
}

impl Run {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let grace = self.service.grace();
        // Before anything is loaded, so that no signal comes too early.
        let signals = signals::Signals::install(grace);
        let failed = |error: &dyn Display| {
            say::error(error);
            Ok(HostCode::NotStarted.into())
        };
        let (metrics, (pulse, health)) = (Metrics::new(), health::pulse());
        if let Err(error) = watch::start(&metrics, health, self.service.metrics.as_ref(), self.service.status) {
            return failed(&error);
        }
        let listeners = SharedListeners::new();
        if let Err(error) = systemd::hand_in(&listeners) {
            return failed(&format_args!("cannot use a socket that was handed in: {error}"));
        }
        let host = self.streams.host()?;
        let file = self.policy_file()?;
        let program = host.load_file(&self.app)?;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&format_args!("cannot start the event loop: {error}")),
        };
        let wrote = Arc::default();
        let service = Service { run: Arc::new(self), host, metrics, listeners, wrote: Arc::clone(&wrote) };
        let outcome = runtime.block_on(service.run(&program, file, &signals, pulse));
        // Something that is being loaded must not keep the process.
        runtime.shutdown_background();
        Ok(match outcome? {
            Outcome::Stopped { cut_connections: 1.. } if grace > Duration::ZERO => {
                say::warn(&format_args!(
                    "connections were still open after {}, and were cut",
                    humantime::format_duration(grace)
                ));
                HostCode::Cut.into()
            }
            Outcome::Ended(status) => {
                if !status.success() && !wrote.load(Ordering::Relaxed) && !say::complained() {
                    say::error(&format_args!("{} ended with exit code {}", program.name(), status.code()));
                }
                exit_code::of_program(status)
            }
            _ => ExitCode::SUCCESS,
        })
    }

    pub(super) fn policy_file(&self) -> Result<PolicyFile> {
        Ok(self.policy.as_ref().map(PolicyFile::read).transpose()?.unwrap_or_default())
    }

    /// All that is granted.
    pub(super) fn policy(&self, file: &PolicyFile) -> Policy {
        let policy = self.allow_listen.iter().cloned().fold(file.policy.clone(), Policy::allow_listen);
        let policy = self.allow_connect.iter().cloned().fold(policy, Policy::allow_connect);
        let policy = self.resolve.iter().cloned().fold(policy, Policy::resolve);
        self.dir.iter().cloned().fold(policy, Policy::allow_directory)
    }

    pub(super) fn stdio(&self, file: &PolicyFile) -> Stdio {
        self.stdio.or(file.stdio).unwrap_or(Stdio::ALL)
    }

    pub(super) fn runner(&self, program: &Program, file: &PolicyFile, metrics: &Metrics) -> Runner {
        let runner = Runner::new(program)
            .policy(self.policy(file))
            .limits(file.limits.overridden_by(self.limits.0))
            .metrics(metrics)
            .args(&file.arguments)
            .args(&self.args)
            .stdio(self.stdio(file))
            .on_denied(|denial| say::warn(&denied(denial)));
        let environment = file.environment.iter().chain(&self.env);
        environment.fold(runner, |runner, (name, value)| runner.env(name, value))
    }
}

/// `NAME=VALUE`, or `NAME` for the value that this command has itself.
fn variable(text: &str) -> std::result::Result<(String, String), String> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, value.to_owned()),
        None => match std::env::var(text) {
            Ok(value) => (text, value),
            Err(error) => return Err(format!("this command has no such variable ({error}): write NAME=VALUE")),
        },
    };
    if name.is_empty() { Err("write NAME=VALUE".to_owned()) } else { Ok((name.to_owned(), value)) }
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
        assert_eq!(run.env, [("A".to_owned(), "b=c".to_owned())]);
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
