//! Tasks in every order of what may happen to them.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

use proptest::collection::vec;
use proptest::prelude::*;

use super::operation::{Operation, spawn, wait_as_wit_bindgen};
use crate::fake_host::{self, begin, call, finish, go_on, is_running, left, ready_tasks, settle};
use crate::give_way;

/// How many bells there are.
const BELLS: usize = 3;

/// What a future does next.
#[derive(Clone, Debug)]
enum Step {
    /// Waits for an operation of its own so many times.
    Operate(u8),
    /// Waits for an operation as wit-bindgen's futures do, which must not be cancelled here: in a future of its own.
    OperateAsWitBindgen,
    /// Waits until the bell is rung again.
    Hear(usize),
    Ring(usize),
    GiveWay,
    /// Wakes itself.
    WakeItself,
    Spawn(Vec<Self>),
}

/// What happens next.
#[derive(Clone, Debug)]
enum Action {
    Begin(Vec<Step>),
    Call(Vec<Step>),
    /// An operation ends.
    Finish(prop::sample::Index),
    /// A task goes on.
    GoOn(prop::sample::Index),
    Cancel(prop::sample::Index),
    /// Rung by a task that ends at once.
    Ring(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        (1..4u8).prop_map(Step::Operate),
        Just(Step::OperateAsWitBindgen),
        (0..BELLS).prop_map(Step::Hear),
        (0..BELLS).prop_map(Step::Ring),
        Just(Step::GiveWay),
        Just(Step::WakeItself),
    ];
    vec(leaf.prop_recursive(3, 24, 6, |step| vec(step, 0..6).prop_map(Step::Spawn)), 0..6)
}

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        2 => steps().prop_map(Action::Begin),
        2 => steps().prop_map(Action::Call),
        4 => any::<prop::sample::Index>().prop_map(Action::Finish),
        6 => any::<prop::sample::Index>().prop_map(Action::GoOn),
        1 => any::<prop::sample::Index>().prop_map(Action::Cancel),
        1 => (0..BELLS).prop_map(Action::Ring),
    ]
}

/// What all futures share.
#[derive(Default)]
struct World {
    bells: [Bell; BELLS],
    /// Handles with an operation in flight, or not any more.
    operations: RefCell<Vec<u32>>,
    /// Futures that were woken since they were polled last, and live.
    woken: RefCell<Vec<Arc<Woken>>>,
    alive: Cell<usize>,
}

#[derive(Default)]
struct Bell {
    rung: Cell<u32>,
    wakers: RefCell<Vec<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.rung.set(self.rung.get() + 1);
        self.wakers.take().into_iter().for_each(Waker::wake);
    }
}

/// A waker that remembers whether it was called since the future was polled.
struct Woken {
    called: AtomicBool,
    inner: Mutex<Waker>,
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.called.store(true, Ordering::Relaxed);
        self.inner.lock().expect("nobody panics").wake_by_ref();
    }
}

/// A future that is watched: it must not be polled once it has ended.
struct Watched {
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    woken: Arc<Woken>,
    world: Rc<World>,
}

impl Watched {
    fn new(world: &Rc<World>, steps: Vec<Step>) -> Self {
        let woken = Arc::new(Woken { called: AtomicBool::new(true), inner: Mutex::new(Waker::noop().clone()) });
        world.woken.borrow_mut().push(Arc::clone(&woken));
        world.alive.set(world.alive.get() + 1);
        Self { future: Some(Box::pin(follow(Rc::clone(world), steps))), woken, world: Rc::clone(world) }
    }
}

impl Future for Watched {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.woken.called.store(false, Ordering::Relaxed);
        self.woken.inner.lock().expect("nobody panics").clone_from(cx.waker());
        let waker = Waker::from(Arc::clone(&self.woken));
        let future = self.future.as_mut().expect("it is not polled after its end");
        let polled = future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.future = None;
        self.world.alive.set(self.world.alive.get() - 1);
        self.world.woken.borrow_mut().retain(|woken| !Arc::ptr_eq(woken, &self.woken));
    }
}

async fn follow(world: Rc<World>, steps: Vec<Step>) {
    for step in steps {
        match step {
            Step::Operate(times) => {
                let operation = Operation::new();
                world.operations.borrow_mut().push(operation.handle());
                for time in 1..=times {
                    assert_eq!(operation.wait().await, operation.handle());
                    if time < times {
                        fake_host::operate(operation.handle());
                    }
                }
                world.operations.borrow_mut().retain(|handle| *handle != operation.handle());
            }
            Step::OperateAsWitBindgen => {
                let world = Rc::clone(&world);
                spawn(async move {
                    let mut own = 0;
                    let started = |handle| {
                        own = handle;
                        world.operations.borrow_mut().push(handle);
                    };
                    let code = wait_as_wit_bindgen(started).await;
                    assert_eq!(code, own);
                    world.operations.borrow_mut().retain(|handle| *handle != own);
                });
            }
            Step::Hear(bell) => {
                let bell = &world.bells[bell];
                let before = bell.rung.get();
                poll_fn(|cx| {
                    if bell.rung.get() > before {
                        return Poll::Ready(());
                    }
                    bell.wakers.borrow_mut().push(cx.waker().clone());
                    Poll::Pending
                })
                .await;
            }
            Step::Ring(bell) => world.bells[bell].ring(),
            Step::GiveWay => once(|waker| assert!(give_way(waker))).await,
            Step::WakeItself => once(Waker::wake_by_ref).await,
            Step::Spawn(steps) => spawn(Watched::new(&world, steps)),
        }
    }
}

/// Is pending once, and calls `wake` with its waker then.
async fn once(mut wake: impl FnMut(&Waker)) {
    let mut passed = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut passed, true) {
            return Poll::Ready(());
        }
        wake(cx.waker());
        Poll::Pending
    })
    .await;
}

fn finish_one(world: &World, index: &prop::sample::Index) {
    let handle = {
        let operations = world.operations.borrow();
        if operations.is_empty() {
            return;
        }
        *index.get(&operations)
    };
    // Of cancelled futures the handle may be gone.
    finish(handle, handle);
}

fn act(world: &Rc<World>, tasks: &mut Vec<usize>, action: Action) {
    match action {
        Action::Begin(steps) => tasks.push(begin(Watched::new(world, steps))),
        Action::Call(steps) => tasks.push(call(Watched::new(world, steps))),
        Action::Finish(index) => finish_one(world, &index),
        Action::GoOn(index) => {
            let ready = ready_tasks();
            if !ready.is_empty() {
                go_on(*index.get(&ready));
            }
        }
        Action::Cancel(index) => {
            if !tasks.is_empty() {
                fake_host::cancel(*index.get(tasks));
            }
        }
        Action::Ring(bell) => {
            let world = Rc::clone(world);
            begin(async move { world.bells[bell].ring() });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_woken_future_is_polled_and_nothing_is_left(actions in vec(action(), 0..60)) {
        let world = Rc::<World>::default();
        let mut tasks = Vec::new();
        for action in actions {
            act(&world, &mut tasks, action);
        }
        settle();
        // Now whatever is waited for happens, as often as anybody waits.
        for _ in 0..10_000 {
            let woken = world.woken.borrow().iter().any(|woken| woken.called.load(Ordering::Relaxed));
            prop_assert!(!woken, "a future was woken and not polled");
            if world.alive.get() == 0 && tasks.iter().all(|task| !is_running(*task)) {
                break;
            }
            let operations = world.operations.borrow().clone();
            operations.into_iter().for_each(|handle| _ = finish(handle, handle));
            let bells = Rc::clone(&world);
            begin(async move { bells.bells.iter().for_each(Bell::ring) });
            settle();
        }
        prop_assert_eq!(world.alive.get(), 0, "futures wait for what has happened");
        let left = left();
        prop_assert_eq!((left.tasks, left.waitables), (0, 0));
        prop_assert!(left.sets <= 64 && left.streams <= left.sets, "sets and streams are used again: {:?}", left);
    }
}
