//! What differs between two policies, as an operator reads it.

use std::fmt;

use crate::{HostEntry, Policy};

/// A grant, rule or host name that one policy has and another has not.
///
/// Displays as `+ allow-connect 10.0.0.1:443` if it came, with `-` if it went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyChange {
    /// Whether it came; if not, it went.
    pub added: bool,
    /// What it is: `allow-listen`, `allow-connect`, `allow-source`, `allow-unix`, `allow-unix-listen`, `deny`, `resolve`, `dir` or `wasi02-sockets`.
    pub kind: &'static str,
    /// As it is written: `10.0.0.1:443`.
    pub entry: String,
}

impl fmt::Display for PolicyChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.added { '+' } else { '-' };
        write!(f, "{sign} {} {}", self.kind, self.entry)
    }
}

impl Policy {
    /// What `other` has that this has not, and the other way round. The order in which they were said does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use wasyncio_host::Policy;
    ///
    /// let before = Policy::new().allow_connect("10.0.0.1:443".parse()?);
    /// let after = Policy::new().allow_connect("10.0.0.2:443".parse()?).deny("evil.example:*".parse()?);
    /// let changes: Vec<_> = before.changes_to(&after).iter().map(ToString::to_string).collect();
    /// assert_eq!(changes, ["- allow-connect 10.0.0.1:443", "+ allow-connect 10.0.0.2:443", "+ deny evil.example:*"]);
    /// # Ok::<(), wasyncio_host::GrantError>(())
    /// ```
    pub fn changes_to(&self, other: &Self) -> Vec<PolicyChange> {
        let mut changes = Vec::new();
        for ((kind, before), (_, after)) in self.entries().into_iter().zip(other.entries()) {
            let mut came = after;
            // What is there twice, once of them has gone if the other has it once.
            for entry in before {
                match came.iter().position(|other| *other == entry) {
                    Some(index) => _ = came.remove(index),
                    None => changes.push(PolicyChange { added: false, kind, entry }),
                }
            }
            changes.extend(came.into_iter().map(|entry| PolicyChange { added: true, kind, entry }));
        }
        changes
    }

    /// Whether a program that runs with this policy could go on with `other`: grants of addresses, rules and host names may
    /// differ, and not directories and sockets of WASI 0.2, which a program is given when it is started.
    pub fn has_same_setup(&self, other: &Self) -> bool {
        self.directories == other.directories && self.wasi02_sockets == other.wasi02_sockets
    }

    /// This, with the grants of addresses, the rules and the host names of `other`.
    pub(crate) fn with_grants_of(&self, other: &Self) -> Self {
        Self { directories: self.directories.clone(), wasi02_sockets: self.wasi02_sockets, ..other.clone() }
    }

    /// All that it says, as it is written.
    fn entries(&self) -> [(&'static str, Vec<String>); 13] {
        [
            ("allow-listen", texts(&self.listen)),
            ("allow-connect", texts(&self.connect)),
            ("allow-source", texts(&self.sources)),
            ("allow-unix", texts(&self.unix_connect)),
            ("allow-unix-listen", texts(&self.unix_listen)),
            ("deny", texts(&self.denied)),
            ("resolve", self.hosts.iter().map(host_entry).collect()),
            ("dir", texts(&self.directories)),
            ("tls-identity", texts(self.tls_identities())),
            ("tls-trust", texts(self.tls_trusts())),
            ("tls-require-client", self.tls_required_client().map(ToOwned::to_owned).into_iter().collect()),
            ("tls-unverified", texts(self.tls_unverified())),
            ("wasi02-sockets", self.wasi02_sockets.then(|| "true".to_owned()).into_iter().collect()),
        ]
    }
}

fn texts<T: ToString>(all: &[T]) -> Vec<String> {
    all.iter().map(ToString::to_string).collect()
}

fn host_entry(entry: &HostEntry) -> String {
    let addresses: Vec<_> = entry.addresses().iter().map(ToString::to_string).collect();
    format!("{}={}", entry.name(), addresses.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(before: &Policy, after: &Policy) -> Vec<String> {
        before.changes_to(after).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_kind_of_change_is_told() {
        let all = Policy::new()
            .allow_listen("127.0.0.1:80".parse().unwrap())
            .allow_connect("db.example:5432".parse().unwrap())
            .allow_source("10.0.0.5".parse().unwrap())
            .allow_unix("/run/db.sock".parse().unwrap())
            .allow_unix_listen("@app".parse().unwrap())
            .deny("private:*".parse().unwrap())
            .resolve("db.example=10.0.0.5,10.0.0.6".parse().unwrap())
            .allow_directory("/srv::/data:rw".parse().unwrap())
            .allow_wasi02_sockets();
        let told = [
            "allow-listen 127.0.0.1:80",
            "allow-connect db.example:5432",
            "allow-source 10.0.0.5",
            "allow-unix /run/db.sock",
            "allow-unix-listen @app",
            "deny private:*",
            "resolve db.example=10.0.0.5,10.0.0.6",
            "dir /srv::/data:rw",
            "wasi02-sockets true",
        ];
        assert_eq!(changes(&Policy::new(), &all), told.map(|entry| format!("+ {entry}")));
        assert_eq!(changes(&all, &Policy::new()), told.map(|entry| format!("- {entry}")));
        assert!(changes(&all, &all).is_empty());
    }

    #[test]
    fn the_order_does_not_count_and_the_number_does() {
        let grant = |policy: Policy, text: &str| policy.allow_connect(text.parse().unwrap());
        let before = grant(grant(Policy::new(), "a.example:1"), "b.example:1");
        let after = grant(grant(Policy::new(), "b.example:1"), "a.example:1");
        assert!(changes(&before, &after).is_empty());
        assert_eq!(changes(&before, &grant(after, "a.example:1")), ["+ allow-connect a.example:1"]);
    }

    #[test]
    fn directories_are_of_the_setup() {
        let directory = Policy::new().allow_directory("/srv::/data".parse().unwrap());
        assert!(!directory.has_same_setup(&Policy::new()));
        assert!(!directory.clone().allow_wasi02_sockets().has_same_setup(&directory));
        let other = Policy::new().allow_connect("*:443".parse().unwrap());
        assert!(other.has_same_setup(&Policy::new()));
        let changed = directory.with_grants_of(&other);
        assert_eq!((changed.directories().len(), changed.connect_grants().len()), (1, 1));
    }
}
