//! Where a running program meets its policy: every address and name goes through here, and refusals are reported.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus::IntCounterVec;
use wasmtime_wasi::sockets::SocketAddrUse;

use crate::policy::address_class::{is_localhost, is_public};
use crate::policy::endpoint::normalized;
use crate::policy::resolved::ResolvedNames;
use crate::{Denial, Policy};

/// How many different refusals are remembered, and so reported, for one program.
///
/// A program can ask for any number of addresses; memory and log must not grow with it.
const MAX_REPORTED: usize = 256;

/// Called with each refusal.
pub(crate) type OnDenied = Arc<dyn Fn(&Denial) + Send + Sync>;

/// The policy of one running program, and what it was refused so far.
pub(crate) struct Check {
    policy: Policy,
    on_denied: OnDenied,
    /// How many operations were refused, in all, by kind.
    denied: IntCounterVec,
    reported: Mutex<HashSet<Denial>>,
    /// ResolvedNames that a grant for their name covers.
    answers: ResolvedNames,
    /// ResolvedNames that it does not cover, to tell the program's operator why.
    private_answers: ResolvedNames,
}

impl Check {
    pub(crate) fn new(policy: Policy, on_denied: OnDenied, denied: IntCounterVec) -> Self {
        Self {
            policy,
            on_denied,
            denied,
            reported: Mutex::default(),
            answers: ResolvedNames::default(),
            private_answers: ResolvedNames::default(),
        }
    }

    /// Decides about one use of an address, as wasmtime asks before each system call.
    pub(crate) async fn permits(&self, address: SocketAddr, usage: SocketAddrUse) -> bool {
        let denial = match usage {
            SocketAddrUse::TcpBind => {
                // Before connecting, wasmtime asks about binding the unspecified address, port 0. Granted to all:
                // it opens nothing by itself, and connecting or listening is asked about next, where a refusal can
                // name the address that the program wants. With a grant to connect, a program may likewise choose
                // the local address it connects from.
                let opens_nothing =
                    address.port() == 0 && (address.ip().is_unspecified() || self.policy.permits_some_connect());
                if opens_nothing || self.policy.permits_listen(address).await {
                    return true;
                }
                Denial::Listen(address)
            }
            SocketAddrUse::TcpListen => {
                if self.policy.permits_listen_when_bound(address).await {
                    return true;
                }
                // A port chosen by the program was refused when binding, so this one was picked by the system.
                Denial::Listen(SocketAddr::new(address.ip(), 0))
            }
            // Whoever may listen may be connected to.
            SocketAddrUse::TcpAccept => return true,
            SocketAddrUse::TcpConnect => {
                let granted = |name: &str| self.policy.grants_name(name, address.port());
                if self.policy.permits_connect(address) || self.answers.find(address.ip(), granted).is_some() {
                    return true;
                }
                match self.private_answers.find(address.ip(), granted) {
                    Some(name) => Denial::Private { name, address },
                    None => Denial::Connect(address),
                }
            }
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => Denial::Udp,
        };
        self.report(denial);
        false
    }

    /// Whether a grant to listen has `address`, without telling anybody.
    pub(crate) async fn grants_listening(&self, address: SocketAddr) -> bool {
        self.policy.permits_listen(address).await
    }

    /// Decides about looking up a host name.
    pub(crate) fn permits_lookup(&self, name: &str) -> bool {
        let permitted = self.policy.permits_lookup(name);
        if !permitted {
            // No name is longer, and the program's text is kept and printed.
            self.report(Denial::Lookup(name.chars().take(253).collect()));
        }
        permitted
    }

    /// What the operator says that `name` stands for; `None` leaves it to the system's resolver.
    pub(crate) fn addresses_of(&self, name: &str) -> Option<Vec<IpAddr>> {
        self.policy.addresses_of(&normalized(name))
    }

    /// Takes notice that the system's resolver answered a look-up of `name` with `address`, and that the program is
    /// told so.
    pub(crate) fn answered(&self, name: &str, address: IpAddr) {
        let name = normalized(name);
        let covered = is_public(address) || (is_localhost(&name) && address.is_loopback());
        let answers = if covered { &self.answers } else { &self.private_answers };
        answers.remember(&name, address);
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
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let on_denied: OnDenied = Arc::new(move |d| sink.lock().unwrap().push(d.to_string()));
        (Check::new(policy, on_denied, crate::Metrics::new().denied), told)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn each_refusal_is_told_once() {
        let (check, told) = check(Policy::new());
        for _ in 0..3 {
            assert!(!check.permits(address("127.0.0.1:80"), SocketAddrUse::TcpBind).await);
        }
        assert!(!check.permits_lookup("example.com"));
        assert!(!check.permits_lookup("example.com"));
        assert_eq!(*told.lock().unwrap(), ["listening on 127.0.0.1:80", "looking up example.com"]);
    }

    #[tokio::test]
    async fn connecting_is_refused_by_its_target_and_not_by_the_implicit_bind() {
        let (check, told) = check(Policy::new());
        assert!(check.permits(address("0.0.0.0:0"), SocketAddrUse::TcpBind).await);
        assert!(!check.permits(address("10.0.0.1:80"), SocketAddrUse::TcpConnect).await);
        assert_eq!(*told.lock().unwrap(), ["connecting to 10.0.0.1:80"]);
    }

    #[tokio::test]
    async fn a_free_bind_does_not_lead_to_listening() {
        let policy = Policy::new().allow_connect("10.0.0.1:80".parse().unwrap());
        let (check, told) = check(policy);
        assert!(check.permits(address("127.0.0.1:0"), SocketAddrUse::TcpBind).await);
        assert!(!check.permits(address("127.0.0.1:4321"), SocketAddrUse::TcpListen).await);
        assert!(!check.permits(address("0.0.0.0:0"), SocketAddrUse::TcpListen).await);
        assert_eq!(*told.lock().unwrap(), ["listening on 127.0.0.1:0", "listening on 0.0.0.0:0"]);
    }

    async fn connects(check: &Check, target: &str) -> bool {
        check.permits(address(target), SocketAddrUse::TcpConnect).await
    }

    #[tokio::test]
    async fn a_name_covers_what_the_program_was_given_for_it() {
        let (check, _) = check(Policy::new().allow_connect("a.example:80".parse().unwrap()));
        assert!(!connects(&check, "1.1.1.1:80").await);
        check.answered("A.example.", address("1.1.1.1:0").ip());
        check.answered("b.example", address("1.1.1.2:0").ip());
        assert!(connects(&check, "1.1.1.1:80").await);
        assert!(!connects(&check, "1.1.1.1:81").await);
        assert!(!connects(&check, "1.1.1.2:80").await);
    }

    #[tokio::test]
    async fn a_name_that_turns_to_a_private_address_is_refused_and_told() {
        let (check, told) = check(Policy::new().allow_connect("evil.example:80".parse().unwrap()));
        for private in ["127.0.0.1", "10.0.0.1", "::1", "169.254.169.254", "::ffff:127.0.0.1"] {
            let private: IpAddr = private.parse().unwrap();
            check.answered("evil.example", private);
            assert!(!check.permits(SocketAddr::new(private, 80), SocketAddrUse::TcpConnect).await, "{private}");
        }
        assert_eq!(
            told.lock().unwrap()[0],
            "connecting to 127.0.0.1:80, a private address that evil.example resolves to"
        );
    }

    #[tokio::test]
    async fn a_private_address_is_taken_from_a_grant_of_its_own() {
        let policy =
            Policy::new().allow_connect("db.example:80".parse().unwrap()).allow_connect("10.0.0.1:80".parse().unwrap());
        let (check, _) = check(policy);
        check.answered("db.example", address("10.0.0.1:0").ip());
        assert!(connects(&check, "10.0.0.1:80").await);
    }

    #[tokio::test]
    async fn reports_are_bounded() {
        let (check, told) = check(Policy::new());
        for port in 1..2000 {
            let target = SocketAddr::from(([10, 0, 0, 1], port));
            assert!(!check.permits(target, SocketAddrUse::TcpConnect).await);
        }
        assert_eq!(told.lock().unwrap().len(), MAX_REPORTED);
    }
}
