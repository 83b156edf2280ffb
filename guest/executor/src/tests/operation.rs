//! Futures that wait for operations of the fake host.

#![expect(unsafe_code, reason = "registers with tasks as the users of this crate do")]

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::future::{Future, poll_fn};
use std::ptr;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::Task;
use crate::abi::{TaskV3, WITH_SPAWN};
use crate::fake_host;
use crate::intrinsics::wasip3_task_set;

/// Operations that belong to nobody's task, one after the other, as those of connections do: any task may wait for them, one at a
/// time, and one that stops waiting leaves them in flight.
pub(super) struct Operation {
    inner: Rc<Inner>,
}

struct Inner {
    handle: u32,
    code: Cell<Option<u32>>,
    waker: RefCell<Option<Waker>>,
    task: RefCell<Option<Task>>,
    registered: Cell<bool>,
    registrations: Cell<u32>,
    ended: Cell<u32>,
}

impl Operation {
    pub(super) fn new() -> Self {
        Self {
            inner: Rc::new(Inner {
                handle: fake_host::operation(),
                code: Cell::default(),
                waker: RefCell::default(),
                task: RefCell::default(),
                registered: Cell::default(),
                registrations: Cell::default(),
                ended: Cell::default(),
            }),
        }
    }

    pub(super) fn handle(&self) -> u32 {
        self.inner.handle
    }

    /// Waits until the operation in flight has ended.
    pub(super) async fn wait(&self) -> u32 {
        poll_fn(|cx| self.poll(cx)).await
    }

    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<u32> {
        let inner = &self.inner;
        if let Some(code) = inner.code.take() {
            return Poll::Ready(code);
        }
        inner.waker.replace(Some(cx.waker().clone()));
        let here = inner.task.borrow().as_ref().is_some_and(|task| task.is_current() == Some(true));
        if !here {
            self.withdraw();
            inner.task.replace(Task::current());
        }
        if !inner.registered.replace(true) {
            inner.registrations.set(inner.registrations.get() + 1);
            let task = inner.task.borrow();
            let task = task.as_ref().expect("a task runs");
            // SAFETY: the pointer carries a count, which the callback or `withdraw` takes back; `Drop` withdraws.
            unsafe { task.register(inner.handle, ended, Rc::into_raw(Rc::clone(inner)).cast_mut().cast()) };
        }
        Poll::Pending
    }

    /// Nobody waits any more; the operation goes on.
    pub(super) fn withdraw(&self) {
        let Some(task) = self.inner.task.take() else { return };
        let data = task.unregister(self.inner.handle);
        assert!(!fake_host::is_joined(self.inner.handle), "it has left the set");
        assert_eq!(data.is_null(), !self.inner.registered.replace(false), "it is handed back if it was not called");
        if !data.is_null() {
            self.inner.ended.set(self.inner.ended.get() + 1);
            // SAFETY: this is what was registered.
            drop(unsafe { Rc::from_raw(data.cast::<Inner>().cast_const()) });
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        self.withdraw();
        fake_host::drop_waitable(self.inner.handle);
        assert_eq!(self.inner.registrations, self.inner.ended, "one end of each registration");
        assert_eq!(Rc::strong_count(&self.inner), 1, "nothing is registered");
    }
}

unsafe extern "C" fn ended(data: *mut c_void, code: u32) {
    // SAFETY: this is what was registered.
    let inner = unsafe { Rc::from_raw(data.cast::<Inner>().cast_const()) };
    assert!(inner.registered.replace(false), "called once for a registration");
    inner.ended.set(inner.ended.get() + 1);
    inner.code.set(Some(code));
    if let Some(waker) = inner.waker.take() {
        waker.wake();
    }
}

/// Calls `f` with the task that runs, as wit-bindgen's futures see it.
fn with_task<R>(f: impl FnOnce(&TaskV3) -> R) -> R {
    // SAFETY: what is set is put back, and the task that runs is one of this crate's.
    unsafe {
        let task = wasip3_task_set(ptr::null_mut());
        wasip3_task_set(task);
        let version = task.as_ref().expect("a task runs").version;
        assert_eq!(version, WITH_SPAWN);
        f(&*task.cast::<TaskV3>())
    }
}

/// As `wit_bindgen::spawn_local`.
pub(super) fn spawn(future: impl Future<Output = ()> + 'static) {
    with_task(|task| {
        let spawn = task.vtable.rust_spawn.expect("it is there");
        // SAFETY: both are of the task that runs.
        unsafe { spawn(task.v1.task, Box::new(future)) }
    });
}

/// Waits for a new operation as wit-bindgen's futures do: it is dropped out of the set when its callback was called.
pub(super) async fn wait_as_wit_bindgen(started: impl FnOnce(u32)) -> u32 {
    struct Wait {
        code: Option<u32>,
        waker: Option<Waker>,
    }
    unsafe extern "C" fn ended(data: *mut c_void, code: u32) {
        // SAFETY: the future below keeps it until this was called.
        let wait = unsafe { &mut *data.cast::<Wait>() };
        assert!(wait.code.replace(code).is_none(), "called once");
        wait.waker.take().expect("it was polled").wake();
    }
    let handle = fake_host::operation();
    started(handle);
    let wait = Box::into_raw(Box::new(Wait { code: None, waker: None }));
    let code = poll_fn(|cx| {
        // SAFETY: nobody else uses it meanwhile.
        let wait = unsafe { &mut *wait };
        if let Some(code) = wait.code {
            return Poll::Ready(code);
        }
        wait.waker = Some(cx.waker().clone());
        // SAFETY: the operation is in flight, and `wait` lives until it has ended: tests that use this cancel nothing.
        with_task(|task| unsafe { (task.vtable.v2.register)(task.v1.task, handle, ended, ptr::from_mut(wait).cast()) });
        Poll::Pending
    })
    .await;
    // SAFETY: the callback was called, so nobody has it any more.
    drop(unsafe { Box::from_raw(wait) });
    assert!(!fake_host::is_joined(handle), "it has left the set before");
    fake_host::drop_waitable(handle);
    code
}
