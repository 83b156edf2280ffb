//! When a worker that failed is replaced: soon at first, then ever later, and after so many times not at all.

use std::time::Duration;

use tokio::time::Instant;

/// How long the first replacement of a worker waits. Each failure after that doubles it.
const FIRST_DELAY: Duration = Duration::from_millis(100);

/// What the delay does not grow beyond.
pub(super) const MAX_DELAY: Duration = Duration::from_secs(30);

/// How long a worker has to live for its earlier failures to be forgotten.
const HEALTHY: Duration = Duration::from_secs(60);

/// The failures in a row of one worker.
#[derive(Debug)]
pub(super) struct Failures {
    in_a_row: u32,
    started: Instant,
}

impl Failures {
    /// Of a worker that starts now.
    pub(super) fn none() -> Self {
        Self { in_a_row: 0, started: Instant::now() }
    }

    /// Takes notice that a replacement starts.
    pub(super) fn restarted(&mut self) {
        self.started = Instant::now();
    }

    /// Whether the worker, if it runs, has shown that it can.
    pub(super) fn is_healthy(&self) -> bool {
        self.in_a_row == 0 || self.started.elapsed() >= HEALTHY
    }

    /// Counts one more: how many there are now in a row.
    pub(super) fn count(&mut self) -> u32 {
        if self.started.elapsed() >= HEALTHY {
            self.in_a_row = 0;
        }
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.in_a_row
    }
}

/// How long a replacement waits after this many failures in a row, from 1 on.
pub(super) fn delay(failures: u32) -> Duration {
    let factor = 2_u32.checked_pow(failures.saturating_sub(1));
    factor.map_or(MAX_DELAY, |factor| FIRST_DELAY.saturating_mul(factor).min(MAX_DELAY))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_a_bound() {
        let delays = [1, 2, 3, 9, 10, 101].map(|failures| delay(failures).as_millis());
        assert_eq!(delays, [100, 200, 400, 25_600, 30_000, 30_000]);
    }

    #[test]
    fn a_worker_that_lived_long_starts_to_count_anew() {
        let mut failures = Failures::none();
        assert!(failures.is_healthy());
        assert_eq!([failures.count(), failures.count()], [1, 2]);
        assert!(!failures.is_healthy());
        failures.started = Instant::now().checked_sub(HEALTHY).expect("this machine has been up for a minute");
        assert!(failures.is_healthy());
        assert_eq!(failures.count(), 1);
    }
}
