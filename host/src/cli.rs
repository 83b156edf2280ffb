//! The commands: arguments in, one line and an exit code out.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};
use wasyncio_host::{
    ConnectGrant, Denial, Error, ExitStatus, Host, HostEntry, ListenGrant, Policy, Program, Result, Runner,
};

use crate::{say, signals};

/// The exit code after a trap: that of a process that SIGABRT ended, as other WebAssembly runtimes have it.
const TRAPPED: u8 = 134;

/// Runs WebAssembly components that use the network, in a sandbox that denies by default.
#[derive(Debug, Parser)]
#[command(name = "wasyncio", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(Run),
    Compose(Compose),
}

/// Run a program, with the network access that is granted and no other
///
/// The program is a component that exports wasi:cli/run. If it imports wasyncio:streams, it is composed with the
/// component that provides it first. An address that it asks for without a grant is refused, and the flag that
/// would grant it is named.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio run --allow-listen 127.0.0.1:8888 echo-server.wasm -- 127.0.0.1:8888

Exit codes:
  0    the program succeeded, or was ended by Ctrl-C or SIGTERM
  1    the program failed (or its own code), or could not be loaded
  2    the arguments of this command are wrong
  134  the program trapped

Environment:
  RUST_LOG  what to log to standard error, such as `info` or `wasyncio_host=debug` [default: warn]")]
struct Run {
    /// The program: a WebAssembly component
    #[arg(value_name = "APP.wasm")]
    app: PathBuf,

    /// Let the program listen on HOST:PORT; may be repeated
    ///
    /// HOST is an IP address (IPv6 in brackets), a host name, or * for any address. PORT is a number, 0 for a port
    /// that the system picks, or * for any.
    #[arg(long, value_name = "HOST:PORT")]
    allow_listen: Vec<ListenGrant>,

    /// Let the program connect to HOST:PORT; may be repeated
    ///
    /// HOST is an IP address (IPv6 in brackets), a host name, or * for any host. PORT is a number, or * for any. A name
    /// also lets the program look it up, and then connect to the addresses that it was given. Of these only public ones,
    /// so that no domain's owner can direct it into your network: grant others by address, or use --resolve.
    #[arg(long, value_name = "HOST:PORT")]
    allow_connect: Vec<ConnectGrant>,

    /// Let the host name NAME stand for these addresses, without asking a resolver; may be repeated
    ///
    /// This grants nothing by itself: the program may use the name if --allow-connect or --allow-listen has it. The
    /// addresses may be private ones.
    #[arg(long, value_name = "NAME=IP[,IP...]")]
    resolve: Vec<HostEntry>,

    /// Set an environment variable of the program, which sees no others; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,

    #[command(flatten)]
    streams: Streams,

    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,
}

/// Write a program and wasyncio:streams as one component, which needs only WASI
///
/// The result runs on any runtime with WASI 0.3 sockets.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio compose app.wasm -o complete.wasm")]
struct Compose {
    /// The program: a WebAssembly component that imports wasyncio:streams
    #[arg(value_name = "APP.wasm")]
    app: PathBuf,

    /// Where to write the result
    #[arg(short, long, value_name = "OUT.wasm")]
    output: PathBuf,

    #[command(flatten)]
    streams: Streams,
}

#[derive(Debug, Args)]
struct Streams {
    /// Use this component for wasyncio:streams instead of the one inside this command
    #[arg(long = "streams", value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Cli {
    /// Does what was asked and returns the exit code.
    pub(crate) fn execute(self) -> ExitCode {
        let result = match self.command {
            Command::Run(run) => run.execute(),
            Command::Compose(compose) => compose.execute(),
        };
        result.unwrap_or_else(|error| {
            say(&error);
            match error {
                Error::Trap { .. } => ExitCode::from(TRAPPED),
                _ => ExitCode::FAILURE,
            }
        })
    }
}

impl Run {
    fn execute(self) -> Result<ExitCode> {
        let signals = signals::Signals::install();
        let host = self.streams.host()?;
        let program = host.load_file(&self.app)?;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                say(&format_args!("cannot start the event loop: {error}"));
                return Ok(ExitCode::FAILURE);
            }
        };
        let ended = runtime.block_on(async {
            let run = self.runner(&program).run();
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

    fn runner(self, program: &Program) -> Runner {
        let policy = self.allow_listen.into_iter().fold(Policy::new(), Policy::allow_listen);
        let policy = self.allow_connect.into_iter().fold(policy, Policy::allow_connect);
        let policy = self.resolve.into_iter().fold(policy, Policy::resolve);
        let runner = Runner::new(program)
            .policy(policy)
            .args(self.args)
            .inherit_stdio()
            .on_denied(|denial| say(&denied(denial)));
        self.env.into_iter().fold(runner, |runner, (name, value)| runner.env(name, value))
    }
}

impl Compose {
    fn execute(self) -> Result<ExitCode> {
        let host = self.streams.host()?;
        let bytes = read(&self.app)?;
        let name = self.app.display().to_string();
        let composed = host.compose(&name, &bytes)?;
        if matches!(composed, std::borrow::Cow::Borrowed(_)) {
            say(&format_args!("{name} does not import wasyncio:streams, so there is nothing to compose"));
            return Ok(ExitCode::FAILURE);
        }
        if let Err(error) = std::fs::write(&self.output, composed) {
            say(&format_args!("cannot write {}: {error}", self.output.display()));
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Streams {
    fn host(&self) -> Result<Host> {
        let builder = Host::builder().cache(true);
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

fn variable(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

/// What was refused, and the flag that would allow it.
fn denied(denial: &Denial) -> String {
    match denial {
        Denial::Listen(address) => {
            format!("denied: {denial}; allow it with --allow-listen {address}")
        }
        Denial::Connect(address) => {
            format!("denied: {denial}; allow it with --allow-connect {address}")
        }
        Denial::Private { name, address } => format!(
            "denied: {denial}; allow it with --allow-connect {address} or --resolve {name}={ip}",
            name = name.escape_debug(),
            ip = address.ip()
        ),
        Denial::Lookup(name) => format!(
            "denied: {denial}; allow it with --allow-connect {name}:PORT or --allow-listen {name}:PORT",
            name = name.escape_debug()
        ),
        _ => format!("denied: {denial}"),
    }
}

/// The program's own exit code, as far as a process can have it.
fn exit_code(status: ExitStatus) -> ExitCode {
    u8::try_from(status.code()).map_or(ExitCode::FAILURE, ExitCode::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_denial_names_the_flag() {
        let denial = Denial::Listen("127.0.0.1:8888".parse().unwrap());
        assert_eq!(denied(&denial), "denied: listening on 127.0.0.1:8888; allow it with --allow-listen 127.0.0.1:8888");
        let denial = Denial::Connect("10.0.0.1:80".parse().unwrap());
        assert_eq!(denied(&denial), "denied: connecting to 10.0.0.1:80; allow it with --allow-connect 10.0.0.1:80");
    }

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
