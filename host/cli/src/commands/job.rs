//! A program that is run by its flags, from the first signal handler to the exit code.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use wasyncio_host::{
    Error, Host, Metrics, Outcome, Policy, PolicyFile, Program, Result, Runner, SharedListeners, TlsTrust, UnixGrant,
};

use super::address::MetricsAddress;
use super::denied::denied;
use super::flags::Flags;
use super::script::Script;
use super::service::Service;
use super::{health, output, systemd, watch};
use crate::exit_code::{self, HostCode};
use crate::lockdown::{Files, Lockdown};
use crate::{say, signals};

/// CPython limits its recursion by the stack that it has in its memory, 1 MiB; compiled code keeps most variables on this one. Until it
/// raises its `RecursionError` for deep JSON it uses 16 to 64 MiB of it; with wasmtime's 512 KiB, and with 16 MiB, the program traps.
const INTERPRETERS_STACK: usize = 64 << 20;

/// What is to be run, and how.
pub(super) struct Job {
    /// The file of the program.
    pub(super) program: PathBuf,
    pub(super) flags: Flags,
    /// What the program is to run, if it is an interpreter.
    pub(super) script: Option<Script>,
    pub(super) args: Vec<String>,
}

impl Job {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let grace = self.flags.service.grace();
        let failed = |error: &dyn Display| {
            say::error(error);
            Ok(HostCode::NotStarted.into())
        };
        // Before this process opens anything itself.
        let records = match self.flags.records.open() {
            Ok(records) => records,
            Err(error) => return failed(&error),
        };
        // Before anything is read, so that no signal comes too early; and without a thread.
        let handlers = signals::Handlers::stand();
        let file = self.policy_file()?;
        if let Some(conflict) = self.flags.wasi02_conflict(&file) {
            say::error(&format_args!("--allow-wasi02-sockets (wasi02-sockets) cannot be combined with {conflict}"));
            return Ok(HostCode::Usage.into());
        }
        // Before there is any thread, so that all are locked down.
        let lockdown = self.lock_down(&file);
        let signals = signals::Signals::install(handlers, grace, self.interrupted());
        let (metrics, (pulse, health)) = (Metrics::new(), health::pulse());
        if let Err(error) =
            watch::start(&metrics, health, self.flags.service.metrics.as_ref(), self.flags.service.status)
        {
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
        let stack = self.flags.max_stack.or_else(|| self.script.as_ref().map(|_| INTERPRETERS_STACK));
        let host = self.flags.streams.host(&self.flags.cache, stack)?;
        self.check(&file, &lockdown)?;
        let program = self.load(&host)?;
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return failed(&format_args!("cannot start the event loop: {error}")),
        };
        let (wrote, lockdown) = (Arc::default(), Arc::new(lockdown));
        let job = Arc::new(self);
        let stopped_with = Arc::default();
        let service = Service {
            job: Arc::clone(&job),
            host,
            metrics,
            listeners,
            lockdown,
            wrote: Arc::clone(&wrote),
            stopped_with: Arc::clone(&stopped_with),
            records,
        };
        let outcome = runtime.block_on(async {
            let file = ready(file).await?;
            service.run(&program, file, &signals, pulse).await
        });
        // Something that is being loaded must not keep the process.
        runtime.shutdown_background();
        let outcome = outcome?;
        let script = job.script.is_some();
        Ok(match outcome {
            Outcome::Stopped { .. } if script && signals.interrupted() => {
                match *stopped_with.lock().unwrap_or_else(PoisonError::into_inner) {
                    Some(code) => exit_code::of_script(code),
                    None => {
                        // The script has not shown it.
                        say::warn(&"KeyboardInterrupt");
                        HostCode::EndedAtOnce.into()
                    }
                }
            }
            Outcome::Ended(status) if script => exit_code::of_script(status.code()),
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

    /// The policy file, with the grants of the flags and those that the script needs.
    pub(super) fn policy_file(&self) -> Result<PolicyFile> {
        let mut file = self.flags.policy_file()?;
        if let Some(script) = &self.script {
            file.policy = script.grant(file.policy);
        }
        Ok(file)
    }

    /// The exit code of an interrupt that comes before the program was started.
    fn interrupted(&self) -> i32 {
        if self.script.is_some() { HostCode::EndedAtOnce as i32 } else { 0 }
    }

    fn lock_down(&self, file: &PolicyFile) -> Lockdown {
        if self.flags.service.no_lockdown {
            return Lockdown::none();
        }
        let loaded = [Some(&self.program), self.flags.policy.as_ref(), self.flags.streams.file.as_ref()];
        Lockdown::apply(Files {
            loaded: loaded.into_iter().flatten().cloned().chain(tls_files(&file.policy)).collect(),
            written: self.flags.cache.directory().into_iter().collect(),
            sockets: self.flags.service.metrics.iter().filter_map(MetricsAddress::path).map(Path::to_owned).collect(),
            appended: self.flags.records.paths().map(Path::to_owned).collect(),
            granted: file.policy.directories().to_vec(),
            unix: file.policy.unix_listen_grants().iter().filter_map(UnixGrant::folder).map(Path::to_owned).collect(),
        })
    }

    /// Refuses directories by which the program could change what runs here, and those that this process cannot use any
    /// more.
    pub(super) fn check(&self, file: &PolicyFile, lockdown: &Lockdown) -> Result<()> {
        let policy = &file.policy;
        let command = std::env::current_exe().ok();
        let deciding =
            [Some(&self.program), self.flags.policy.as_ref(), self.flags.streams.file.as_ref(), command.as_ref()];
        deciding
            .into_iter()
            .flatten()
            .chain(&self.flags.cache.directory())
            .try_for_each(|path| policy.protect(path))?;
        // What tells of the program is not the program's to write.
        self.flags.records.paths().try_for_each(|path| policy.protect(path))?;
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
        match host.load_file(&self.program) {
            // SAFETY: the operator vouches for the file by the flag, whose help says what that means.
            Err(Error::CompiledCode { .. }) if self.flags.allow_precompiled => unsafe {
                host.load_precompiled_file(&self.program)
            },
            loaded => loaded,
        }
    }

    pub(super) fn runner(&self, program: &Program, file: &PolicyFile, metrics: &Metrics) -> Runner {
        let runner = Runner::new(program)
            .policy(file.policy.clone())
            .limits(file.limits.overridden_by(self.flags.limits.0))
            .metrics(metrics)
            .args(self.script.iter().flat_map(|script| &script.arguments))
            .args(&file.arguments)
            .args(&self.args)
            .on_denied(|denial| say::warn(&denied(denial)));
        let runner = output::of_program(runner, self.flags.stdio(file), self.flags.service.several());
        let mut environment: Vec<_> = file.environment.iter().chain(&self.flags.env).cloned().collect();
        if let Some(script) = &self.script {
            script.add_to(&mut environment);
        }
        environment.into_iter().fold(runner, |runner, (name, value)| runner.env(name, value))
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
