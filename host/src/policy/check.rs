//! Where a running program meets its policy: every address and name goes through here, and refusals are reported.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounterVec;
use wasmtime_wasi::sockets::SocketAddrUse;

use crate::policy::address_class::{AddressClass, is_localhost};
use crate::policy::decide::{Decide, Decision, Request};
use crate::policy::endpoint::{Place, normalized};
use crate::policy::own_addresses::own_addresses;
use crate::policy::resolved::{Known, ResolvedNames};
use crate::tls::grants::TlsGrants;
use crate::{Denial, DenyRule, Policy, UnixAddress};

/// How long an address that a program was given for a name may be connected to, unless a limit says otherwise.
///
/// The system's resolver does not tell how long an answer is good. Most are for some minutes, and whoever connects by a
/// name asks again each time.
pub(crate) const DEFAULT_MAX_ANSWER_AGE: Duration = Duration::from_secs(600);

/// How many different refusals are remembered, and so reported, for one program.
///
/// A program can ask for any number of addresses; memory and log must not grow with it.
const MAX_REPORTED: usize = 256;

/// Called with each refusal.
pub(crate) type OnDenied = Arc<dyn Fn(&Denial) + Send + Sync>;

/// The policy of one running program, and what it was refused so far.
pub(crate) struct Check {
    policy: Policy,
    /// Asked before the policy.
    decide: Option<Decide>,
    on_denied: OnDenied,
    /// How many operations were refused, in all, by kind.
    denied: IntCounterVec,
    reported: Mutex<HashSet<Denial>>,
    /// Answers that a grant for their name covers.
    answers: ResolvedNames,
    /// Answers that it does not cover, to tell the program's operator why.
    private_answers: ResolvedNames,
}

impl Check {
    /// `max_answer_age` is [`Limits::max_answer_age`](crate::Limits::max_answer_age).
    pub(crate) fn new(
        policy: Policy,
        on_denied: OnDenied,
        denied: IntCounterVec,
        max_answer_age: Option<Duration>,
    ) -> Self {
        let max_age = max_answer_age.unwrap_or(DEFAULT_MAX_ANSWER_AGE);
        // Known from now on, whatever descriptors the program leaves for asking again.
        _ = own_addresses();
        Self {
            policy,
            decide: None,
            on_denied,
            denied,
            reported: Mutex::default(),
            answers: ResolvedNames::new(max_age),
            private_answers: ResolvedNames::new(max_age),
        }
    }

    /// Asks this before the policy.
    pub(crate) fn asking(mut self, decide: Option<Decide>) -> Self {
        self.decide = decide;
        self
    }

    /// What the embedder's function decides; `None` leaves it to the grants.
    fn decided(&self, request: &Request<'_>) -> Option<bool> {
        match self.decide.as_ref()?(request) {
            Decision::Allow => Some(true),
            Decision::Deny => Some(false),
            Decision::ByGrants => None,
        }
    }

    /// The same about listening on `address`. A rule that denies it goes before.
    fn decided_locally(&self, address: SocketAddr) -> Option<bool> {
        if self.policy.denies_local(address).is_some() {
            return None;
        }
        self.decided(&Request::Listen(address))
    }

    /// Decides about one use of an address, as wasmtime-wasi asks before each system call.
    ///
    /// Before it connects, and before it listens, on a socket that the program has not bound, wasmtime-wasi asks about
    /// binding the unspecified address, port 0. That is permitted: it opens nothing by itself, and connecting or
    /// listening is asked about next. A program that binds it is asked about by [`permits_bind`](Self::permits_bind).
    pub(crate) fn permits(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        match usage {
            SocketAddrUse::TcpBind => {
                (address.port() == 0 && address.ip().is_unspecified()) || self.permits_bind(address)
            }
            SocketAddrUse::TcpListen => self.permits_listen(address),
            // Whoever may listen may be connected to.
            SocketAddrUse::TcpAccept => true,
            SocketAddrUse::TcpConnect => self.permits_connect(address),
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => self.refuse(Denial::Udp),
        }
    }

    /// Decides about the program's binding of `address`, to listen there or to connect from there.
    pub(crate) fn permits_bind(&self, address: SocketAddr) -> bool {
        match self.decided_locally(address) {
            Some(true) => return true,
            Some(false) => return self.refuse(Denial::Listen(address)),
            None => {}
        }
        let from_here = address.port() == 0 && self.policy.permits_source(address);
        if from_here || self.policy.permits_listen(address) {
            return true;
        }
        // Without a grant to connect it can only be for listening.
        let denial = if self.policy.permits_some_connect() { Denial::Bind(address) } else { Denial::Listen(address) };
        self.refuse_by(self.policy.denies_local(address), denial)
    }

    /// Decides about listening on a socket that is bound to `address`.
    fn permits_listen(&self, address: SocketAddr) -> bool {
        match self.decided_locally(address) {
            Some(true) => return true,
            Some(false) => return self.refuse(Denial::Listen(address)),
            None => {}
        }
        if self.policy.permits_listen_when_bound(address) {
            return true;
        }
        let rule = self.policy.denies_local(address);
        // A port chosen by the program was refused when binding, so this one was picked by the system.
        let asked = if rule.is_some() { address } else { SocketAddr::new(address.ip(), 0) };
        self.refuse_by(rule, Denial::Listen(asked))
    }

    /// Decides about connecting from `address`, which the program has bound.
    pub(crate) fn permits_source(&self, address: SocketAddr) -> bool {
        self.policy.permits_source(address)
            || self.refuse_by(self.policy.denies_local(address), Denial::Source(address))
    }

    fn permits_connect(&self, address: SocketAddr) -> bool {
        if let Some(rule) = self.policy.denies_connect(address) {
            return self.refuse_by(Some(rule), Denial::Connect(address));
        }
        match self.decided(&Request::Connect(address)) {
            Some(true) => return true,
            Some(false) => return self.refuse(Denial::Connect(address)),
            None => {}
        }
        // A look-up answers with no number of an interface, so none is granted by a name.
        let place = Place::from(address);
        let granted = |name: &str| place.scope == 0 && self.policy.grants_name(name, place.port);
        let known = self.answers.find(place.ip, granted);
        if self.policy.permits_connect(address) || matches!(known, Some(Known::Fresh(_))) {
            return true;
        }
        let private = self.private_answers.find(place.ip, granted);
        self.refuse(match (private, known) {
            (Some(Known::Fresh(name) | Known::Old(name)), _) => Denial::Private { name, address },
            (None, Some(Known::Fresh(name) | Known::Old(name))) => Denial::Expired { name, address },
            (None, None) => Denial::Connect(address),
        })
    }

    /// Whether a grant to listen has `address`, without telling anybody.
    pub(crate) fn grants_listening(&self, address: SocketAddr) -> bool {
        self.decided_locally(address).unwrap_or_else(|| self.policy.permits_listen(address))
    }

    /// What the policy says of TLS.
    pub(crate) fn tls(&self) -> &TlsGrants {
        self.policy.tls_grants()
    }

    /// Tells of something of TLS that was refused.
    pub(crate) fn refused_tls(&self, denial: &Denial) {
        self.refuse(denial.clone());
    }

    /// Decides about looking up a host name.
    pub(crate) fn permits_lookup(&self, name: &str) -> bool {
        // No name is longer, and the program's text is kept and printed.
        let shown: String = name.chars().take(253).collect();
        let rule = self.policy.denies_lookup(&normalized(&shown));
        let asks = rule.is_none() && shown.len() == name.len();
        let decided = if asks { self.decided(&Request::Lookup(name)) } else { None };
        decided.unwrap_or_else(|| self.policy.permits_lookup(name)) || self.refuse_by(rule, Denial::Lookup(shown))
    }

    /// Whether the program may connect to a Unix socket, which a path without links names. Nobody is told.
    pub(crate) fn grants_unix(&self, address: &UnixAddress) -> bool {
        self.decided(&Request::ConnectUnix(address)).unwrap_or_else(|| self.policy.permits_unix(address))
    }

    /// The same about listening there.
    pub(crate) fn grants_unix_listen(&self, address: &UnixAddress) -> bool {
        self.decided(&Request::ListenUnix(address)).unwrap_or_else(|| self.policy.permits_unix_listen(address))
    }

    /// What `name` stands for without asking the system's resolver now.
    pub(crate) fn addresses_of(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.policy.addresses_of(&normalized(name))
    }

    /// Takes notice that the system's resolver answered a look-up of `name`, begun at `asked`, with `address`, and that
    /// the program is told so.
    pub(crate) fn answered(&self, name: &str, address: IpAddr, asked: Instant) {
        let name = normalized(name);
        let covered =
            AddressClass::of(address) == AddressClass::Public || (is_localhost(&name) && address.is_loopback());
        let answers = if covered { &self.answers } else { &self.private_answers };
        answers.remember(&name, address, asked);
    }

    /// Refuses what a rule denies, or, without one, what no grant covers.
    fn refuse_by(&self, rule: Option<&DenyRule>, denial: Denial) -> bool {
        self.refuse(match rule {
            Some(rule) => Denial::Rule { refused: Box::new(denial), rule: rule.clone() },
            None => denial,
        })
    }

    fn refuse(&self, denial: Denial) -> bool {
        self.report(denial);
        false
    }

    /// Takes notice of a refusal.
    pub(crate) fn report(&self, denial: Denial) {
        self.denied.with_label_values(&[denial.kind()]).inc();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.len() >= MAX_REPORTED || !reported.insert(denial.clone()) {
            return;
        }
        let last = reported.len() == MAX_REPORTED;
        drop(reported);
        (self.on_denied)(&denial);
        if last {
            tracing::warn!("{MAX_REPORTED} different requests were denied; more will not be told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A check for `policy`, and the refusals it reports.
    fn check(policy: Policy) -> (Check, Arc<Mutex<Vec<String>>>) {
        check_with(policy, None)
    }

    fn check_with(policy: Policy, max_answer_age: Option<Duration>) -> (Check, Arc<Mutex<Vec<String>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let on_denied: OnDenied = Arc::new(move |d| sink.lock().unwrap().push(d.to_string()));
        (Check::new(policy, on_denied, crate::Metrics::new().denied, max_answer_age), told)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_refusal_is_told_once() {
        let (check, told) = check(Policy::new());
        for _ in 0..3 {
            assert!(!check.permits(address("127.0.0.1:80"), SocketAddrUse::TcpBind));
        }
        assert!(!check.permits_lookup("example.com"));
        assert!(!check.permits_lookup("example.com"));
        assert_eq!(*told.lock().unwrap(), ["listening on 127.0.0.1:80", "looking up example.com"]);
    }

    #[test]
    fn connecting_is_refused_by_its_target_and_not_by_the_implicit_bind() {
        let (check, told) = check(Policy::new());
        assert!(check.permits(address("0.0.0.0:0"), SocketAddrUse::TcpBind));
        assert!(!check.permits(address("10.0.0.1:80"), SocketAddrUse::TcpConnect));
        assert_eq!(*told.lock().unwrap(), ["connecting to 10.0.0.1:80"]);
    }

    #[test]
    fn binding_port_0_needs_a_grant() {
        let (check, told) = check(Policy::new().allow_connect("10.0.0.1:80".parse().unwrap()));
        for unspecified in ["0.0.0.0:0", "[::]:0", "127.0.0.1:0"] {
            assert!(!check.permits_bind(address(unspecified)), "{unspecified}");
        }
        assert_eq!(*told.lock().unwrap(), ["binding 0.0.0.0:0", "binding [::]:0", "binding 127.0.0.1:0"]);
    }

    #[test]
    fn the_implicit_bind_does_not_lead_to_listening() {
        let (check, told) = check(Policy::new().allow_connect("10.0.0.1:80".parse().unwrap()));
        assert!(check.permits(address("0.0.0.0:0"), SocketAddrUse::TcpBind));
        assert!(!check.permits(address("0.0.0.0:4321"), SocketAddrUse::TcpListen));
        assert_eq!(*told.lock().unwrap(), ["listening on 0.0.0.0:0"]);
    }

    #[test]
    fn a_grant_of_a_source_address_is_for_connecting_from_it() {
        let policy = Policy::new()
            .allow_connect("10.0.0.1:80".parse().unwrap())
            .allow_source("127.0.0.1".parse().unwrap())
            .allow_listen("127.0.0.2:0".parse().unwrap());
        let (check, told) = check(policy);
        assert!(check.permits_bind(address("127.0.0.1:0")) && check.permits_source(address("127.0.0.1:4321")));
        // It has no ports of the program's choice, and does not lead to listening.
        assert!(!check.permits_bind(address("127.0.0.1:4321")));
        assert!(!check.permits(address("127.0.0.1:4321"), SocketAddrUse::TcpListen));
        // And a grant to listen is not for connecting from there.
        assert!(check.permits_bind(address("127.0.0.2:0")) && !check.permits_source(address("127.0.0.2:4321")));
        assert_eq!(
            *told.lock().unwrap(),
            ["binding 127.0.0.1:4321", "listening on 127.0.0.1:0", "connecting from 127.0.0.2:4321"]
        );
    }

    #[test]
    fn a_rule_is_named_where_it_wins() {
        let policy = Policy::new()
            .allow_connect("*:*".parse().unwrap())
            .allow_listen("*:*".parse().unwrap())
            .deny("169.254.0.0/16:*".parse().unwrap())
            .deny("127.0.0.1:80".parse().unwrap())
            .deny("evil.example:*".parse().unwrap());
        let (check, told) = check(policy);
        assert!(!connects(&check, "169.254.169.254:80"));
        assert!(!check.permits_bind(address("127.0.0.1:80")));
        // The port of one that the system has picked.
        assert!(!check.permits(address("127.0.0.1:80"), SocketAddrUse::TcpListen));
        assert!(!check.permits_lookup("Evil.example"));
        assert_eq!(
            *told.lock().unwrap(),
            [
                "connecting to 169.254.169.254:80, which the rule 169.254.0.0/16:* denies",
                "binding 127.0.0.1:80, which the rule 127.0.0.1:80 denies",
                "listening on 127.0.0.1:80, which the rule 127.0.0.1:80 denies",
                "looking up Evil.example, which the rule evil.example:* denies",
            ]
        );
    }

    #[test]
    fn an_answer_expires() {
        let policy = Policy::new().allow_connect("a.example:80".parse().unwrap());
        // Of no age at all.
        let (old, told) = check_with(policy.clone(), Some(Duration::ZERO));
        old.answered("a.example", address("1.1.1.1:0").ip(), Instant::now());
        assert!(!connects(&old, "1.1.1.1:80"));
        assert_eq!(*told.lock().unwrap(), ["connecting to 1.1.1.1:80, which a.example resolved to too long ago"]);
        let (check, _) = check(policy);
        let asked = Instant::now();
        check.answered("a.example", address("1.1.1.1:0").ip(), asked);
        assert!(connects(&check, "1.1.1.1:80"));
        check.answered("a.example", address("[2606:4700::1]:0").ip(), asked);
        assert!(connects(&check, "[2606:4700::1]:80"));
        assert!(!connects(&check, "[2606:4700::1%2]:80"), "no answer has the number of an interface");
    }

    fn connects(check: &Check, target: &str) -> bool {
        check.permits(address(target), SocketAddrUse::TcpConnect)
    }

    #[test]
    fn a_name_covers_what_the_program_was_given_for_it() {
        let (check, _) = check(Policy::new().allow_connect("a.example:80".parse().unwrap()));
        assert!(!connects(&check, "1.1.1.1:80"));
        check.answered("A.example.", address("1.1.1.1:0").ip(), Instant::now());
        check.answered("b.example", address("1.1.1.2:0").ip(), Instant::now());
        assert!(connects(&check, "1.1.1.1:80"));
        assert!(!connects(&check, "1.1.1.1:81"));
        assert!(!connects(&check, "1.1.1.2:80"));
    }

    #[test]
    fn a_name_that_turns_to_a_private_address_is_refused_and_told() {
        let (check, told) = check(Policy::new().allow_connect("evil.example:80".parse().unwrap()));
        for private in ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"] {
            let private: IpAddr = private.parse().unwrap();
            check.answered("evil.example", private, Instant::now());
            assert!(!check.permits(SocketAddr::new(private, 80), SocketAddrUse::TcpConnect), "{private}");
        }
        assert_eq!(
            told.lock().unwrap()[0],
            "connecting to 127.0.0.1:80, an address of this machine or of its private networks that evil.example resolves \
             to"
        );
    }

    #[test]
    fn a_private_address_is_taken_from_a_grant_of_its_own() {
        let policy =
            Policy::new().allow_connect("db.example:80".parse().unwrap()).allow_connect("10.0.0.1:80".parse().unwrap());
        let (check, _) = check(policy);
        check.answered("db.example", address("10.0.0.1:0").ip(), Instant::now());
        assert!(connects(&check, "10.0.0.1:80"));
    }

    #[test]
    fn a_function_decides_before_the_grants() {
        let policy = Policy::new().allow_connect("10.0.0.1:*".parse().unwrap());
        let (check, told) = check(policy);
        let check = check.asking(Some(Arc::new(|request: &Request<'_>| match request {
            Request::Connect(address) if address.port() == 25 => Decision::Deny,
            Request::Listen(address) if address.ip().is_loopback() => Decision::Allow,
            Request::Lookup("a.example") => Decision::Allow,
            _ => Decision::ByGrants,
        })));
        assert!(connects(&check, "10.0.0.1:80"));
        assert!(!connects(&check, "10.0.0.1:25"));
        assert!(!connects(&check, "10.0.0.2:80"));
        for usage in [SocketAddrUse::TcpBind, SocketAddrUse::TcpListen] {
            assert!(check.permits(address("127.0.0.1:80"), usage));
            assert!(!check.permits(address("10.0.0.3:80"), usage));
        }
        assert!(check.permits_lookup("a.example") && !check.permits_lookup("b.example"));
        assert!(told.lock().unwrap().contains(&"connecting to 10.0.0.1:25".to_owned()));
    }

    #[test]
    fn unix_sockets_are_granted_one_way_or_asked_about() {
        let policy = Policy::new().allow_unix("/a/x".parse().unwrap()).allow_unix_listen("/a/y".parse().unwrap());
        let path = |text: &str| UnixAddress::Path(text.into());
        let (check, _) = check(policy);
        assert!(check.grants_unix(&path("/a/x")) && !check.grants_unix_listen(&path("/a/x")));
        assert!(check.grants_unix_listen(&path("/a/y")) && !check.grants_unix(&path("/a/y")));
        let check = check.asking(Some(Arc::new(|request: &Request<'_>| match request {
            Request::ConnectUnix(_) => Decision::Deny,
            Request::ListenUnix(UnixAddress::Abstract(_)) => Decision::Allow,
            _ => Decision::ByGrants,
        })));
        assert!(!check.grants_unix(&path("/a/x")) && check.grants_unix_listen(&path("/a/y")));
        assert!(check.grants_unix_listen(&UnixAddress::Abstract(b"z".to_vec())));
    }

    #[test]
    fn reports_are_bounded() {
        let (check, told) = check(Policy::new());
        for port in 1..2000 {
            let target = SocketAddr::from(([10, 0, 0, 1], port));
            assert!(!check.permits(target, SocketAddrUse::TcpConnect));
        }
        assert_eq!(told.lock().unwrap().len(), MAX_REPORTED);
    }
}
