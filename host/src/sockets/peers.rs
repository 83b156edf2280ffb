//! How many connections each peer has, where that is limited.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Counts connections that were accepted, by peer. There are never more entries than connections. Cheap to clone; clones
/// count together.
#[derive(Clone, Default)]
pub(super) struct Peers(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A connection counts as this peer's as long as this lives.
pub(super) struct OfPeer {
    peers: Peers,
    peer: IpAddr,
}

impl Peers {
    /// Counts a connection, unless its peer has `limit` of them.
    pub(super) fn count(&self, address: IpAddr, limit: usize) -> Option<OfPeer> {
        let peer = peer_of(address);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.get(&peer).copied().unwrap_or(0);
        if count >= limit {
            return None;
        }
        open.insert(peer, count + 1);
        Some(OfPeer { peers: self.clone(), peer })
    }
}

impl Drop for OfPeer {
    fn drop(&mut self) {
        let mut open = self.peers.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.peer) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.peer);
            }
        }
    }
}

/// Who counts as one: an IPv4 address, or a network of IPv6, of which whoever has one address has all.
fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_has_so_many_and_gets_them_back() {
        let peers = Peers::default();
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let held = [peers.count(one, 2), peers.clone().count("::ffff:192.0.2.1".parse().unwrap(), 2)];
        assert!(held.iter().all(Option::is_some));
        assert!(peers.count(one, 2).is_none());
        assert!(peers.count("192.0.2.2".parse().unwrap(), 2).is_some());
        drop(held);
        assert!(peers.0.lock().unwrap().is_empty(), "nothing is kept");
        assert!(peers.count(one, 2).is_some());
    }

    #[test]
    fn a_network_of_ipv6_is_one_peer() {
        let peers = Peers::default();
        let held = peers.count("2001:db8::1".parse().unwrap(), 1);
        assert!(held.is_some());
        assert!(peers.count("2001:db8::ffff:2".parse().unwrap(), 1).is_none());
        assert!(peers.count("2001:db8:0:1::1".parse().unwrap(), 1).is_some());
    }
}
