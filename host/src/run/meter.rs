//! What one running program uses, held against its limits.
//!
//! A limit ends the program by an error that wasmtime unwinds it with. Growing memory could instead be refused, as
//! WebAssembly has it; but then the program ends by a trap in its allocator that tells nothing.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use wasmtime::{ResourceLimiter, UpdateDeadline};

use crate::Limit;

/// What an element of a table is taken to cost, in bytes.
const ELEMENT: u64 = 16;

/// Counts the memory of a program.
pub(crate) struct Meter {
    limit: Option<u64>,
    /// Bytes of all memories and tables together.
    memory: u64,
    gauge: IntGauge,
}

/// Tells how long a program computes without waiting.
#[derive(Default)]
pub(crate) struct Computing {
    limit: Option<Duration>,
    state: Mutex<Since>,
}

#[derive(Default)]
struct Since {
    /// When the program was resumed after a wait.
    begun: Option<Instant>,
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
                state.begun = Some(Instant::now());
            }
        }
    }

    /// Takes notice of a tick during which the program computes: it gives way to others, or has to end.
    pub(crate) fn tick(&self) -> Result<UpdateDeadline, Limit> {
        if let Some(limit) = self.limit {
            let mut state = self.state();
            state.interrupted = true;
            if state.begun.is_some_and(|begun| begun.elapsed() >= limit) {
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
        computing.resumed();
        let begun = computing.state().begun;
        computing.tick().unwrap();
        computing.resumed();
        assert_eq!(computing.state().begun, begun, "it was only interrupted");
        computing.resumed();
        assert_ne!(computing.state().begun, begun, "it had waited");
    }

    #[test]
    fn computing_too_long_is_a_limit() {
        let computing = Computing::new(Some(Duration::ZERO));
        computing.resumed();
        assert_eq!(computing.tick().err(), Some(Limit::Compute(Duration::ZERO)));
        assert!(Computing::new(None).tick().is_ok());
    }
}
