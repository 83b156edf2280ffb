//! What one running program uses, held against its limits.
//!
//! A limit ends the program by an error that wasmtime unwinds it with. Growing memory could instead be refused, as
//! WebAssembly has it; but then the program ends by a trap in its allocator that tells nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use wasmtime::{ResourceLimiter, UpdateDeadline};

use crate::Limit;
use crate::run::ticker::TICK;

/// What an element of a table is taken to cost, in bytes.
const ELEMENT: u64 = 16;

/// Counts the memory of a program.
pub(crate) struct Meter {
    limit: Option<u64>,
    /// Bytes of all memories and tables together.
    memory: u64,
    gauge: IntGauge,
}

/// What is counted at most for one tick. What took longer was not the program: it was in a function of the host, or its thread was
/// not running.
const TICK_AT_MOST: Duration = TICK.saturating_mul(2);

/// Tells how long a program computes without waiting.
#[derive(Default)]
pub(crate) struct Computing {
    limit: Option<Duration>,
    state: Mutex<Since>,
}

#[derive(Default)]
struct Since {
    /// How long it has computed since it last waited, up to `counted`.
    computed: Duration,
    /// When it was last resumed or interrupted.
    counted: Option<Instant>,
    /// Whether it was interrupted since it was last resumed, so that resuming it is no new beginning.
    interrupted: bool,
}

impl Computing {
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        Self { limit, ..Self::default() }
    }

    /// Takes notice that the program is about to compute.
    pub(crate) fn resumed(&self) {
        if self.limit.is_some() {
            let mut state = self.state();
            if !std::mem::take(&mut state.interrupted) {
                state.computed = Duration::ZERO;
            }
            // While it was interrupted, others were at work.
            state.counted = Some(Instant::now());
        }
    }

    /// Takes notice of a tick during which the program computes: it gives way to others, or has to end.
    pub(crate) fn tick(&self) -> Result<UpdateDeadline, Limit> {
        if let Some(limit) = self.limit {
            let mut state = self.state();
            let now = Instant::now();
            let since = state.counted.replace(now).map_or(Duration::ZERO, |counted| now - counted);
            state.computed += since.min(TICK_AT_MOST);
            state.interrupted = true;
            if state.computed >= limit {
                return Err(Limit::Compute(limit));
            }
        }
        Ok(UpdateDeadline::Yield(1))
    }

    fn state(&self) -> MutexGuard<'_, Since> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Meter {
    pub(crate) fn new(limit: Option<u64>, gauge: IntGauge) -> Self {
        Self { limit, memory: 0, gauge }
    }

    fn grow(&mut self, by: u64) -> Result<(), Limit> {
        let total = self.memory.saturating_add(by);
        match self.limit {
            Some(limit) if total > limit => Err(Limit::Memory(limit)),
            _ => {
                self.memory = total;
                self.gauge.add(i64::try_from(by).unwrap_or(i64::MAX));
                Ok(())
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.gauge.sub(i64::try_from(self.memory).unwrap_or(i64::MAX));
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(&mut self, from: usize, to: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        // Growing past the memory's own maximum fails whatever is said here.
        if maximum.is_some_and(|maximum| to > maximum) {
            return Ok(false);
        }
        self.grow(to.saturating_sub(from) as u64)?;
        Ok(true)
    }

    fn table_growing(&mut self, from: usize, to: usize, maximum: Option<usize>) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|maximum| to > maximum) {
            return Ok(false);
        }
        self.grow((to.saturating_sub(from) as u64).saturating_mul(ELEMENT))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_count_together() {
        let gauge = IntGauge::new("memory", "memory").unwrap();
        let mut meter = Meter::new(Some(1000), gauge.clone());
        assert!(meter.memory_growing(0, 500, None).unwrap());
        assert!(meter.memory_growing(0, 400, None).unwrap());
        assert!(meter.table_growing(0, 6, None).unwrap());
        let error = meter.memory_growing(400, 405, None).expect_err("it is over the limit");
        assert_eq!(error.downcast_ref::<Limit>(), Some(&Limit::Memory(1000)));
        assert!(meter.memory_growing(400, 404, None).unwrap(), "a refusal costs nothing");
        assert_eq!(gauge.get(), 1000);
        drop(meter);
        assert_eq!(gauge.get(), 0);
    }

    #[test]
    fn only_computing_without_a_wait_counts() {
        let computing = Computing::new(Some(Duration::from_secs(1000)));
        let computed = || computing.state().computed;
        computing.resumed();
        computing.tick().unwrap();
        let once = computed();
        assert!(once > Duration::ZERO);
        computing.resumed();
        assert_eq!(computed(), once, "it was only interrupted");
        computing.tick().unwrap();
        assert!(computed() > once);
        computing.resumed();
        computing.resumed();
        assert_eq!(computed(), Duration::ZERO, "it had waited");
    }

    #[test]
    fn what_others_do_does_not_count() {
        let computing = Computing::new(Some(Duration::from_secs(1000)));
        let long_ago = || Instant::now().checked_sub(Duration::from_secs(500));
        computing.resumed();
        computing.state().counted = long_ago();
        computing.tick().unwrap();
        assert!(computing.state().computed <= TICK_AT_MOST, "it was in a function of the host");
        computing.state().counted = long_ago();
        computing.resumed();
        computing.tick().unwrap();
        assert!(computing.state().computed <= TICK_AT_MOST.saturating_mul(2), "others were at work");
    }

    #[test]
    fn computing_too_long_is_a_limit() {
        let computing = Computing::new(Some(Duration::ZERO));
        computing.resumed();
        assert_eq!(computing.tick().err(), Some(Limit::Compute(Duration::ZERO)));
        assert!(Computing::new(None).tick().is_ok());
    }
}
