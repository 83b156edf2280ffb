//! `asyncio.Server`.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use crate::address::SocketAddress;
use crate::clients::{Client, Clients, Membership};
use crate::error::{Error, Result};
use crate::parts::open;
use crate::reader::StreamReader;
use crate::runtime::Runtime;
use crate::transport::{Halves, Listener};
use crate::waiters::Waiters;
use crate::writer::StreamWriter;

/// How many connections [`Server::accept_halves`] gives at most.
const ACCEPTED_AT_ONCE: usize = 64;

/// How many connections may be accepted in a row before listeners that have to be waited for get a turn: one that is flooded must
/// not starve the others.
const ACCEPTS_IN_A_ROW: usize = 4;

/// A set of listening sockets.
///
/// Dropping it closes it as [`close`](Self::close) does.
///
/// # asyncio
/// `asyncio.Server` of CPython 3.14, with [`accept`](Self::accept) in the place of the callback.
pub struct Server {
    runtime: &'static dyn Runtime,
    listeners: RefCell<Vec<Box<dyn Listener>>>,
    /// Whose turn it is to be asked first: none of them is served before the others again and again.
    first: Cell<usize>,
    /// Accepted, and not given to anybody yet.
    accepted: RefCell<VecDeque<Halves>>,
    /// How many were given in a row while other listeners had to be waited for.
    in_a_row: Cell<usize>,
    serving: Cell<bool>,
    closed: Cell<bool>,
    /// The system has closed all the listening sockets: whoever runs the program wants it to end.
    ended: Cell<bool>,
    /// Somebody is in `serve_forever`.
    serving_forever: Cell<bool>,
    /// One call drives the listeners; the others wait for their turn.
    driven: Cell<bool>,
    turns: Waiters,
    /// How to wake the call that drives the listeners, when the server is closed.
    driver: RefCell<Option<Waker>>,
    clients: Rc<Clients>,
    limit: usize,
}

impl Server {
    /// A server of bound sockets, which does not listen yet. `limit` is in bytes, above 0.
    pub fn new(runtime: &'static dyn Runtime, listeners: Vec<Box<dyn Listener>>, limit: usize) -> Self {
        Self {
            runtime,
            listeners: RefCell::new(listeners),
            first: Cell::default(),
            accepted: RefCell::default(),
            in_a_row: Cell::default(),
            serving: Cell::default(),
            closed: Cell::default(),
            ended: Cell::default(),
            serving_forever: Cell::default(),
            driven: Cell::default(),
            turns: Waiters::default(),
            driver: RefCell::default(),
            clients: Rc::default(),
            limit,
        }
    }

    /// Waits for the next connection. Starts to listen if the server does not yet.
    ///
    /// # Errors
    /// [`Error::Runtime`] if the server is closed, or its listening sockets have ended.
    ///
    /// # Cancel safety
    /// Yes: a connection that arrives meanwhile is there for the next call.
    pub async fn accept(&self) -> Result<(StreamReader, StreamWriter)> {
        let halves = self.accept_up_to(1).await?.pop().ok_or_else(closed)?;
        Ok(self.connected(halves))
    }

    /// As [`accept`](Self::accept), for whoever has asyncio's rules elsewhere: waits for connections and gives all that are there,
    /// as they are. Each counts as the server's as long as the membership of [`join`](Self::join) lives.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    ///
    /// # Cancel safety
    /// Yes.
    pub async fn accept_halves(&self) -> Result<Vec<Halves>> {
        self.accept_up_to(ACCEPTED_AT_ONCE).await
    }

    /// Counts `client` as one of the server's connections.
    pub fn join(&self, client: Weak<dyn Client>) -> Membership {
        self.clients.join(client)
    }

    async fn accept_up_to(&self, most: usize) -> Result<Vec<Halves>> {
        self.start_serving().await?;
        let _turn = self.turn().await?;
        poll_fn(|cx| self.poll_accept(cx, most)).await
    }

    /// Starts to listen, if the server was made without.
    ///
    /// # Errors
    /// [`Error::Runtime`] if the server is closed; [`Error::Os`] if the system refuses.
    ///
    /// # Cancel safety
    /// Yes: it can be called again.
    ///
    /// # asyncio
    /// `await server.start_serving()`.
    pub async fn start_serving(&self) -> Result<()> {
        // One call does it; the others wait until it has, or has failed and leaves it to them.
        let turn = self
            .turns
            .wait(|| (self.closed.get() || self.serving.get()).then_some(None).or_else(|| self.try_turn().map(Some)));
        let turn = turn.await;
        if self.closed.get() {
            return Err(closed());
        }
        if turn.is_some() {
            poll_fn(|cx| self.poll_listen(cx)).await?;
        }
        Ok(())
    }

    /// Listens, accepts until the server is closed or its listening sockets have ended, and runs `serve` for every connection,
    /// each beside the others; then waits until the connections are gone.
    ///
    /// # Errors
    /// [`Error::Runtime`] if the server is closed, or somebody is in here already; [`Error::Os`] if the system refuses.
    ///
    /// # Cancel safety
    /// Dropping the future closes the server, as cancelling does in asyncio.
    ///
    /// # asyncio
    /// `await server.serve_forever()` with the callback of `start_server`.
    pub async fn serve_forever<F: Future<Output = ()> + 'static>(
        &self,
        mut serve: impl FnMut(StreamReader, StreamWriter) -> F,
    ) -> Result<()> {
        let _serving = self.begin_serving_forever().await?;
        while !self.closed.get() {
            match self.accept_halves().await {
                Ok(accepted) => {
                    for halves in accepted {
                        let (reader, writer) = self.connected(halves);
                        self.runtime.spawn(Box::pin(serve(reader, writer)));
                    }
                }
                Err(_) if self.closed.get() => break,
                // Nothing more comes, which closing tells whoever waits for that.
                Err(_) if self.ended.get() => self.close(),
                Err(error) => return Err(error),
            }
        }
        self.wait_closed().await;
        Ok(())
    }

    /// As [`serve_forever`](Self::serve_forever), with the connections left to [`accept`](Self::accept) in other tasks.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// As there.
    pub async fn serve_until_closed(&self) -> Result<()> {
        let _serving = self.begin_serving_forever().await?;
        self.wait_closed().await;
        Ok(())
    }

    async fn begin_serving_forever(&self) -> Result<ServingForever<'_>> {
        if self.serving_forever.get() {
            let message = "server <Server> is already being awaited on serve_forever()";
            return Err(Error::Runtime(message.into()));
        }
        if self.closed.get() {
            return Err(closed());
        }
        self.serving_forever.set(true);
        let mut serving = ServingForever { server: self, closes: true };
        let started = self.start_serving().await;
        // A server that cannot listen yet may be able to later.
        serving.closes = started.is_ok();
        started.map(|()| serving)
    }

    /// Whether the server listens.
    ///
    /// # asyncio
    /// `server.is_serving()`.
    pub fn is_serving(&self) -> bool {
        self.serving.get()
    }

    /// The addresses that are listened on; empty once closed.
    ///
    /// # asyncio
    /// `[s.getsockname() for s in server.sockets]`.
    pub fn sockets(&self) -> Vec<SocketAddress> {
        self.listeners.borrow().iter().flat_map(|listener| listener.addresses()).collect()
    }

    /// Stops listening. Accepted connections go on.
    ///
    /// # asyncio
    /// `server.close()`.
    pub fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.serving.set(false);
        self.accepted.take();
        for mut listener in self.listeners.take() {
            // Who waits is told by `driver`.
            listener.withdraw();
            if let Some(ending) = listener.close() {
                self.runtime.spawn(ending);
            }
        }
        if let Some(driver) = self.driver.take() {
            driver.wake();
        }
        self.turns.wake();
        self.clients.gone().wake();
    }

    /// Waits until the server is closed and every connection that it accepted is gone.
    ///
    /// # Cancel safety
    /// Yes.
    ///
    /// # asyncio
    /// `await server.wait_closed()`, as of 3.12.
    pub async fn wait_closed(&self) {
        self.clients.gone().wait(|| (self.closed.get() && self.clients.is_empty()).then_some(())).await;
    }

    /// Closes every accepted connection that is still there.
    ///
    /// # asyncio
    /// `server.close_clients()`.
    pub fn close_clients(&self) {
        self.clients.each(Client::close);
    }

    /// Aborts every accepted connection that is still there.
    ///
    /// # asyncio
    /// `server.abort_clients()`.
    pub fn abort_clients(&self) {
        self.clients.each(Client::abort);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.close();
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").finish_non_exhaustive()
    }
}

fn closed() -> Error {
    // The sockets of a closed server are gone, so this is all that Python prints too.
    Error::Runtime("server <Server sockets=()> is closed".into())
}

impl Server {
    /// The right to drive the listeners. One call has it at a time, since a listener wakes one task; its end, also by
    /// cancellation, is the next one's turn.
    async fn turn(&self) -> Result<Turn<'_>> {
        let turn = self.turns.wait(|| self.closed.get().then_some(None).or_else(|| self.try_turn().map(Some))).await;
        turn.ok_or_else(closed)
    }

    fn try_turn(&self) -> Option<Turn<'_>> {
        (!self.driven.replace(true)).then(|| Turn(self))
    }

    fn poll_listen(&self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.closed.get() {
            return Poll::Ready(Err(closed()));
        }
        for listener in self.listeners.borrow_mut().iter_mut() {
            let Poll::Ready(listens) = listener.poll_listen(cx) else {
                self.driver.replace(Some(cx.waker().clone()));
                return Poll::Pending;
            };
            listens?;
        }
        self.serving.set(true);
        Poll::Ready(Ok(()))
    }

    /// The connections that are there, at most so many; waits for one.
    fn poll_accept(&self, cx: &mut Context<'_>, most: usize) -> Poll<Result<Vec<Halves>>> {
        if self.closed.get() {
            return Poll::Ready(Err(closed()));
        }
        let mut listeners = self.listeners.borrow_mut();
        let count = listeners.len();
        let mut accepted = self.accepted.borrow_mut();
        let mut ended = 0;
        let mut waiting = 0;
        // Round by round, one of each that has one.
        while accepted.len() < most && ended + waiting < count {
            (ended, waiting) = (0, 0);
            for turn in 0..count {
                let index = (self.first.get() + turn) % count;
                let Some(listener) = listeners.get_mut(index) else { continue };
                match listener.poll_accept(cx) {
                    Poll::Ready(Some(halves)) => accepted.push_back(halves),
                    Poll::Ready(None) => ended += 1,
                    Poll::Pending => waiting += 1,
                }
                if accepted.len() == most {
                    self.first.set((index + 1) % count);
                    break;
                }
            }
            if waiting > 0 && accepted.len() >= ACCEPTS_IN_A_ROW {
                break;
            }
        }
        if !accepted.is_empty() {
            if waiting == 0 || self.in_a_row.get() < ACCEPTS_IN_A_ROW {
                let given = accepted.len().min(most);
                self.in_a_row.set(if waiting == 0 { 0 } else { self.in_a_row.get() + given });
                return Poll::Ready(Ok(accepted.drain(..given).collect()));
            }
            self.in_a_row.set(0);
            self.driver.replace(Some(cx.waker().clone()));
            self.runtime.wake_later(cx.waker());
            return Poll::Pending;
        }
        self.in_a_row.set(0);
        if ended == count {
            self.ended.set(true);
            return Poll::Ready(Err(Error::Runtime("the listening sockets of the server have ended".into())));
        }
        self.driver.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    fn connected(&self, halves: Halves) -> (StreamReader, StreamWriter) {
        let (reader, writer) = open(self.runtime, halves, self.limit);
        let connection = writer.connection();
        let client: Rc<dyn Client> = connection.clone();
        connection.join(self.clients.join(Rc::downgrade(&client)));
        (reader, writer)
    }
}

/// The right to drive the listeners.
struct Turn<'a>(&'a Server);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.driven.set(false);
        self.0.driver.take();
        for listener in self.0.listeners.borrow_mut().iter_mut() {
            listener.withdraw();
        }
        self.0.turns.wake();
    }
}

/// Somebody is in `serve_forever`; leaving it closes the server.
struct ServingForever<'a> {
    server: &'a Server,
    closes: bool,
}

impl Drop for ServingForever<'_> {
    fn drop(&mut self) {
        self.server.serving_forever.set(false);
        if self.closes {
            self.server.close();
        }
    }
}
