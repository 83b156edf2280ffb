//! What a program may do: nothing but what was granted.

pub(crate) mod address_class;
pub(crate) mod check;
pub(crate) mod denial;
pub(crate) mod directory;
pub(crate) mod endpoint;
pub(crate) mod file;
pub(crate) mod grant;
pub(crate) mod host_entry;
pub(crate) mod resolved;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::policy::address_class::is_localhost;
use crate::policy::endpoint::{Host, Port, normalized};
use crate::policy::grant::{ConnectGrant, ListenGrant};
use crate::{DirectoryGrant, HostEntry};

/// The grants of a program, and what host names stand for to it. The default grants nothing.
///
/// UDP is never granted.
///
/// # Examples
///
/// ```
/// use wasyncio_host::Policy;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let policy = Policy::new()
///     .allow_listen("127.0.0.1:8888".parse()?)
///     .allow_connect("*:443".parse()?);
/// assert!(policy.permits_listen("127.0.0.1:8888".parse().unwrap()).await);
/// assert!(!policy.permits_listen("0.0.0.0:8888".parse().unwrap()).await);
/// assert!(!policy.permits_connect("10.0.0.1:80".parse().unwrap()));
/// # Ok::<(), wasyncio_host::GrantError>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    listen: Vec<ListenGrant>,
    connect: Vec<ConnectGrant>,
    hosts: Vec<HostEntry>,
    directories: Vec<DirectoryGrant>,
}

impl Policy {
    /// Creates a policy that grants nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a grant to listen.
    #[must_use]
    pub fn allow_listen(mut self, grant: ListenGrant) -> Self {
        self.listen.push(grant);
        self
    }

    /// Adds a grant to connect.
    #[must_use]
    pub fn allow_connect(mut self, grant: ConnectGrant) -> Self {
        self.connect.push(grant);
        self
    }

    /// Lets the program use a directory.
    #[must_use]
    pub fn allow_directory(mut self, grant: DirectoryGrant) -> Self {
        self.directories.push(grant);
        self
    }

    /// Says what a host name stands for, to the program's look-ups and to the grants that have this name. The system's
    /// resolver is not asked for it. Of several entries for one name all addresses count, in order.
    #[must_use]
    pub fn resolve(mut self, entry: HostEntry) -> Self {
        self.hosts.push(entry);
        self
    }

    /// Whether a program may bind `address` and listen on it. Port 0 asks for any free port.
    ///
    /// Host names among the grants are resolved now; one that does not resolve grants nothing. Needs a tokio runtime if
    /// a grant has a host name.
    pub async fn permits_listen(&self, address: SocketAddr) -> bool {
        for grant in &self.listen {
            let endpoint = grant.endpoint();
            if endpoint.port.covers(address.port()) && self.covers_local(&endpoint.host, address.ip()).await {
                return true;
            }
        }
        false
    }

    /// Whether a program may listen on a socket that it was allowed to bind, now that its port is known.
    ///
    /// As [`permits_listen`](Self::permits_listen), but a grant for port 0 covers any port: no other port than one
    /// that the operating system picked can have been bound under it.
    pub(crate) async fn permits_listen_when_bound(&self, address: SocketAddr) -> bool {
        for grant in &self.listen {
            let endpoint = grant.endpoint();
            let port = endpoint.port.covers(address.port()) || matches!(endpoint.port, Port::Number(0));
            if port && self.covers_local(&endpoint.host, address.ip()).await {
                return true;
            }
        }
        false
    }

    /// Whether a program may connect to `address` whatever it looked up before.
    ///
    /// That is so if a grant has the address, the host `*`, or a name that the operator gave the address for with
    /// [`resolve`](Self::resolve); and for the addresses 127.0.0.1 and ::1, a name of this machine, such as
    /// `localhost`. What a grant with another name permits depends on what the running program is answered.
    pub fn permits_connect(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let covers = |host: &Host| {
            host.covers_address(ip)
                || self.hosts.iter().any(|entry| host.covers_name(entry.name()) && entry.addresses().contains(&ip))
                || (ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST)
                    && matches!(host, Host::Name(name) if is_localhost(name) && self.addresses_of(name).is_none())
        };
        let mut grants = self.connect.iter().map(ConnectGrant::endpoint);
        grants.any(|endpoint| endpoint.port.covers(address.port()) && covers(&endpoint.host))
    }

    /// Whether a grant to connect has `name`, normalised, and covers `port`.
    pub(crate) fn grants_name(&self, name: &str, port: u16) -> bool {
        let mut grants = self.connect.iter().map(ConnectGrant::endpoint);
        grants.any(|endpoint| endpoint.port.covers(port) && endpoint.host.covers_name(name))
    }

    /// What the operator says that `name`, normalised, stands for.
    pub(crate) fn addresses_of(&self, name: &str) -> Option<Vec<IpAddr>> {
        let entries = self.hosts.iter().filter(|entry| entry.name() == name);
        let addresses: Vec<_> = entries.flat_map(HostEntry::addresses).copied().collect();
        (!addresses.is_empty()).then_some(addresses)
    }

    /// Whether a program may look up the host name `name`: one that a grant names, or any if a grant has the host `*`.
    ///
    /// An IP address needs no look-up and is always permitted.
    pub fn permits_lookup(&self, name: &str) -> bool {
        let name = normalized(name);
        let listen = self.listen.iter().map(ListenGrant::endpoint);
        let connect = self.connect.iter().map(ConnectGrant::endpoint);
        let address = name.trim_start_matches('[').trim_end_matches(']');
        address.parse::<IpAddr>().is_ok()
            || listen.chain(connect).any(|endpoint| endpoint.host == Host::Any || endpoint.host.covers_name(&name))
    }

    /// Where a program may listen, as far as it was said: see [`allow_listen`](Self::allow_listen).
    pub fn listen_grants(&self) -> &[ListenGrant] {
        &self.listen
    }

    /// Where a program may connect to, as far as it was said: see [`allow_connect`](Self::allow_connect).
    pub fn connect_grants(&self) -> &[ConnectGrant] {
        &self.connect
    }

    /// What names stand for, as far as it was said: see [`resolve`](Self::resolve).
    pub fn host_entries(&self) -> &[HostEntry] {
        &self.hosts
    }

    /// The directories that a program may use: see [`allow_directory`](Self::allow_directory).
    pub fn directory_grants(&self) -> &[DirectoryGrant] {
        &self.directories
    }

    /// The directories that a program may use.
    pub(crate) fn directories(&self) -> &[DirectoryGrant] {
        &self.directories
    }

    /// Whether a program may listen on anything at all.
    pub(crate) fn permits_some_listen(&self) -> bool {
        !self.listen.is_empty()
    }

    /// Whether a program may connect to anything at all.
    pub(crate) fn permits_some_connect(&self) -> bool {
        !self.connect.is_empty()
    }

    /// Whether `address`, of this machine, is among the addresses of `host`.
    async fn covers_local(&self, host: &Host, address: IpAddr) -> bool {
        let Host::Name(name) = host else {
            return host.covers_address(address);
        };
        let address = address.to_canonical();
        match self.addresses_of(name) {
            Some(addresses) => addresses.contains(&address),
            None => resolves_to(name, address).await,
        }
    }
}

async fn resolves_to(name: &str, address: IpAddr) -> bool {
    match tokio::net::lookup_host((name, 0)).await {
        Ok(mut resolved) => resolved.any(|found| found.ip().to_canonical() == address),
        Err(error) => {
            tracing::warn!("the host name {name} in a grant does not resolve: {error}");
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn nothing_is_permitted_by_default() {
        let policy = Policy::new();
        assert!(!policy.permits_listen(address("127.0.0.1:8888")).await);
        assert!(!policy.permits_connect(address("127.0.0.1:8888")));
        assert!(!policy.permits_lookup("localhost"));
    }

    #[tokio::test]
    async fn an_address_grants_itself_alone() {
        let policy = Policy::new().allow_listen("127.0.0.1:80".parse().unwrap());
        assert!(policy.permits_listen(address("127.0.0.1:80")).await);
        for other in ["127.0.0.1:81", "127.0.0.2:80", "0.0.0.0:80", "[::1]:80", "127.0.0.1:0"] {
            assert!(!policy.permits_listen(address(other)).await, "{other}");
        }
        assert!(!policy.permits_connect(address("127.0.0.1:80")));
    }

    #[tokio::test]
    async fn a_star_covers_any_host_or_any_port() {
        let policy = Policy::new().allow_listen("*:80".parse().unwrap()).allow_connect("10.0.0.1:*".parse().unwrap());
        assert!(policy.permits_listen(address("0.0.0.0:80")).await);
        assert!(policy.permits_listen(address("[::1]:80")).await);
        assert!(!policy.permits_listen(address("[::1]:0")).await);
        assert!(policy.permits_connect(address("10.0.0.1:9")));
        assert!(!policy.permits_connect(address("10.0.0.2:9")));
    }

    #[tokio::test]
    async fn port_zero_covers_the_port_that_was_picked_once_bound() {
        let policy = Policy::new().allow_listen("127.0.0.1:0".parse().unwrap());
        assert!(policy.permits_listen(address("127.0.0.1:0")).await);
        assert!(!policy.permits_listen(address("127.0.0.1:4321")).await);
        let bound = address("127.0.0.1:4321");
        assert!(policy.permits_listen_when_bound(bound).await);
        let elsewhere = address("0.0.0.0:4321");
        assert!(!policy.permits_listen_when_bound(elsewhere).await);
    }

    #[test]
    fn localhost_is_this_machine_without_a_look_up() {
        let policy = Policy::new().allow_connect("localhost:80".parse().unwrap());
        assert!(policy.permits_connect(address("127.0.0.1:80")));
        assert!(policy.permits_connect(address("[::1]:80")));
        assert!(!policy.permits_connect(address("127.0.0.2:80")));
        assert!(!policy.permits_connect(address("127.0.0.1:81")));
    }

    #[tokio::test]
    async fn a_name_stands_for_what_the_operator_says() {
        let entry: HostEntry = "Db.example=10.0.0.5".parse().unwrap();
        let policy = Policy::new().resolve(entry).resolve("db.example=10.0.0.6".parse().unwrap());
        assert!(!policy.permits_lookup("db.example"), "an entry is no grant");
        assert!(!policy.permits_connect(address("10.0.0.5:80")));
        let policy = policy.allow_connect("db.example:80".parse().unwrap());
        assert!(policy.permits_connect(address("10.0.0.5:80")));
        assert!(policy.permits_connect(address("10.0.0.6:80")));
        assert!(!policy.permits_connect(address("10.0.0.7:80")));
        let policy = policy.allow_listen("db.example:80".parse().unwrap());
        assert!(policy.permits_listen(address("10.0.0.5:80")).await);
    }

    #[test]
    fn look_ups_are_for_granted_names() {
        let policy = Policy::new().allow_connect("Example.com:443".parse().unwrap());
        assert!(policy.permits_lookup("example.com"));
        assert!(policy.permits_lookup("EXAMPLE.com."));
        assert!(!policy.permits_lookup("www.example.com"));
        assert!(policy.permits_lookup("10.0.0.1"));
        assert!(policy.permits_lookup("::1"));
        let below = Policy::new().allow_connect("*.example.com:443".parse().unwrap());
        assert!(below.permits_lookup("www.example.com."));
        assert!(!below.permits_lookup("example.com"));
        let net = Policy::new().allow_connect("10.0.0.0/8:443".parse().unwrap());
        assert!(!net.permits_lookup("example.com"));
        let any = Policy::new().allow_connect("*:443".parse().unwrap());
        assert!(any.permits_lookup("www.example.com"));
    }
}
