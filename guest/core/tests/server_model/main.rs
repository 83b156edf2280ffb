//! A server in every order of what can happen to it, against a model that is too simple to be wrong. As `connection_model`, whose
//! variable `WASYNCIO_MODEL_CASES` says here, too, how many orders are tried.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use wasyncio_core::address::SocketAddress;
use wasyncio_core::extra_info::{Addresses, ExtraInfo};
use wasyncio_core::scripted::{ListeningSocket, Manner, ScriptedRuntime, Wire};
use wasyncio_core::transport::{Capabilities, Halves};
use wasyncio_core::{Client, Membership, Result, Server, StreamReader, StreamWriter};

mod steps;

use steps::{Step, script};

const CASES: u32 = 5_000;
const MOST_ROUNDS: usize = 10_000;

#[derive(Default)]
struct Sleeper(AtomicBool);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Accept,
    AcceptHalves,
    StartServing,
    WaitClosed,
}

enum Answer {
    Accepted(Result<(StreamReader, StreamWriter)>),
    Halves(Result<Vec<Halves>>),
    Nothing(Result<()>),
}

struct Waiter {
    call: Call,
    future: Pin<Box<dyn Future<Output = Answer>>>,
    sleeper: Arc<Sleeper>,
}

impl Waiter {
    fn poll(&mut self) -> Poll<Answer> {
        self.sleeper.0.store(false, Ordering::Relaxed);
        self.future.as_mut().poll(&mut Context::from_waker(&Waker::from(self.sleeper.clone())))
    }
}

/// A connection whose life is elsewhere, as of `accept_halves`.
#[derive(Default)]
struct Elsewhere(AtomicBool);

impl Client for Elsewhere {
    fn close(self: Rc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn abort(self: Rc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// What the program holds of a connection.
enum Held {
    Pair { _reader: StreamReader, writer: StreamWriter },
    Parts { _halves: Halves, client: Rc<Elsewhere>, _membership: Membership },
}

struct World {
    runtime: &'static ScriptedRuntime,
    sockets: Vec<ListeningSocket>,
    server: Rc<Server>,
    wires: HashMap<u16, Wire>,
    waiters: Vec<Waiter>,
    gone: Vec<Arc<Sleeper>>,
    /// Who waits at each socket, by port: the first has come first.
    queues: Vec<VecDeque<u16>>,
    ended: Vec<bool>,
    /// How often the first of a queue was passed over, beside those that the server had accepted before it was the first.
    passed_over: Vec<isize>,
    listen_held: Vec<bool>,
    close_held: Vec<bool>,
    held: Vec<Held>,
    next_port: u16,
    closed: bool,
}

impl World {
    fn new(runtime: &'static ScriptedRuntime, count: usize) -> Self {
        let mut listeners = Vec::new();
        let mut sockets = Vec::new();
        for number in 0..count {
            let address = SocketAddress::Ip(SocketAddr::from(([192, 0, 2, 1], number as u16 + 1)));
            let (socket, listener) = ListeningSocket::new(runtime, address);
            sockets.push(socket);
            listeners.push(listener);
        }
        Self {
            runtime,
            sockets,
            server: Rc::new(Server::new(runtime, listeners, 100)),
            wires: HashMap::new(),
            waiters: Vec::new(),
            gone: Vec::new(),
            queues: vec![VecDeque::new(); count],
            ended: vec![false; count],
            passed_over: vec![0; count],
            listen_held: vec![false; count],
            close_held: vec![false; count],
            held: Vec::new(),
            next_port: 1000,
            closed: false,
        }
    }

    fn start(&mut self, call: Call) {
        let server = self.server.clone();
        let future: Pin<Box<dyn Future<Output = Answer>>> = match call {
            Call::Accept => Box::pin(async move { Answer::Accepted(server.accept().await) }),
            Call::AcceptHalves => Box::pin(async move { Answer::Halves(server.accept_halves().await) }),
            Call::StartServing => Box::pin(async move { Answer::Nothing(server.start_serving().await) }),
            Call::WaitClosed => Box::pin(async move {
                server.wait_closed().await;
                Answer::Nothing(Ok(()))
            }),
        };
        let mut waiter = Waiter { call, future, sleeper: Arc::default() };
        match waiter.poll() {
            Poll::Ready(answer) => self.has_answered(waiter, answer),
            Poll::Pending => self.waiters.push(waiter),
        }
    }

    fn has_answered(&mut self, waiter: Waiter, answer: Answer) {
        let call = waiter.call;
        drop(waiter.future);
        self.gone.push(waiter.sleeper);
        match answer {
            Answer::Accepted(Ok((reader, writer))) => {
                self.accepted(writer.get_extra_info("peername"));
                self.held.push(Held::Pair { _reader: reader, writer });
            }
            Answer::Halves(Ok(accepted)) => {
                assert!(!accepted.is_empty(), "nothing was accepted");
                for halves in accepted {
                    self.accepted(halves.info.get("peername"));
                    let client = Rc::new(Elsewhere::default());
                    let weak: Weak<dyn Client> = Rc::downgrade(&(client.clone() as Rc<dyn Client>));
                    let membership = self.server.join(weak);
                    self.held.push(Held::Parts { _halves: halves, client, _membership: membership });
                }
            }
            Answer::Accepted(Err(error)) | Answer::Halves(Err(error)) => {
                let ended = self.ended.iter().all(|ended| *ended) && self.queues.iter().all(VecDeque::is_empty);
                assert!(self.closed || ended, "{call:?} of an open server fails: {error}");
            }
            Answer::Nothing(result) if call == Call::StartServing => {
                assert_eq!(result.is_err(), self.closed, "start_serving");
            }
            Answer::Nothing(_) => assert!(self.closed && self.held.is_empty(), "wait_closed has ended early"),
        }
    }

    /// The first of one of the queues was accepted, once, and nobody else is passed over again and again.
    fn accepted(&mut self, peername: Option<ExtraInfo>) {
        let peer = peername.as_ref().and_then(ExtraInfo::as_address).expect("it is known").port();
        let from = self.queues.iter().position(|queue| queue.front() == Some(&peer));
        let from = from.unwrap_or_else(|| panic!("{peer} is not the next of a queue: {:?}", self.queues));
        self.queues[from].pop_front();
        self.passed_over[from] = -self.in_hand();
        for other in 0..self.queues.len() {
            if other != from && !self.queues[other].is_empty() {
                self.passed_over[other] += 1;
                let count = self.passed_over[other];
                assert!(
                    count < self.queues.len().cast_signed(),
                    "a socket with a waiting connection is passed over {count} times"
                );
            }
        }
    }

    /// How many connections the server has accepted and given to nobody yet.
    fn in_hand(&self) -> isize {
        let count = |(queue, socket): (&VecDeque<u16>, &ListeningSocket)| queue.len().saturating_sub(socket.waiting());
        self.queues.iter().zip(&self.sockets).map(count).sum::<usize>().cast_signed()
    }

    fn rest(&mut self) {
        for _ in 0..MOST_ROUNDS {
            let mut ran = self.runtime.run_ready();
            let mut at = 0;
            while at < self.waiters.len() {
                if !self.waiters[at].sleeper.0.load(Ordering::Relaxed) {
                    at += 1;
                    continue;
                }
                ran = true;
                match self.waiters[at].poll() {
                    Poll::Ready(answer) => {
                        let waiter = self.waiters.remove(at);
                        self.has_answered(waiter, answer);
                    }
                    Poll::Pending => at += 1,
                }
            }
            if !ran && !self.runtime.turn() && !self.runtime.flush() {
                return;
            }
        }
        panic!("the program never rests");
    }

    fn step(&mut self, step: &Step) {
        let count = self.sockets.len();
        match step {
            Step::Accept => self.start(Call::Accept),
            Step::AcceptHalves => self.start(Call::AcceptHalves),
            Step::StartServing => self.start(Call::StartServing),
            Step::WaitClosed => self.start(Call::WaitClosed),
            Step::Cancel(number) if *number < self.waiters.len() => {
                let waiter = self.waiters.remove(*number);
                drop(waiter.future);
                self.gone.push(waiter.sleeper);
            }
            Step::Close => {
                self.server.close();
                self.closed = true;
                self.queues.iter_mut().for_each(VecDeque::clear);
            }
            Step::CloseClients | Step::AbortClients => {
                if matches!(step, Step::CloseClients) {
                    self.server.close_clients()
                } else {
                    self.server.abort_clients()
                }
                for held in &self.held {
                    match held {
                        Held::Pair { writer, .. } => assert!(writer.is_closing()),
                        Held::Parts { client, .. } => assert!(client.0.load(Ordering::Relaxed)),
                    }
                }
                // The server's own connections are gone by the next rest, although the program still holds them.
                let (own, elsewhere) =
                    self.held.drain(..).partition::<Vec<_>, _>(|held| matches!(held, Held::Pair { .. }));
                self.held = elsewhere;
                self.rest();
                drop(own);
            }
            Step::DropClient(number) if *number < self.held.len() => drop(self.held.remove(*number)),
            Step::Connects(socket) if *socket < count && !self.closed && !self.ended[*socket] => {
                let port = self.next_port;
                self.next_port += 1;
                let peername = Some(SocketAddress::Ip(SocketAddr::from(([192, 0, 2, 2], port))));
                let addresses = Addresses { peername, ..Addresses::default() };
                let (wire, halves) = Wire::new(self.runtime, Manner::default(), Capabilities::default(), addresses);
                self.wires.insert(port, wire);
                self.queues[*socket].push_back(port);
                if self.queues[*socket].len() == 1 {
                    self.passed_over[*socket] = -self.in_hand();
                }
                self.sockets[*socket].connects(halves);
            }
            Step::Ends(socket) if *socket < count => {
                self.ended[*socket] = true;
                self.sockets[*socket].ends();
            }
            Step::ListenIsHeld(socket, held) if *socket < count => {
                self.listen_held[*socket] = *held;
                self.sockets[*socket].holds_listen(*held);
            }
            Step::CloseIsHeld(socket, held) if *socket < count => {
                self.close_held[*socket] = *held;
                self.sockets[*socket].holds_close(*held);
            }
            _ => {}
        }
    }

    fn check(&mut self) {
        self.check_forgotten();
        for at in 0..self.waiters.len() {
            let before = std::mem::take(&mut self.waiters[at].sleeper);
            self.gone.push(before);
            assert!(self.waiters[at].poll().is_pending(), "{:?} could go on and was not woken", self.waiters[at].call);
        }
        self.rest();
        self.check_forgotten();
        let listens = self.sockets.iter().all(ListeningSocket::is_listening);
        assert!(self.closed || !self.server.is_serving() || listens, "the server serves, and not all sockets listen");
        assert_eq!(self.server.sockets().len(), if self.closed { 0 } else { self.sockets.len() });
        let starting = !self.server.is_serving() && self.listen_held.iter().any(|held| *held);
        let waiting = self.queues.iter().any(|queue| !queue.is_empty());
        let ended = self.ended.iter().all(|ended| *ended);
        for waiter in &self.waiters {
            let reason = match waiter.call {
                Call::Accept | Call::AcceptHalves => !self.closed && (starting || (!waiting && !ended)),
                Call::StartServing => !self.closed && starting,
                Call::WaitClosed => !self.closed || !self.held.is_empty(),
            };
            assert!(reason, "{:?} waits for what is there", waiter.call);
        }
        let driven = self.waiters.iter().any(|waiter| waiter.call != Call::WaitClosed);
        let held = self.close_held.iter().any(|held| *held);
        for socket in &self.sockets {
            assert!(
                driven || (self.closed && held) || socket.registered() == 0,
                "nobody waits, and a socket is registered"
            );
            assert!(!self.closed || held || socket.is_dropped(), "a closed server keeps a socket");
        }
        if !(self.closed && held) {
            assert_eq!(self.runtime.tasks(), 0, "a task runs, and there is nothing to do");
        }
    }

    fn check_forgotten(&mut self) {
        for sleeper in self.gone.drain(..) {
            assert_eq!(Arc::strong_count(&sleeper), 1, "somebody who does not wait any more is still registered");
        }
        assert_eq!(self.runtime.leaked_wakers(), 0, "a task that has ended is still registered");
    }

    fn finish(&mut self) {
        self.step(&Step::Close);
        for socket in &self.sockets {
            socket.holds_close(false);
        }
        self.close_held.fill(false);
        self.rest();
        self.check();
        self.held.clear();
        self.rest();
        self.check();
        let left: Vec<_> = self.waiters.iter().map(|waiter| waiter.call).collect();
        assert!(left.is_empty(), "{left:?} wait for ever");
        for (port, wire) in &self.wires {
            assert_eq!(wire.holders(), 1, "the connection of {port} is kept");
        }
    }
}

thread_local!(static RUNTIME: &'static ScriptedRuntime = ScriptedRuntime::leaked());

#[test]
fn every_order_of_a_servers_life() {
    let cases = std::env::var("WASYNCIO_MODEL_CASES").map_or(CASES, |cases| cases.parse().expect("a number of cases"));
    let config = Config { cases, max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() };
    // Orders that fail panic, many times while one is shrunk: said once, in the end.
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let found = TestRunner::new(config).run(&script(), |(count, steps)| {
        let runtime = RUNTIME.with(|runtime| *runtime);
        runtime.reset();
        let mut world = World::new(runtime, count);
        for (step, rests) in &steps {
            world.step(step);
            if *rests {
                world.rest();
                world.check();
            }
        }
        world.rest();
        world.check();
        world.finish();
        Ok::<(), TestCaseError>(())
    });
    std::panic::set_hook(print);
    match found {
        Ok(()) => {}
        Err(TestError::Fail(reason, (count, steps))) => {
            let steps: String = steps
                .iter()
                .map(|(step, rests)| format!("    {step:?}{}\n", if *rests { "" } else { ", and at once" }))
                .collect();
            panic!("{reason}\n{count} listening sockets\n{steps}");
        }
        Err(error) => panic!("{error}"),
    }
}
