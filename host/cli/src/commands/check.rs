//! `wasyncio check`: what `wasyncio run` would grant, without running anything.

use std::process::ExitCode;

use clap::Args;
use wasyncio_host::{Error, Metrics, PolicyFile, Program, Result};

use super::job::Job;
use super::run::Run;
use crate::exit_code::HostCode;
use crate::lockdown::Lockdown;
use crate::say;

/// Say what `run` with the same arguments would grant, and whether it would start; run nothing
///
/// Reads the policy file and the program, compiles it, and opens the directories. What is wrong is told as `run` tells
/// it, with the same exit code; else the code is 0, also with warnings.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio check --policy echo.toml --workers 4 echo-server.wasm")]
pub(super) struct Check {
    #[command(flatten)]
    run: Run,
}

impl Check {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let job = self.run.job();
        let mut file = job.policy_file()?;
        if let Some(conflict) = job.flags.wasi02_conflict(&file) {
            say::error(&format_args!("--allow-wasi02-sockets (wasi02-sockets) cannot be combined with {conflict}"));
            return Ok(HostCode::Usage.into());
        }
        let host = job.flags.streams.host(&job.flags.cache, None)?;
        job.check(&file, &Lockdown::none())?;
        let program = job.load(&host)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Error::Engine { source: error.into() })?;
        file = runtime.block_on(async {
            file.policy = file.policy.resolve_names().await?;
            job.runner(&program, &file, &Metrics::new()).check().await.map(|()| file)
        })?;
        let text = report(&job, &file, &program).join("\n") + "\n";
        Ok(super::describe::print(text.as_bytes()))
    }
}

fn report(job: &Job, file: &PolicyFile, program: &Program) -> Vec<String> {
    let policy = &file.policy;
    let mut lines = vec![format!("{} can be run", program.name())];
    lines.extend(policy.listen_grants().iter().map(|grant| format!("may listen on {grant}")));
    lines.extend(policy.connect_grants().iter().map(|grant| format!("may connect to {grant}")));
    lines.extend(policy.source_grants().iter().map(|grant| format!("may connect from {grant}")));
    lines.extend(policy.deny_rules().iter().map(|rule| format!("is denied {rule}, whatever is granted")));
    lines.extend(policy.host_entries().iter().map(|entry| {
        let addresses: Vec<_> = entry.addresses().iter().map(ToString::to_string).collect();
        format!("is told that {} is {}", entry.name(), addresses.join(", "))
    }));
    lines.extend(policy.directories().iter().map(|grant| format!("may use the directory {grant}")));
    lines.extend(policy.tls_identities().iter().map(|identity| format!("may prove by TLS the identity {identity}")));
    lines.extend(policy.tls_trusts().iter().map(|trust| format!("may have TLS peers be certified by {trust}")));
    lines.extend(
        policy.tls_required_client().map(|name| format!("serves TLS clients that {name} certifies, and no others")),
    );
    lines.extend(policy.tls_unverified().iter().map(|grant| format!("may use TLS without verification to {grant}")));
    lines.extend(policy.unix_grants().iter().map(|grant| format!("may connect to the Unix socket {grant}")));
    lines.extend(policy.unix_listen_grants().iter().map(|grant| format!("may listen on the Unix socket {grant}")));
    if policy.has_wasi02_sockets() {
        lines.push("may use TCP sockets of WASI 0.2".to_owned());
    }
    if *policy == wasyncio_host::Policy::new() {
        lines.push("may use no network and no files".to_owned());
    }
    let limits = file.limits.overridden_by(job.flags.limits.0);
    lines.extend(limits.shown().map(|(name, value)| format!("is limited by {name} {value}")));
    let environment: Vec<_> = file.environment.iter().chain(&job.flags.env).map(|(name, _)| name.as_str()).collect();
    if !environment.is_empty() {
        // Values may be secrets.
        lines.push(format!("is given the environment variables {}", environment.join(", ")));
    }
    lines.push(format!("is given these standard streams: {}", job.flags.stdio(file)));
    let arguments: Vec<_> = file.arguments.iter().chain(&job.args).map(|text| format!("{text:?}")).collect();
    if !arguments.is_empty() {
        lines.push(format!("is given the arguments {}", arguments.join(" ")));
    }
    lines.extend(warnings(job, file).into_iter().map(|text| format!("warning: {text}")));
    lines
}

fn warnings(job: &Job, file: &PolicyFile) -> Vec<String> {
    let policy = &file.policy;
    let limits = file.limits.overridden_by(job.flags.limits.0);
    let mut warnings: Vec<_> = policy.risks().iter().map(ToString::to_string).collect();
    if !policy.listen_grants().is_empty() || !policy.unix_listen_grants().is_empty() {
        if limits.max_memory.is_none() {
            warnings.push("its peers can make it use all memory: see --max-memory".to_owned());
        }
        if limits.max_connections.is_none() {
            warnings.push("its peers can take all descriptors: see --max-connections".to_owned());
        }
        if job.flags.service.grace().is_zero() {
            warnings.push("its connections are cut at once when it is stopped or loaded again: see --grace".to_owned());
        }
    }
    warnings
}
