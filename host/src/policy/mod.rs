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
pub(crate) mod unix;
pub(crate) mod url;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::policy::address_class::is_localhost;
use crate::policy::endpoint::{Host, Place, Port, literal, normalized};
use crate::policy::fixed_names::FixedNames;
use crate::policy::grant::{ConnectGrant, ListenGrant};
use crate::tls::grants::{TlsGrants, TlsUnverified};
use crate::tls::identity::TlsIdentity;
use crate::tls::trust::TlsTrust;
use crate::{DenyRule, DirectoryGrant, HostEntry, Result, SourceGrant, UnixAddress, UnixGrant};

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
    unix_connect: Vec<UnixGrant>,
    unix_listen: Vec<UnixGrant>,
    wasi02_sockets: bool,
    tls: TlsGrants,
    fixed: FixedNames,
}

/// Why a name may be looked up.
pub(crate) enum LookupGrant<'a> {
    /// It is an address.
    Address,
    /// A grant to connect has it.
    Connect(&'a ConnectGrant),
    /// It is one of this machine, in a grant to listen or of a source address.
    Local,
}

impl fmt::Display for LookupGrant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address => f.write_str("an address needs no look-up"),
            Self::Connect(grant) => write!(f, "allow-connect {grant}"),
            Self::Local => f.write_str("a grant of this machine has the name"),
        }
    }
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

    /// Lets the program connect to a Unix socket.
    #[must_use]
    pub fn allow_unix(mut self, grant: UnixGrant) -> Self {
        self.unix_connect.push(grant);
        self
    }

    /// Lets the program listen on a Unix socket: it makes one at the path, and may remove a socket that is there, whoever made it.
    #[must_use]
    pub fn allow_unix_listen(mut self, grant: UnixGrant) -> Self {
        self.unix_listen.push(grant);
        self
    }

    /// Lets the program use TCP sockets of WASI 0.2, to what the other grants say. They are wasmtime-wasi's: no limit of
    /// connections holds for them, no worker shares them and no grace period waits for them.
    #[must_use]
    pub fn allow_wasi02_sockets(mut self) -> Self {
        self.wasi02_sockets = true;
        self
    }

    /// Lets the program prove an identity by TLS: as a server, or as a client that is asked for a certificate. The key stays in the
    /// host.
    #[must_use]
    pub fn allow_tls_identity(mut self, identity: TlsIdentity) -> Self {
        self.tls.identities.push(identity);
        self
    }

    /// Lets the program have its peers be certified by authorities of the operator's, in the place of the system's.
    #[must_use]
    pub fn allow_tls_trust(mut self, trust: TlsTrust) -> Self {
        self.tls.trusts.push(trust);
        self
    }

    /// Whoever connects by TLS to a server of the program must show a certificate of the authorities that are called `trust`,
    /// whatever the program says.
    #[must_use]
    pub fn require_tls_client(mut self, trust: impl Into<String>) -> Self {
        self.tls.required_client = Some(trust.into());
        self
    }

    /// Lets the program use TLS to a server without verifying its certificate, or without its name.
    #[must_use]
    pub fn allow_tls_unverified(mut self, grant: TlsUnverified) -> Self {
        self.tls.unverified.push(grant);
        self
    }

    /// Loads the files of TLS identities and authorities. Loading the files of an identity again replaces it in programs that run, for
    /// sessions to come; where they cannot be used then, a warning is logged, and what was there goes on.
    ///
    /// A program that is run with a policy whose files were not loaded loads them.
    ///
    /// # Errors
    /// [`Error::Tls`](crate::Error::Tls) if they cannot be used.
    pub fn load_tls(mut self) -> Result<Self> {
        self.tls.load()?;
        Ok(self)
    }

    /// As [`load_tls`](Self::load_tls), unless that was done.
    pub(crate) fn load_tls_once(self) -> Result<Self> {
        if self.tls.is_loaded() { Ok(self) } else { self.load_tls() }
    }

    pub(crate) fn tls_grants(&self) -> &TlsGrants {
        &self.tls
    }

    /// The TLS identities: see [`allow_tls_identity`](Self::allow_tls_identity).
    pub fn tls_identities(&self) -> &[TlsIdentity] {
        &self.tls.identities
    }

    /// The TLS authorities: see [`allow_tls_trust`](Self::allow_tls_trust).
    pub fn tls_trusts(&self) -> &[TlsTrust] {
        &self.tls.trusts
    }

    /// The name of the authorities that clients must be certified by: see [`require_tls_client`](Self::require_tls_client).
    pub fn tls_required_client(&self) -> Option<&str> {
        self.tls.required_client.as_deref()
    }

    /// The servers whose certificates need not be verified: see [`allow_tls_unverified`](Self::allow_tls_unverified).
    pub fn tls_unverified(&self) -> &[TlsUnverified] {
        &self.tls.unverified
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
        self.listen_grant(address).is_some()
    }

    /// The grant by which a program may bind `address` and listen on it.
    pub(crate) fn listen_grant(&self, address: SocketAddr) -> Option<&ListenGrant> {
        self.grant_to_listen(address, |port| port.covers(address.port()))
    }

    /// The grant by which a program may listen on a socket that it was allowed to bind, now that its port is known.
    ///
    /// As [`listen_grant`](Self::listen_grant), but a grant for port 0 covers any port: no other port than one that the
    /// operating system picked can have been bound under it, nor under one for a source address.
    pub(crate) fn listen_grant_when_bound(&self, address: SocketAddr) -> Option<&ListenGrant> {
        self.grant_to_listen(address, |port| port.covers(address.port()) || matches!(port, Port::Number(0)))
    }

    fn grant_to_listen(&self, address: SocketAddr, covers: impl Fn(Port) -> bool) -> Option<&ListenGrant> {
        let has = |grant: &&ListenGrant| {
            covers(grant.endpoint().port) && self.covers_local(&grant.endpoint().host, address.into())
        };
        if self.denies_local(address).is_some() { None } else { self.listen.iter().find(has) }
    }

    /// Whether a program may choose the address of `address` to connect from.
    pub fn permits_source(&self, address: SocketAddr) -> bool {
        self.source_grant(address).is_some()
    }

    /// The grant by which a program may choose the address of `address` to connect from.
    pub(crate) fn source_grant(&self, address: SocketAddr) -> Option<&SourceGrant> {
        let has = |grant: &&SourceGrant| self.covers_local(grant.host(), address.into());
        if self.denies_local(address).is_some() { None } else { self.sources.iter().find(has) }
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
        self.connect_grant(address).is_some()
    }

    /// The grant by which a program may connect to `address` whatever it looked up before.
    pub(crate) fn connect_grant(&self, address: SocketAddr) -> Option<&ConnectGrant> {
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
        let has =
            |grant: &&ConnectGrant| grant.endpoint().port.covers(address.port()) && covers(&grant.endpoint().host);
        if self.denies_connect(address).is_some() { None } else { self.connect.iter().find(has) }
    }

    /// Whether a grant to connect has `name`, normalised, and covers `port`.
    pub(crate) fn grants_name(&self, name: &str, port: u16) -> bool {
        self.name_grant(name, port).is_some()
    }

    /// The grant to connect that has `name`, normalised, and covers `port`.
    pub(crate) fn name_grant(&self, name: &str, port: u16) -> Option<&ConnectGrant> {
        self.connect.iter().find(|grant| {
            let endpoint = grant.endpoint();
            endpoint.port.covers(port) && endpoint.host.covers_name(name)
        })
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
        self.lookup_grant(name).is_some()
    }

    /// Why a program may look up the host name `name`.
    pub(crate) fn lookup_grant(&self, name: &str) -> Option<LookupGrant<'_>> {
        if name.len() > LONGEST_NAME {
            return None;
        }
        if literal(name).is_some() {
            return Some(LookupGrant::Address);
        }
        let name = normalized(name);
        if self.denies_lookup(&name).is_some() {
            return None;
        }
        let has = |grant: &&ConnectGrant| {
            let host = &grant.endpoint().host;
            *host == Host::Any || host.covers_name(&name)
        };
        let granted = self.connect.iter().find(has).map(LookupGrant::Connect);
        granted.or_else(|| self.local_addresses_of(&name).map(|_| LookupGrant::Local))
    }

    /// Whether a program may connect to a Unix socket, which a path without links names.
    pub fn permits_unix(&self, address: &UnixAddress) -> bool {
        self.unix_grant(address).is_some()
    }

    /// The grant by which a program may connect to a Unix socket.
    pub(crate) fn unix_grant(&self, address: &UnixAddress) -> Option<&UnixGrant> {
        self.unix_connect.iter().find(|grant| grant.covers(address))
    }

    /// Whether a program may listen on a Unix socket, which a path without links names.
    pub fn permits_unix_listen(&self, address: &UnixAddress) -> bool {
        self.unix_listen_grant(address).is_some()
    }

    /// The grant by which a program may listen on a Unix socket.
    pub(crate) fn unix_listen_grant(&self, address: &UnixAddress) -> Option<&UnixGrant> {
        self.unix_listen.iter().find(|grant| grant.covers(address))
    }

    /// The Unix sockets that a program may connect to: see [`allow_unix`](Self::allow_unix).
    pub fn unix_grants(&self) -> &[UnixGrant] {
        &self.unix_connect
    }

    /// The Unix sockets that a program may listen on: see [`allow_unix_listen`](Self::allow_unix_listen).
    pub fn unix_listen_grants(&self) -> &[UnixGrant] {
        &self.unix_listen
    }

    /// Takes the links out of the folders of Unix sockets.
    pub(crate) fn resolve_folders(mut self) -> Self {
        for grants in [&mut self.unix_connect, &mut self.unix_listen] {
            *grants = std::mem::take(grants).into_iter().map(UnixGrant::resolved).collect();
        }
        self
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
        !self.listen.is_empty() || !self.unix_listen.is_empty()
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
