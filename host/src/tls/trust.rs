//! Whom peers are to be certified by.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, OnceLock};

use rustls::RootCertStore;

use super::grants::{NamedFiles, TlsGrantError};
use super::identity::certificates;
use crate::{Error, Result};

/// Authorities that a program may have its peers be certified by, in the place of the system's.
///
/// Written `NAME=CA.pem`: NAME is what the program asks for, CA.pem has their certificates.
///
/// # Examples
///
/// ```
/// use wasyncio_host::TlsTrust;
///
/// let trust: TlsTrust = "internal=/etc/app/ca.pem".parse()?;
/// assert_eq!(trust.name(), "internal");
/// # Ok::<(), wasyncio_host::TlsGrantError>(())
/// ```
#[derive(Clone)]
pub struct TlsTrust {
    name: String,
    file: PathBuf,
    roots: Option<Arc<RootCertStore>>,
}

impl TlsTrust {
    /// What the program calls them.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file with their certificates.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The same, with a relative path taken from `folder`.
    pub(crate) fn in_folder(self, folder: &Path) -> Self {
        Self { file: folder.join(self.file), ..self }
    }

    /// Loads the file.
    ///
    /// # Errors
    /// [`Error::Tls`] if it cannot be used.
    pub(crate) fn load(&mut self) -> Result<()> {
        let failed = |reason| Error::Tls { what: format!("the TLS trust {}", self.name.escape_debug()), reason };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(&self.file).map_err(failed)? {
            let added = roots.add(certificate);
            added.map_err(|error| failed(format!("a certificate in {} is none: {error}", self.file.display())))?;
        }
        self.roots = Some(Arc::new(roots));
        Ok(())
    }

    /// What was loaded.
    pub(crate) fn roots(&self) -> Option<Arc<RootCertStore>> {
        self.roots.clone()
    }
}

/// The authorities that the system trusts; read once, when a program first needs them.
///
/// # Errors
/// Why there are none, in words.
pub(super) fn system_roots() -> Result<Arc<RootCertStore>, String> {
    static ROOTS: OnceLock<Result<Arc<RootCertStore>, String>> = OnceLock::new();
    let read = || {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        // As other programs do, those that cannot be understood are left out.
        let (added, ignored) = roots.add_parsable_certificates(found.certs);
        tracing::debug!("{added} authorities of the system, {ignored} that are not understood");
        for error in &found.errors {
            tracing::debug!("of the system's authorities: {error}");
        }
        match (added, found.errors.first()) {
            (0, Some(error)) => Err(format!("the system's authorities cannot be read: {error}")),
            (0, None) => Err("the system trusts no authority".to_owned()),
            _ => Ok(Arc::new(roots)),
        }
    };
    ROOTS.get_or_init(read).clone()
}

impl FromStr for TlsTrust {
    type Err = TlsGrantError;

    fn from_str(text: &str) -> Result<Self, TlsGrantError> {
        let NamedFiles { name, files } =
            NamedFiles::parse(text).ok_or_else(|| TlsGrantError::new(text, "NAME=CA.pem"))?;
        Ok(Self { name: name.to_owned(), file: files.into(), roots: None })
    }
}

impl PartialEq for TlsTrust {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.file) == (&other.name, &other.file)
    }
}

impl Eq for TlsTrust {}

/// As it is written.
impl fmt::Display for TlsTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.file.display())
    }
}

impl fmt::Debug for TlsTrust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsTrust").field(&self.to_string()).finish()
    }
}
