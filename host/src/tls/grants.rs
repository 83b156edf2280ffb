//! What a policy says of TLS.

use std::fmt;
use std::str::FromStr;

use super::identity::TlsIdentity;
use super::trust::TlsTrust;
use crate::policy::endpoint::normalized;
use crate::{Error, Result};

/// What a policy says of TLS. The default: connections to servers that authorities of the system certify, nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct TlsGrants {
    pub(crate) identities: Vec<TlsIdentity>,
    pub(crate) trusts: Vec<TlsTrust>,
    /// The name of a trust, which clients are to be certified by.
    pub(crate) required_client: Option<String>,
    pub(crate) unverified: Vec<TlsUnverified>,
}

/// Permission not to verify the certificate of a server, or not its name.
///
/// Written as the name of the server that the program gives, or `*` for any, and for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsUnverified(String);

/// Something about TLS that is not written as it has to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not of the form {form}")]
pub struct TlsGrantError {
    text: String,
    form: &'static str,
}

impl TlsGrantError {
    pub(super) fn new(text: &str, form: &'static str) -> Self {
        Self { text: text.to_owned(), form }
    }
}

/// `NAME=FILES`.
pub(super) struct NamedFiles<'a> {
    pub(super) name: &'a str,
    pub(super) files: &'a str,
}

impl<'a> NamedFiles<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (name, files) = text.split_once('=')?;
        (!name.is_empty() && !files.is_empty()).then_some(Self { name, files })
    }
}

impl TlsGrants {
    /// Loads the files that are named.
    ///
    /// # Errors
    /// [`Error::Tls`] if they cannot be used, if a name is given twice, or if what clients are to be certified by is not there.
    pub(crate) fn load(&mut self) -> Result<()> {
        let wrong = |what: String, reason: &str| Err(Error::Tls { what, reason: reason.to_owned() });
        for (index, identity) in self.identities.iter().enumerate() {
            if self.identities.iter().skip(index + 1).any(|other| other.name() == identity.name()) {
                return wrong(format!("the TLS identity {}", identity.name().escape_debug()), "it is there twice");
            }
        }
        for (index, trust) in self.trusts.iter().enumerate() {
            if self.trusts.iter().skip(index + 1).any(|other| other.name() == trust.name()) {
                return wrong(format!("the TLS trust {}", trust.name().escape_debug()), "it is there twice");
            }
        }
        self.identities.iter_mut().try_for_each(TlsIdentity::load)?;
        self.trusts.iter_mut().try_for_each(TlsTrust::load)?;
        if let Some(name) = &self.required_client
            && self.trust(name).is_none()
        {
            let what = format!("the TLS trust {}, which clients are to be certified by", name.escape_debug());
            return wrong(what, "there is none of that name (--tls-trust)");
        }
        Ok(())
    }

    /// Whether [`load`](Self::load) was done.
    pub(crate) fn is_loaded(&self) -> bool {
        self.identities.iter().all(|identity| identity.current().is_some())
            && self.trusts.iter().all(|trust| trust.roots().is_some())
            && self.required_client.as_ref().is_none_or(|name| self.trust(name).is_some())
    }

    pub(crate) fn identity(&self, name: &str) -> Option<&TlsIdentity> {
        self.identities.iter().find(|identity| identity.name() == name)
    }

    pub(crate) fn trust(&self, name: &str) -> Option<&TlsTrust> {
        self.trusts.iter().find(|trust| trust.name() == name)
    }

    /// Whether the certificate of a server need not be verified, or not its name. `name` is what the program calls it.
    pub(crate) fn permits_unverified(&self, name: Option<&str>) -> bool {
        let name = name.map(normalized);
        self.unverified.iter().any(|grant| grant.0 == "*" || Some(&grant.0) == name.as_ref())
    }
}

impl FromStr for TlsUnverified {
    type Err = TlsGrantError;

    fn from_str(text: &str) -> Result<Self, TlsGrantError> {
        if text.is_empty() || text.contains([' ', '/', '=']) {
            return Err(TlsGrantError::new(text, "NAME, of a server, or *"));
        }
        Ok(Self(normalized(text)))
    }
}

/// As it is written.
impl fmt::Display for TlsUnverified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
