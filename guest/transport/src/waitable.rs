//! Waiting for a stream operation from more than one component-model task.
//!
//! wit-bindgen's own stream futures tie the operation to the future that polls it: dropping one cancels the operation, and
//! may lose what it did. Here an operation belongs to whoever owns the [`Waitable`]; any task may wait for it, and one that
//! stops waiting leaves it in flight.
//!
//! Invariants:
//! 1. The operation outlives whoever waits for it. A cancelled read leaves it in flight; its end is found by the next.
//! 2. At most one task is registered at a time. A task that polls takes the registration over.
//! 3. Polled where no task runs, in a synchronous export, an operation is registered with the resident task.
//! 4. A task that was told may keep the waitable in its set for the next operation, so it is withdrawn before its handle is
//!    dropped or given away.
//! 5. What else has ended meanwhile is told soon, before the task rests: see [`runtime`].

#![expect(unsafe_code, reason = "talks the C interface between component-model tasks and what they wait for")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::progress::{BLOCKED, Ended};
use crate::runtime;
use crate::task::{self, Task};

/// The operations of one end of a stream, one after the other. Declared, and so dropped, before that end.
pub struct Waitable {
    inner: Rc<Inner>,
}

/// The canonical ABI's function that ends an operation in flight.
type Cancel = unsafe extern "C" fn(u32) -> u32;

struct Inner {
    handle: u32,
    /// An operation was begun, and its end was not taken.
    in_flight: Cell<bool>,
    /// The code that the operation ended with, until it is taken.
    code: Cell<Option<u32>>,
    waker: RefCell<Option<Waker>>,
    /// Whose set the waitable is in.
    task: RefCell<Option<Task>>,
    /// That task is to tell of the operation's end. It owns one count of the `Rc` around this value as long.
    registered: Cell<bool>,
}

impl Waitable {
    /// `handle` is the end of a stream that this component owns. [`withdraw`](Self::withdraw) is called before that is
    /// dropped or given away.
    pub fn new(handle: u32) -> Self {
        Self {
            inner: Rc::new(Inner {
                handle,
                in_flight: Cell::default(),
                code: Cell::default(),
                waker: RefCell::default(),
                task: RefCell::default(),
                registered: Cell::default(),
            }),
        }
    }

    /// An operation was begun, and `code` is what the canonical ABI said. No other was in flight.
    pub fn begun(&self, code: u32) {
        self.inner.in_flight.set(true);
        self.inner.code.set((code != BLOCKED).then_some(code));
    }

    /// Whether an operation is in flight, or has ended and its end was not taken.
    pub fn in_flight(&self) -> bool {
        self.inner.in_flight.get()
    }

    /// How the operation in flight has ended, once it has; else the current task is woken when it has, if there is a context.
    pub fn poll(&self, cx: Option<&Context<'_>>) -> Poll<Ended> {
        let inner = &self.inner;
        if let Some(ended) = inner.take_end() {
            return Poll::Ready(ended);
        }
        let Some(cx) = cx else { return Poll::Pending };
        inner.waker.borrow_mut().get_or_insert_with(|| cx.waker().clone()).clone_from(cx.waker());
        let here = inner.task.borrow().as_ref().is_some_and(task::is_current_or_resident);
        if !here {
            self.withdraw();
            *inner.task.borrow_mut() = task::current_or_resident();
        }
        if !inner.registered.get()
            && let Some(task) = inner.task.borrow().as_ref()
        {
            inner.registered.set(true);
            // SAFETY: the operation is in flight, and is registered nowhere else. The callback gets one count of the `Rc`, so that its
            // pointer is valid until it is called or `unregister` hands it back. `withdraw` is called before the handle goes.
            unsafe { task.register(inner.handle, ended, Rc::into_raw(inner.clone()).cast_mut().cast()) };
        }
        Poll::Pending
    }

    /// Ends the operation in flight, if there is one: by `cancel` if its end was not told, which may block the task.
    ///
    /// # Safety
    /// `cancel` is the canonical ABI's function that ends an operation of this kind.
    pub unsafe fn cancel(&self, cancel: Cancel) -> Option<Ended> {
        self.withdraw();
        if self.in_flight() && self.inner.code.get().is_none() {
            // SAFETY: the handle is ours and has an operation in flight that belongs to no waitable set any more; the rest is the
            // caller's promise.
            self.inner.code.set(Some(unsafe { cancel(self.inner.handle) }));
        }
        self.inner.take_end()
    }

    /// As [`cancel`](Self::cancel), by a task of its own, which calls `then`. For an owner that is dropped: to drop a stream
    /// traps while an operation is in flight. If there is none, `then` is dropped at once.
    ///
    /// # Safety
    /// As there. `then` owns the end of the stream, and the memory of the operation.
    pub unsafe fn cancel_later(&self, cancel: Cancel, then: impl FnOnce(Ended) + 'static) {
        self.withdraw();
        if self.in_flight() {
            let operation = Self { inner: self.inner.clone() };
            runtime::spawn(Box::pin(async move {
                // SAFETY: the caller's promise.
                unsafe { operation.cancel(cancel) }.map(then);
            }));
        }
    }

    /// Nobody waits any more; the operation goes on.
    pub fn withdraw(&self) {
        let Some(task) = self.inner.task.take() else { return };
        let told = task.unregister(self.inner.handle);
        self.inner.registered.set(false);
        if !told.is_null() {
            // SAFETY: this is the pointer that was registered in `poll`, and its count is taken back.
            drop(unsafe { Rc::from_raw(told.cast::<Inner>().cast_const()) });
        }
    }
}

impl Inner {
    fn take_end(&self) -> Option<Ended> {
        let code = self.code.take()?;
        self.in_flight.set(false);
        Some(Ended::decode(code))
    }
}

impl Drop for Waitable {
    fn drop(&mut self) {
        self.withdraw();
    }
}

/// The operation has ended with `code`.
///
/// # Safety
/// `told` is the pointer that [`Waitable::poll`] registered, and this is called once for it.
unsafe extern "C" fn ended(told: *mut c_void, code: u32) {
    // SAFETY: the caller's promise: the pointer carries one count.
    let inner = unsafe { Rc::from_raw(told.cast::<Inner>().cast_const()) };
    inner.registered.set(false);
    inner.code.set(Some(code));
    // Kept for the next operation, most likely of the same future; but not borrowed: waking may begin that at once.
    let waker = inner.waker.take();
    if let Some(waker) = waker {
        waker.wake_by_ref();
        inner.waker.borrow_mut().get_or_insert(waker);
    }
    runtime::look_for_more(Ended::decode(code).count);
}
