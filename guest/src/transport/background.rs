//! Work that goes on between calls: sending what was written, and closing what was closed.
//!
//! Bytes that a program writes must leave as soon as it rests in anything, also in something that has nothing to do with this
//! crate; but not before, or each of many small answers would be a segment of its own. So `write` leaves a note here, and
//! one future, the *pump*, follows the notes up once the program has come to rest.
//!
//! Linked into a program, the pump is spawned in the program's own task when there is something to do: it is polled after
//! all else there that is ready. It ends at once, so that it never keeps a program from ending. In the component, calls come
//! and go and synchronous exports have no task at all, so there the pump stays ([`stay`]) in the task of the first
//! asynchronous call. A program that calls from another component is suspended in each asynchronous call, even if that
//! answers at once, so the pump yields before it sends: wasmtime resumes a task that yields after every other that can run.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Poll, Waker};

use super::waitable::in_task;
#[cfg(feature = "component")]
use super::waitable::keep_with_current;

/// Something with bytes to send.
pub(crate) trait Flush {
    /// Sends what can be sent without waiting.
    fn flush_written(self: Rc<Self>);
}

#[derive(Default)]
struct Notes {
    unsent: RefCell<Vec<Rc<dyn Flush>>>,
    tasks: RefCell<Vec<Pin<Box<dyn Future<Output = ()>>>>>,
    /// How to wake the pump, while it waits.
    pump: RefCell<Option<Waker>>,
    spawned: Cell<bool>,
    stays: Cell<bool>,
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
    if in_task() {
        wit_bindgen::spawn_local(future);
    } else {
        NOTES.with(|notes| notes.tasks.borrow_mut().push(Box::pin(future)));
        wake();
    }
}

/// Keeps the pump running for good. Called in a task.
#[cfg(feature = "component")]
pub(crate) fn stay() {
    if NOTES.with(|notes| notes.stays.replace(true)) {
        return;
    }
    keep_with_current();
    wake();
}

fn wake() {
    NOTES.with(|notes| {
        if let Some(pump) = notes.pump.take() {
            pump.wake();
        } else if !notes.spawned.get() && in_task() {
            notes.spawned.set(true);
            wit_bindgen::spawn_local(pump());
        }
    });
}

async fn pump() {
    poll_fn(|cx| {
        NOTES.with(|notes| {
            for task in notes.tasks.take() {
                wit_bindgen::spawn_local(task);
            }
            if notes.stays.get() && !notes.unsent.borrow().is_empty() && !notes.yielded.replace(true) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            notes.yielded.set(false);
            for unsent in notes.unsent.take() {
                unsent.flush_written();
            }
            if notes.stays.get() {
                *notes.pump.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            } else {
                notes.spawned.set(false);
                Poll::Ready(())
            }
        })
    })
    .await;
}
