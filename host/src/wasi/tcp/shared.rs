//! Listening sockets that several instances of a program share.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};

use socket2::{SockRef, Socket};
use tokio::net::TcpSocket;

/// Listening sockets that outlive the instances of a program. Cheap to clone; clones share everything.
///
/// The first instance that binds an address opens it; for every other, binding it gives the same socket. Their
/// connections come from one queue, and go to whichever instance accepts first. The sockets stay open until
/// [`close`](Self::close) or until this and all instances are gone, so that peers wait in the queue while an instance
/// is replaced.
#[derive(Clone, Default)]
pub struct SharedListeners {
    sockets: Arc<Mutex<Sockets>>,
}

#[derive(Default)]
struct Sockets {
    open: HashMap<Key, Socket>,
    /// Those that were handed in, by the address that they are bound to.
    handed_in: HashMap<SocketAddr, Socket>,
    closed: bool,
}

/// The address as a program asks for it, and how many times the instance has asked for it before: a program that binds
/// port 0 twice wants two ports.
pub(super) type Key = (SocketAddr, usize);

impl SharedListeners {
    /// No sockets yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a listening socket that somebody else opened, such as systemd. A program that binds its address, if it may, is
    /// given it.
    ///
    /// # Errors
    /// If the system does not tell its address, or it cannot be made not to block.
    pub fn hand_in(&self, listener: TcpListener) -> io::Result<SocketAddr> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.handed_in.insert(address, listener.into());
        Ok(address)
    }

    /// Closes the sockets, as far as no instance has them. No more are opened: an instance that is still about to start
    /// must not take another port where any would do.
    pub fn close(&self) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.closed = true;
        sockets.open.clear();
        sockets.handed_in.clear();
    }

    /// Gives the socket of `key`, or binds `fresh` by `bind` and keeps it for others.
    pub(super) fn bind<E: From<io::Error>>(
        &self,
        key: Key,
        fresh: TcpSocket,
        bind: impl FnOnce(&TcpSocket) -> Result<(), E>,
    ) -> Result<TcpSocket, (TcpSocket, E)> {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if sockets.closed {
            return Err((fresh, io::Error::other("the program is being stopped").into()));
        }
        if let Some(socket) = sockets.handed_in.get(&key.0).or_else(|| sockets.open.get(&key)) {
            return match socket.try_clone() {
                Ok(socket) => Ok(TcpSocket::from_std_stream(socket.into())),
                Err(error) => Err((fresh, error.into())),
            };
        }
        if let Err(error) = bind(&fresh) {
            return Err((fresh, error));
        }
        let kept = SockRef::from(&fresh).try_clone();
        match kept {
            Ok(socket) => sockets.open.insert(key, socket),
            Err(error) => return Err((fresh, error.into())),
        };
        Ok(fresh)
    }
}

impl fmt::Debug for SharedListeners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedListeners").finish_non_exhaustive()
    }
}
