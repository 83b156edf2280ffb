//! `wasyncio run`.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use tokio::sync::mpsc;
use wasyncio_host::{
    ConnectGrant, Control, DenyRule, DirectoryGrant, Error, ExitStatus, Host, HostEntry, ListenGrant, Metrics, Outcome,
    Policy, PolicyFile, Program, Result, Runner, SourceGrant, Stdio, Wasi02Conflict, Workers,
};

use super::Streams;
use super::cache::CacheFlags;
use super::denied::denied;
use super::limits::LimitFlags;
use super::output;
use super::watch;
use crate::lockdown::{Files, Lockdown};
use crate::{say, signals};

/// The exit code after connections were cut at the end of the grace period.
const CUT: u8 = 4;

/// The exit code for arguments that are wrong, as of flags that are not understood.
const USAGE: u8 = 2;

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
  wasyncio run --policy echo.toml --workers 4 --grace 30s echo-server.wasm

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
  4    it was stopped, and connections were cut at the end of --grace
  130  it was told to stop twice, or did not yield, and was ended at once
  134  the program trapped

Signals:
  INT, TERM  stop: listening ends, connections have --grace; the second one ends at once
  HUP        with --workers, load the program again without closing the listening sockets

Environment:
  RUST_LOG  what to log to standard error, such as `info` or `wasyncio_host=debug` [default: warn]")]
pub(super) struct Run {
    /// The program: a WebAssembly component
    #[arg(value_name = "APP.wasm")]
    app: PathBuf,

    /// Let the program listen on HOST:PORT; may be repeated
    ///
    /// HOST is an IP address or a network such as 10.0.0.0/8 (IPv6 in brackets), a host name, or * for any address.
    /// PORT is a number, 0 for a port that the system picks, a range such as 8000-8100, or * for any. A name is resolved
    /// once, as the program is loaded; it must not be every interface.
    #[arg(long, value_name = "HOST:PORT")]
    allow_listen: Vec<ListenGrant>,

    /// Let the program connect to HOST:PORT; may be repeated
    ///
    /// HOST is an IP address or a network such as 10.0.0.0/8 (IPv6 in brackets), a host name, *.DOMAIN for all names
    /// below a domain, a class (public: the internet, private: your networks, loopback), or * for any host. PORT is a
    /// number, a range such as 8000-8100, or * for any. A name also lets the program look it up, and then connect to the
    /// addresses that it was given, for --max-answer-age. Of these only public ones that are not this machine's, so that
    /// no domain's owner can direct it into your network: grant others by address, or use --resolve.
    #[arg(long, value_name = "HOST:PORT")]
    allow_connect: Vec<ConnectGrant>,

    /// Let the program choose ADDRESS, of this machine, to connect from; may be repeated
    ///
    /// ADDRESS is an IP address, a network such as 10.0.0.0/8, a host name, or * for any. Without this the system chooses
    /// the address. The port is always of the system's choice.
    #[arg(long, value_name = "ADDRESS")]
    allow_source: Vec<SourceGrant>,

    /// Deny HOST:PORT whatever is allowed; may be repeated
    ///
    /// HOST and PORT are as in --allow-connect. The program cannot connect there, and cannot listen on such an address of
    /// this machine, nor on every interface if one has such an address; classes are about connecting alone. A name has
    /// the port *: it cannot be looked up, and what it resolves to as the program is loaded cannot be connected to.
    #[arg(long, value_name = "HOST:PORT")]
    deny: Vec<DenyRule>,

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

    /// Let the program also use TCP sockets of WASI 0.2, where the grants above let it listen and connect
    ///
    /// No limit of connections holds for them, no worker shares them, and no grace period waits for them: this cannot be
    /// combined with --max-connections, --idle-timeout, --max-buffer, --workers and --grace.
    #[arg(long)]
    allow_wasi02_sockets: bool,

    /// Give the program only these of the standard streams: a list of in, out and err, or none [default: in,out,err]
    #[arg(long, value_name = "LIST")]
    stdio: Option<Stdio>,

    /// Take grants, environment, arguments and limits from a TOML file, to which the flags add
    ///
    /// Its keys are listen, connect, source, deny, resolve, dir, args, stdio, wasi02-sockets, the table env, and the table
    /// limits, whose keys are named as the flags below: max-memory, max-connections, ...
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    #[command(flatten)]
    streams: Streams,

    /// Run APP also if it is compiled code, of `wasyncio compile`
    ///
    /// Compiled code is native code: no grant and no limit holds what it does. Without this flag it is refused.
    #[arg(long, help_heading = "Compiled code")]
    allow_precompiled: bool,

    #[command(flatten)]
    cache: CacheFlags,

    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    args: Vec<String>,

    #[command(flatten)]
    limits: LimitFlags,

    #[command(flatten)]
    service: ServiceFlags,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Operation")]
struct ServiceFlags {
    /// Run N isolated instances that share the listening addresses, each on a thread of its own
    ///
    /// One that traps costs only its own connections, and is replaced after a delay that grows with each failure. What
    /// they print does not wait for a slow reader: lines are lost, and counted in the log.
    /// SIGHUP loads the program and the policy file again: the listening sockets stay, and the old instances have
    /// --grace for their connections. Limits are for each instance.
    #[arg(long, value_name = "N")]
    workers: Option<NonZeroUsize>,

    /// On Ctrl-C and SIGTERM, stop listening and give connections this time to end, such as 30s [default: none]
    #[arg(long, value_name = "TIME")]
    grace: Option<humantime::Duration>,

    /// Serve metrics to Prometheus on this address, such as 127.0.0.1:9090
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,

    /// Show connections and throughput in one line, if standard error is a terminal
    #[arg(long)]
    status: bool,

    /// Leave this process's own rights as they are
    ///
    /// Otherwise, on Linux, it opens only files that were named at the start (and, for reloads, those in their folders),
    /// and makes only the system calls that a service needs: it starts no other process. That holds also if a program
    /// breaks out of its sandbox.
    #[arg(long)]
    no_lockdown: bool,
}

impl Run {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let grace = self.service.grace.map_or(Duration::ZERO, Into::into);
        let file = self.policy_file()?;
        if let Some(conflict) = self.wasi02_conflict(&file) {
            say::error(&format_args!("--allow-wasi02-sockets (wasi02-sockets) cannot be combined with {conflict}"));
            return Ok(ExitCode::from(USAGE));
        }
        // Before there is any thread, so that all are locked down.
        let lockdown = self.lock_down(&file);
        let signals = signals::Signals::install(grace);
        let host = self.streams.host(&self.cache)?;
        self.check(&file, &lockdown)?;
        let program = self.load(&host)?;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                say::error(&format_args!("cannot start the event loop: {error}"));
                return Ok(ExitCode::FAILURE);
            }
        };
        let metrics = Metrics::new();
        if let Err(error) = watch::start(&metrics, self.service.metrics, self.service.status) {
            say::error(&error);
            return Ok(ExitCode::FAILURE);
        }
        let outcome = runtime.block_on(async {
            let file = ready(file).await?;
            match self.service.workers {
                None => self.runner(&program, &file, &metrics).run_until(signals.received(), grace).await,
                Some(count) => {
                    Service { run: Arc::new(self), host, metrics, lockdown: Arc::new(lockdown) }
                        .run(&program, file, count, &signals)
                        .await
                }
            }
        });
        // A read of standard input that is still waiting for a terminal must not keep the process.
        runtime.shutdown_background();
        Ok(match outcome? {
            Outcome::Stopped { cut_connections: 1.. } if grace > Duration::ZERO => {
                say::warn(&format_args!(
                    "connections were still open after {}, and were cut",
                    humantime::format_duration(grace)
                ));
                ExitCode::from(CUT)
            }
            Outcome::Ended(status) => exit_code(status),
            _ => ExitCode::SUCCESS,
        })
    }

    /// The policy file, with the grants of the flags.
    fn policy_file(&self) -> Result<PolicyFile> {
        let mut file = self.policy.as_ref().map(PolicyFile::read).transpose()?.unwrap_or_default();
        let policy = self.allow_listen.iter().cloned().fold(file.policy, Policy::allow_listen);
        let policy = self.allow_connect.iter().cloned().fold(policy, Policy::allow_connect);
        let policy = self.allow_source.iter().cloned().fold(policy, Policy::allow_source);
        let policy = self.deny.iter().cloned().fold(policy, Policy::deny);
        let policy = self.resolve.iter().cloned().fold(policy, Policy::resolve);
        let policy = self.dir.iter().cloned().fold(policy, Policy::allow_directory);
        file.policy = if self.allow_wasi02_sockets { policy.allow_wasi02_sockets() } else { policy };
        Ok(file)
    }

    /// The first flag that does not go together with sockets of WASI 0.2.
    fn wasi02_conflict(&self, file: &PolicyFile) -> Option<&'static str> {
        let limits = file.limits.overridden_by(self.limits.0);
        let given = [
            (self.service.workers.is_some(), "--workers, which share listening sockets of WASI 0.3 alone"),
            (self.service.grace.is_some(), "--grace, which waits for connections of WASI 0.3 alone"),
            (limits.max_connections.is_some(), "--max-connections, which counts connections of WASI 0.3 alone"),
            (limits.idle_timeout.is_some(), "--idle-timeout, which closes connections of WASI 0.3 alone"),
            (limits.max_buffer.is_some(), "--max-buffer, which holds for connections of WASI 0.3 alone"),
        ];
        let allowed = file.policy.has_wasi02_sockets();
        given.into_iter().find(|(given, _)| allowed && *given).map(|(_, flag)| flag)
    }

    fn lock_down(&self, file: &PolicyFile) -> Lockdown {
        if self.service.no_lockdown {
            return Lockdown::none();
        }
        let loaded = [Some(&self.app), self.policy.as_ref(), self.streams.file.as_ref()];
        Lockdown::apply(Files {
            loaded: loaded.into_iter().flatten().cloned().collect(),
            written: self.cache.directory().into_iter().collect(),
            granted: file.policy.directories().to_vec(),
        })
    }

    /// Refuses directories by which the program could change what runs here, and those that this process cannot use any
    /// more.
    fn check(&self, file: &PolicyFile, lockdown: &Lockdown) -> Result<()> {
        let policy = &file.policy;
        let command = std::env::current_exe().ok();
        let deciding = [Some(&self.app), self.policy.as_ref(), self.streams.file.as_ref(), command.as_ref()];
        deciding.into_iter().flatten().chain(&self.cache.directory()).try_for_each(|path| policy.protect(path))?;
        match lockdown.first_locked_out(policy.directories()) {
            None => Ok(()),
            Some(directory) => Err(Error::Directory {
                directory: directory.display().to_string(),
                source: "it was not granted when this process was started and locked down; start it again".into(),
            }),
        }
    }

    #[expect(unsafe_code, reason = "compiled code is run if the operator says so")]
    fn load(&self, host: &Host) -> Result<Program> {
        match host.load_file(&self.app) {
            // SAFETY: the operator vouches for the file by the flag, whose help says what that means.
            Err(Error::CompiledCode { .. }) if self.allow_precompiled => unsafe {
                host.load_precompiled_file(&self.app)
            },
            loaded => loaded,
        }
    }

    fn runner(&self, program: &Program, file: &PolicyFile, metrics: &Metrics) -> Runner {
        let runner = Runner::new(program)
            .policy(file.policy.clone())
            .limits(file.limits.overridden_by(self.limits.0))
            .metrics(metrics)
            .args(&file.arguments)
            .args(&self.args)
            .on_denied(|denial| say::warn(&denied(denial)));
        let stdio = self.stdio.or(file.stdio).unwrap_or(Stdio::ALL);
        let runner = output::of_program(runner, stdio, self.service.workers.is_some());
        let environment = file.environment.iter().chain(&self.env);
        environment.fold(runner, |runner, (name, value)| runner.env(name, value))
    }
}

/// Workers, and what they need to be loaded again.
struct Service {
    run: Arc<Run>,
    host: Host,
    metrics: Metrics,
    lockdown: Arc<Lockdown>,
}

impl Service {
    async fn run(
        self,
        program: &Program,
        file: PolicyFile,
        count: NonZeroUsize,
        signals: &signals::Signals,
    ) -> Result<Outcome> {
        let (send, control) = mpsc::channel(1);
        let file = Arc::new(Mutex::new(file));
        let (run, current, metrics) = (Arc::clone(&self.run), Arc::clone(&file), self.metrics.clone());
        let workers = Workers::new(program, count, move |program| {
            run.runner(program, &current.lock().unwrap_or_else(PoisonError::into_inner), &metrics)
        });
        let workers = workers.grace(self.run.service.grace.map_or(Duration::ZERO, Into::into)).on_failure(
            |worker, error, delay| say::error(&format_args!("worker {worker}, replaced in {delay:?}: {error}")),
        );
        let mut reloads = signals::Reloads::install()
            .inspect_err(|error| tracing::warn!("SIGHUP does not load the program again: {error}"))
            .ok();
        let commands = async {
            loop {
                let reload = async {
                    match &mut reloads {
                        Some(reloads) => reloads.next().await,
                        None => std::future::pending().await,
                    }
                };
                // Workers that have ended do not listen any more.
                _ = tokio::select! {
                    () = signals.received() => send.send(Control::Stop).await,
                    () = reload => match self.load().await {
                        Ok((program, next)) => {
                            *file.lock().unwrap_or_else(PoisonError::into_inner) = next;
                            say::info(&"loaded the program again");
                            send.send(Control::Reload(program)).await
                        }
                        Err(error) => {
                            say::error(&format_args!("the old program goes on: {error}"));
                            Ok(())
                        }
                    },
                };
            }
        };
        tokio::select! {
            outcome = workers.run(control) => outcome,
            () = commands => unreachable!("it is a loop without end"),
        }
    }

    async fn load(&self) -> Result<(Program, PolicyFile)> {
        let (run, host, lockdown) = (Arc::clone(&self.run), self.host.clone(), Arc::clone(&self.lockdown));
        let load = move || {
            let file = run.policy_file()?;
            if run.wasi02_conflict(&file).is_some() {
                return Err(Error::Wasi02Sockets { conflict: Wasi02Conflict::Workers });
            }
            run.check(&file, &lockdown)?;
            Ok((run.load(&host)?, file))
        };
        // Compiling takes time in which signals and broken workers are still attended to.
        let loaded = tokio::task::spawn_blocking(load).await;
        let loaded = loaded.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        let (program, file) = loaded.map_err(|error| self.lockdown.explain(error))?;
        Ok((program, ready(file).await?))
    }
}

/// The policy file with its names resolved, for all instances at once. Tells what the operator should know of it.
async fn ready(mut file: PolicyFile) -> Result<PolicyFile> {
    file.policy = file.policy.resolve_names().await?;
    for risk in file.policy.risks() {
        say::warn(&risk);
    }
    Ok(file)
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
