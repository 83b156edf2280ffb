//! Where a running program meets its policy: every address and name goes through here, and refusals are reported.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use wasmtime_wasi::sockets::SocketAddrUse;

use crate::{Denial, Policy};

/// How many different refusals are remembered, and so reported, for one program.
///
/// A program can ask for any number of addresses; memory and log must not grow with it.
const MAX_REPORTED: usize = 256;

/// Called with each refusal.
pub(crate) type OnDenied = Arc<dyn Fn(&Denial) + Send + Sync>;

/// The policy of one running program, and what it was refused so far.
pub(crate) struct Gate {
    policy: Policy,
    on_denied: OnDenied,
    reported: Mutex<HashSet<Denial>>,
}

impl Gate {
    pub(crate) fn new(policy: Policy, on_denied: OnDenied) -> Self {
        Self { policy, on_denied, reported: Mutex::default() }
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
                if self.policy.permits_connect(address).await {
                    return true;
                }
                Denial::Connect(address)
            }
            SocketAddrUse::UdpBind | SocketAddrUse::UdpSend | SocketAddrUse::UdpReceive => {
                return false;
            }
        };
        self.report(denial);
        false
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

    fn report(&self, denial: Denial) {
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

    /// A gate for `policy`, and the refusals it reports.
    fn gate(policy: Policy) -> (Gate, Arc<Mutex<Vec<String>>>) {
        let told = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&told);
        let on_denied: OnDenied = Arc::new(move |d| sink.lock().unwrap().push(d.to_string()));
        (Gate::new(policy, on_denied), told)
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn each_refusal_is_told_once() {
        let (gate, told) = gate(Policy::new());
        for _ in 0..3 {
            assert!(!gate.permits(address("127.0.0.1:80"), SocketAddrUse::TcpBind).await);
        }
        assert!(!gate.permits_lookup("example.com"));
        assert!(!gate.permits_lookup("example.com"));
        assert_eq!(*told.lock().unwrap(), ["listening on 127.0.0.1:80", "looking up example.com"]);
    }

    #[tokio::test]
    async fn connecting_is_refused_by_its_target_and_not_by_the_implicit_bind() {
        let (gate, told) = gate(Policy::new());
        assert!(gate.permits(address("0.0.0.0:0"), SocketAddrUse::TcpBind).await);
        assert!(!gate.permits(address("10.0.0.1:80"), SocketAddrUse::TcpConnect).await);
        assert_eq!(*told.lock().unwrap(), ["connecting to 10.0.0.1:80"]);
    }

    #[tokio::test]
    async fn a_free_bind_does_not_lead_to_listening() {
        let policy = Policy::new().allow_connect("10.0.0.1:80".parse().unwrap());
        let (gate, told) = gate(policy);
        assert!(gate.permits(address("127.0.0.1:0"), SocketAddrUse::TcpBind).await);
        assert!(!gate.permits(address("127.0.0.1:4321"), SocketAddrUse::TcpListen).await);
        assert!(!gate.permits(address("0.0.0.0:0"), SocketAddrUse::TcpListen).await);
        assert_eq!(*told.lock().unwrap(), ["listening on 127.0.0.1:0", "listening on 0.0.0.0:0"]);
    }

    #[tokio::test]
    async fn reports_are_bounded() {
        let (gate, told) = gate(Policy::new());
        for port in 1..2000 {
            let target = SocketAddr::from(([10, 0, 0, 1], port));
            assert!(!gate.permits(target, SocketAddrUse::TcpConnect).await);
        }
        assert_eq!(told.lock().unwrap().len(), MAX_REPORTED);
    }
}
