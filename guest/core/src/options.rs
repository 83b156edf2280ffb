//! The keyword arguments of `open_connection` and `start_server`, and of their forms for Unix sockets.

use std::time::Duration;

use crate::address::AddressFamily;

/// The keyword arguments of Python's `open_connection`; what is none has Python's default.
#[derive(Clone, Debug, Default)]
pub struct ConnectionOptions {
    /// The reader's limit in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    pub limit: Option<u64>,
    /// Only addresses of this family.
    pub family: Option<AddressFamily>,
    /// `IPPROTO_…`: 0 and 6 mean TCP, any other is not supported.
    pub proto: Option<u32>,
    /// Flags of `getaddrinfo`: WASI has none, so anything but 0 is not supported.
    pub flags: Option<u32>,
    /// Bind to this host and port, or port 0, before connecting. No host means this machine.
    pub local_addr: Option<(Option<String>, u16)>,
    /// Race the addresses (RFC 8305) with this time between two starts; none is one after the other.
    pub happy_eyeballs_delay: Option<Duration>,
    /// How many addresses of the first family come first; none is 1 when racing, else 0, which keeps the order.
    pub interleave: Option<u32>,
    /// Report every failed attempt instead of one combined error.
    pub all_errors: bool,
}

/// The keyword arguments of Python's `start_server`; what is none has Python's default.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// The limit of every accepted reader in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    pub limit: Option<u64>,
    /// Only addresses of this family.
    pub family: Option<AddressFamily>,
    /// Flags of `getaddrinfo`: WASI has none, so any is not supported.
    pub flags: Option<u32>,
    /// How many connections may wait to be accepted; none is 100.
    pub backlog: Option<u32>,
    /// WASI always allows an address to be used again; `false` is not supported.
    pub reuse_address: Option<bool>,
    /// WASI cannot share a port; `true` is not supported.
    pub reuse_port: Option<bool>,
    /// Probe idle connections.
    pub keep_alive: Option<bool>,
    /// Whether to listen at once; none is yes.
    pub start_serving: Option<bool>,
}

/// The keyword arguments of Python's `open_unix_connection`; what is none has Python's default.
#[derive(Clone, Debug, Default)]
pub struct UnixConnectionOptions {
    /// The reader's limit in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    pub limit: Option<u64>,
}

/// The keyword arguments of Python's `start_unix_server`; what is none has Python's default.
#[derive(Clone, Debug, Default)]
pub struct UnixServerOptions {
    /// The limit of every accepted reader in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    pub limit: Option<u64>,
    /// How many connections may wait to be accepted; none is 100.
    pub backlog: Option<u32>,
    /// Whether to listen at once; none is yes.
    pub start_serving: Option<bool>,
    /// Whether to remove the file when the server is closed, if it is still the one that was made; none is yes.
    pub cleanup_socket: Option<bool>,
}
