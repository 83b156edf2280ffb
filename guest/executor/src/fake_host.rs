//! A component-model host for tests: handles, sets, streams of units, and tasks that it begins and goes on with as wasmtime does.
//! Where the real one traps, this one panics. Each thread, and so each test, has its own.

#![expect(unsafe_code, reason = "stands for the host, which calls what is unsafe")]

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::ptr;

use crate::abi::TaskV1;
use crate::intrinsics::BLOCKED;
use crate::{callback, run, start_task};

const EVENT_NONE: u32 = 0;
const EVENT_STREAM_READ: u32 = 2;
const EVENT_CANCELLED: u32 = 6;
/// One item was moved.
const COMPLETED_ONE: u32 = 1 << 4;

thread_local! {
    /// Never dropped: executors that are kept drop what they have here when the thread ends.
    static HOST: &'static RefCell<Host> = Box::leak(Box::default());
}

/// Calls `f` with this thread's host. `f` runs nothing of the component's.
fn with_host<R>(f: impl FnOnce(&mut Host) -> R) -> R {
    HOST.with(|host| f(&mut host.borrow_mut()))
}

struct Host {
    waitables: BTreeMap<u32, Waitable>,
    sets: BTreeSet<u32>,
    /// Of each readable end, its writable one.
    streams: BTreeMap<u32, u32>,
    tasks: BTreeMap<usize, Task>,
    begun: usize,
    /// The slot of the task that runs.
    slot: *mut u8,
    current: *mut TaskV1,
    /// How many sets and streams were made.
    made: usize,
    /// How often a waitable was put into or out of a set.
    joins: usize,
}

#[derive(Default)]
struct Waitable {
    set: u32,
    in_flight: bool,
    event: Option<u32>,
}

struct Task {
    slot: *mut u8,
    state: TaskState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum TaskState {
    Yields,
    Waits(u32),
}

/// What is left in the host.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub(crate) struct Left {
    pub(crate) tasks: usize,
    pub(crate) sets: usize,
    pub(crate) streams: usize,
    /// Other than of streams.
    pub(crate) waitables: usize,
    pub(crate) made: usize,
    pub(crate) joins: usize,
}

impl Default for Host {
    fn default() -> Self {
        Self {
            waitables: BTreeMap::new(),
            sets: BTreeSet::new(),
            streams: BTreeMap::new(),
            tasks: BTreeMap::new(),
            begun: 0,
            slot: ptr::null_mut(),
            current: ptr::null_mut(),
            made: 0,
            joins: 0,
        }
    }
}

impl Host {
    /// The lowest handle that is free.
    fn handle(&self) -> u32 {
        let writable = self.streams.values().copied().collect::<BTreeSet<_>>();
        let used = |handle: &u32| {
            self.waitables.contains_key(handle) || self.sets.contains(handle) || writable.contains(handle)
        };
        (1..).find(|handle| !used(handle)).expect("there are enough")
    }

    fn waitable(&mut self, handle: u32) -> &mut Waitable {
        self.waitables.get_mut(&handle).unwrap_or_else(|| panic!("{handle} is no waitable"))
    }

    fn remove(&mut self, handle: u32) {
        let waitable = self.waitables.remove(&handle).unwrap_or_else(|| panic!("{handle} is no waitable"));
        assert_eq!(waitable.set, 0, "{handle} is dropped in a set");
        assert!(!waitable.in_flight && waitable.event.is_none(), "{handle} is dropped in use");
    }

    fn has_event(&self, set: u32) -> bool {
        self.waitables.values().any(|waitable| waitable.set == set && waitable.event.is_some())
    }

    /// Takes the event of the lowest handle in a set.
    fn take_event(&mut self, set: u32) -> Option<(u32, u32)> {
        let mut in_set = self.waitables.iter_mut().filter(|(_, waitable)| waitable.set == set);
        in_set.find_map(|(handle, waitable)| Some((*handle, waitable.event.take()?)))
    }

    fn end(&mut self, handle: u32, code: u32) {
        let waitable = self.waitable(handle);
        assert!(std::mem::take(&mut waitable.in_flight), "nothing of {handle} is in flight");
        waitable.event = Some(code);
    }

    fn can_go_on(&self, task: usize) -> bool {
        match self.tasks.get(&task).map(|task| task.state) {
            None => false,
            Some(TaskState::Yields) => true,
            Some(TaskState::Waits(set)) => self.has_event(set),
        }
    }
}

/// The functions of [`crate::intrinsics`].
pub(crate) mod intrinsics {
    use super::{BLOCKED, COMPLETED_ONE, EVENT_NONE, EVENT_STREAM_READ, TaskV1, Waitable, with_host};

    pub(crate) unsafe fn set_new() -> u32 {
        with_host(|host| {
            let set = host.handle();
            host.sets.insert(set);
            host.made += 1;
            set
        })
    }

    pub(crate) unsafe fn set_drop(set: u32) {
        with_host(|host| {
            assert!(host.sets.remove(&set), "{set} is no set");
            assert!(host.waitables.values().all(|waitable| waitable.set != set), "a set is dropped that is not empty");
            let waited_for = super::TaskState::Waits(set);
            assert!(host.tasks.values().all(|task| task.state != waited_for), "a set is dropped that a task waits for");
        });
    }

    pub(crate) unsafe fn set_poll(set: u32, event: *mut [u32; 2]) -> u32 {
        let taken = with_host(|host| {
            assert!(host.sets.contains(&set), "{set} is no set");
            host.take_event(set)
        });
        let Some((handle, code)) = taken else { return EVENT_NONE };
        // SAFETY: the caller's promise.
        unsafe { *event = [handle, code] };
        EVENT_STREAM_READ
    }

    pub(crate) unsafe fn join(waitable: u32, set: u32) {
        with_host(|host| {
            assert!(set == 0 || host.sets.contains(&set), "{set} is no set");
            host.joins += 1;
            host.waitable(waitable).set = set;
        });
    }

    pub(crate) unsafe fn context_get() -> *mut u8 {
        with_host(|host| host.slot)
    }

    pub(crate) unsafe fn context_set(value: *mut u8) {
        with_host(|host| host.slot = value);
    }

    pub(crate) unsafe fn unit_new() -> u64 {
        with_host(|host| {
            let readable = host.handle();
            host.waitables.insert(readable, Waitable::default());
            let writable = host.handle();
            host.streams.insert(readable, writable);
            host.made += 1;
            u64::from(writable) << 32 | u64::from(readable)
        })
    }

    pub(crate) unsafe fn unit_read(stream: u32, _: *mut u8, count: usize) -> u32 {
        with_host(|host| {
            let waitable = host.waitable(stream);
            assert!(
                !waitable.in_flight && waitable.event.is_none() && count == 1,
                "a read of {stream} that may not begin"
            );
            waitable.in_flight = true;
            BLOCKED
        })
    }

    pub(crate) unsafe fn unit_write(stream: u32, _: *const u8, _: usize) -> u32 {
        with_host(|host| {
            let readable =
                host.streams.iter().find_map(|(readable, writable)| (*writable == stream).then_some(*readable));
            host.end(readable.expect("it is the writable end of a stream"), COMPLETED_ONE);
            COMPLETED_ONE
        })
    }

    pub(crate) unsafe fn unit_cancel_read(stream: u32) -> u32 {
        with_host(|host| {
            let waitable = host.waitable(stream);
            let in_flight = std::mem::take(&mut waitable.in_flight);
            waitable.event.take().or_else(|| in_flight.then_some(2)).expect("a read is in flight")
        })
    }

    pub(crate) unsafe fn unit_drop_readable(stream: u32) {
        with_host(|host| {
            assert!(host.streams.remove(&stream).is_some(), "{stream} is no stream");
            host.remove(stream);
        });
    }

    /// The handle goes with the readable end, which is dropped next.
    pub(crate) unsafe fn unit_drop_writable(stream: u32) {
        with_host(|host| assert!(host.streams.values().any(|writable| *writable == stream)));
    }

    pub(crate) unsafe fn wasip3_task_set(task: *mut TaskV1) -> *mut TaskV1 {
        with_host(|host| std::mem::replace(&mut host.current, task))
    }
}

/// A waitable with an operation in flight.
pub(crate) fn operation() -> u32 {
    with_host(|host| {
        let handle = host.handle();
        host.waitables.insert(handle, Waitable { in_flight: true, ..Waitable::default() });
        handle
    })
}

/// Begins the next operation of a waitable.
pub(crate) fn operate(handle: u32) {
    with_host(|host| {
        let waitable = host.waitable(handle);
        assert!(!waitable.in_flight && waitable.event.is_none(), "an operation of {handle} that may not begin");
        waitable.in_flight = true;
    });
}

/// Ends the operation of a waitable with `code`, if one is in flight. Returns whether one was.
pub(crate) fn finish(handle: u32, code: u32) -> bool {
    with_host(|host| {
        let in_flight = host.waitables.get(&handle).is_some_and(|waitable| waitable.in_flight);
        if in_flight {
            host.end(handle, code);
        }
        in_flight
    })
}

/// Gives up the operation of a waitable, and drops it.
pub(crate) fn drop_waitable(handle: u32) {
    with_host(|host| {
        let waitable = host.waitable(handle);
        waitable.in_flight = false;
        waitable.event = None;
        host.remove(handle);
    });
}

/// Whether a waitable is in a set.
pub(crate) fn is_joined(handle: u32) -> bool {
    with_host(|host| host.waitable(handle).set != 0)
}

/// Begins a task as the host begins a program. Returns its number.
pub(crate) fn begin(root: impl Future<Output = ()> + 'static) -> usize {
    // SAFETY: this is the host.
    enter(None, ptr::null_mut(), || unsafe { run(root) })
}

/// Begins a task as another component's call of an export does. Returns its number.
pub(crate) fn call(root: impl Future<Output = ()> + 'static) -> usize {
    // SAFETY: this is the host.
    enter(None, ptr::null_mut(), || unsafe { start_task(root) }.cast_unsigned())
}

/// Goes on with a task: with the event of the lowest handle that it waits for, or after it has yielded. Returns whether it could.
pub(crate) fn go_on(task: usize) -> bool {
    let event = with_host(|host| {
        host.can_go_on(task).then(|| match host.tasks[&task].state {
            TaskState::Yields => (EVENT_NONE, 0, 0),
            TaskState::Waits(set) => {
                let (handle, code) = host.take_event(set).expect("it can go on");
                (EVENT_STREAM_READ, handle, code)
            }
        })
    });
    event.map(|event| resume(task, event)).is_some()
}

/// Goes on with a task by telling it that it is cancelled, if it has not ended.
pub(crate) fn cancel(task: usize) {
    if is_running(task) {
        resume(task, (EVENT_CANCELLED, 0, 0));
    }
}

/// Whether a task has not ended.
pub(crate) fn is_running(task: usize) -> bool {
    with_host(|host| host.tasks.contains_key(&task))
}

/// Whether a task has yielded.
pub(crate) fn yields(task: usize) -> bool {
    with_host(|host| host.tasks.get(&task).is_some_and(|task| task.state == TaskState::Yields))
}

/// The tasks that can go on.
pub(crate) fn ready_tasks() -> Vec<usize> {
    with_host(|host| host.tasks.keys().copied().filter(|task| host.can_go_on(*task)).collect())
}

/// Goes on with tasks in turn until none can go on.
pub(crate) fn settle() {
    for _ in 0..10_000 {
        let ready = ready_tasks();
        if ready.is_empty() {
            return;
        }
        for task in ready {
            go_on(task);
        }
    }
    panic!("tasks go on without an end");
}

/// What is left now.
pub(crate) fn left() -> Left {
    with_host(|host| Left {
        tasks: host.tasks.len(),
        sets: host.sets.len(),
        streams: host.streams.len(),
        waitables: host.waitables.len() - host.streams.len(),
        made: host.made,
        joins: host.joins,
    })
}

fn resume(task: usize, (event, handle, code): (u32, u32, u32)) {
    let slot = with_host(|host| host.tasks.remove(&task).expect("it runs").slot);
    // SAFETY: this is the host, and the task has not exited.
    enter(Some(task), slot, || unsafe { callback(event, handle, code) });
}

/// Runs the component's code for a task, a new one if there is none.
fn enter(task: Option<usize>, slot: *mut u8, code: impl FnOnce() -> u32) -> usize {
    with_host(|host| {
        assert!(host.current.is_null(), "no task runs");
        host.slot = slot;
    });
    let code = code();
    with_host(|host| {
        assert!(host.current.is_null(), "the task has left");
        let task = task.unwrap_or_else(|| {
            host.begun += 1;
            host.begun
        });
        let state = match code & 0xf {
            0 => return task,
            1 => TaskState::Yields,
            2 => TaskState::Waits(code >> 4),
            _ => panic!("{code} is no code of a callback"),
        };
        if let TaskState::Waits(set) = state {
            assert!(host.sets.contains(&set), "{set} is no set");
        }
        host.tasks.insert(task, Task { slot: host.slot, state });
        task
    })
}
