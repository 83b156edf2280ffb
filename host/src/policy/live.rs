//! The policy of a running instance, which can be changed while it runs.

use std::sync::Arc;

use tokio::sync::watch;

use crate::policy::change::PolicyChange;
use crate::{Policy, Result};

/// A policy that is in force. Clones stand for the same one.
#[derive(Clone)]
pub(crate) struct LivePolicy(watch::Sender<Arc<Policy>>);

impl LivePolicy {
    pub(crate) fn new(policy: Policy) -> Self {
        Self(watch::Sender::new(Arc::new(policy)))
    }

    /// The policy as it is now.
    pub(crate) fn now(&self) -> Arc<Policy> {
        Arc::clone(&self.0.borrow())
    }

    /// Told of every change from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<Arc<Policy>> {
        self.0.subscribe()
    }

    /// From now on the grants of addresses, the rules and the host names are those of `policy`; what an instance was set up
    /// with stays. Tells the difference.
    pub(crate) fn change(&self, policy: &Policy) -> Vec<PolicyChange> {
        let mut changes = Vec::new();
        self.0.send_modify(|now| {
            let new = now.with_grants_of(policy);
            changes = now.changes_to(&new);
            *now = Arc::new(new);
        });
        changes
    }

    /// Has the names of this machine resolved: [`Policy::resolve_names`].
    pub(crate) async fn resolve_names(&self) -> Result<()> {
        loop {
            let before = self.now();
            let resolved = Policy::clone(&before).resolve_names().await?;
            let set = self.0.send_if_modified(|now| {
                let unchanged = Arc::ptr_eq(now, &before);
                if unchanged {
                    *now = Arc::new(resolved);
                }
                unchanged
            });
            // If not, it was changed meanwhile, and may have other names.
            if set {
                return Ok(());
            }
        }
    }

    /// Has the files of TLS loaded, unless that was done: [`Policy::load_tls`].
    pub(crate) fn load_tls_once(&self) -> Result<()> {
        let mut loaded = Ok(());
        self.0.send_if_modified(|now| match Policy::clone(now).load_tls_once() {
            Ok(policy) => {
                *now = Arc::new(policy);
                true
            }
            Err(error) => {
                loaded = Err(error);
                false
            }
        });
        loaded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_change_is_in_force_at_once_and_told() {
        let live = LivePolicy::new(Policy::new().allow_listen("localhost:80".parse().unwrap()));
        live.resolve_names().await.unwrap();
        assert!(live.now().permits_listen("127.0.0.1:80".parse().unwrap()));
        let mut told = live.changes();
        let changes = live.change(&Policy::new().allow_connect("10.0.0.1:80".parse().unwrap()));
        assert_eq!(changes.len(), 2);
        assert!(told.has_changed().unwrap());
        let now = Arc::clone(&told.borrow_and_update());
        assert!(now.permits_connect("10.0.0.1:80".parse().unwrap()));
        assert!(!now.permits_listen("127.0.0.1:80".parse().unwrap()));
    }
}
