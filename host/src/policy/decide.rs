//! A policy as a function of the embedder's, beside the grants.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::UnixAddress;

/// What a program asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Request<'a> {
    /// To bind a local address or to listen there. A program that listens is asked about twice: with the port that it binds, 0 for
    /// any, and with the port that it got.
    Listen(SocketAddr),
    /// To connect to an address.
    Connect(SocketAddr),
    /// To look up a host name, as the program wrote it.
    Lookup(&'a str),
    /// To connect to a Unix socket: where the path leads, without links.
    ConnectUnix(&'a UnixAddress),
    /// To make a Unix socket and to listen there.
    ListenUnix(&'a UnixAddress),
}

/// What becomes of a [`Request`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is permitted, whatever the grants say.
    Allow,
    /// It is refused, whatever the grants say.
    Deny,
    /// The grants decide.
    ByGrants,
}

/// Decides about what a program asks for.
pub(crate) type Decide = Arc<dyn Fn(&Request<'_>) -> Decision + Send + Sync>;
