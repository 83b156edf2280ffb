//! What happens, in numbers, for all programs that share them.

use std::fmt;

use prometheus::{Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder};

use crate::service::status::WorkerEndKind;
use crate::{Outcome, Result};

/// Counters and gauges, in the form of Prometheus. Cheap to clone; clones share everything.
///
/// Connections, bytes and messages are those of WASI 0.3. A message is one read or one write that moved bytes.
///
/// # Examples
///
/// ```
/// let metrics = wasyncio_host::Metrics::new();
/// assert!(metrics.render().contains("\nwasyncio_open_connections 0\n"));
/// ```
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    accepted: IntCounter,
    pub(crate) connected: IntCounter,
    open: IntGauge,
    received_bytes: IntCounter,
    received_messages: IntCounter,
    sent_bytes: IntCounter,
    sent_messages: IntCounter,
    pub(crate) errors: IntCounterVec,
    pub(crate) idle_closed: IntCounter,
    pub(crate) denied: IntCounterVec,
    pub(crate) memory: IntGauge,
    pub(crate) wakeups: IntCounter,
    pub(crate) traps: IntCounter,
    pub(crate) instances: IntGauge,
    limited: IntCounterVec,
    restarts: IntCounterVec,
    worker_ends: IntCounterVec,
    reloads: IntCounterVec,
    worker_accepted: IntCounterVec,
    worker_open: IntGaugeVec,
    /// Those of the worker that this counts for, if it is one.
    worker: Option<OfWorker>,
}

/// What is counted for one worker.
#[derive(Clone)]
struct OfWorker {
    accepted: IntCounter,
    open: IntGauge,
    /// Of its present run alone.
    open_in_run: IntGauge,
}

/// Some of the [`Metrics`] at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// Connections open now.
    pub open_connections: u64,
    /// Connections accepted so far.
    pub accepted_connections: u64,
    /// Bytes received so far.
    pub received_bytes: u64,
    /// Bytes sent so far.
    pub sent_bytes: u64,
    /// Memory of all programs now, in bytes.
    pub memory_bytes: u64,
}

impl Metrics {
    /// Starts from zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let new = New(&registry);
        Self {
            accepted: new.counter("wasyncio_accepted_connections_total", "Connections accepted."),
            connected: new.counter("wasyncio_made_connections_total", "Connections made to others."),
            open: new.gauge("wasyncio_open_connections", "Connections open now, accepted and made."),
            received_bytes: new.counter("wasyncio_received_bytes_total", "Bytes that programs received."),
            received_messages: new.counter(
                "wasyncio_received_messages_total",
                "Reads that brought a program bytes; TCP keeps no other borders between messages.",
            ),
            sent_bytes: new.counter("wasyncio_sent_bytes_total", "Bytes that programs sent."),
            sent_messages: new.counter(
                "wasyncio_sent_messages_total",
                "Writes that took bytes from a program; TCP keeps no other borders between messages.",
            ),
            errors: new.counters("wasyncio_errors_total", "Socket operations that failed, by kind of error.", "kind"),
            idle_closed: new.counter("wasyncio_idle_closed_total", "Connections closed because no byte was moving."),
            denied: new.counters("wasyncio_denied_total", "Operations that no grant covers, by kind.", "kind"),
            memory: new.gauge("wasyncio_memory_bytes", "Memory of all programs."),
            wakeups: new.counter("wasyncio_wakeups_total", "How often programs were resumed to do something."),
            traps: new.counter("wasyncio_traps_total", "Programs that trapped or reached a limit that ended them."),
            instances: new.gauge("wasyncio_instances", "Programs running now."),
            limited: new.counters(
                "wasyncio_limits_reached_total",
                "How often a limit was reached, by its name.",
                "limit",
            ),
            restarts: new.counters("wasyncio_worker_restarts_total", "Workers replaced because they failed.", "worker"),
            worker_ends: new.registered(IntCounterVec::new(
                Opts::new("wasyncio_worker_ends_total", "Ends of workers, by what they came of."),
                &["worker", "reason"],
            )),
            reloads: new.counters(
                "wasyncio_reloads_total",
                "How often the program was loaded again, or only its policy changed in place.",
                "result",
            ),
            worker_accepted: new.counters(
                "wasyncio_worker_accepted_connections_total",
                "Connections accepted, by worker.",
                "worker",
            ),
            worker_open: new.registered(IntGaugeVec::new(
                Opts::new("wasyncio_worker_open_connections", "Connections open now, by worker."),
                &["worker"],
            )),
            worker: None,
            registry,
        }
    }

    /// The registry that has them: others registered there are part of [`render`](Self::render).
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The numbers in Prometheus's text format.
    pub fn render(&self) -> String {
        let mut text = Vec::new();
        let encoded = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        encoded.expect("every metric has a name and memory can be written");
        String::from_utf8(text).expect("names and labels here are ASCII")
    }

    /// The numbers that a status line shows.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            open_connections: u64::try_from(self.open.get()).unwrap_or(0),
            accepted_connections: self.accepted.get(),
            received_bytes: self.received_bytes.get(),
            sent_bytes: self.sent_bytes.get(),
            memory_bytes: u64::try_from(self.memory.get()).unwrap_or(0),
        }
    }

    /// The same, for a run of the worker with this number: what is counted by worker then is, and `open_in_run` has the connections
    /// of the run.
    pub(crate) fn of_worker(&self, number: usize, open_in_run: IntGauge) -> Self {
        let label = number.to_string();
        let of = OfWorker {
            accepted: self.worker_accepted.with_label_values(&[&label]),
            open: self.worker_open.with_label_values(&[&label]),
            open_in_run,
        };
        Self { worker: Some(of), ..self.clone() }
    }

    /// Counts the connections of one run; in no registry.
    pub(crate) fn connections_of_a_run() -> IntGauge {
        IntGauge::new("open", "Connections open now.").expect("the name is valid")
    }

    /// Counts a connection that was accepted.
    pub(crate) fn accepted(&self) {
        self.accepted.inc();
        if let Some(worker) = &self.worker {
            worker.accepted.inc();
        }
    }

    /// Counts a connection that is open from now on.
    pub(crate) fn opened(&self) {
        self.open.inc();
        if let Some(worker) = &self.worker {
            worker.open.inc();
            worker.open_in_run.inc();
        }
    }

    /// Counts a connection that is open no longer.
    pub(crate) fn closed(&self) {
        self.open.dec();
        if let Some(worker) = &self.worker {
            worker.open.dec();
            worker.open_in_run.dec();
        }
    }

    /// Counts that the limit of this name was reached.
    pub(crate) fn limited(&self, name: &str) {
        self.limited.with_label_values(&[name]).inc();
    }

    /// Counts a worker that is replaced.
    pub(crate) fn restarted(&self, worker: usize) {
        self.restarts.with_label_values(&[&worker.to_string()]).inc();
    }

    /// Counts the end of a worker.
    pub(crate) fn worker_ended(&self, worker: usize, result: &Result<Outcome>) {
        let reason = WorkerEndKind::of(result).name();
        self.worker_ends.with_label_values(&[worker.to_string().as_str(), reason]).inc();
    }

    /// Counts that the program was loaded again, or could not be.
    pub(crate) fn reloaded(&self, succeeded: bool) {
        self.reloads.with_label_values(&[if succeeded { "ok" } else { "failed" }]).inc();
    }

    /// Counts that the policy was changed while instances ran.
    pub(crate) fn policy_changed(&self) {
        self.reloads.with_label_values(&["in-place"]).inc();
    }

    /// Counts a read that brought a program bytes.
    pub(crate) fn received(&self, bytes: usize) {
        self.received_bytes.inc_by(bytes as u64);
        self.received_messages.inc();
    }

    /// Counts a write that took bytes from a program.
    pub(crate) fn sent(&self, bytes: usize) {
        self.sent_bytes.inc_by(bytes as u64);
        self.sent_messages.inc();
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").field(&self.snapshot()).finish()
    }
}

struct New<'a>(&'a Registry);

impl New<'_> {
    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.registered(IntCounter::new(name, help))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.registered(IntGauge::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, label: &str) -> IntCounterVec {
        self.registered(IntCounterVec::new(Opts::new(name, help), &[label]))
    }

    fn registered<C: prometheus::core::Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> C {
        let metric = made.expect("the names above are valid");
        self.0.register(Box::new(metric.clone())).expect("the names above differ");
        metric
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_show_in_the_text_and_in_the_snapshot() {
        let metrics = Metrics::new();
        metrics.clone().received(2);
        metrics.received(3);
        metrics.errors.with_label_values(&["timeout"]).inc();
        let text = metrics.render();
        assert!(text.contains("\nwasyncio_received_bytes_total 5\n"), "{text}");
        assert!(text.contains("\nwasyncio_received_messages_total 2\n"), "{text}");
        assert!(text.contains("\nwasyncio_errors_total{kind=\"timeout\"} 1\n"), "{text}");
        assert_eq!(metrics.snapshot().received_bytes, 5);
    }
}
