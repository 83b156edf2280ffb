//! `asyncio.Server`.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll};

use slab::Slab;

use crate::connect::{bind_failure, streams_of};
use crate::connection::{Connection, Owner};
use crate::error::{Error, Result};
use crate::reader::StreamReader;
use crate::transport::background;
use crate::transport::listener::Listener;
use crate::transport::tcp::{self, TcpSocket};
use crate::transport::waiters::Waiters;
use crate::writer::StreamWriter;

/// A set of listening sockets.
///
/// Dropping it closes it as [`close`](Self::close) does.
///
/// # asyncio
/// `asyncio.Server` of CPython 3.14, with [`accept`](Self::accept) in the place of the callback.
pub struct Server {
    state: Rc<ServerState>,
}

struct ServerState {
    sockets: RefCell<Vec<Socket>>,
    serving: Cell<bool>,
    closed: Cell<bool>,
    /// Somebody is in `serve_forever`.
    serving_forever: Cell<bool>,
    /// One accept drives the listeners; the others wait for their turn.
    accepting: Cell<bool>,
    turns: Waiters,
    /// The accepted connections that are alive, by their number.
    clients: RefCell<Slab<Weak<Connection>>>,
    ended: Waiters,
    limit: usize,
    /// Who is told when an accept that was tried in vain is worth trying again.
    #[cfg(feature = "component")]
    watcher: RefCell<Option<std::task::Waker>>,
}

/// A bound socket, and what accepts from it once it listens.
pub(crate) struct Socket {
    listener: Option<Listener>,
    address: SocketAddr,
    /// Owns the address, with `listener`.
    socket: TcpSocket,
}

impl Socket {
    /// Wraps a bound socket.
    pub(crate) fn new(socket: TcpSocket, address: SocketAddr) -> Self {
        Self { listener: None, address, socket }
    }

    fn listen(&mut self) -> Result<()> {
        if self.listener.is_none() {
            let stream = self.socket.listen().map_err(|code| Error::from(bind_failure(&self.address, &code)))?;
            self.listener = Some(Listener::new(stream));
            // An address that was left to the system may be known only now.
            self.address = self.socket.get_local_address().map_or(self.address, tcp::from_wasi);
        }
        Ok(())
    }
}

impl Server {
    /// A server of bound sockets, which does not listen yet. `limit` is in bytes.
    pub(crate) fn new(sockets: Vec<Socket>, limit: usize) -> Self {
        Self {
            state: Rc::new(ServerState {
                sockets: RefCell::new(sockets),
                serving: Cell::default(),
                closed: Cell::default(),
                serving_forever: Cell::default(),
                accepting: Cell::default(),
                turns: Waiters::default(),
                clients: RefCell::default(),
                ended: Waiters::default(),
                limit,
                #[cfg(feature = "component")]
                watcher: RefCell::default(),
            }),
        }
    }

    /// Waits for the next connection. Starts to listen if the server does not yet.
    ///
    /// # Errors
    /// [`Error::Runtime`] if the server is closed.
    ///
    /// # Cancel safety
    /// Yes: a connection that arrives meanwhile is there for the next call.
    pub async fn accept(&self) -> Result<(StreamReader, StreamWriter)> {
        let state = &self.state;
        state.start_serving()?;
        // One call drives the listeners at a time; its end, also by cancellation, is the next one's turn.
        state.turns.wait(|| (state.closed.get() || !state.accepting.replace(true)).then_some(())).await;
        if state.closed.get() {
            return Err(closed());
        }
        let turn = Turn(state);
        let socket = poll_fn(|cx| state.poll_accept(cx)).await;
        drop(turn);
        socket.map(|socket| state.connected(&socket)).ok_or_else(closed)
    }

    /// Names who is woken when an accept that was tried in vain is worth trying again.
    #[cfg(feature = "component")]
    pub(crate) fn watch(&self, waker: std::task::Waker) {
        self.state.watcher.replace(Some(waker));
    }

    /// As [`accept`](Self::accept), or none if it had to wait: the watcher is woken then when it is worth trying again.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "component")]
    pub(crate) fn try_accept(&self) -> Result<Option<(StreamReader, StreamWriter)>> {
        let state = &self.state;
        state.start_serving()?;
        let watcher = state.watcher.borrow();
        let mut cx = Context::from_waker(watcher.as_ref().unwrap_or(std::task::Waker::noop()));
        if state.accepting.get() {
            // Another task drives the listeners; the end of its turn is told to all.
            return match state.turns.poll_pending(&cx) {
                Poll::Ready(never) => never,
                Poll::Pending => Ok(None),
            };
        }
        match state.poll_accept(&mut cx) {
            Poll::Ready(Some(socket)) => Ok(Some(state.connected(&socket))),
            Poll::Ready(None) => Err(closed()),
            Poll::Pending => Ok(None),
        }
    }

    /// Starts to listen, if the server was made without.
    ///
    /// # Errors
    /// [`Error::Runtime`] if the server is closed; [`Error::Os`] if the system refuses.
    ///
    /// # asyncio
    /// `await server.start_serving()`.
    pub fn start_serving(&self) -> Result<()> {
        self.state.start_serving()
    }

    /// Listens, accepts until the server is closed, and runs `serve` for every connection, each beside the others; then waits
    /// until the connections are gone.
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
        let _serving = self.begin_serving_forever()?;
        while !self.state.closed.get() {
            match self.accept().await {
                Ok((reader, writer)) => background::spawn(serve(reader, writer)),
                Err(_) if self.state.closed.get() => break,
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
    pub async fn serve_until_closed(&self) -> Result<()> {
        let _serving = self.begin_serving_forever()?;
        self.wait_closed().await;
        Ok(())
    }

    fn begin_serving_forever(&self) -> Result<ServingForever<'_>> {
        if self.state.serving_forever.get() {
            let message = "server <Server> is already being awaited on serve_forever()";
            return Err(Error::Runtime(message.into()));
        }
        self.state.start_serving()?;
        self.state.serving_forever.set(true);
        Ok(ServingForever(&self.state))
    }

    /// Whether the server listens.
    ///
    /// # asyncio
    /// `server.is_serving()`.
    pub fn is_serving(&self) -> bool {
        self.state.serving.get()
    }

    /// The addresses that are listened on; empty once closed.
    ///
    /// # asyncio
    /// `[s.getsockname() for s in server.sockets]`.
    pub fn sockets(&self) -> Vec<SocketAddr> {
        self.state.sockets.borrow().iter().map(|socket| socket.address).collect()
    }

    /// Stops listening. Accepted connections go on.
    ///
    /// # asyncio
    /// `server.close()`.
    pub fn close(&self) {
        self.state.close();
    }

    /// Waits until the server is closed and every connection that it accepted is gone.
    ///
    /// # Cancel safety
    /// Yes.
    ///
    /// # asyncio
    /// `await server.wait_closed()`.
    pub async fn wait_closed(&self) {
        let state = &self.state;
        state.ended.wait(|| (state.closed.get() && state.clients.borrow().is_empty()).then_some(())).await;
    }

    /// Closes every accepted connection that is still there.
    ///
    /// # asyncio
    /// `server.close_clients()`.
    pub fn close_clients(&self) {
        self.state.each_client(Connection::close);
    }

    /// Aborts every accepted connection that is still there.
    ///
    /// # asyncio
    /// `server.abort_clients()`.
    pub fn abort_clients(&self) {
        self.state.each_client(Connection::abort);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.close();
    }
}

fn closed() -> Error {
    // The sockets of a closed server are gone, so this is all that Python prints too.
    Error::Runtime("server <Server sockets=()> is closed".into())
}

impl ServerState {
    fn start_serving(&self) -> Result<()> {
        if self.closed.get() {
            return Err(closed());
        }
        if !self.serving.get() {
            for socket in self.sockets.borrow_mut().iter_mut() {
                socket.listen()?;
            }
            self.serving.set(true);
        }
        Ok(())
    }

    /// The next connection, from whichever socket has one; none once closed.
    fn poll_accept(&self, cx: &mut Context<'_>) -> Poll<Option<TcpSocket>> {
        for socket in self.sockets.borrow_mut().iter_mut() {
            if let Some(listener) = &mut socket.listener
                && let Poll::Ready(Some(accepted)) = listener.poll_accept(cx)
            {
                return Poll::Ready(Some(accepted));
            }
        }
        if self.closed.get() { Poll::Ready(None) } else { self.turns.poll_pending(cx) }
    }

    fn connected(self: &Rc<Self>, socket: &TcpSocket) -> (StreamReader, StreamWriter) {
        let number = self.clients.borrow().vacant_key();
        let weak: Weak<Self> = Rc::downgrade(self);
        let (reader, writer) = streams_of(socket, self.limit, Some((weak, number)));
        let connection = writer.transport().connection().clone();
        self.clients.borrow_mut().insert(Rc::downgrade(&connection));
        (reader, writer)
    }

    fn each_client(&self, act: impl Fn(&Rc<Connection>)) {
        // A connection that ends leaves the list while this goes through it.
        let clients: Vec<_> = self.clients.borrow().iter().filter_map(|(_, client)| client.upgrade()).collect();
        clients.iter().for_each(act);
    }

    fn close(&self) {
        if self.closed.replace(true) {
            return;
        }
        self.serving.set(false);
        let mut sockets = self.sockets.take();
        let in_flight = |socket: &Socket| socket.listener.as_ref().is_some_and(Listener::in_flight);
        if sockets.iter().any(in_flight) {
            // Ending an accept in flight may block, which a synchronous call must not.
            background::spawn(async move {
                sockets.iter_mut().filter_map(|socket| socket.listener.as_mut()).for_each(Listener::cancel);
            });
        }
        self.turns.wake();
        self.ended.wake();
    }
}

impl Owner for ServerState {
    fn connection_lost(&self, number: usize) {
        self.clients.borrow_mut().try_remove(number);
        self.ended.wake();
    }
}

/// The right to drive the listeners.
struct Turn<'a>(&'a ServerState);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.accepting.set(false);
        for listener in self.0.sockets.borrow().iter().filter_map(|socket| socket.listener.as_ref()) {
            listener.withdraw();
        }
        self.0.turns.wake();
    }
}

/// Somebody is in `serve_forever`; leaving it closes the server.
struct ServingForever<'a>(&'a ServerState);

impl Drop for ServingForever<'_> {
    fn drop(&mut self) {
        self.0.serving_forever.set(false);
        self.0.close();
    }
}
