//! A component-model task that runs futures.
//!
//! One turn: the event that the host brings is told, then futures that are ready are polled until none is. A turn that would go
//! on ends after some of them without a new event, so that the host gets its own and others theirs.

#![expect(unsafe_code, reason = "is called by the host, and by wit-bindgen's futures through their C interface")]

use std::ffi::c_void;
use std::future::Future;
use std::pin::Pin;
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Waker};
use std::{cell::RefCell, mem::ManuallyDrop};

use slab::Slab;

use crate::abi::{Callback, TaskV1, TaskV3, VtableV2, VtableV3, WITH_SPAWN};
use crate::intrinsics::{context_get, context_set, wasip3_task_set};
use crate::run_queue::{FutureWaker, RunQueue};
use crate::waitables::Waitables;

/// After how many turns all events that are there are taken in one, so that those of high handles are not left behind.
const TURNS: u32 = 8;
/// How many rounds a turn may have before the host gets its own.
const ROUNDS: u32 = 16;
/// How many futures are polled in a round that no event has woken. The host notices what has happened outside only in its turn, one event each time: with
/// many futures that always have something to do, whoever waits for the host would wait for all of them.
const ROUND: usize = 8;

const EVENT_NONE: u32 = 0;
const EVENT_CANCELLED: u32 = 6;

type BoxFuture = Pin<Box<dyn Future<Output = ()>>>;

/// What futures reach of their executor.
struct Shared {
    waitables: Waitables,
    spawned: RefCell<Vec<BoxFuture>>,
}

struct Entry {
    future: BoxFuture,
    waker: Waker,
    woken: Arc<FutureWaker>,
}

struct Executor {
    shared: Rc<Shared>,
    /// What futures are told of this task.
    task: Box<TaskV3>,
    queue: Arc<RunQueue>,
    futures: Slab<Entry>,
    /// Until it has answered or was cancelled.
    root: Option<usize>,
    /// What is being polled; kept for its memory.
    round: Vec<usize>,
    /// Turns since all events were taken.
    turns: u32,
}

/// What the host is to do next.
enum Next {
    Exit,
    Yield,
    Wait(u32),
}

impl Next {
    fn encode(&self) -> u32 {
        match self {
            Self::Exit => 0,
            Self::Yield => 1,
            Self::Wait(set) => 2 | set << 4,
        }
    }
}

/// Begins an asynchronous export: `root` answers it, and what is spawned meanwhile may go on after that. The code for the
/// host is returned; events go to [`callback`].
///
/// # Safety
/// Called by the host as the beginning of a task that is lifted with [`callback`].
pub unsafe fn run(root: impl Future<Output = ()> + 'static) -> u32 {
    let queue = Arc::new(RunQueue::default());
    // SAFETY: the caller's promise.
    let waitables = unsafe { Waitables::new() };
    let shared = Rc::new(Shared { waitables, spawned: RefCell::default() });
    let task = Box::new(TaskV3 {
        v1: TaskV1 {
            version: WITH_SPAWN,
            task: Rc::as_ptr(&shared).cast_mut().cast(),
            register: VTABLE.v2.register,
            unregister: VTABLE.v2.unregister,
        },
        vtable: &VTABLE,
    });
    let futures = Slab::new();
    let mut executor = Box::new(Executor { shared, task, queue, futures, root: None, round: Vec::new(), turns: 0 });
    executor.root = Some(executor.add(Box::pin(root)));
    // SAFETY: the slot belongs to this task, which has just begun.
    unsafe {
        context_set(Box::into_raw(executor).cast());
        callback(EVENT_NONE, 0, 0)
    }
}

/// Goes on with a task that [`run`] has begun.
///
/// # Safety
/// Called by the host for such a task.
pub unsafe fn callback(event: u32, waitable: u32, code: u32) -> u32 {
    // SAFETY: the slot of such a task holds what `run` has put there until the task exits.
    let mut executor = ManuallyDrop::new(unsafe { Box::from_raw(context_get().cast::<Executor>()) });
    let next = executor.turn(event, waitable, code);
    if let Next::Exit = next {
        drop(ManuallyDrop::into_inner(executor));
    }
    next.encode()
}

impl Executor {
    fn turn(&mut self, event: u32, waitable: u32, code: u32) -> Next {
        let _entered = Entered::new(&mut self.task);
        self.queue.begin();
        match event {
            EVENT_NONE => {}
            EVENT_CANCELLED => {
                if let Some(root) = self.root.take() {
                    self.futures.try_remove(root);
                }
            }
            _ => self.deliver(waitable, code),
        }
        self.turns += 1;
        let mut rounds = 0;
        let mut left = ROUND;
        loop {
            left -= self.poll_ready(left);
            if self.queue.is_empty() {
                // What is there is told now and then; between, the host brings it event by event.
                if self.turns >= TURNS && rounds < ROUNDS && self.take_events() {
                    rounds += 1;
                    continue;
                }
                self.turns %= TURNS;
                if self.futures.is_empty() && self.shared.waitables.is_empty() {
                    return Next::Exit;
                }
                let set = self.shared.waitables.set();
                self.queue.rest(set);
                return Next::Wait(set);
            }
            if left == 0 {
                // Events are taken only if what they wake is polled in this turn.
                if rounds >= ROUNDS || !self.take_events() {
                    return Next::Yield;
                }
                rounds += 1;
                left = ROUND;
            }
        }
    }

    /// Tells all events that are there; whether there were any.
    fn take_events(&mut self) -> bool {
        let mut any = false;
        while let Some((waitable, code)) = self.shared.waitables.poll() {
            self.deliver(waitable, code);
            any = true;
        }
        any
    }

    fn deliver(&self, waitable: u32, code: u32) {
        if !self.queue.takes_event(waitable) {
            self.queue.tell(|| self.shared.waitables.deliver(waitable, code));
        }
    }

    /// Polls all futures that an event has woken, and at most `count` of the others, those that have been ready for longest;
    /// each once. Gives how many of the others.
    fn poll_ready(&mut self, count: usize) -> usize {
        let mut round = std::mem::take(&mut self.round);
        let others = self.queue.take(count, &mut round);
        for key in round.drain(..) {
            let Some(entry) = self.futures.get_mut(key) else { continue };
            entry.woken.queued.store(false, Ordering::Relaxed);
            let polled = entry.future.as_mut().poll(&mut Context::from_waker(&entry.waker));
            if polled.is_ready() {
                self.futures.remove(key);
                if self.root == Some(key) {
                    self.root = None;
                }
            }
            for future in self.shared.spawned.take() {
                self.add(future);
            }
        }
        self.round = round;
        others
    }

    fn add(&mut self, future: BoxFuture) -> usize {
        let vacant = self.futures.vacant_entry();
        let key = vacant.key();
        let woken = FutureWaker::woken(key, &self.queue);
        vacant.insert(Entry { future, waker: Waker::from(Arc::clone(&woken)), woken });
        key
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        self.queue.end();
    }
}

/// The task is the one that runs now as long as this lives.
struct Entered {
    before: *mut TaskV1,
}

impl Entered {
    fn new(task: &mut Box<TaskV3>) -> Self {
        // SAFETY: the task stays where it is longer than this lives, and dropping this puts back what was there before.
        Self { before: unsafe { wasip3_task_set(ptr::from_mut(&mut **task).cast()) } }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        // SAFETY: what was the task before is so again.
        unsafe { wasip3_task_set(self.before) };
    }
}

static VTABLE: VtableV3 =
    VtableV3 { v2: VtableV2 { register, unregister, clone, drop: release }, rust_spawn: Some(spawn) };

/// The waitables of `task` if it is one of this executor's.
pub(crate) fn ours(task: *mut c_void, vtable: &VtableV2) -> Option<&Waitables> {
    // SAFETY: with this vtable, `task` is a `Shared` that whoever has a `Task` keeps alive.
    ptr::eq(vtable, &VTABLE.v2).then(|| unsafe { &(*task.cast::<Shared>()).waitables })
}

unsafe extern "C" fn register(task: *mut c_void, waitable: u32, callback: Callback, told: *mut c_void) -> *mut c_void {
    // SAFETY: the interface's promise: `task` is what `Entered` or `clone` gave, and alive.
    unsafe { &*task.cast::<Shared>() }.waitables.register(waitable, callback, told, false)
}

unsafe extern "C" fn unregister(task: *mut c_void, waitable: u32) -> *mut c_void {
    // SAFETY: as in `register`.
    unsafe { &*task.cast::<Shared>() }.waitables.unregister(waitable)
}

unsafe extern "C" fn clone(task: *mut c_void) -> *mut c_void {
    // SAFETY: as in `register`; the pointer came from an `Rc`.
    unsafe { Rc::increment_strong_count(task.cast_const().cast::<Shared>()) };
    task
}

unsafe extern "C" fn release(task: *mut c_void) {
    // SAFETY: the interface's promise: this is what `clone` gave, once.
    unsafe { Rc::decrement_strong_count(task.cast_const().cast::<Shared>()) };
}

unsafe fn spawn(task: *mut c_void, future: Box<dyn Future<Output = ()>>) {
    // SAFETY: as in `register`.
    unsafe { &*task.cast::<Shared>() }.spawned.borrow_mut().push(Pin::from(future));
}
