//! What can be wrong with a grant as an operator writes it.

/// Why a grant could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// A URL. The second is what to write in its place.
    #[error("`{0}` is a URL, not HOST:PORT: write {1}")]
    Url(String, String),
    /// There is no port.
    #[error("`{0}` has no port: write HOST:PORT, such as 127.0.0.1:8888, or HOST:* for any port")]
    NoPort(String),
    /// The port is no number from 0 to 65535, nor a range of such.
    #[error("`{0}` is not a port: write a number from 0 to 65535, a range such as 8000-8100, or * for any port")]
    Port(String),
    /// The second number of a range of ports is below the first, or the first is 0.
    #[error("`{0}` is an empty range of ports or begins with 0: write one such as 8000-8100")]
    PortRange(String),
    /// An IPv6 address is not in brackets.
    #[error("`{0}` is ambiguous: write an IPv6 address in brackets, such as [::1]:8888")]
    Brackets(String),
    /// The host is neither an address, a network nor a name.
    #[error("`{0}` is not a host: write an IP address, a network such as 10.0.0.0/8, a host name, or * for any host")]
    Host(String),
    /// The address of a network has bits set that its prefix does not cover.
    #[error("`{0}` is an address inside a network: write {1} for the network")]
    HostBits(String, String),
    /// A wildcard name in a grant to listen.
    #[error("`{0}` is no address of this machine: a wildcard name is for connecting")]
    ListenWildcard(String),
    /// An address of a link, without the number of the interface that the link is at.
    #[error("`{0}` is an address on every link: write the number of its interface too, such as [fe80::1%2]")]
    Link(String),
    /// The number of an interface with an address that is not one of a link.
    #[error("`{0}` is no address of a link: only those, such as [fe80::1%2], have the number of an interface")]
    Scope(String),
    /// A class in a grant for local addresses.
    #[error("`{0}` is a class of remote addresses, for connecting: write an address, a name, or * for any")]
    LocalClass(String),
    /// A port in the grant of a source address.
    #[error("`{0}` has a port, which the system picks for a connection: write {1} alone")]
    SourcePort(String, String),
    /// A name with a port in a rule that denies.
    #[error("`{0}` is a name, which is denied with all its ports: write {0}:*")]
    DenyNamePort(String),
    /// Port 0 in a grant to connect.
    #[error("port 0 cannot be connected to: write a number from 1 to 65535, or * for any port")]
    ConnectPortZero,
}
