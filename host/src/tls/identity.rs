//! Identities: a certificate and its key, which a program names and never has.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::client::ResolvesClientCert;
use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{Error as TlsError, InconsistentKeys, SignatureScheme};
use zeroize::{Zeroize, Zeroizing};

use super::grants::{NamedFiles, TlsGrantError};
use crate::{Error, Result};

/// Permission to prove an identity by TLS, with the files that it is in.
///
/// Written `NAME=CERT.pem,KEY.pem`: NAME is what the program asks for; CERT.pem has the certificate, and behind it those that lead
/// to an authority; KEY.pem has its key, which no other user may be able to read. The key stays in the host.
///
/// # Examples
///
/// ```
/// use wasyncio_host::TlsIdentity;
///
/// let identity: TlsIdentity = "web=/etc/app/cert.pem,/etc/app/key.pem".parse()?;
/// assert_eq!(identity.name(), "web");
/// assert!("/etc/app/cert.pem".parse::<TlsIdentity>().is_err());
/// # Ok::<(), wasyncio_host::TlsGrantError>(())
/// ```
#[derive(Clone)]
pub struct TlsIdentity {
    name: String,
    certificate: PathBuf,
    key: PathBuf,
    current: Option<Arc<Identity>>,
}

/// What is in the files of an identity now. Shared by all that name these files, so that a reload reaches sessions to come of
/// programs that run.
pub(crate) struct Identity(Mutex<Arc<CertifiedKey>>);

/// What was loaded, by the files: loading again replaces what is in there.
static LOADED: LazyLock<Mutex<Loaded>> = LazyLock::new(Mutex::default);

type Loaded = HashMap<(PathBuf, PathBuf), Arc<Identity>>;

/// More than any key, or chain, that is in use; a file is read into memory whole.
const LARGEST_FILE: u64 = 1 << 20;

impl TlsIdentity {
    /// What the program calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file with the certificate.
    pub fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The file with the key.
    pub fn key(&self) -> &Path {
        &self.key
    }

    /// The same, with relative paths taken from `folder`.
    pub(crate) fn in_folder(self, folder: &Path) -> Self {
        Self { certificate: folder.join(self.certificate), key: folder.join(self.key), ..self }
    }

    /// Loads the files, or loads them again: what is wrong then is told, and what was there goes on.
    ///
    /// # Errors
    /// [`Error::Tls`] if they cannot be used.
    pub(crate) fn load(&mut self) -> Result<()> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let read = read(&self.certificate, &self.key);
        let files = (self.certificate.clone(), self.key.clone());
        let identity = match (loaded.get(&files), read) {
            (Some(identity), Ok(read)) => {
                *identity.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(read);
                Arc::clone(identity)
            }
            (Some(identity), Err(reason)) => {
                tracing::warn!("the TLS identity {} stays as it was: {reason}", self.name.escape_debug());
                Arc::clone(identity)
            }
            (None, Ok(read)) => {
                let identity = Arc::new(Identity(Mutex::new(Arc::new(read))));
                loaded.insert(files, Arc::clone(&identity));
                identity
            }
            (None, Err(reason)) => {
                return Err(Error::Tls { what: format!("the TLS identity {}", self.name.escape_debug()), reason });
            }
        };
        self.current = Some(identity);
        Ok(())
    }

    /// What was loaded.
    pub(crate) fn current(&self) -> Option<Arc<Identity>> {
        self.current.clone()
    }
}

impl Identity {
    fn get(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The chain and the key of two files, which fit.
///
/// # Errors
/// What is wrong with them, in words.
fn read(certificate: &Path, key: &Path) -> Result<CertifiedKey, String> {
    let chain = certificates(certificate)?;
    let text = Zeroizing::new(contents(key, true)?);
    let mut decoded = PrivateKeyDer::from_pem_slice(&text)
        .map_err(|error| format!("{} has no private key in PEM: {error}", key.display()))?;
    let signing = any_supported_type(&decoded);
    decoded.zeroize();
    let signing = signing.map_err(|error| format!("the key in {} cannot be used: {error}", key.display()))?;
    let identity = CertifiedKey::new(chain, signing);
    match identity.keys_match() {
        // A key that does not tell its public half is believed.
        Ok(()) | Err(TlsError::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(identity),
        Err(TlsError::InconsistentKeys(_)) => {
            Err(format!("the certificate in {} and the key in {} do not fit", certificate.display(), key.display()))
        }
        Err(error) => Err(format!("the certificate in {} cannot be used: {error}", certificate.display())),
    }
}

/// The certificates in a file, at least one.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let text = contents(file, false)?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        Ok(_) => Err(format!("{} has no certificate in PEM", file.display())),
        Err(error) => Err(format!("{} is no PEM: {error}", file.display())),
    }
}

fn contents(path: &Path, secret: bool) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    #[cfg(unix)]
    if secret {
        // Of the open file, so that it is this one that is read.
        let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
        if mode & 0o066 != 0 {
            let mode = mode & 0o777;
            return Err(format!(
                "the key in {} is open to others (mode {mode:03o}): it must be its owner's alone, chmod 600",
                path.display()
            ));
        }
    }
    #[cfg(not(unix))]
    let _ = secret;
    if metadata.len() > LARGEST_FILE {
        return Err(format!("{} is larger than a certificate or key is", path.display()));
    }
    // Room for all: a buffer that grew would leave parts of a key behind.
    let mut contents = Vec::with_capacity(metadata.len() as usize + 1);
    file.take(metadata.len()).read_to_end(&mut contents).map_err(failed)?;
    Ok(contents)
}

impl FromStr for TlsIdentity {
    type Err = TlsGrantError;

    fn from_str(text: &str) -> Result<Self, TlsGrantError> {
        let wrong = || TlsGrantError::new(text, "NAME=CERT.pem,KEY.pem");
        let NamedFiles { name, files } = NamedFiles::parse(text).ok_or_else(wrong)?;
        let (certificate, key) = files.split_once(',').ok_or_else(wrong)?;
        if certificate.is_empty() || key.is_empty() {
            return Err(wrong());
        }
        Ok(Self { name: name.to_owned(), certificate: certificate.into(), key: key.into(), current: None })
    }
}

impl PartialEq for TlsIdentity {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, &self.certificate, &self.key) == (&other.name, &other.certificate, &other.key)
    }
}

impl Eq for TlsIdentity {}

/// As it is written.
impl fmt::Display for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={},{}", self.name, self.certificate.display(), self.key.display())
    }
}

impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TlsIdentity").field(&self.to_string()).finish()
    }
}

/// Nothing of the key.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get())
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _authorities: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let identity = self.get();
        identity.key.choose_scheme(schemes).is_some().then_some(identity)
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn put(&self, name: &str, text: &str, mode: u32) -> PathBuf {
            let path = self.0.path().join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        }

        /// Writes a new certificate and its key.
        fn renew(&self, mode: u32) -> Vec<u8> {
            let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
            self.put("cert.pem", &made.cert.pem(), 0o644);
            self.put("key.pem", &made.signing_key.serialize_pem(), mode);
            made.cert.der().to_vec()
        }

        fn identity(&self) -> TlsIdentity {
            let at = |name| self.0.path().join(name).display().to_string();
            format!("web={},{}", at("cert.pem"), at("key.pem")).parse().unwrap()
        }
    }

    fn refusal(files: &Files) -> String {
        files.identity().load().expect_err("it cannot be used").to_string()
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        for mode in [0o644, 0o640, 0o604, 0o660] {
            let files = Files::new();
            files.renew(mode);
            let text = refusal(&files);
            assert!(text.starts_with("cannot use the TLS identity web: the key in "), "{text}");
            assert!(text.contains(&format!("is open to others (mode {mode:03o})")), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_with_the_files_is_told() {
        let files = Files::new();
        assert!(refusal(&files).contains("cert.pem: No such file or directory"));
        files.renew(0o600);
        files.put("cert.pem", "nothing", 0o644);
        assert!(refusal(&files).contains("cert.pem has no certificate in PEM"));
        files.renew(0o600);
        files.put("key.pem", "nothing", 0o600);
        assert!(refusal(&files).contains("key.pem has no private key in PEM"));
        let other = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        files.put("key.pem", &other.signing_key.serialize_pem(), 0o600);
        assert!(refusal(&files).contains("do not fit"));
    }

    #[test]
    fn files_are_loaded_again_and_bad_ones_change_nothing() {
        let files = Files::new();
        let first = files.renew(0o600);
        let mut identity = files.identity();
        identity.load().unwrap();
        let shown = |identity: &TlsIdentity| identity.current().unwrap().get().cert[0].to_vec();
        assert_eq!(shown(&identity), first);
        let second = files.renew(0o600);
        // Another that names the same files: the policy that a reload reads.
        files.identity().load().unwrap();
        assert_eq!(shown(&identity), second);
        files.put("cert.pem", "nothing", 0o644);
        files.identity().load().unwrap();
        assert_eq!(shown(&identity), second);
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let files = Files::new();
        files.renew(0o600);
        let mut identity = files.identity();
        identity.load().unwrap();
        let printed = format!("{identity:?} {:?}", identity.current().unwrap());
        assert!(printed.ends_with("Identity { .. }"), "{printed}");
    }
}
