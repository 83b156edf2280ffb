//! A connection over a Unix socket, as a program has it.

use std::sync::Arc;

use super::bindings::unix::Credentials;
use crate::sockets::connection::{Connection, Taken};
use crate::sockets::stream::Stream;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// A connected socket.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct UnixSocket {
    connection: Arc<Connection>,
    /// The paths of its ends, as programs gave them; empty for a client's.
    pub(super) local: Arc<[u8]>,
    pub(super) remote: Arc<[u8]>,
    receiving: Taken,
    sending: Taken,
}

impl UnixSocket {
    pub(super) fn new(connection: Arc<Connection>, local: Arc<[u8]>, remote: Arc<[u8]>) -> Self {
        Self { connection, local, remote, receiving: Taken::No, sending: Taken::No }
    }

    /// The connection, for the stream of what is received.
    pub(super) fn take_receiving(&mut self) -> Result<Arc<Connection>, ErrorCode> {
        self.receiving.take().map(|()| Arc::clone(&self.connection))
    }

    /// The connection, for the stream of what is sent.
    pub(super) fn take_sending(&mut self) -> Result<Arc<Connection>, ErrorCode> {
        self.sending.take().map(|()| Arc::clone(&self.connection))
    }

    /// Who the peer is, as of when it connected.
    pub(super) fn peer_credentials(&self) -> Option<Credentials> {
        match &self.connection.stream {
            Stream::Tcp(_) => None,
            #[cfg(unix)]
            Stream::Unix(stream) => {
                let peer = stream.peer_cred().ok()?;
                let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
                Some(Credentials { pid, uid: peer.uid(), gid: peer.gid() })
            }
        }
    }
}
