//! What `get_extra_info` can answer.

use crate::address::{AddressFamily, SocketAddress};

/// An answer of `get_extra_info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExtraInfo {
    /// `peername`, `sockname`.
    Address(SocketAddress),
    /// `socket`.
    Socket(SocketInfo),
    /// `compression`.
    Text(String),
    /// `peercert`: DER.
    Bytes(Vec<u8>),
    /// `cipher`.
    Cipher(Cipher),
    /// `ssl_object`: also the ALPN protocol.
    Ssl(SslInfo),
}

impl ExtraInfo {
    /// The address, if this is one: the answer to `peername` and `sockname`.
    pub fn as_address(&self) -> Option<&SocketAddress> {
        match self {
            Self::Address(address) => Some(address),
            Self::Socket(_) | Self::Text(_) | Self::Bytes(_) | Self::Cipher(_) | Self::Ssl(_) => None,
        }
    }
}

/// What is known of a socket: there is no descriptor to hand out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketInfo {
    /// `socket.family`.
    pub family: AddressFamily,
    /// `getsockname()`.
    pub sockname: Option<SocketAddress>,
    /// `getpeername()`; none for a socket that is not connected.
    pub peername: Option<SocketAddress>,
    /// `getsockopt(SOL_SOCKET, SO_PEERCRED)` of a connected Unix socket, where the system has it.
    pub peer_credentials: Option<PeerCredentials>,
}

/// Who is at the other end of a Unix socket, as of when it connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCredentials {
    /// The process; none where the system does not tell.
    pub pid: Option<u32>,
    /// The user.
    pub uid: u32,
    /// The user's group.
    pub gid: u32,
}

/// What Python's `SSLObject` would tell of a TLS connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SslInfo {
    /// `version()`: `TLSv1.3` and the like.
    pub version: Option<String>,
    /// `selected_alpn_protocol()`; none if none was agreed on.
    pub alpn_protocol: Option<String>,
    /// `server_hostname`: the name that the peer's certificate was checked for.
    pub server_hostname: Option<String>,
    /// `server_side`: whether this end is the server.
    pub server_side: bool,
    /// `session_reused`.
    pub session_reused: bool,
    /// `getpeercert(binary_form=True)`; none if the peer showed none.
    pub peercert: Option<Vec<u8>>,
}

/// The cipher of a TLS connection: the tuple of Python's `SSLSocket.cipher()`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cipher {
    /// Its name.
    pub name: String,
    /// `TLSv1.3` and the like.
    pub protocol: String,
    /// Secret bits.
    pub bits: u32,
}

/// The addresses of both ends, and whose the other one is: all that is known of a plain connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// Our end.
    pub sockname: Option<SocketAddress>,
    /// The peer's end.
    pub peername: Option<SocketAddress>,
    /// Of the peer of a Unix socket, where the system tells.
    pub peer_credentials: Option<PeerCredentials>,
}

impl Addresses {
    /// `get_extra_info` for `peername`, `sockname` and `socket`.
    pub fn get(&self, name: &str) -> Option<ExtraInfo> {
        match name {
            "peername" => self.peername.clone().map(ExtraInfo::Address),
            "sockname" => self.sockname.clone().map(ExtraInfo::Address),
            "socket" => {
                let family = self.sockname.as_ref().or(self.peername.as_ref())?.family();
                let (sockname, peername) = (self.sockname.clone(), self.peername.clone());
                let peer_credentials = self.peer_credentials;
                Some(ExtraInfo::Socket(SocketInfo { family, sockname, peername, peer_credentials }))
            }
            _ => None,
        }
    }
}
