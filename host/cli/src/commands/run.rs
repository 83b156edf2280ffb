//! `wasyncio run`.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use wasyncio_host::{
    ConnectGrant, DenyRule, DirectoryGrant, Error, Host, HostEntry, ListenGrant, Metrics, Outcome, Policy, PolicyFile,
    Program, Result, Runner, SharedListeners, SourceGrant, Stdio, TlsIdentity, TlsTrust, TlsUnverified, UnixGrant,
};

use super::address::MetricsAddress;
use super::cache::CacheFlags;
use super::denied::denied;
use super::limits::LimitFlags;
use super::service::{Service, ServiceFlags};
use super::{Streams, health, output, systemd, watch};
use crate::exit_code::{self, HostCode};
use crate::lockdown::{Files, Lockdown};
use crate::records::RecordFlags;
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
    pub(super) app: PathBuf,

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

    /// Let the program connect to the Unix socket at PATH; may be repeated
    ///
    /// PATH is a path, FOLDER/* for every name in a folder, or @NAME for an abstract name. What the program asks for is
    /// judged by where it leads, links resolved. Such sockets are there on Linux alone.
    #[arg(long, value_name = "PATH")]
    allow_unix: Vec<UnixGrant>,

    /// Let the program listen on a Unix socket at PATH; may be repeated
    ///
    /// PATH is as in --allow-unix. The program makes the socket there, replaces one that is there, and removes its own in
    /// the end; no other file is ever removed.
    #[arg(long, value_name = "PATH")]
    allow_unix_listen: Vec<UnixGrant>,

    /// Set an environment variable of the program, or hand on this command's; may be repeated
    ///
    /// The program sees no others.
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = variable)]
    pub(super) env: Vec<(String, String)>,

    /// Let the program also use TCP sockets of WASI 0.2, where the grants above let it listen and connect
    ///
    /// No limit of connections holds for them, no worker shares them, and no grace period waits for them: this cannot be
    /// combined with --workers, --grace, and limits of connections such as --max-connections.
    #[arg(long)]
    allow_wasi02_sockets: bool,

    /// Let the program prove the identity NAME by TLS, as a server or to one; may be repeated
    ///
    /// CERT.pem has the certificate, and those that lead to an authority. KEY.pem has its key, which no other user may be able to
    /// read; the program never has it. At SIGHUP both are loaded again, for sessions to come.
    #[arg(long, value_name = "NAME=CERT.pem,KEY.pem")]
    tls_identity: Vec<TlsIdentity>,

    /// Let the program have its peers be certified by the authorities in CA.pem, under the name NAME; may be repeated
    ///
    /// It may use those of the system in any case.
    #[arg(long, value_name = "NAME=CA.pem")]
    tls_trust: Vec<TlsTrust>,

    /// Have everybody who connects by TLS show a certificate of the authorities NAME, of --tls-trust
    #[arg(long, value_name = "NAME")]
    tls_require_client: Option<String>,

    /// Let the program use TLS to the server NAME without verifying its certificate, or that it is of that name; may be
    /// repeated
    ///
    /// NAME is what the program calls the server, or * for any.
    #[arg(long, value_name = "NAME")]
    tls_unverified: Vec<TlsUnverified>,

    /// Give the program only these of the standard streams: a list of in, out and err, or none [default: in,out,err]
    #[arg(long, value_name = "LIST")]
    stdio: Option<Stdio>,

    /// Take grants, environment, arguments and limits from a TOML file, to which the flags add
    ///
    /// Its keys are listen, connect, source, deny, resolve, dir, unix, unix-listen, args, stdio, wasi02-sockets, tls-identity,
    /// tls-trust, tls-require-client, tls-unverified, the table env, and the table limits, whose keys are named as the flags
    /// below: max-memory, max-connections, ...
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,

    #[command(flatten)]
    pub(super) streams: Streams,

    /// Run APP also if it is compiled code, of `wasyncio compile`
    ///
    /// Compiled code is native code: no grant and no limit holds what it does. Without this flag it is refused.
    #[arg(long, help_heading = "Compiled code")]
    allow_precompiled: bool,

    #[command(flatten)]
    pub(super) cache: CacheFlags,

    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    pub(super) args: Vec<String>,

    #[command(flatten)]
    pub(super) limits: LimitFlags,

    #[command(flatten)]
    pub(super) service: ServiceFlags,

    #[command(flatten)]
    records: RecordFlags,
}

impl Run {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let grace = self.service.grace();
        let failed = |error: &dyn Display| {
            say::error(error);
            Ok(HostCode::NotStarted.into())
        };
        // Before this process opens anything itself.
        let records = match self.records.open() {
            Ok(records) => records,
            Err(error) => return failed(&error),
        };
        // Before anything is read, so that no signal comes too early; and without a thread.
        let handlers = signals::Handlers::stand();
        let file = self.policy_file()?;
        if let Some(conflict) = self.wasi02_conflict(&file) {
            say::error(&format_args!("--allow-wasi02-sockets (wasi02-sockets) cannot be combined with {conflict}"));
            return Ok(HostCode::Usage.into());
        }
        // Before there is any thread, so that all are locked down.
        let lockdown = self.lock_down(&file);
        let signals = signals::Signals::install(handlers, grace);
        let (metrics, (pulse, health)) = (Metrics::new(), health::pulse());
        if let Err(error) = watch::start(&metrics, health, self.service.metrics.as_ref(), self.service.status) {
            return failed(&error);
        }
        let records = match records.start(&metrics) {
            Ok(records) => records,
            Err(error) => return failed(&format_args!("cannot start to write logs: {error}")),
        };
        let listeners = SharedListeners::new();
        if let Err(error) = systemd::hand_in(&listeners) {
            return failed(&format_args!("cannot use a socket that was handed in: {error}"));
        }
        let host = self.streams.host(&self.cache)?;
        self.check(&file, &lockdown)?;
        let program = self.load(&host)?;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&format_args!("cannot start the event loop: {error}")),
        };
        let (wrote, lockdown) = (Arc::default(), Arc::new(lockdown));
        let run = Arc::new(self);
        let service = Service { run, host, metrics, listeners, lockdown, wrote: Arc::clone(&wrote), records };
        let outcome = runtime.block_on(async {
            let file = ready(file).await?;
            service.run(&program, file, &signals, pulse).await
        });
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

    /// The policy file, with the grants of the flags. Files of TLS are loaded, also again.
    pub(super) fn policy_file(&self) -> Result<PolicyFile> {
        let mut file = self.policy.as_ref().map(PolicyFile::read).transpose()?.unwrap_or_default();
        let policy = self.allow_listen.iter().cloned().fold(file.policy, Policy::allow_listen);
        let policy = self.allow_connect.iter().cloned().fold(policy, Policy::allow_connect);
        let policy = self.allow_source.iter().cloned().fold(policy, Policy::allow_source);
        let policy = self.deny.iter().cloned().fold(policy, Policy::deny);
        let policy = self.resolve.iter().cloned().fold(policy, Policy::resolve);
        let policy = self.dir.iter().cloned().fold(policy, Policy::allow_directory);
        let policy = self.tls_identity.iter().cloned().fold(policy, Policy::allow_tls_identity);
        let policy = self.tls_trust.iter().cloned().fold(policy, Policy::allow_tls_trust);
        let policy = self.tls_require_client.iter().cloned().fold(policy, Policy::require_tls_client);
        let policy = self.tls_unverified.iter().cloned().fold(policy, Policy::allow_tls_unverified);
        let policy = policy.load_tls()?;
        let policy = self.allow_unix.iter().cloned().fold(policy, Policy::allow_unix);
        let policy = self.allow_unix_listen.iter().cloned().fold(policy, Policy::allow_unix_listen);
        file.policy = if self.allow_wasi02_sockets { policy.allow_wasi02_sockets() } else { policy };
        Ok(file)
    }

    /// The first flag that does not go together with sockets of WASI 0.2, and why.
    pub(super) fn wasi02_conflict(&self, file: &PolicyFile) -> Option<String> {
        if !file.policy.has_wasi02_sockets() {
            return None;
        }
        if self.service.several() {
            return Some("--workers, which share listening sockets of WASI 0.3 alone".to_owned());
        }
        if !self.service.grace().is_zero() {
            return Some("--grace, which waits for connections of WASI 0.3 alone".to_owned());
        }
        let limits = file.limits.overridden_by(self.limits.0);
        let limit = limits.first_of_connections()?;
        Some(format!("--{}, which holds for connections of WASI 0.3 alone", limit.name))
    }

    fn lock_down(&self, file: &PolicyFile) -> Lockdown {
        if self.service.no_lockdown {
            return Lockdown::none();
        }
        let loaded = [Some(&self.app), self.policy.as_ref(), self.streams.file.as_ref()];
        Lockdown::apply(Files {
            loaded: loaded.into_iter().flatten().cloned().chain(tls_files(&file.policy)).collect(),
            written: self.cache.directory().into_iter().collect(),
            sockets: self.service.metrics.iter().filter_map(MetricsAddress::path).map(Path::to_owned).collect(),
            appended: self.records.paths().map(Path::to_owned).collect(),
            granted: file.policy.directories().to_vec(),
            unix: file.policy.unix_listen_grants().iter().filter_map(UnixGrant::folder).map(Path::to_owned).collect(),
        })
    }

    /// Refuses directories by which the program could change what runs here, and those that this process cannot use any
    /// more.
    pub(super) fn check(&self, file: &PolicyFile, lockdown: &Lockdown) -> Result<()> {
        let policy = &file.policy;
        let command = std::env::current_exe().ok();
        let deciding = [Some(&self.app), self.policy.as_ref(), self.streams.file.as_ref(), command.as_ref()];
        deciding.into_iter().flatten().chain(&self.cache.directory()).try_for_each(|path| policy.protect(path))?;
        // What tells of the program is not the program's to write.
        self.records.paths().try_for_each(|path| policy.protect(path))?;
        match lockdown.first_locked_out(policy.directories()) {
            None => Ok(()),
            Some(directory) => Err(Error::Directory {
                directory: directory.display().to_string(),
                source: "it was not granted when this process was started and locked down; start it again".into(),
            }),
        }
    }

    #[expect(unsafe_code, reason = "compiled code is run if the operator says so")]
    pub(super) fn load(&self, host: &Host) -> Result<Program> {
        match host.load_file(&self.app) {
            // SAFETY: the operator vouches for the file by the flag, whose help says what that means.
            Err(Error::CompiledCode { .. }) if self.allow_precompiled => unsafe {
                host.load_precompiled_file(&self.app)
            },
            loaded => loaded,
        }
    }

    pub(super) fn stdio(&self, file: &PolicyFile) -> Stdio {
        self.stdio.or(file.stdio).unwrap_or(Stdio::ALL)
    }

    pub(super) fn runner(&self, program: &Program, file: &PolicyFile, metrics: &Metrics) -> Runner {
        let runner = Runner::new(program)
            .policy(file.policy.clone())
            .limits(file.limits.overridden_by(self.limits.0))
            .metrics(metrics)
            .args(&file.arguments)
            .args(&self.args)
            .on_denied(|denial| say::warn(&denied(denial)));
        let runner = output::of_program(runner, self.stdio(file), self.service.several());
        let environment = file.environment.iter().chain(&self.env);
        environment.fold(runner, |runner, (name, value)| runner.env(name, value))
    }
}

/// The policy file with its names resolved, for all instances at once. Tells what the operator should know of it.
pub(super) async fn ready(mut file: PolicyFile) -> Result<PolicyFile> {
    file.policy = file.policy.resolve_names().await?;
    for risk in file.policy.risks() {
        say::warn(&risk);
    }
    Ok(file)
}

/// The files that TLS reads, now and later: of the policy, and where a variable says that the system's authorities are. Where
/// those are otherwise is open in any case.
fn tls_files(policy: &Policy) -> Vec<PathBuf> {
    let identities = policy.tls_identities().iter().flat_map(|identity| [identity.certificate(), identity.key()]);
    let files = identities.chain(policy.tls_trusts().iter().map(TlsTrust::file)).map(Path::to_owned);
    let system = ["SSL_CERT_FILE", "SSL_CERT_DIR"].into_iter().filter_map(std::env::var_os).map(PathBuf::from);
    files.chain(system).collect()
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
