//! TLS on both sides: a certificate made for the benchmark, the client of the load generator and what the native peer serves with.

use std::fs;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, ServerConfig, SignatureScheme, version::TLS13};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::Result;

/// Who the server is.
const NAME: &str = "localhost";

/// A certificate on P-256 and its key, in files that servers read.
pub(crate) struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    der: CertificateDer<'static>,
}

impl Identity {
    /// Makes one in `folder`.
    pub(crate) fn make(folder: &Path) -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()])?;
        let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
        fs::write(&certificate, made.cert.pem())?;
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        // Servers refuse a key that others can read.
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&key)?.write_all(made.signing_key.serialize_pem().as_bytes())?;
        Ok(Self { certificate, key, der: made.cert.der().clone() })
    }

    /// Its files, as a native server is told of them and as the host's policy wants them after the name.
    pub(crate) fn files(&self) -> String {
        format!("{},{}", self.certificate.display(), self.key.display())
    }

    /// The client of a server with this identity at `address`.
    pub(crate) fn client(&self, address: SocketAddr) -> Result<Client> {
        let provider = Arc::new(ring::default_provider());
        let only = Arc::new(Only { certificate: self.der.clone(), provider: Arc::clone(&provider) });
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13])?;
        let mut config = config.dangerous().with_custom_certificate_verifier(only).with_no_client_auth();
        // Every handshake is a whole one, with a signature.
        config.resumption = Resumption::disabled();
        Ok(Client { address, connector: TlsConnector::from(Arc::new(config)), name: NAME.try_into()? })
    }
}

/// Connects to a server by TLS 1.3, without resumption.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Client {
    /// Connects and shakes hands.
    pub(crate) async fn connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        self.connector.connect(self.name.clone(), stream).await
    }
}

/// What a native server with the identity in `files` accepts with. Resumption is rustls' default: on, with what it has to remember
/// kept by the server.
pub(crate) fn acceptor(files: &str) -> Result<TlsAcceptor> {
    let (certificate, key) = files.split_once(',').ok_or("an identity is CERT.pem,KEY.pem")?;
    let chain = CertificateDer::pem_file_iter(certificate)?.collect::<std::result::Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_no_client_auth().with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Trusts one certificate, by its bytes, and does not look at signatures. They would cost the load generator more than they cost
/// the server that is measured, and the rate would be the generator's.
#[derive(Debug)]
struct Only {
    certificate: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

type Verified<T> = std::result::Result<T, Error>;

impl ServerCertVerifier for Only {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Verified<ServerCertVerified> {
        if *shown == self.certificate {
            return Ok(ServerCertVerified::assertion());
        }
        Err(Error::General("the server shows another certificate than it was given".to_owned()))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Verified<HandshakeSignatureValid> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Verified<HandshakeSignatureValid> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
