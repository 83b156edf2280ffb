//! Calls of the program that wait.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use wasyncio_core::runtime::Runtime;
use wasyncio_core::{Result, StreamReader, StreamWriter, Taken, take};

use crate::steps::ReadCall;

/// Which call.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Read(ReadCall),
    Drain,
    WaitClosed,
    Take,
    ServerWaitClosed,
}

/// What it gave.
pub(crate) enum Answer {
    Bytes(Result<Vec<u8>>),
    Nothing(Result<()>),
    Taken(Box<Result<Taken>>),
}

/// Somebody who can be woken. Whoever keeps a clone has not forgotten him.
#[derive(Default)]
pub(crate) struct Sleeper(AtomicBool);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A call that waits.
pub(crate) struct Waiter {
    pub(crate) call: Call,
    /// It has been polled more than once.
    pub(crate) waited: bool,
    future: Pin<Box<dyn Future<Output = Answer>>>,
    sleeper: Arc<Sleeper>,
}

impl Waiter {
    pub(crate) fn new(call: Call, future: impl Future<Output = Answer> + 'static) -> Self {
        Self { call, waited: false, future: Box::pin(future), sleeper: Arc::default() }
    }

    /// Polls it.
    pub(crate) fn poll(&mut self) -> Poll<Answer> {
        self.sleeper.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(self.sleeper.clone());
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.sleeper.0.load(Ordering::Relaxed)
    }

    /// Polls it as another task would; gives who was to be woken before.
    pub(crate) fn poll_anew(&mut self) -> (Poll<Answer>, Arc<Sleeper>) {
        let before = std::mem::take(&mut self.sleeper);
        (self.poll(), before)
    }

    /// It waits no more.
    pub(crate) fn end(self) -> Arc<Sleeper> {
        self.sleeper
    }
}

#[derive(Default)]
struct Taking {
    taken: Option<Result<Taken>>,
    caller: Option<Waker>,
    task: Option<Waker>,
    cancelled: bool,
}

/// `take` in a task of its own, as it is meant to be called; dropping this cancels it.
pub(crate) fn taking(
    runtime: &dyn Runtime,
    reader: StreamReader,
    writer: StreamWriter,
) -> impl Future<Output = Answer> + 'static {
    struct Caller(Rc<RefCell<Taking>>);
    impl Drop for Caller {
        fn drop(&mut self) {
            let task = {
                let mut taking = self.0.borrow_mut();
                taking.cancelled = true;
                taking.caller = None;
                taking.task.take()
            };
            if let Some(task) = task {
                task.wake();
            }
        }
    }
    let caller = Caller(Rc::default());
    let taking = caller.0.clone();
    let mut take = Some(Box::pin(take(reader, writer)));
    runtime.spawn(Box::pin(poll_fn(move |cx| {
        let Some(future) = &mut take else { return Poll::Ready(()) };
        if taking.borrow().cancelled {
            take = None;
            return Poll::Ready(());
        }
        let Poll::Ready(taken) = future.as_mut().poll(cx) else {
            taking.borrow_mut().task = Some(cx.waker().clone());
            return Poll::Pending;
        };
        take = None;
        let caller = {
            let mut taking = taking.borrow_mut();
            taking.taken = Some(taken);
            taking.task = None;
            taking.caller.take()
        };
        if let Some(caller) = caller {
            caller.wake();
        }
        Poll::Ready(())
    })));
    poll_fn(move |cx| {
        let mut taking = caller.0.borrow_mut();
        match taking.taken.take() {
            Some(taken) => Poll::Ready(Answer::Taken(Box::new(taken))),
            None => {
                taking.caller = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    })
}
