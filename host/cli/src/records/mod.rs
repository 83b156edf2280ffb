//! Logs of their own, of connections and of decisions: one object of JSON a line.
//!
//! They are opened before this process is locked down, and written by a thread each, so that no event loop waits for a disk
//! or a reader. What there is no room for is counted.

mod line;
mod log;
mod target;

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Args;
use wasyncio_host::prometheus::{IntCounterVec, Opts};
use wasyncio_host::{ConnectionRecord, DecisionRecord, Error, Metrics, Observer, Policy, PolicyChange, ServiceEvent};

use self::log::RecordLog;
use self::target::LogTarget;

/// How many decisions of programs are logged in a second. One that asks in a loop must not fill a disk.
const DECISIONS_A_SECOND: u32 = 1000;

/// How long the end of the process waits for what is not written yet.
const LAST_WRITES: Duration = Duration::from_secs(1);

/// The logs of this process, for its end.
static RECORDS: OnceLock<Arc<Records>> = OnceLock::new();

#[derive(Debug, Args)]
#[command(next_help_heading = "Logs of their own")]
pub(crate) struct RecordFlags {
    /// Append a line of JSON for each connection, at its end, to a file or to the descriptor fd:N
    ///
    /// It tells when the connection was opened, its worker, its direction (accepted or connected), both addresses (a path or @NAME for a Unix socket, and nothing for the end that connected), bytes in
    /// both directions, seconds, and how it ended: closed-by-peer, closed-by-program, cut (the program had ended), an error
    /// such as connection-reset, the limit that ended it, or policy. A file is made with mode 0600, and opened again at
    /// SIGHUP, for those who move it away. When lines come faster than they are written, some are lost: the log has their
    /// number. Connections of WASI 0.2 are not in it.
    #[arg(long, value_name = "TARGET")]
    access_log: Option<LogTarget>,

    /// Append a line of JSON for each request that was denied, and for each change of the policy, to a file or to fd:N
    ///
    /// It tells what was asked (listen, bind, source, connect, lookup, connect-unix, listen-unix, wasi02, udp), for which address,
    /// name or path, which rule or missing grant decided, and the worker; and of the policy, at the start and after a reload, what was added and removed.
    /// Files are as for --access-log. There are 1000 decisions in a second; more are lost, and counted. What a program opens
    /// in its directories is not in it.
    #[arg(long, value_name = "TARGET")]
    audit_log: Option<LogTarget>,

    /// Have what was granted in the audit log, too, with the grant that decided
    #[arg(long, requires = "audit_log")]
    audit_grants: bool,
}

/// Logs that are open, and not written yet.
pub(crate) struct OpenRecords {
    access: Option<(LogTarget, File)>,
    audit: Option<(LogTarget, File)>,
    grants: bool,
}

/// Logs that are written.
pub(crate) struct Records {
    access: Option<RecordLog>,
    audit: Option<RecordLog>,
    grants: bool,
}

impl RecordFlags {
    /// Opens the logs. To be called before this process opens anything else, as descriptors are known by their number.
    ///
    /// # Errors
    /// What to tell the operator.
    pub(crate) fn open(&self) -> Result<OpenRecords, String> {
        let open = |target: &Option<LogTarget>| match target {
            None => Ok(None),
            Some(target) => match target.open() {
                Ok(file) => Ok(Some((target.clone(), file))),
                Err(error) => Err(format!("cannot open the log {target}: {error}")),
            },
        };
        Ok(OpenRecords { access: open(&self.access_log)?, audit: open(&self.audit_log)?, grants: self.audit_grants })
    }

    /// The files among them.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        [&self.access_log, &self.audit_log].into_iter().flatten().filter_map(LogTarget::path)
    }
}

impl OpenRecords {
    /// Starts the threads that write.
    ///
    /// # Errors
    /// If the system does not give a thread.
    pub(crate) fn start(self, metrics: &Metrics) -> io::Result<Arc<Records>> {
        let options = Opts::new("wasyncio_log_lines_lost_total", "Lines for which a log had no room, by log.");
        let lost = IntCounterVec::new(options, &["log"]).map_err(io::Error::other)?;
        if self.access.is_some() || self.audit.is_some() {
            metrics.registry().register(Box::new(lost.clone())).map_err(io::Error::other)?;
        }
        let start = |name, open: Option<(LogTarget, File)>, rate| match open {
            None => Ok(None),
            Some((target, file)) => {
                RecordLog::start(name, target, file, lost.with_label_values(&[name]), rate).map(Some)
            }
        };
        let access = start("access", self.access, None)?;
        let audit = start("audit", self.audit, Some(DECISIONS_A_SECOND))?;
        let records = Arc::new(Records { access, audit, grants: self.grants });
        // There is one run of the command.
        _ = RECORDS.set(Arc::clone(&records));
        Ok(records)
    }
}

impl Records {
    /// Whether there is anybody to be told.
    pub(crate) fn are_wanted(&self) -> bool {
        self.access.is_some() || self.audit.is_some()
    }

    /// Opens files again, which may have been moved away.
    pub(crate) fn reopen(&self) {
        self.access.iter().chain(&self.audit).for_each(RecordLog::reopen);
    }

    /// Tells which policy is in force from the start on.
    pub(crate) fn started(&self, policy: &Policy) {
        self.service("started", Some(&Policy::new().changes_to(policy)), None);
    }

    /// Tells what happened to the policy: `changes` is what new instances have that those of before had not.
    pub(crate) fn happened(&self, event: &ServiceEvent<'_>, changes: &[PolicyChange]) {
        match event {
            ServiceEvent::PolicyChanged { changes } => self.service("policy-changed", Some(changes), None),
            ServiceEvent::Reloaded => self.service("reloaded", Some(changes), None),
            ServiceEvent::ReloadFailed { error } => self.reload_failed(error),
            _ => {}
        }
    }

    /// Tells that a reload came to nothing.
    pub(crate) fn reload_failed(&self, error: &Error) {
        self.service("reload-failed", None, Some(error.to_string()));
    }

    fn service(&self, event: &str, changes: Option<&[PolicyChange]>, reason: Option<String>) {
        if let Some(audit) = &self.audit {
            audit.push(|| line::service(event, changes, reason));
        }
    }
}

impl Observer for Records {
    fn connection_ended(&self, record: &ConnectionRecord) {
        if let Some(access) = &self.access {
            access.push(|| line::connection(record));
        }
    }

    fn decided(&self, record: &DecisionRecord<'_>) {
        if let Some(audit) = &self.audit
            && (self.grants || !record.granted)
        {
            audit.push(|| line::decision(record));
        }
    }
}

/// Waits until the logs are written, but no longer than for a moment. To be called before the process ends.
pub(crate) fn finish() {
    if let Some(records) = RECORDS.get() {
        records.access.iter().chain(&records.audit).for_each(|log| log.wait_written(LAST_WRITES));
    }
}
