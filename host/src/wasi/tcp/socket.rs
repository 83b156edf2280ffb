//! A TCP socket as a program has it: created, bound, then listening or connected.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::{SockRef, Socket};
use wasmtime_wasi::sockets::SocketAddrUse;

use super::bindings::types::ErrorCode;
use super::options::{Family, Inherited, Result};
use crate::policy::check::Check;
use crate::sockets::accept::{Accepting, Kind};
use crate::sockets::address::Place;
use crate::sockets::connection::{Connection, Taken};
use crate::sockets::listener::{Listener, Listening};
use crate::sockets::network::{Network, Permit, Unconnected};
use crate::sockets::shared::Lease;
use crate::sockets::stream::Stream;

/// How many connections wait to be accepted unless the program says otherwise: what Rust's standard library has.
const DEFAULT_BACKLOG: u32 = 128;

/// A socket, in one of its states.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct TcpSocket {
    state: State,
    pub(super) family: Family,
    network: Arc<Network>,
    backlog: u32,
    pub(super) inherited: Inherited,
    bound: bool,
    /// While it is new; then its listener or its connection has what is in it.
    unconnected: Option<Unconnected>,
    /// While it is new and bound to an address that is shared.
    lease: Option<Lease>,
}

type Connecting = Pin<Box<dyn Future<Output = Result<(Stream, SocketAddr, Permit, Option<String>)>> + Send>>;

enum State {
    /// New, perhaps bound. Becomes listening or connecting.
    Fresh(tokio::net::TcpSocket),
    /// Listening; stays so.
    Listening { listener: Arc<Listener>, address: SocketAddr },
    /// `connect` is at work. Becomes connected or closed.
    Connecting(Connecting),
    /// Connected, by `connect` or because it was accepted; stays so.
    Connected { connection: Arc<Connection>, receiving: Taken, sending: Taken },
    /// Connecting or accepting failed; every operation gives this error.
    Closed(ErrorCode),
}

impl TcpSocket {
    fn new(network: Arc<Network>, family: Family, state: State) -> Self {
        let bound = !matches!(state, State::Fresh(_));
        Self {
            state,
            family,
            network,
            backlog: DEFAULT_BACKLOG,
            inherited: Inherited::default(),
            bound,
            unconnected: None,
            lease: None,
        }
    }

    pub(super) fn fresh(network: Arc<Network>, family: Family) -> Result<Self> {
        let unconnected = Some(network.unconnected()?);
        let socket = family.socket().map_err(ErrorCode::from).inspect_err(|code| network.failed(code))?;
        let inherited = Inherited::limited(network.max_buffer);
        // Before it connects or listens, because its connections' windows come from them.
        inherited.apply_buffers(&SockRef::from(&socket));
        Ok(Self { inherited, unconnected, ..Self::new(network, family, State::Fresh(socket)) })
    }

    fn is_bound(&mut self) -> bool {
        if let (false, State::Fresh(socket)) = (self.bound, &self.state) {
            self.bound = socket.local_addr().is_ok_and(|address| address != self.family.unspecified());
        }
        self.bound
    }

    pub(super) async fn bind(&mut self, address: SocketAddr, check: &Check) -> Result<()> {
        if self.is_bound() || !matches!(self.state, State::Fresh(_)) {
            return Err(ErrorCode::InvalidState);
        }
        if !self.family.takes(address.ip()) {
            return Err(ErrorCode::InvalidArgument);
        }
        permitted(check.permits_bind(address))?;
        // Only an address that was granted for listening is shared: with any other, the program means to connect from
        // it.
        let shared = match self.network.shared.clone() {
            Some(shared) if check.grants_listening(address) => Some((shared, self.network.descriptor()?)),
            _ => None,
        };
        let State::Fresh(socket) = std::mem::replace(&mut self.state, State::Closed(ErrorCode::InvalidState)) else {
            return Err(ErrorCode::InvalidState);
        };
        let bound = match shared {
            Some((shared, descriptor)) => {
                let bind = |Shareable(socket): &Shareable| bind(socket, address).map(|()| None);
                let bound = shared.bind(Place::Ip(address), Shareable(socket), descriptor, bind);
                bound.map(|(socket, lease)| (socket.0, Some(lease))).map_err(|(socket, error)| (socket.0, error))
            }
            None => match bind(&socket, address) {
                Ok(()) => Ok((socket, None)),
                Err(error) => Err((socket, error)),
            },
        };
        let (socket, result) = match bound {
            Ok((socket, lease)) => {
                self.lease = lease;
                (socket, Ok(()))
            }
            Err((socket, error)) => (socket, Err(error)),
        };
        self.state = State::Fresh(socket);
        result
    }

    pub(super) async fn listen(&mut self, check: &Check) -> Result<Accepting<AcceptedTcp>> {
        let bound = self.is_bound();
        let State::Fresh(socket) = &self.state else {
            return Err(ErrorCode::InvalidState);
        };
        if bound {
            permitted(check.permits(socket.local_addr()?, SocketAddrUse::TcpListen))?;
        } else {
            let any = self.family.unspecified();
            permitted(check.permits(any, SocketAddrUse::TcpListen))?;
            // Not every system binds by itself when told to listen.
            bind(socket, any)?;
        }
        let closed = State::Closed(ErrorCode::Other(None));
        let State::Fresh(socket) = std::mem::replace(&mut self.state, closed) else {
            return Err(ErrorCode::InvalidState);
        };
        let socket = socket.listen(self.backlog)?;
        let mut lease = self.lease.take();
        lease.iter_mut().for_each(Lease::listening);
        let address = socket.local_addr()?;
        let unconnected = self.unconnected.take();
        let listener = Arc::new(Listener::new(Listening::Tcp(socket), Place::Ip(address), lease, None, unconnected));
        self.network.listening(&listener);
        self.state = State::Listening { listener: Arc::clone(&listener), address };
        self.bound = true;
        let accepted = AcceptedTcp { family: self.family, inherited: self.inherited };
        Ok(Accepting::new(listener, Arc::clone(&self.network), accepted))
    }

    pub(super) fn start_connect(&mut self, address: SocketAddr, check: Arc<Check>) -> Result<()> {
        if !matches!(self.state, State::Fresh(_)) {
            return Err(ErrorCode::InvalidState);
        }
        let bound = self.is_bound();
        if !self.family.takes(address.ip()) || address.ip().is_unspecified() || address.port() == 0 {
            return Err(ErrorCode::InvalidArgument);
        }
        let closed = State::Closed(ErrorCode::Other(None));
        let State::Fresh(socket) = std::mem::replace(&mut self.state, closed) else {
            return Err(ErrorCode::InvalidState);
        };
        let network = Arc::clone(&self.network);
        let unconnected = self.unconnected.take();
        // The socket is no longer one to listen on.
        self.lease = None;
        self.state = State::Connecting(Box::pin(async move {
            // All checks before any system call. A socket that is not bound is given an address by the system, which
            // needs no grant.
            if bound {
                permitted(check.permits_source(socket.local_addr()?))?;
            }
            let granted = check.permits_connect(address).ok_or(ErrorCode::AccessDenied)?;
            let unconnected = unconnected.ok_or(ErrorCode::InvalidState)?;
            let permit = network.permit_to_connect(unconnected)?;
            let stream = socket.connect(address).await?;
            // It took its time, and what is open is not looked at before it is here.
            permitted(check.upholds(&granted, address))?;
            Ok((Stream::Tcp(stream), address, permit, granted.name))
        }));
        Ok(())
    }

    pub(super) fn poll_connect(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        let connecting = match &mut self.state {
            State::Connecting(connecting) => connecting,
            State::Connected { .. } => return Poll::Ready(Ok(())),
            State::Closed(code) => return Poll::Ready(Err(code.clone())),
            State::Fresh(_) | State::Listening { .. } => return Poll::Ready(Err(ErrorCode::InvalidState)),
        };
        match ready!(connecting.as_mut().poll(context)) {
            Ok((stream, peer, permit, name)) => {
                self.network.metrics.connected.inc();
                self.state = connected(Connection::made(stream, Place::Ip(peer), permit, name));
                self.bound = true;
                Poll::Ready(Ok(()))
            }
            Err(code) => {
                self.network.failed(&code);
                self.state = State::Closed(code.clone());
                Poll::Ready(Err(code))
            }
        }
    }

    /// The connection, for the stream of what is received.
    pub(super) fn take_receiving(&mut self) -> Result<Arc<Connection>> {
        match &mut self.state {
            State::Connected { connection, receiving, .. } => receiving.take().map(|()| Arc::clone(connection)),
            State::Closed(code) => Err(code.clone()),
            _ => Err(ErrorCode::InvalidState),
        }
    }

    /// The connection, for the stream of what is sent.
    pub(super) fn take_sending(&mut self) -> Result<Arc<Connection>> {
        match &mut self.state {
            State::Connected { connection, sending, .. } => sending.take().map(|()| Arc::clone(connection)),
            State::Closed(code) => Err(code.clone()),
            _ => Err(ErrorCode::InvalidState),
        }
    }

    pub(super) fn local_address(&mut self) -> Result<SocketAddr> {
        if let State::Closed(code) = &self.state {
            return Err(code.clone());
        }
        if !self.is_bound() {
            return Err(ErrorCode::InvalidState);
        }
        match &self.state {
            State::Fresh(socket) => Ok(socket.local_addr()?),
            State::Connecting(_) => Err(ErrorCode::InvalidState),
            State::Connected { connection, .. } => local_address(&connection.stream),
            State::Listening { address, .. } => Ok(*address),
            State::Closed(code) => Err(code.clone()),
        }
    }

    pub(super) fn remote_address(&self) -> Result<SocketAddr> {
        match &self.state {
            // As it was when the connection was made: once the peer has reset it, some systems do not know any more.
            State::Connected { connection, .. } => connection.place().ip().ok_or(ErrorCode::InvalidState),
            State::Closed(code) => Err(code.clone()),
            _ => Err(ErrorCode::InvalidState),
        }
    }

    pub(super) fn is_listening(&self) -> bool {
        matches!(self.state, State::Listening { .. })
    }

    pub(super) fn set_backlog(&mut self, size: u64) -> Result<()> {
        let size = super::options::not_zero(size)?.min(i32::MAX as u64) as u32;
        match &self.state {
            State::Fresh(_) => {}
            State::Listening { listener, .. } => {
                // Listening again changes the size where the system can do that.
                let changed = listener.with(|socket| {
                    let size = i32::try_from(size).unwrap_or(i32::MAX);
                    socket.is_none_or(|socket| socket.listen(size).is_ok())
                });
                if !changed {
                    return Err(ErrorCode::NotSupported);
                }
            }
            State::Closed(code) => return Err(code.clone()),
            State::Connecting(_) | State::Connected { .. } => return Err(ErrorCode::InvalidState),
        }
        self.backlog = size;
        Ok(())
    }

    /// Calls `f` with the system's socket, for its options.
    pub(super) fn option<T>(&self, f: impl FnOnce(SockRef<'_>) -> Result<T>) -> Result<T> {
        match &self.state {
            State::Fresh(socket) => f(SockRef::from(socket)),
            State::Connected { connection, .. } => f(connection.stream.socket()),
            State::Listening { listener, .. } => listener.with(|socket| match socket {
                Some(socket) => f(socket),
                None => Err(ErrorCode::InvalidState),
            }),
            State::Connecting(_) => Err(ErrorCode::InvalidState),
            State::Closed(code) => Err(code.clone()),
        }
    }
}

/// What listening sockets of TCP make of connections.
pub(super) struct AcceptedTcp {
    family: Family,
    inherited: Inherited,
}

impl Kind for AcceptedTcp {
    type Socket = TcpSocket;

    fn connected(
        &self,
        network: &Arc<Network>,
        stream: Stream,
        peer: Option<SocketAddr>,
        permit: Permit,
    ) -> Self::Socket {
        self.inherited.apply(self.family, &stream.socket(), network.max_buffer.is_some());
        let peer = Place::Ip(peer.unwrap_or_else(|| self.family.unspecified()));
        TcpSocket::new(Arc::clone(network), self.family, connected(Connection::accepted(stream, peer, permit)))
    }

    /// WASI has no other way to tell of it.
    fn failed(&self, network: &Arc<Network>, code: ErrorCode) -> Option<Self::Socket> {
        Some(TcpSocket::new(Arc::clone(network), self.family, State::Closed(code)))
    }
}

/// A socket that workers can share.
struct Shareable(tokio::net::TcpSocket);

impl From<Socket> for Shareable {
    fn from(socket: Socket) -> Self {
        Self(tokio::net::TcpSocket::from_std_stream(socket.into()))
    }
}

impl<'a> From<&'a Shareable> for SockRef<'a> {
    fn from(Shareable(socket): &'a Shareable) -> Self {
        SockRef::from(socket)
    }
}

fn connected(connection: Arc<Connection>) -> State {
    State::Connected { connection, receiving: Taken::No, sending: Taken::No }
}

fn local_address(stream: &Stream) -> Result<SocketAddr> {
    stream.socket().local_addr()?.as_socket().ok_or(ErrorCode::InvalidState)
}

fn permitted(permitted: bool) -> Result<()> {
    if permitted { Ok(()) } else { Err(ErrorCode::AccessDenied) }
}

fn bind(socket: &tokio::net::TcpSocket, address: SocketAddr) -> Result<()> {
    // WASI: binding is not affected by the TIME_WAIT state of a socket that was closed. On Windows that is so
    // without this option, which means something else there.
    if !cfg!(windows) {
        _ = socket.set_reuseaddr(true);
    }
    socket.bind(address).map_err(|error| match ErrorCode::from(error) {
        // An address of another family.
        ErrorCode::NotSupported => ErrorCode::InvalidArgument,
        // Windows, when no port is left.
        ErrorCode::OutOfMemory if cfg!(windows) => ErrorCode::AddressInUse,
        code => code,
    })
}
