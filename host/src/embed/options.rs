//! The keyword arguments of `open_connection` and `start_server`.

use std::time::Duration;

use super::AddressFamily;
use super::bindings::{connect, server};

/// The keyword arguments of asyncio's `open_connection`. The default is Python's.
#[derive(Clone, Debug, Default)]
pub struct ConnectionOptions {
    /// The reader's limit in bytes; none: 65,536.
    pub limit: Option<u64>,
    /// Only addresses of this family; none: any.
    pub family: Option<AddressFamily>,
    /// A number of `IPPROTO_…`: 0 and 6 mean TCP, any other is not supported.
    pub proto: Option<u32>,
    /// Flags of `getaddrinfo`: WASI has none, so anything but 0 is not supported.
    pub flags: Option<u32>,
    /// Bind to this address before connecting: a host, where none is this machine, and a port or 0.
    pub local_addr: Option<(Option<String>, u16)>,
    /// Race the addresses (RFC 8305): the time between two starts; none: one after the other.
    pub happy_eyeballs_delay: Option<Duration>,
    /// How many addresses of the first family come first; none: 1 when racing, else 0, which keeps the order.
    pub interleave: Option<u32>,
    /// Report every failed attempt as a group instead of one combined error.
    pub all_errors: bool,
}

/// The keyword arguments of asyncio's `start_server`. The default is Python's.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    /// The limit of every accepted reader in bytes; none: 65,536.
    pub limit: Option<u64>,
    /// Only addresses of this family; none: any.
    pub family: Option<AddressFamily>,
    /// Flags of `getaddrinfo`: WASI has none, so any is not supported.
    pub flags: Option<u32>,
    /// How many connections may wait to be accepted; none: 100.
    pub backlog: Option<u32>,
    /// WASI always allows an address to be used again; `false` is not supported.
    pub reuse_address: Option<bool>,
    /// WASI cannot share a port between sockets; `true` is not supported.
    pub reuse_port: Option<bool>,
    /// Probe idle connections.
    pub keep_alive: Option<bool>,
    /// Whether to listen at once; none: yes.
    pub start_serving: Option<bool>,
}

/// A size or a limit as the component has it, where nothing is larger than 32 bits hold.
pub(super) fn narrow(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

impl From<ConnectionOptions> for connect::ConnectionOptions {
    fn from(options: ConnectionOptions) -> Self {
        Self {
            limit: options.limit.map(narrow),
            family: options.family,
            proto: options.proto,
            flags: options.flags,
            local_addr: options.local_addr,
            happy_eyeballs_delay: options.happy_eyeballs_delay.map(|delay| delay.as_secs_f64()),
            interleave: options.interleave,
            all_errors: Some(options.all_errors),
        }
    }
}

impl From<ServerOptions> for server::ServerOptions {
    fn from(options: ServerOptions) -> Self {
        Self {
            limit: options.limit.map(narrow),
            family: options.family,
            flags: options.flags,
            backlog: options.backlog,
            reuse_address: options.reuse_address,
            reuse_port: options.reuse_port,
            keep_alive: options.keep_alive,
            start_serving: options.start_serving,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_larger_than_the_component_holds_becomes_the_largest() {
        assert_eq!((narrow(0), narrow(1 << 32)), (0, u32::MAX));
    }
}
