//! Waiting for one stream operation that is in flight, from whichever task cares at the moment.
//!
//! A component instance runs many component-model tasks: every call of an async export is one. A waitable (here: the end
//! of a stream with an operation in flight) can belong to the waitable set of one task at a time. wit-bindgen's futures
//! tie an operation to the future that polls it, and dropping that future cancels the operation, with the bytes. Here the
//! operation belongs to the connection instead, and a task that waits registers for its end, or withdraws:
//!
//! 1. The operation outlives whoever waits for it. A cancelled read leaves it in flight; its end is found by the next.
//! 2. At most one task is registered at a time. A task that polls takes the registration over.
//! 3. Polled where no task runs, in a synchronous export, an operation is registered with the keeper: the task that stays.
//! 4. What else has ended meanwhile is told in the same turn, before the task rests: see [`background`].

#![expect(unsafe_code, reason = "talks the C interface between component-model tasks and what they wait for")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::background;
use super::task::Task;

/// The end of one operation that was started and is in flight.
pub(crate) struct Waitable {
    inner: Rc<Inner>,
}

struct Inner {
    handle: u32,
    /// The code that the operation ended with, until it is taken.
    code: Cell<Option<u32>>,
    waker: RefCell<Option<Waker>>,
    /// Whom the end is told to. While this is some, that task owns one count of the `Rc` around this value.
    registered: RefCell<Option<Task>>,
}

impl Waitable {
    /// `handle` is the stream end whose operation has just been started and has blocked.
    pub(crate) fn new(handle: u32) -> Self {
        let inner = Inner { handle, code: Cell::default(), waker: RefCell::default(), registered: RefCell::default() };
        Self { inner: Rc::new(inner) }
    }

    /// The code of the operation, once it has ended; else the current task is woken when it has.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Poll<u32> {
        if let Some(code) = self.inner.code.take() {
            return Poll::Ready(code);
        }
        self.inner.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
        let Some(task) = Task::current_or_keeper() else {
            return Poll::Pending;
        };
        if self.inner.registered.borrow().as_ref().is_some_and(|registered| registered.is(&task)) {
            return Poll::Pending;
        }
        self.withdraw();
        // SAFETY: the operation is in flight and was withdrawn from whom it was registered with. The callback gets one count of
        // the `Rc`, so that its pointer is valid until it is called or `unregister` hands it back.
        unsafe { task.register(self.inner.handle, ended, Rc::into_raw(self.inner.clone()).cast_mut().cast()) };
        self.inner.registered.replace(Some(task));
        Poll::Pending
    }

    /// The code of the operation if its end was told already.
    pub(crate) fn try_take(&self) -> Option<u32> {
        self.inner.code.take()
    }

    /// Nobody waits any more; the operation goes on.
    pub(crate) fn withdraw(&self) {
        if let Some(task) = self.inner.registered.take() {
            let told = task.unregister(self.inner.handle);
            if !told.is_null() {
                // SAFETY: this is the pointer that was registered in `poll`, and its count is taken back.
                drop(unsafe { Rc::from_raw(told.cast::<Inner>().cast_const()) });
            }
        }
    }
}

impl Drop for Waitable {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// The operation has ended with `code`. The task has forgotten the waitable already.
///
/// # Safety
/// `told` is the pointer that [`Waitable::poll`] registered, and this is called once for it.
unsafe extern "C" fn ended(told: *mut c_void, code: u32) {
    // SAFETY: the caller's promise: the pointer carries one count.
    let inner = unsafe { Rc::from_raw(told.cast::<Inner>().cast_const()) };
    inner.registered.replace(None);
    inner.code.set(Some(code));
    if let Some(waker) = inner.waker.take() {
        waker.wake();
    }
    background::look_for_more();
}
