//! How fast a peer sends or takes bytes, counted over the time in which the program waited for it.
//!
//! The program's own slowness so never counts against its peer, and neither does a pause in which nothing was to be sent or
//! received. Reading and writing add to numbers; only where they have to wait they look at the clock. Whether the peer was
//! too slow is judged by [`watch`](super::watch), now and then.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// One direction of a connection. Only one thread at a time changes it, and the one that judges may be that.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// Whether the time that the program waits counts.
    counts: AtomicBool,
    /// How long it has waited, in nanoseconds, without the wait of now.
    waited: AtomicU64,
    /// When the wait of now began: nanoseconds since the connection was opened, and 1 more, so that 0 is none.
    since: AtomicU64,
    /// Bytes that had moved when it was judged last, or began to count.
    from: AtomicU64,
}

impl Pace {
    /// From now on waiting counts, if it did not; `moved` bytes have moved so far.
    pub(super) fn begin(&self, moved: u64) {
        if !self.counts.load(Ordering::Relaxed) {
            self.counts.store(true, Ordering::Relaxed);
            self.from.store(moved, Ordering::Relaxed);
        }
    }

    /// Forgets everything: waiting does not count until it [begins](Self::begin) again.
    pub(super) fn forget(&self) {
        self.counts.store(false, Ordering::Relaxed);
        self.waited.store(0, Ordering::Relaxed);
        self.since.store(0, Ordering::Relaxed);
    }

    /// The program waits. `now` is the time since the connection was opened.
    pub(super) fn wait(&self, now: impl FnOnce() -> Duration) {
        if self.counts.load(Ordering::Relaxed) && self.since.load(Ordering::Relaxed) == 0 {
            self.since.store(nanoseconds(now()).saturating_add(1), Ordering::Relaxed);
        }
    }

    /// The program waits no more.
    pub(super) fn go_on(&self, now: impl FnOnce() -> Duration) {
        let since = self.since.load(Ordering::Relaxed);
        if since != 0 {
            let waited = self.waited.load(Ordering::Relaxed);
            let more = nanoseconds(now()).saturating_add(1).saturating_sub(since);
            self.waited.store(waited.saturating_add(more), Ordering::Relaxed);
            self.since.store(0, Ordering::Relaxed);
        }
    }

    /// Judges, if the program has waited for `window` since it did so last: whether the peer moved less than `rate` bytes for
    /// each second of that. `moved` is what has moved so far. Else tells how much more has to be waited.
    pub(super) fn judge(&self, now: Duration, window: Duration, rate: u64, moved: impl FnOnce() -> u64) -> Judgement {
        let since = self.since.load(Ordering::Relaxed);
        let waits = since != 0;
        let current = if waits { nanoseconds(now).saturating_add(1).saturating_sub(since) } else { 0 };
        let waited = Duration::from_nanos(self.waited.load(Ordering::Relaxed).saturating_add(current));
        if waited < window {
            return Judgement::TooEarly { left: window - waited };
        }
        let moved = moved();
        let bytes = moved.saturating_sub(self.from.load(Ordering::Relaxed));
        if u128::from(bytes) * 1_000_000_000 < u128::from(rate) * waited.as_nanos() {
            return Judgement::TooSlow;
        }
        self.waited.store(0, Ordering::Relaxed);
        self.since.store(if waits { nanoseconds(now).saturating_add(1) } else { 0 }, Ordering::Relaxed);
        self.from.store(moved, Ordering::Relaxed);
        Judgement::TooEarly { left: window }
    }
}

/// What is to be thought of a peer's pace.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The program has to wait for so much longer before it can be told.
    TooEarly {
        left: Duration,
    },
    TooSlow,
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const WINDOW: Duration = Duration::from_secs(10);
    const RATE: u64 = 100;

    fn at(seconds: u32) -> Duration {
        SECOND * seconds
    }

    fn left(seconds: u32) -> Judgement {
        Judgement::TooEarly { left: at(seconds) }
    }

    #[test]
    fn only_waiting_counts() {
        let pace = Pace::default();
        pace.wait(|| at(0));
        assert_eq!(pace.judge(at(100), WINDOW, RATE, || 0), left(10), "nothing is expected");
        pace.begin(0);
        pace.wait(|| at(100));
        pace.go_on(|| at(104));
        // The program does something else, and then waits again.
        assert_eq!(pace.judge(at(1000), WINDOW, RATE, || 1), left(6));
        pace.wait(|| at(1000));
        pace.wait(|| at(1003));
        assert_eq!(pace.judge(at(1005), WINDOW, RATE, || 1), left(1));
        assert_eq!(pace.judge(at(1006), WINDOW, RATE, || 1), Judgement::TooSlow);
    }

    #[test]
    fn a_peer_above_the_rate_is_judged_by_each_window_alone() {
        let pace = Pace::default();
        pace.begin(500);
        pace.wait(|| at(0));
        assert_eq!(pace.judge(at(10), WINDOW, RATE, || 500 + 1000), left(10));
        // What it was too fast by does not help it later, and it is not asked for what it was slow before.
        assert_eq!(pace.judge(at(20), WINDOW, RATE, || 1500 + 5000), left(10));
        assert_eq!(pace.judge(at(25), WINDOW, RATE, || 6500), left(5));
        assert_eq!(pace.judge(at(30), WINDOW, RATE, || 6500 + 999), Judgement::TooSlow);
    }

    #[test]
    fn what_is_forgotten_begins_anew() {
        let pace = Pace::default();
        pace.begin(0);
        pace.wait(|| at(0));
        pace.forget();
        pace.wait(|| at(9));
        assert_eq!(pace.judge(at(50), WINDOW, RATE, || 0), left(10));
        pace.begin(7);
        pace.wait(|| at(50));
        assert_eq!(pace.judge(at(60), WINDOW, RATE, || 7 + 1000), left(10));
    }
}
