//! What a program may do: nothing but what was granted.

pub(crate) mod address_class;
pub(crate) mod change;
pub(crate) mod check;
pub(crate) mod decide;
pub(crate) mod denial;
pub(crate) mod deny;
pub(crate) mod directory;
pub(crate) mod endpoint;
pub(crate) mod exposure;
pub(crate) mod file;
pub(crate) mod fixed_names;
pub(crate) mod grant;
pub(crate) mod grant_error;
pub(crate) mod host_entry;
pub(crate) mod live;
pub(crate) mod own_addresses;
pub(crate) mod resolved;
pub(crate) mod risk;
pub(crate) mod source;
pub(crate) mod url;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::policy::address_class::is_localhost;
use crate::policy::endpoint::{Host, Place, Port, literal, normalized};
use crate::policy::fixed_names::FixedNames;
use crate::policy::grant::{ConnectGrant, ListenGrant};
use crate::{DenyRule, DirectoryGrant, HostEntry, SourceGrant};

/// Bytes of a name that is looked at. In DNS none is longer than 253; this has room for those that are written in Unicode.
const LONGEST_NAME: usize = 1024;

/// The grants of a program, what is denied in any case, and what host names stand for to it. The default grants nothing.
///
/// UDP is never granted. Names of this machine are resolved once, by [`resolve_names`](Self::resolve_names).
///
/// # Examples
///
/// ```
/// use wasyncio_host::Policy;
///
/// let policy = Policy::new()
///     .allow_listen("127.0.0.1:8888".parse()?)
///     .allow_connect("*:443".parse()?);
/// assert!(policy.permits_listen("127.0.0.1:8888".parse().unwrap()));
/// assert!(!policy.permits_listen("0.0.0.0:8888".parse().unwrap()));
/// assert!(!policy.permits_connect("10.0.0.1:80".parse().unwrap()));
/// # Ok::<(), wasyncio_host::GrantError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    listen: Vec<ListenGrant>,
    connect: Vec<ConnectGrant>,
    sources: Vec<SourceGrant>,
    denied: Vec<DenyRule>,
    hosts: Vec<HostEntry>,
    directories: Vec<DirectoryGrant>,
    wasi02_sockets: bool,
    fixed: FixedNames,
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

    /// Lets the program choose a local address to connect from.
    #[must_use]
    pub fn allow_source(mut self, grant: SourceGrant) -> Self {
        self.sources.push(grant);
        self
    }

    /// Denies what a rule covers, whatever grants say.
    #[must_use]
    pub fn deny(mut self, rule: DenyRule) -> Self {
        self.denied.push(rule);
        self
    }

    /// Lets the program use a directory.
    #[must_use]
    pub fn allow_directory(mut self, grant: DirectoryGrant) -> Self {
        self.directories.push(grant);
        self
    }

    /// Lets the program use TCP sockets of WASI 0.2, to what the other grants say. They are wasmtime-wasi's: no limit of
    /// connections holds for them, no worker shares them and no grace period waits for them.
    #[must_use]
    pub fn allow_wasi02_sockets(mut self) -> Self {
        self.wasi02_sockets = true;
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
    pub fn permits_listen(&self, address: SocketAddr) -> bool {
        self.denies_local(address).is_none() && self.grants_listen(address.into(), |port| port.covers(address.port()))
    }

    /// Whether a program may listen on a socket that it was allowed to bind, now that its port is known.
    ///
    /// As [`permits_listen`](Self::permits_listen), but a grant for port 0 covers any port: no other port than one
    /// that the operating system picked can have been bound under it, nor under one for a source address.
    pub(crate) fn permits_listen_when_bound(&self, address: SocketAddr) -> bool {
        let covers = |port: Port| port.covers(address.port()) || matches!(port, Port::Number(0));
        self.denies_local(address).is_none() && self.grants_listen(address.into(), covers)
    }

    fn grants_listen(&self, place: Place, covers: impl Fn(Port) -> bool) -> bool {
        let mut grants = self.listen.iter().map(ListenGrant::endpoint);
        grants.any(|endpoint| covers(endpoint.port) && self.covers_local(&endpoint.host, place))
    }

    /// Whether a program may choose the address of `address` to connect from.
    pub fn permits_source(&self, address: SocketAddr) -> bool {
        let mut grants = self.sources.iter().map(SourceGrant::host);
        self.denies_local(address).is_none() && grants.any(|host| self.covers_local(host, address.into()))
    }

    /// The rule by which a program may not have `address`, of this machine.
    pub(crate) fn denies_local(&self, address: SocketAddr) -> Option<&DenyRule> {
        self.denied.iter().find(|rule| rule.covers_local(address.into(), |name, ip| self.fixed.has(name, ip)))
    }

    /// The rule by which a program may not connect to `address`.
    pub(crate) fn denies_connect(&self, address: SocketAddr) -> Option<&DenyRule> {
        self.denied.iter().find(|rule| rule.covers_remote(address.into(), |name, ip| self.fixed.has(name, ip)))
    }

    /// The rule by which a program may not look up `name`, normalised.
    pub(crate) fn denies_lookup(&self, name: &str) -> Option<&DenyRule> {
        self.denied.iter().find(|rule| rule.covers_name(name))
    }

    /// Whether a program may connect to `address` whatever it looked up before.
    ///
    /// That is so if a grant has the address, the host `*`, or a name that the operator gave the address for with
    /// [`resolve`](Self::resolve); and for the addresses 127.0.0.1 and ::1, a name of this machine, such as
    /// `localhost`. What a grant with another name permits depends on what the running program is answered.
    pub fn permits_connect(&self, address: SocketAddr) -> bool {
        let place = Place::from(address);
        let ip = place.ip;
        // Names stand for addresses without the number of an interface.
        let covers = |host: &Host| {
            host.covers(place)
                || place.scope == 0
                    && (self
                        .hosts
                        .iter()
                        .any(|entry| host.covers_name(entry.name()) && entry.addresses().contains(&ip))
                        || (ip == Ipv4Addr::LOCALHOST || ip == Ipv6Addr::LOCALHOST)
                            && matches!(host, Host::Name(name) if is_localhost(name) && !self.has_entry(name)))
        };
        let mut grants = self.connect.iter().map(ConnectGrant::endpoint);
        self.denies_connect(address).is_none()
            && grants.any(|endpoint| endpoint.port.covers(address.port()) && covers(&endpoint.host))
    }

    /// Whether a grant to connect has `name`, normalised, and covers `port`.
    pub(crate) fn grants_name(&self, name: &str, port: u16) -> bool {
        let mut grants = self.connect.iter().map(ConnectGrant::endpoint);
        grants.any(|endpoint| endpoint.port.covers(port) && endpoint.host.covers_name(name))
    }

    /// What the operator says that `name`, normalised, stands for.
    fn entries_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a HostEntry> {
        self.hosts.iter().filter(move |entry| entry.name() == name)
    }

    fn has_entry(&self, name: &str) -> bool {
        self.entries_of(name).next().is_some()
    }

    /// What `name`, normalised, stands for without asking a resolver now: by the operator's word, or, for one of this
    /// machine, by what the resolver said when the program was loaded.
    pub(crate) fn addresses_of(&self, name: &str) -> Option<Vec<IpAddr>> {
        let given: Vec<_> = self.entries_of(name).flat_map(HostEntry::addresses).copied().collect();
        if !given.is_empty() {
            return Some(given);
        }
        self.local_addresses_of(name).map(<[_]>::to_vec)
    }

    /// What `name`, normalised, of a grant for local addresses was resolved to. A grant for all of them has the names
    /// of this machine, which are `localhost` and what is below.
    fn local_addresses_of(&self, name: &str) -> Option<&[IpAddr]> {
        if self.local_hosts().any(|host| host.name() == Some(name)) {
            return self.fixed.get(name);
        }
        let any = is_localhost(name) && self.local_hosts().any(|host| *host == Host::Any);
        if any { self.fixed.get("localhost") } else { None }
    }

    /// The hosts in grants for local addresses.
    fn local_hosts(&self) -> impl Iterator<Item = &Host> {
        let listen = self.listen.iter().map(|grant| &grant.endpoint().host);
        listen.chain(self.sources.iter().map(SourceGrant::host))
    }

    /// Whether a program may look up the host name `name`: one that a grant to connect has, or any if its host is `*`.
    ///
    /// A name of this machine, in a grant to listen or of a source address, it may look up too: it is answered with what
    /// [`resolve_names`](Self::resolve_names) found, and nobody is asked. An IP address needs no look-up and is always
    /// permitted.
    pub fn permits_lookup(&self, name: &str) -> bool {
        if name.len() > LONGEST_NAME {
            return false;
        }
        if literal(name).is_some() {
            return true;
        }
        let name = normalized(name);
        let mut connect = self.connect.iter().map(|grant| &grant.endpoint().host);
        self.denies_lookup(&name).is_none()
            && (connect.any(|host| *host == Host::Any || host.covers_name(&name))
                || self.local_addresses_of(&name).is_some())
    }

    /// Whether a program may use TCP sockets of WASI 0.2.
    pub fn has_wasi02_sockets(&self) -> bool {
        self.wasi02_sockets
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

    /// Which local addresses a program may connect from: see [`allow_source`](Self::allow_source).
    pub fn source_grants(&self) -> &[SourceGrant] {
        &self.sources
    }

    /// What no grant allows: see [`deny`](Self::deny).
    pub fn deny_rules(&self) -> &[DenyRule] {
        &self.denied
    }

    /// The directories that a program may use.
    pub fn directories(&self) -> &[DirectoryGrant] {
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

    /// Whether `place`, of this machine, is one of `host`.
    fn covers_local(&self, host: &Host, place: Place) -> bool {
        match host {
            Host::Name(name) => place.scope == 0 && self.fixed.has(name, place.ip),
            host => host.covers(place),
        }
    }
}

#[cfg(test)]
mod tests;
