//! The clock by which programs that compute without pause are interrupted.
//!
//! wasmtime has compiled code look at a counter, the epoch. A thread advances it every [`TICK`], but only while a
//! program computes: an idle server costs no wake-ups. A program that starts to compute wakes the thread if it rests;
//! the thread rests again after a tick in which no program was at work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use wasmtime::{Engine, EngineWeak};

/// How long a program may compute before it gives way to others on its thread.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Advances the epoch of one engine while programs compute. The thread ends when this is dropped.
pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
}

struct Shared {
    /// How many programs are computing.
    working: AtomicUsize,
    /// Whether a program worked since the last tick.
    worked: AtomicBool,
    /// Whether the thread rests until it is woken.
    resting: AtomicBool,
    ended: AtomicBool,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let shared = Arc::new(Shared {
            working: AtomicUsize::new(0),
            worked: AtomicBool::new(false),
            resting: AtomicBool::new(false),
            ended: AtomicBool::new(false),
        });
        let engine = engine.weak();
        let ticking = Arc::clone(&shared);
        let thread = thread::Builder::new().name("ticker".to_owned()).spawn(move || ticking.run(&engine))?;
        Ok(Self { shared, thread: thread.thread().clone() })
    }

    /// Has the clock tick whenever `future` is polled, and calls `resumed` before.
    pub(crate) async fn while_polled<F: Future>(&self, future: F, resumed: impl Fn()) -> F::Output {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| {
            resumed();
            let _working = Working::begin(self);
            future.as_mut().poll(context)
        })
        .await
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

/// A program is computing as long as this lives, even if it panics.
struct Working<'a>(&'a Shared);

impl<'a> Working<'a> {
    fn begin(ticker: &'a Ticker) -> Self {
        let shared = &*ticker.shared;
        shared.working.fetch_add(1, Ordering::SeqCst);
        shared.worked.store(true, Ordering::SeqCst);
        // Sequentially consistent: the thread looks at `worked` after it has said that it rests, so that one of the two
        // sees the other.
        if shared.resting.load(Ordering::SeqCst) {
            ticker.thread.unpark();
        }
        Self(shared)
    }
}

impl Drop for Working<'_> {
    fn drop(&mut self) {
        self.0.working.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    fn run(&self, engine: &EngineWeak) {
        while !self.ended.load(Ordering::SeqCst) {
            if !self.at_work() {
                self.resting.store(true, Ordering::SeqCst);
                while !self.at_work() && !self.ended.load(Ordering::SeqCst) {
                    thread::park();
                }
                self.resting.store(false, Ordering::SeqCst);
            }
            self.worked.store(false, Ordering::SeqCst);
            // May end early when unparked, which only makes a tick shorter.
            thread::park_timeout(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
        }
    }

    fn at_work(&self) -> bool {
        self.worked.load(Ordering::SeqCst) || self.working.load(Ordering::SeqCst) > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_rests_while_nobody_computes() {
        let engine = Engine::default();
        let ticker = Ticker::start(&engine).unwrap();
        let resting = |expected: bool| {
            let end = std::time::Instant::now() + Duration::from_secs(30);
            while ticker.shared.resting.load(Ordering::SeqCst) != expected {
                assert!(std::time::Instant::now() < end, "resting is not {expected}");
                thread::yield_now();
            }
        };
        resting(true);
        let working = Working::begin(&ticker);
        resting(false);
        drop(working);
        resting(true);
    }
}
