//! Looking for what comes next before the thread goes to sleep.
//!
//! To be woken costs a thread several microseconds, more than most answers to a request take to compute. A program whose sockets
//! have just moved something is likely to be asked again at once, so its thread looks for events some times before it sleeps:
//! about as long as being woken would take, so that it costs never more than twice as much as the best decision.

use std::future::poll_fn;
use std::pin::pin;

/// How often a thread looks before it sleeps. Once is about a microsecond.
const LOOKS: u32 = 8;

/// Polls `future`, and some times more after `activity` has changed, each time after the runtime has looked for events. Calls
/// `resumed` when it was polled for another reason, or for good reason.
pub(crate) async fn busy_poll<F: Future>(future: F, activity: impl Fn() -> u64, resumed: impl Fn()) -> F::Output {
    let mut future = pin!(future);
    let mut looks = 0;
    let mut looking = false;
    poll_fn(|context| {
        let before = activity();
        let polled = future.as_mut().poll(context);
        let moved = activity() != before;
        if moved || !looking {
            resumed();
        }
        if polled.is_pending() {
            if moved {
                looks = LOOKS;
            }
            looking = looks > 0;
            if looking {
                looks -= 1;
                context.waker().wake_by_ref();
            }
        }
        polled
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[test]
    fn it_looks_only_after_something_moved_and_not_for_ever() {
        let (polls, activity, resumed) = (Cell::new(0), Cell::new(0), Cell::new(0));
        let future = poll_fn(|_| {
            polls.set(polls.get() + 1);
            if polls.get() == 1 {
                activity.set(1);
            }
            Poll::<()>::Pending
        });
        let mut future = pin!(busy_poll(future, || activity.get(), || resumed.set(resumed.get() + 1)));
        let (waker, woken) = counting();
        let mut context = Context::from_waker(&waker);
        for _ in 0..20 {
            assert!(future.as_mut().poll(&mut context).is_pending());
        }
        assert_eq!(woken(), LOOKS, "after that, nobody asks to be polled");
        // Once for what moved; and the later polls that nobody had asked for.
        assert_eq!(resumed.get(), 20 - LOOKS);
    }

    fn counting() -> (Waker, impl Fn() -> u32) {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU32, Ordering};
        use std::task::Wake;

        struct Count(AtomicU32);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let count = Arc::new(Count(AtomicU32::new(0)));
        (Waker::from(count.clone()), move || count.0.load(Ordering::Relaxed))
    }
}
