//! What the names of local addresses and of denied hosts stand for: asked once, when a program is loaded.
//!
//! A name of this machine needs no resolver while the program runs. Were it asked each time a program binds or looks
//! such a name up, the program could send messages by the resolver, and whoever answers could move the grant.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use crate::policy::Policy;
use crate::policy::address_class::is_localhost;
use crate::policy::endpoint::Host;
use crate::{Error, HostEntry, Result};

/// How long a resolver may take for one name.
const PATIENCE: Duration = Duration::from_secs(10);

/// Names, normalised, and their addresses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FixedNames(BTreeMap<String, Vec<IpAddr>>);

impl FixedNames {
    pub(crate) fn get(&self, name: &str) -> Option<&[IpAddr]> {
        self.0.get(name).map(Vec::as_slice)
    }

    pub(crate) fn has(&self, name: &str, address: IpAddr) -> bool {
        self.get(name).is_some_and(|addresses| addresses.contains(&address))
    }
}

impl Policy {
    /// Asks the system's resolver what the names in grants to listen, in grants of source addresses and in rules that
    /// deny stand for. From then on they stand for that; before, such a grant covers nothing.
    ///
    /// A [`Runner`](crate::Runner) does this itself when it starts. Whoever runs a program several times does it once,
    /// so that all runs have the same answers. Names that have been asked for are not asked for again. The links of the folders of
    /// Unix sockets are resolved along with them, as often as this is called. Must be called
    /// within a tokio runtime with time enabled, if there are names.
    ///
    /// # Errors
    /// [`Error::Name`] if a name in a grant does not resolve within ten seconds, or to an unspecified address, which
    /// would grant every interface. A name in a rule may have no address: its look-up is denied in any case.
    ///
    /// # Cancel safety
    /// Yes; the policy is lost.
    pub async fn resolve_names(self) -> Result<Self> {
        let mut policy = self.resolve_folders();
        policy.ask_for_names().await?;
        Ok(policy)
    }

    async fn ask_for_names(&mut self) -> Result<()> {
        let granted: Vec<_> = self.local_hosts().filter_map(Host::name).map(str::to_owned).collect();
        for name in granted {
            if self.fixed.get(&name).is_none() {
                let addresses =
                    self.answer(&name).await.map_err(|reason| Error::Name { name: name.clone(), reason })?;
                if let Some(address) = addresses.iter().find(|address| address.is_unspecified()) {
                    let reason = format!(
                        "it resolves to {address}, which is every interface: grant that by its address, not by a name"
                    );
                    return Err(Error::Name { name, reason });
                }
                self.fixed.0.insert(name, addresses);
            }
        }
        if self.local_hosts().any(|host| *host == Host::Any) && self.fixed.get("localhost").is_none() {
            let addresses = self.answer("localhost").await.unwrap_or_else(|_| loopback());
            self.fixed.0.insert("localhost".to_owned(), addresses);
        }
        let denied: Vec<_> = self.denied.iter().filter_map(|rule| rule.name()).map(str::to_owned).collect();
        for name in denied {
            if self.fixed.get(&name).is_none() {
                let addresses = self.answer(&name).await.unwrap_or_else(|reason| {
                    tracing::info!("{name} is denied, and only its look-up: {reason}");
                    Vec::new()
                });
                self.fixed.0.insert(name, addresses);
            }
        }
        Ok(())
    }

    /// What `name` stands for, from the operator or the resolver; or why there is no answer.
    async fn answer(&self, name: &str) -> Result<Vec<IpAddr>, String> {
        let given: Vec<_> = self.entries_of(name).flat_map(HostEntry::addresses).copied().collect();
        if !given.is_empty() {
            return Ok(given);
        }
        let resolved = match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((name, 0))).await {
            Ok(Ok(found)) => Ok(found.map(|found| found.ip().to_canonical()).collect()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!("there was no answer within {} seconds", PATIENCE.as_secs())),
        };
        if is_localhost(name) {
            // RFC 6761: such names are this machine, whatever a resolver says.
            let mut addresses: Vec<IpAddr> = resolved.unwrap_or_default();
            addresses.retain(IpAddr::is_loopback);
            return Ok(if addresses.is_empty() { loopback() } else { addresses });
        }
        resolved
    }
}

fn loopback() -> Vec<IpAddr> {
    vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_of_this_machine_is_fixed_when_it_is_loaded() {
        let policy = Policy::new().allow_listen("localhost:80".parse().unwrap());
        let here = "127.0.0.1:80".parse().unwrap();
        assert!(!policy.permits_listen(here), "nobody has asked");
        let policy = policy.resolve_names().await.unwrap();
        assert!(policy.permits_listen(here));
        assert!(!policy.permits_listen("127.0.0.2:80".parse().unwrap()));
    }

    #[tokio::test]
    async fn an_unspecified_address_is_refused() {
        for address in ["0.0.0.0", "::", "10.0.0.1,0.0.0.0"] {
            let policy = Policy::new()
                .allow_listen("all.example:80".parse().unwrap())
                .resolve(format!("all.example={address}").parse().unwrap());
            let told = policy.resolve_names().await.expect_err("it is every interface").to_string();
            assert!(told.starts_with("cannot use the name all.example in a grant: it resolves to "), "{told}");
            assert!(told.contains("which is every interface"), "{told}");
        }
    }

    #[tokio::test]
    async fn a_name_that_does_not_resolve_is_an_error_in_a_grant_and_none_in_a_rule() {
        let policy = Policy::new().allow_source("nowhere.invalid".parse().unwrap());
        assert!(matches!(policy.resolve_names().await, Err(Error::Name { name, .. }) if name == "nowhere.invalid"));
        let policy = Policy::new().allow_connect("*:*".parse().unwrap()).deny("nowhere.invalid:*".parse().unwrap());
        let policy = policy.resolve_names().await.unwrap();
        assert!(!policy.permits_lookup("nowhere.invalid"));
    }

    #[tokio::test]
    async fn what_a_denied_name_stands_for_is_denied() {
        let policy = Policy::new()
            .allow_connect("*:*".parse().unwrap())
            .resolve("evil.example=1.2.3.4".parse().unwrap())
            .deny("evil.example:*".parse().unwrap());
        let policy = policy.resolve_names().await.unwrap();
        assert!(!policy.permits_connect("1.2.3.4:80".parse().unwrap()));
        assert!(policy.permits_connect("1.2.3.5:80".parse().unwrap()));
    }
}
