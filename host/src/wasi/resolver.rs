//! The system's resolver, asked for few names at once.
//!
//! It blocks a thread of the runtime's pool for as long as a name server takes, and cannot be told to stop. The pool is the
//! embedder's too: a program that asks for thousands of names, of which each takes its time, must not fill it.

use std::net::{IpAddr, Ipv6Addr, ToSocketAddrs};
use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::run::limits::DEFAULT_MAX_LOOKUPS;

/// Look-ups at work for all programs of this process.
static ALL: Semaphore = Semaphore::const_new(4 * DEFAULT_MAX_LOOKUPS);

/// The longest name that DNS has, in bytes, without the dot that may end it.
const MAX_NAME: usize = 253;

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It is no name.
    Invalid,
    /// Nobody knows it, or whoever does cannot be asked.
    Unresolvable,
}

/// Whether `name` can be one. To be asked before anything is kept of it.
pub(crate) fn is_short_enough(name: &str) -> bool {
    name.strip_suffix('.').unwrap_or(name).len() <= MAX_NAME
}

/// The addresses of `name`, which may be an address. Waits for one of the `permits` while it is at work. Internationalised names
/// are taken in their own letters.
///
/// Dropping the future gives the answer up; the permit comes back when the resolver has it.
pub(crate) fn resolve(
    permits: Arc<Semaphore>,
    name: &str,
) -> impl Future<Output = Result<Vec<IpAddr>, Failure>> + Send + use<> {
    // As wasmtime-wasi does: this also takes addresses in their many forms.
    let host = match url::Host::parse(name) {
        Ok(host) => Ok(host),
        // It knows them in brackets alone.
        Err(_) => name.parse::<Ipv6Addr>().map(url::Host::Ipv6).map_err(|_| Failure::Invalid),
    };
    async move {
        let domain = match host? {
            url::Host::Domain(domain) if is_short_enough(&domain) => domain,
            url::Host::Domain(_) => return Err(Failure::Invalid),
            url::Host::Ipv4(address) => return Ok(vec![address.into()]),
            url::Host::Ipv6(address) => return Ok(vec![address.into()]),
        };
        let permit = permits.acquire_owned().await.expect("the semaphore is never closed");
        let of_all = ALL.acquire().await.expect("the semaphore is never closed");
        let work = tokio::task::spawn_blocking(move || {
            let answer = (domain.as_str(), 0).to_socket_addrs();
            drop((permit, of_all));
            answer
        });
        match work.await {
            Ok(Ok(addresses)) => Ok(addresses.map(|address| address.ip().to_canonical()).collect()),
            Ok(Err(error)) => {
                tracing::debug!("a name does not resolve: {error}");
                Err(Failure::Unresolvable)
            }
            // The runtime is being shut down.
            Err(_) => Err(Failure::Unresolvable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(name: &str) -> Result<Vec<IpAddr>, Failure> {
        resolve(Arc::new(Semaphore::new(1)), name).await
    }

    #[tokio::test]
    async fn addresses_need_no_resolver() {
        for (name, address) in [("127.0.0.1", "127.0.0.1"), ("[::1]", "::1"), ("::1", "::1"), ("0x7f.1", "127.0.0.1")] {
            assert_eq!(resolved(name).await, Ok(vec![address.parse().unwrap()]), "{name}");
        }
        assert_eq!(resolved("not a name").await, Err(Failure::Invalid));
        assert_eq!(resolved(&"a".repeat(300)).await, Err(Failure::Invalid));
    }

    #[tokio::test]
    async fn a_look_up_waits_for_its_turn() {
        let permits = Arc::new(Semaphore::new(1));
        let taken = Arc::clone(&permits).acquire_owned().await.unwrap();
        let mut waiting = std::pin::pin!(resolve(Arc::clone(&permits), "localhost"));
        let early = tokio::time::timeout(std::time::Duration::from_millis(50), waiting.as_mut()).await;
        assert!(early.is_err(), "{early:?}");
        drop(taken);
        assert!(waiting.await.unwrap().iter().all(IpAddr::is_loopback));
        assert_eq!(permits.available_permits(), 1);
    }

    #[test]
    fn a_name_has_253_bytes_and_a_dot() {
        let name = "a".repeat(253);
        assert!(is_short_enough(&name) && is_short_enough(&format!("{name}.")));
        assert!(!is_short_enough(&format!("{name}a")) && !is_short_enough(&format!("{name}..")));
    }
}
