//! Work that goes on between calls: sending what was written, and closing what was closed.
//!
//! Bytes that a program writes must leave as soon as it rests in anything, also in something that has nothing to do with this
//! crate; but not before, or each of many small answers would be a segment of its own. So `write` leaves a note here, and
//! one future, the *pump*, follows the notes up once the program has come to rest.
//!
//! Linked into a program, the pump is spawned in the program's own task when there is something to do: it is polled after
//! all else there that is ready. It ends soon, so that it never keeps a program from ending. In the component, calls come
//! and go and synchronous exports have no task at all, so there the pump stays ([`stay`]) in the task of the first
//! asynchronous call. A program that calls from another component is suspended in each asynchronous call, even if that
//! answers at once, so the pump yields before it sends: wasmtime resumes a task that yields after every other that can run.
//!
//! Now and then the pump also lingers for a turn after an event. An executor of wit-bindgen that is told to go on looks for
//! further events before it rests, so that all that has ended is handled in one turn, each connection once. Left alone it
//! takes one event a turn, and wasmtime hands out that of the lowest handle first: under load the others would starve. A turn
//! costs a system call, so not every event is worth one. The executor of `wasyncio-executor` does so by itself.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::task;

/// How often the pump has itself polled again to linger for a turn: wit-bindgen's executor polls a future that wakes itself a
/// second time before it looks around.
const LINGER: u8 = 2;

/// After how many events it lingers.
const EVENTS: usize = 8;

/// How many items an event counts as another one for: when much is sent, those of the highest handles would wait for ever.
const MUCH: usize = 512;

/// Something with bytes to send.
pub(crate) trait Flush {
    /// Sends what can be sent without waiting.
    fn flush_written(self: Rc<Self>);
}

type Task = Pin<Box<dyn Future<Output = ()>>>;

#[derive(Default)]
struct Notes {
    unsent: RefCell<Vec<Rc<dyn Flush>>>,
    tasks: RefCell<Vec<Task>>,
    /// How to wake the pump, while it waits.
    pump: RefCell<Option<Waker>>,
    spawned: Cell<bool>,
    stays: Cell<bool>,
    /// How often the pump is still to be polled in vain.
    linger: Cell<u8>,
    /// How many events there were since it was last told to.
    events: Cell<usize>,
    /// The pump has yielded since the last note was followed up.
    yielded: Cell<bool>,
}

thread_local! {
    static NOTES: Notes = Notes::default();
}

/// Has `unsent` flushed when the program rests.
pub(crate) fn flush_soon(unsent: Rc<dyn Flush>) {
    NOTES.with(|notes| notes.unsent.borrow_mut().push(unsent));
    wake();
}

/// Runs a future beside the program.
pub(crate) fn spawn(future: impl Future<Output = ()> + 'static) {
    spawn_boxed(Box::pin(future));
}

/// One for all futures: what wit-bindgen wraps around each kind of them is large.
fn spawn_boxed(task: Task) {
    if task::runs() {
        wit_bindgen::spawn_local(task);
    } else {
        NOTES.with(|notes| notes.tasks.borrow_mut().push(task));
        wake();
    }
}

/// Has the task that was just told of an event look for more of them before it rests, if it is time to. `moved` is how many items
/// the event was about.
pub(crate) fn look_for_more(moved: usize) {
    if wasyncio_executor::is_fair() {
        return;
    }
    let elsewhere = NOTES.with(|notes| {
        notes.events.set(notes.events.get() + 1 + moved / MUCH);
        if notes.events.get() < EVENTS {
            return true;
        }
        notes.events.set(0);
        let elsewhere = notes.stays.get() && !task::keeper_runs();
        if !elsewhere {
            notes.linger.set(LINGER);
        }
        elsewhere
    });
    if !elsewhere {
        wake();
    }
}

/// Keeps the pump running for good. Called in a task.
#[cfg(feature = "component")]
pub(crate) fn stay() {
    if NOTES.with(|notes| notes.stays.replace(true)) {
        return;
    }
    task::keep_with_current();
    wake();
}

fn wake() {
    NOTES.with(|notes| {
        if let Some(pump) = notes.pump.take() {
            pump.wake();
        } else if !notes.spawned.get() && task::runs() {
            notes.spawned.set(true);
            wit_bindgen::spawn_local(poll_fn(|cx| NOTES.with(|notes| notes.pump(cx))));
        }
    });
}

impl Notes {
    fn pump(&self, cx: &Context<'_>) -> Poll<()> {
        for task in self.tasks.take() {
            wit_bindgen::spawn_local(task);
        }
        if !self.stays.get() {
            self.flush();
            if self.lingers(cx) {
                return Poll::Pending;
            }
            self.spawned.set(false);
            return Poll::Ready(());
        }
        if self.lingers(cx) {
            return Poll::Pending;
        }
        if !self.unsent.borrow().is_empty() && !self.yielded.replace(true) {
            if wasyncio_executor::give_way(cx.waker()) {
                return Poll::Pending;
            }
            self.linger.set(LINGER);
            if self.lingers(cx) {
                return Poll::Pending;
            }
        }
        self.yielded.set(false);
        self.flush();
        *self.pump.borrow_mut() = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Has the pump polled again, if it is to linger.
    fn lingers(&self, cx: &Context<'_>) -> bool {
        let Some(left) = self.linger.get().checked_sub(1) else { return false };
        self.linger.set(left);
        cx.waker().wake_by_ref();
        true
    }

    fn flush(&self) {
        for unsent in self.unsent.take() {
            unsent.flush_written();
        }
    }
}
