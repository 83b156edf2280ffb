//! Where a running program meets its policy: every address and name goes through here, and refusals are reported.

use std::collections::HashSet;
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounterVec;
use wasmtime_wasi::sockets::SocketAddrUse;

use crate::policy::address_class::{AddressClass, is_localhost};
use crate::policy::decide::{Decide, Decision, Request};
use crate::policy::endpoint::{Place, normalized};
use crate::policy::live::LivePolicy;
use crate::policy::own_addresses::own_addresses;
use crate::policy::resolved::{Known, ResolvedNames};
use crate::run::observer::Observed;
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

/// What decides where it is the embedder's function.
const DECIDE: &str = "decide";

/// Called with each refusal.
pub(crate) type OnDenied = Arc<dyn Fn(&Denial) + Send + Sync>;

/// The policy of one running program, and what it was refused so far.
pub(crate) struct Check {
    policy: LivePolicy,
    /// Asked before the policy.
    decide: Option<Decide>,
    /// Told of every decision.
    observed: Option<Observed>,
    on_denied: OnDenied,
    /// How many operations were refused, in all, by kind.
    denied: IntCounterVec,
    reported: Mutex<Reported>,
    /// Answers that a grant for their name covers.
    answers: ResolvedNames,
    /// Answers that it does not cover, to tell the program's operator why.
    private_answers: ResolvedNames,
}

/// The refusals that were told under a policy.
#[derive(Default)]
struct Reported {
    policy: Option<Arc<Policy>>,
    denials: HashSet<Denial>,
}

/// Why a program may connect to an address.
#[derive(Debug)]
pub(crate) struct ConnectPermit {
    /// The policy that said so.
    policy: Arc<Policy>,
    /// The name that the program was given the address for, if only a grant for that has it.
    pub(crate) name: Option<String>,
}

impl Check {
    /// `max_answer_age` is [`Limits::max_answer_age`](crate::Limits::max_answer_age).
    pub(crate) fn new(
        policy: LivePolicy,
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
            observed: None,
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

    /// Tells this of every decision.
    pub(crate) fn observed(mut self, observed: Option<Observed>) -> Self {
        self.observed = observed;
        self
    }

    /// Grants something, `by` this.
    fn grant(&self, asked: &'static str, target: &dyn Display, by: &dyn Display) -> bool {
        if let Some(observed) = &self.observed {
            observed.decided(asked, target, true, by);
        }
        true
    }

    /// What the embedder's function decides; `None` leaves it to the grants.
    fn decided(&self, request: &Request<'_>) -> Option<bool> {
        match self.decide.as_ref()?(request) {
            Decision::Allow => Some(true),
            Decision::Deny => Some(false),
            Decision::ByGrants => None,
        }
    }

    /// The same about listening on `address`. A rule of `policy` that denies it goes before.
    fn decided_locally(&self, policy: &Policy, address: SocketAddr) -> Option<bool> {
        if policy.denies_local(address).is_some() {
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
            SocketAddrUse::TcpConnect => self.permits_connect(address).is_some(),
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => self.refuse(Denial::Udp),
        }
    }

    /// Decides about the program's binding of `address`, to listen there or to connect from there.
    pub(crate) fn permits_bind(&self, address: SocketAddr) -> bool {
        let policy = self.policy.now();
        match self.decided_locally(&policy, address) {
            Some(true) => return self.grant("bind", &address, &DECIDE),
            Some(false) => return self.refuse_by_embedder(Denial::Listen(address)),
            None => {}
        }
        if let Some(grant) = policy.listen_grant(address) {
            return self.grant("bind", &address, &format_args!("allow-listen {grant}"));
        }
        let from_here = if address.port() == 0 { policy.source_grant(address) } else { None };
        if let Some(grant) = from_here {
            return self.grant("bind", &address, &format_args!("allow-source {grant}"));
        }
        // Without a grant to connect it can only be for listening.
        let denial = if policy.permits_some_connect() { Denial::Bind(address) } else { Denial::Listen(address) };
        self.refuse_by(policy.denies_local(address), denial)
    }

    /// Decides about listening on a socket that is bound to `address`.
    fn permits_listen(&self, address: SocketAddr) -> bool {
        let policy = self.policy.now();
        match self.decided_locally(&policy, address) {
            Some(true) => return self.grant("listen", &address, &DECIDE),
            Some(false) => return self.refuse_by_embedder(Denial::Listen(address)),
            None => {}
        }
        if let Some(grant) = policy.listen_grant_when_bound(address) {
            return self.grant("listen", &address, &format_args!("allow-listen {grant}"));
        }
        let rule = policy.denies_local(address);
        // A port chosen by the program was refused when binding, so this one was picked by the system.
        let asked = if rule.is_some() { address } else { SocketAddr::new(address.ip(), 0) };
        self.refuse_by(rule, Denial::Listen(asked))
    }

    /// Decides about connecting from `address`, which the program has bound.
    pub(crate) fn permits_source(&self, address: SocketAddr) -> bool {
        let policy = self.policy.now();
        match policy.source_grant(address) {
            Some(grant) => self.grant("source", &address, &format_args!("allow-source {grant}")),
            None => self.refuse_by(policy.denies_local(address), Denial::Source(address)),
        }
    }

    /// Decides about connecting to `address`.
    pub(crate) fn permits_connect(&self, address: SocketAddr) -> Option<ConnectPermit> {
        let policy = self.policy.now();
        let permit = |name, by: &dyn Display| {
            self.grant("connect", &address, by);
            Some(ConnectPermit { policy: Arc::clone(&policy), name })
        };
        let refused = |denial| {
            self.report(denial);
            None
        };
        if let Some(rule) = policy.denies_connect(address) {
            return refused(Denial::Rule { refused: Box::new(Denial::Connect(address)), rule: rule.clone() });
        }
        match self.decided(&Request::Connect(address)) {
            Some(true) => return permit(None, &DECIDE),
            Some(false) => {
                self.refuse_by_embedder(Denial::Connect(address));
                return None;
            }
            None => {}
        }
        if let Some(grant) = policy.connect_grant(address) {
            return permit(None, &format_args!("allow-connect {grant}"));
        }
        // A look-up answers with no number of an interface, so none is granted by a name.
        let place = Place::from(address);
        let granted = |name: &str| place.scope == 0 && policy.grants_name(name, place.port);
        let old = match self.answers.find(place.ip, granted) {
            Some(Known::Fresh(name)) => {
                let grant = policy.name_grant(&name, place.port).map(ToString::to_string).unwrap_or_default();
                let by = format!("allow-connect {grant}, for {name}");
                return permit(Some(name), &by);
            }
            Some(Known::Old(name)) => Some(name),
            None => None,
        };
        let private = self.private_answers.find(place.ip, granted);
        refused(match (private, old) {
            (Some(Known::Fresh(name) | Known::Old(name)), _) => Denial::Private { name, address },
            (None, Some(name)) => Denial::Expired { name, address },
            (None, None) => Denial::Connect(address),
        })
    }

    /// Whether the program may go on to connect to `address`, which it was permitted: the policy may have been changed.
    pub(crate) fn upholds(&self, permit: &ConnectPermit, address: SocketAddr) -> bool {
        Arc::ptr_eq(&permit.policy, &self.policy.now()) || self.keeps_connection(address, permit.name.as_deref())
    }

    /// Whether a connection to `address`, which was granted for `name` if no other grant has it, may stay as the policy is
    /// now. Answers do not grow old for it. Tells nobody.
    pub(crate) fn keeps_connection(&self, address: SocketAddr, name: Option<&str>) -> bool {
        let policy = self.policy.now();
        if policy.denies_connect(address).is_some() {
            return false;
        }
        self.decided(&Request::Connect(address)).unwrap_or_else(|| {
            let place = Place::from(address);
            let granted = |name: &str| place.scope == 0 && policy.grants_name(name, place.port);
            policy.permits_connect(address)
                || name.is_some_and(granted)
                || self.answers.find(place.ip, granted).is_some()
        })
    }

    /// Whether a socket that listens on `address` may go on as the policy is now. Tells nobody.
    pub(crate) fn keeps_listening(&self, address: SocketAddr) -> bool {
        let policy = self.policy.now();
        self.decided_locally(&policy, address).unwrap_or_else(|| policy.listen_grant_when_bound(address).is_some())
    }

    /// Whether a grant to listen has `address`, without telling anybody.
    pub(crate) fn grants_listening(&self, address: SocketAddr) -> bool {
        let policy = self.policy.now();
        self.decided_locally(&policy, address).unwrap_or_else(|| policy.permits_listen(address))
    }

    /// The policy as it is now, for what it says of TLS.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.policy.now()
    }

    /// Tells of something of TLS that was refused.
    pub(crate) fn refused_tls(&self, denial: &Denial) {
        self.refuse(denial.clone());
    }

    /// Decides about looking up a host name.
    pub(crate) fn permits_lookup(&self, name: &str) -> bool {
        // No name is longer, and the program's text is kept and printed.
        let shown: String = name.chars().take(253).collect();
        let policy = self.policy.now();
        let rule = policy.denies_lookup(&normalized(&shown));
        let asks = rule.is_none() && shown.len() == name.len();
        let decided = if asks { self.decided(&Request::Lookup(name)) } else { None };
        match (decided, policy.lookup_grant(name)) {
            (Some(true), _) => self.grant("lookup", &shown, &DECIDE),
            (Some(false), _) => self.refuse_by_embedder(Denial::Lookup(shown)),
            (None, Some(grant)) => self.grant("lookup", &shown, &grant),
            (None, None) => self.refuse_by(rule, Denial::Lookup(shown)),
        }
    }

    /// Decides about connecting to a Unix socket, which a path without links names.
    pub(crate) fn permits_unix(&self, address: &UnixAddress) -> Option<ConnectPermit> {
        let policy = self.policy.now();
        let permitted = match self.decided(&Request::ConnectUnix(address)) {
            Some(true) => self.grant("connect-unix", address, &DECIDE),
            Some(false) => self.refuse_by_embedder(Denial::UnixConnect(address.clone())),
            None => match policy.unix_grant(address) {
                Some(grant) => self.grant("connect-unix", address, &format_args!("allow-unix {grant}")),
                None => self.refuse(Denial::UnixConnect(address.clone())),
            },
        };
        permitted.then_some(ConnectPermit { policy, name: None })
    }

    /// Whether the program may go on to connect to a Unix socket, which it was permitted: the policy may have been changed.
    pub(crate) fn upholds_unix(&self, permit: &ConnectPermit, address: &UnixAddress) -> bool {
        Arc::ptr_eq(&permit.policy, &self.policy.now()) || self.keeps_unix(address)
    }

    /// Whether a connection to a Unix socket may stay as the policy is now. Tells nobody.
    pub(crate) fn keeps_unix(&self, address: &UnixAddress) -> bool {
        self.decided(&Request::ConnectUnix(address)).unwrap_or_else(|| self.policy.now().permits_unix(address))
    }

    /// Decides about listening on a Unix socket, which a path without links names.
    pub(crate) fn permits_unix_listen(&self, address: &UnixAddress) -> bool {
        match self.decided(&Request::ListenUnix(address)) {
            Some(true) => self.grant("listen-unix", address, &DECIDE),
            Some(false) => self.refuse_by_embedder(Denial::UnixListen(address.clone())),
            None => match self.policy.now().unix_listen_grant(address) {
                Some(grant) => self.grant("listen-unix", address, &format_args!("allow-unix-listen {grant}")),
                None => self.refuse(Denial::UnixListen(address.clone())),
            },
        }
    }

    /// Whether a Unix socket that is bound there may listen, or go on to, as the policy is now. Tells nobody.
    pub(crate) fn keeps_unix_listening(&self, address: &UnixAddress) -> bool {
        self.decided(&Request::ListenUnix(address)).unwrap_or_else(|| self.policy.now().permits_unix_listen(address))
    }

    /// What `name` stands for without asking the system's resolver now.
    pub(crate) fn addresses_of(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.policy.now().addresses_of(&normalized(name))
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

    /// Refuses what the embedder's function does not want.
    fn refuse_by_embedder(&self, denial: Denial) -> bool {
        self.tell(denial, Some(&DECIDE));
        false
    }

    /// Takes notice of a refusal.
    pub(crate) fn report(&self, denial: Denial) {
        self.tell(denial, None);
    }

    /// Tells of a refusal `by` this, or by what the denial says.
    fn tell(&self, denial: Denial, by: Option<&dyn Display>) {
        if let Some(observed) = &self.observed {
            let (target, own) = (denial.target(), denial.by());
            observed.decided(denial.asked(), &target, false, by.unwrap_or(&own));
        }
        self.denied.with_label_values(&[denial.kind()]).inc();
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        let policy = self.policy.now();
        if !reported.policy.as_ref().is_some_and(|of| Arc::ptr_eq(of, &policy)) {
            // What was told of another policy is news under this one.
            *reported = Reported { policy: Some(policy), denials: HashSet::new() };
        }
        let denials = &mut reported.denials;
        if denials.len() >= MAX_REPORTED || !denials.insert(denial.clone()) {
            return;
        }
        let last = denials.len() == MAX_REPORTED;
        drop(reported);
        (self.on_denied)(&denial);
        if last {
            tracing::warn!("{MAX_REPORTED} different requests were denied; more will not be told");
        }
    }
}

#[cfg(test)]
mod tests;
