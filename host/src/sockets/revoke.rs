//! What is open when the policy is changed, and is not granted any more.

use std::sync::{Arc, PoisonError, Weak};

use super::address::Place;
use super::connection::{Connection, HostEnd};
use super::network::Network;
use crate::policy::check::Check;

/// Connections, of which those that are closed are forgotten now and then.
#[derive(Default)]
pub(super) struct Made {
    all: Vec<Weak<Connection>>,
    /// How many there are when it is time to look for closed ones.
    look_at: usize,
}

/// How many connections there are at least before it is looked for closed ones.
const FEW: usize = 64;

impl Network {
    /// Takes notice of a connection that the program made.
    pub(super) fn made(&self, connection: &Arc<Connection>) {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if made.all.len() >= made.look_at.max(FEW) {
            made.all.retain(|connection| connection.strong_count() > 0);
            made.look_at = made.all.len().saturating_mul(2);
        }
        made.all.push(Arc::downgrade(connection));
    }

    /// `check` decides about the program.
    pub(crate) fn asks(&self, check: &Arc<Check>) {
        // There is one instance, and so one check.
        _ = self.check.set(Arc::clone(check));
    }

    /// Closes listening sockets, and ends connections that the program made, which are not granted any more. Connections that
    /// it accepted stay: who they come from is not asked.
    pub(crate) fn policy_changed(&self) {
        let Some(check) = self.check.get() else { return };
        let mut listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.open.retain(|listener| match listener.upgrade() {
            Some(listener) if keeps_listening(check, listener.place()) => true,
            Some(listener) => {
                tracing::warn!("the socket for {} is closed: it is not granted any more", listener.place());
                listener.close();
                false
            }
            None => false,
        });
        drop(listeners);
        let made = std::mem::take(&mut self.made.lock().unwrap_or_else(PoisonError::into_inner).all);
        let open: Vec<_> = made.iter().filter_map(Weak::upgrade).collect();
        let (kept, revoked): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|connection| keeps_connection(check, connection));
        revoked.iter().for_each(|connection| connection.end(HostEnd::Revoked));
        if !revoked.is_empty() {
            tracing::warn!("{} connections that the program had made are ended: not granted any more", revoked.len());
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.all.extend(kept.iter().map(Arc::downgrade));
    }
}

fn keeps_listening(check: &Check, place: &Place) -> bool {
    match place {
        Place::Ip(address) => check.keeps_listening(*address),
        Place::Unix(address) => check.keeps_unix_listening(address),
    }
}

fn keeps_connection(check: &Check, connection: &Connection) -> bool {
    match connection.place() {
        Place::Ip(address) => check.keeps_connection(*address, connection.name()),
        Place::Unix(address) => check.keeps_unix(address),
    }
}
