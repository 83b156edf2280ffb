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
    /// TLS, as a client.
    pub ssl: Option<SslOptions>,
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
    /// TLS, as a server.
    pub ssl: Option<SslOptions>,
}

/// The keyword arguments of Python's `open_unix_connection`; what is none has Python's default.
#[derive(Clone, Debug, Default)]
pub struct UnixConnectionOptions {
    /// The reader's limit in bytes; none is [`DEFAULT_LIMIT`](crate::DEFAULT_LIMIT).
    pub limit: Option<u64>,
    /// TLS, as a client; a server name is needed then.
    pub ssl: Option<SslOptions>,
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
    /// TLS, as a server.
    pub ssl: Option<SslOptions>,
}

/// What Python's `SSLContext` and the keyword arguments for TLS say; the default is that of `ssl.create_default_context()`.
///
/// Keys and authorities are the host's: a program names those that its policy grants.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SslOptions {
    /// The name of an identity, for `load_cert_chain`. A server needs one.
    pub identity: Option<String>,
    /// The name of authorities, for `load_verify_locations`; none are those of the host's system.
    pub trust: Option<String>,
    /// Whether the peer shows a certificate that is verified; none is, as in Python, required of servers and not asked of clients.
    pub verify_mode: Option<VerifyMode>,
    /// Whether the server's certificate is to be of its name; none is yes, unless nothing is verified.
    pub check_hostname: Option<bool>,
    /// `set_alpn_protocols`.
    pub alpn_protocols: Vec<String>,
    /// Nothing older; none is TLS 1.2.
    pub minimum_version: Option<TlsVersion>,
    /// The server's name, as a client has it; none is the host that is connected to, empty none at all.
    pub server_hostname: Option<String>,
    /// How long the handshake may take; none is 60 seconds.
    pub ssl_handshake_timeout: Option<Duration>,
    /// How long the end may take; none is 30 seconds.
    pub ssl_shutdown_timeout: Option<Duration>,
}

/// Python's `ssl.VerifyMode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyMode {
    /// `CERT_NONE`.
    None,
    /// `CERT_OPTIONAL`: to a client the same as required.
    Optional,
    /// `CERT_REQUIRED`.
    Required,
}

/// Python's `ssl.TLSVersion`, of those that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// `TLSv1_2`.
    Tls12,
    /// `TLSv1_3`.
    Tls13,
}
