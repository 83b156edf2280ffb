//! `wasyncio run`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use wasyncio_host::{
    ConnectGrant, DirectoryGrant, ExitStatus, HostEntry, Limits, ListenGrant, Policy, PolicyFile, Program, Result,
    Runner, Stdio,
};

use super::Streams;
use super::denied::denied;
use crate::{say, signals};

/// Run a program, with the network access that is granted and no other
///
/// The program is a component that exports wasi:cli/run. If it imports wasyncio:streams, it is composed with the
/// component that provides it first. An address that it asks for without a grant is refused, and the flag that
/// would grant it is named.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wasyncio run --allow-listen 127.0.0.1:8888 echo-server.wasm -- 127.0.0.1:8888
  wasyncio run --allow-connect '*.example.com:443' --max-memory 64MiB client.wasm
  wasyncio run --policy echo.toml echo-server.wasm

A policy file:
  listen = [\"127.0.0.1:8888\"]
  connect = [\"*.example.com:443\"]
  args = [\"127.0.0.1:8888\"]
  limits = { max-memory = \"64MiB\" }

Exit codes:
  0    the program succeeded, or was ended by Ctrl-C or SIGTERM
  1    the program failed (or its own code), or could not be loaded
  2    the arguments of this command are wrong
  3    the program reached a limit and was ended
  134  the program trapped

Environment:
  RUST_LOG  what to log to standard error, such as `info` or `wasyncio_host=debug` [default: warn]")]
pub(super) struct Run {
    /// The program: a WebAssembly component
    #[arg(value_name = "APP.wasm")]
    app: PathBuf,

    /// Let the program listen on HOST:PORT; may be repeated
    ///
    /// HOST is an IP address (IPv6 in brackets), a network such as 10.0.0.0/8 or [fd00::]/8, a host name, or * for any
    /// address. PORT is a number, 0 for a port that the system picks, a range such as 8000-8100, or * for any.
    #[arg(long, value_name = "HOST:PORT")]
    allow_listen: Vec<ListenGrant>,

    /// Let the program connect to HOST:PORT; may be repeated
    ///
    /// HOST is an IP address (IPv6 in brackets), a network such as 10.0.0.0/8 or [fd00::]/8, a host name, *.DOMAIN for all
    /// names below a domain, or * for any host. PORT is a number, a range such as 8000-8100, or * for any. A name also
    /// lets the program look it up, and then connect to the addresses that it was given. Of these only public ones, so
    /// that no domain's owner can direct it into your network: grant others by address, or use --resolve.
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
    env: Vec<(String, String)>,

    /// Give the program only these of the standard streams: a list of in, out and err, or none [default: in,out,err]
    #[arg(long, value_name = "LIST")]
    stdio: Option<Stdio>,

    /// Take grants, environment, arguments and limits from a TOML file, to which the flags add
    ///
    /// Its keys are listen, connect, resolve, dir, args, stdio, the table env, and the table limits with max-memory,
    /// max-connections, idle-timeout, max-compute and timeout.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    #[command(flatten)]
    limits: LimitFlags,

    #[command(flatten)]
    streams: Streams,

    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct LimitFlags {
    /// End the program if it needs more memory than this, such as 256MiB
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<bytesize::ByteSize>,

    /// Let it have this many connections open; then accepting pauses, nothing is dropped, and connecting fails
    #[arg(long, value_name = "N", value_parser = connections)]
    max_connections: Option<usize>,

    /// Close a connection on which no byte moves for this long, such as 10min
    #[arg(long, value_name = "TIME")]
    idle_timeout: Option<humantime::Duration>,

    /// End the program if it computes for this long without waiting for anything, such as 2s
    #[arg(long, value_name = "TIME")]
    max_compute: Option<humantime::Duration>,

    /// End the program after this time, such as 1h
    #[arg(long, value_name = "TIME")]
    timeout: Option<humantime::Duration>,
}

impl Run {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let signals = signals::Signals::install();
        let host = self.streams.host()?;
        let file = self.policy.as_ref().map(PolicyFile::read).transpose()?.unwrap_or_default();
        let program = host.load_file(&self.app)?;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                say(&format_args!("cannot start the event loop: {error}"));
                return Ok(ExitCode::FAILURE);
            }
        };
        let ended = runtime.block_on(async {
            let run = self.runner(&program, file).run();
            tokio::select! {
                ended = run => Some(ended),
                // Dropping the run closes the program's sockets.
                () = signals.received() => None,
            }
        });
        // A read of standard input that is still waiting for a terminal must not keep the process.
        runtime.shutdown_background();
        match ended {
            Some(status) => status.map(exit_code),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    fn runner(self, program: &Program, file: PolicyFile) -> Runner {
        let policy = self.allow_listen.into_iter().fold(file.policy, Policy::allow_listen);
        let policy = self.allow_connect.into_iter().fold(policy, Policy::allow_connect);
        let policy = self.resolve.into_iter().fold(policy, Policy::resolve);
        let policy = self.dir.into_iter().fold(policy, Policy::allow_directory);
        let runner = Runner::new(program)
            .policy(policy)
            .limits(file.limits.overridden_by(self.limits.limits()))
            .args(file.arguments)
            .args(self.args)
            .stdio(self.stdio.or(file.stdio).unwrap_or(Stdio::ALL))
            .on_denied(|denial| say(&denied(denial)));
        let environment = file.environment.into_iter().chain(self.env);
        environment.fold(runner, |runner, (name, value)| runner.env(name, value))
    }
}

impl LimitFlags {
    fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_memory = self.max_memory.map(|size| size.as_u64());
        limits.max_connections = self.max_connections;
        limits.idle_timeout = self.idle_timeout.map(Into::into);
        limits.max_compute = self.max_compute.map(Into::into);
        limits.timeout = self.timeout.map(Into::into);
        limits
    }
}

fn connections(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("write a number from 1 on".to_owned()),
        Ok(number) => Ok(number),
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

/// The program's own exit code, as far as a process can have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    u8::try_from(status.code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use crate::cli::{Cli, Command};

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
