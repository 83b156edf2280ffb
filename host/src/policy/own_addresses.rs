//! The addresses of this machine.
//!
//! One of the public internet is reached by everybody, but from here it leads to this machine, perhaps past what keeps
//! others away. Behind a translator the machine does not know its public address; then nobody here does.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what the system said is taken for true. Asking takes as long as connecting does.
const KEPT: Duration = Duration::from_secs(5);

static KNOWN: Mutex<Option<Known>> = Mutex::new(None);

struct Known {
    since: Instant,
    addresses: Arc<[IpAddr]>,
}

/// The addresses of this machine's interfaces, at most five seconds old.
///
/// If the system does not tell, those of before, or none; that is logged.
pub(crate) fn own_addresses() -> Arc<[IpAddr]> {
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = known.as_ref().filter(|known| known.since.elapsed() < KEPT) {
        return Arc::clone(&known.addresses);
    }
    let addresses = match if_addrs::get_if_addrs() {
        Ok(interfaces) => interfaces.iter().map(|interface| interface.ip().to_canonical()).collect(),
        Err(error) => {
            tracing::warn!("the addresses of this machine are not known: {error}");
            known.as_ref().map_or_else(|| Arc::from([]), |known| Arc::clone(&known.addresses))
        }
    };
    *known = Some(Known { since: Instant::now(), addresses: Arc::clone(&addresses) });
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_its_loopback_address() {
        assert!(own_addresses().contains(&IpAddr::from([127, 0, 0, 1])));
    }
}
