//! What a program may do: nothing but what was granted.

pub(crate) mod address_class;
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
pub(crate) mod own_addresses;
pub(crate) mod resolved;
pub(crate) mod risk;
pub(crate) mod source;
pub(crate) mod unix;
pub(crate) mod url;

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

    /// Whether a program may connect to a Unix socket, which a path without links names.
    pub fn permits_unix(&self, address: &UnixAddress) -> bool {
        self.unix_connect.iter().any(|grant| grant.covers(address))
    }

    /// Whether a program may listen on a Unix socket, which a path without links names.
    pub fn permits_unix_listen(&self, address: &UnixAddress) -> bool {
        self.unix_listen.iter().any(|grant| grant.covers(address))
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
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn nothing_is_permitted_by_default() {
        let policy = Policy::new();
        assert!(!policy.permits_listen(address("127.0.0.1:8888")));
        assert!(!policy.permits_connect(address("127.0.0.1:8888")));
        assert!(!policy.permits_lookup("localhost"));
    }

    #[test]
    fn an_address_grants_itself_alone() {
        let policy = Policy::new().allow_listen("127.0.0.1:80".parse().unwrap());
        assert!(policy.permits_listen(address("127.0.0.1:80")));
        for other in ["127.0.0.1:81", "127.0.0.2:80", "0.0.0.0:80", "[::1]:80", "127.0.0.1:0"] {
            assert!(!policy.permits_listen(address(other)), "{other}");
        }
        assert!(!policy.permits_connect(address("127.0.0.1:80")));
    }

    #[test]
    fn a_star_covers_any_host_or_any_port() {
        let policy = Policy::new().allow_listen("*:80".parse().unwrap()).allow_connect("10.0.0.1:*".parse().unwrap());
        assert!(policy.permits_listen(address("0.0.0.0:80")));
        assert!(policy.permits_listen(address("[::1]:80")));
        assert!(!policy.permits_listen(address("[::1]:0")));
        assert!(policy.permits_connect(address("10.0.0.1:9")));
        assert!(!policy.permits_connect(address("10.0.0.2:9")));
    }

    #[test]
    fn port_zero_covers_the_port_that_was_picked_once_bound() {
        let policy = Policy::new().allow_listen("127.0.0.1:0".parse().unwrap());
        assert!(policy.permits_listen(address("127.0.0.1:0")));
        assert!(!policy.permits_listen(address("127.0.0.1:4321")));
        let bound = address("127.0.0.1:4321");
        assert!(policy.permits_listen_when_bound(bound));
        let elsewhere = address("0.0.0.0:4321");
        assert!(!policy.permits_listen_when_bound(elsewhere));
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
        let policy = policy.allow_listen("db.example:80".parse().unwrap()).resolve_names().await.unwrap();
        assert!(policy.permits_listen(address("10.0.0.5:80")));
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
        assert!(!any.permits_lookup(&"a".repeat(LONGEST_NAME + 1)), "there is no such name");
    }

    #[tokio::test]
    async fn a_grant_to_listen_grants_no_look_up_but_that_of_its_own_name() {
        for grant in ["*:80", "*:*", "0.0.0.0:80", "10.0.0.0/8:80", "localhost:80"] {
            let policy = Policy::new().allow_listen(grant.parse().unwrap()).resolve_names().await.unwrap();
            for name in ["secret.example", "secret.example.", "localhost.example", "notlocalhost"] {
                assert!(!policy.permits_lookup(name), "{grant}: {name}");
            }
        }
        let policy = Policy::new().allow_listen("localhost:80".parse().unwrap());
        assert!(!policy.permits_lookup("localhost"), "nobody has asked, and nobody may be asked");
        let policy = policy.resolve_names().await.unwrap();
        assert!(policy.permits_lookup("LocalHost.") && !policy.permits_lookup("secret.localhost"));
        let found = policy.addresses_of("localhost").unwrap();
        assert!(found.contains(&Ipv4Addr::LOCALHOST.into()), "{found:?}");
    }

    #[tokio::test]
    async fn a_grant_for_every_address_has_the_names_of_this_machine() {
        let policy = Policy::new().allow_listen("*:80".parse().unwrap()).resolve_names().await.unwrap();
        assert!(policy.permits_lookup("localhost"));
        assert_eq!(policy.addresses_of("secret.localhost"), policy.addresses_of("localhost"), "nobody is asked");
    }

    #[test]
    fn a_rule_wins_over_every_grant() {
        let policy = Policy::new()
            .allow_connect("*:*".parse().unwrap())
            .allow_connect("10.0.0.1:80".parse().unwrap())
            .allow_listen("127.0.0.1:80".parse().unwrap())
            .allow_source("*".parse().unwrap())
            .resolve("db.example=10.0.0.1".parse().unwrap())
            .deny("10.0.0.0/8:*".parse().unwrap())
            .deny("127.0.0.1:80".parse().unwrap())
            .deny("evil.example:*".parse().unwrap());
        assert!(policy.permits_connect(address("11.0.0.1:80")));
        assert!(!policy.permits_connect(address("10.0.0.1:80")));
        assert!(!policy.permits_connect(address("[64:ff9b::a00:1]:80")));
        assert!(!policy.permits_listen(address("127.0.0.1:80")));
        assert!(!policy.permits_listen_when_bound(address("127.0.0.1:80")));
        assert!(!policy.permits_source(address("10.0.0.1:0")) && policy.permits_source(address("127.0.0.1:0")));
        for name in ["evil.example", "EVIL.example.", "evil%2eexample", "ｅvil.example"] {
            assert!(!policy.permits_lookup(name), "{name}");
        }
        assert!(policy.permits_lookup("good.example"));
    }

    #[test]
    fn classes_are_judged() {
        let policy = Policy::new()
            .allow_connect("public:443".parse().unwrap())
            .allow_connect("private:5432".parse().unwrap())
            .allow_connect("loopback:80".parse().unwrap());
        for (permitted, target) in [
            (true, "1.1.1.1:443"),
            (false, "1.1.1.1:5432"),
            (false, "10.0.0.1:443"),
            (true, "10.0.0.1:5432"),
            (true, "127.0.0.1:80"),
            (false, "127.0.0.1:443"),
            (false, "127.0.0.1:5432"),
            (false, "[64:ff9b::7f00:1]:80"),
        ] {
            assert_eq!(policy.permits_connect(address(target)), permitted, "{target}");
        }
        assert!(!policy.permits_lookup("example.com"), "a class is no name");
    }

    #[test]
    fn an_address_of_a_link_is_judged_with_its_link() {
        let policy = Policy::new()
            .allow_connect("[fe80::1%2]:80".parse().unwrap())
            .allow_connect("router.example:80".parse().unwrap())
            .resolve("router.example=fe80::2".parse().unwrap());
        assert!(policy.permits_connect(address("[fe80::1%2]:80")));
        assert!(!policy.permits_connect(address("[fe80::1%3]:80")));
        assert!(!policy.permits_connect(address("[fe80::2%2]:80")), "the operator did not say which link");
    }
}
