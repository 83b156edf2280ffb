//! Sessions over real sockets, against rustls in a thread of its own and against peers that speak no TLS.

use std::future::poll_fn;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tokio::sync::oneshot;

use super::config::{Clients, Configs, Side, VerifyServer, Wanted};
use super::engine::{Incoming, Outgoing};
use super::failure::Failure;
use super::grants::TlsGrants;
use super::session::Session;
use crate::sockets::Network;
use crate::sockets::address::Place;
use crate::sockets::connection::Connection;
use crate::sockets::stream::Stream;
use crate::sockets::streams::{Receiving, Sending};
use crate::wasi::tcp::bindings::types::ErrorCode;
use crate::{Limits, Metrics};

const DEADLINE: Duration = Duration::from_secs(20);

/// A certificate of `localhost` that is its own authority's, in files.
struct Made {
    folder: tempfile::TempDir,
    der: CertificateDer<'static>,
    key: Vec<u8>,
    authority: CertificateDer<'static>,
}

impl Made {
    fn new() -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        // Each of its own name, as authorities are.
        params.distinguished_name.push(rcgen::DnType::CommonName, format!("authority {:?}", key.public_key_raw()));
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let own = rcgen::KeyPair::generate().unwrap();
        let signed = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&own, &issuer);
        let signed = signed.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            std::fs::set_permissions(folder.path().join(name), mode).unwrap();
        };
        put("cert.pem", &signed.pem());
        put("key.pem", &own.serialize_pem());
        put("ca.pem", &authority.pem());
        let (der, authority) = (signed.der().clone(), authority.der().clone());
        Self { folder, der, key: own.serialize_der(), authority }
    }

    fn grants(&self) -> TlsGrants {
        let at = |name: &str| Path::new(self.folder.path()).join(name).display().to_string();
        let mut grants = TlsGrants::default();
        grants.identities.push(format!("web={},{}", at("cert.pem"), at("key.pem")).parse().unwrap());
        grants.trusts.push(format!("us={}", at("ca.pem")).parse().unwrap());
        grants.load().unwrap();
        grants
    }

    fn client_config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        builder.with_root_certificates(roots).with_no_client_auth()
    }

    fn server_config(&self, chain: Vec<CertificateDer<'static>>) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key.clone()));
        builder.with_no_client_auth().with_single_cert(chain, key).unwrap()
    }
}

fn as_server() -> Wanted {
    let side = Side::Server { clients: Clients::Anonymous };
    Wanted { side, identity: Some("web".into()), trust: None, alpn: Vec::new(), tls13_only: false }
}

fn as_client() -> Wanted {
    let side = Side::Client { verify: VerifyServer::Name };
    Wanted { side, identity: None, trust: Some("us".into()), alpn: Vec::new(), tls13_only: false }
}

/// A session on one end of a connection, and the other end.
async fn begun(made: &Made, wanted: Wanted, name: Option<&str>, ahead: &[u8]) -> (Arc<Session>, TcpStream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let stream = listener.accept().unwrap().0;
    stream.set_nonblocking(true).unwrap();
    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
    let network = Network::new(&Limits::default(), Metrics::new(), None, None);
    let place = Place::Ip(peer.local_addr().unwrap());
    let connection = Connection::accepted(Stream::Tcp(stream), place, network.try_permit().unwrap());
    let grants = made.grants();
    let wanted = wanted.permitted(name, &grants).unwrap();
    let server = matches!(wanted.side, Side::Server { .. });
    let session = Session::new(server, name.map(str::to_owned), Duration::from_millis(300));
    session.receive_from(Incoming::Socket(Receiving::new(Arc::clone(&connection), oneshot::channel().0)));
    session.send_to(Outgoing::Socket(Sending::new(connection, oneshot::channel().0)));
    session.begin(Configs::default().connection(&wanted, name, &grants).unwrap(), ahead.to_vec());
    (session, peer)
}

async fn handshake(session: &Arc<Session>) -> Result<super::describe::Described, Failure> {
    let shaken = tokio::time::timeout(DEADLINE, poll_fn(|context| session.poll_handshake(context)));
    shaken.await.expect("the handshake ends")
}

async fn read(session: &Arc<Session>, most: usize) -> Result<Vec<u8>, ErrorCode> {
    let mut room = vec![0; most];
    let read = tokio::time::timeout(DEADLINE, poll_fn(|context| session.poll_read(context, &mut room)));
    let count = read.await.expect("the read ends")?;
    room.truncate(count);
    Ok(room)
}

async fn write(session: &Arc<Session>, mut bytes: &[u8]) -> Result<(), ErrorCode> {
    while !bytes.is_empty() {
        let written = tokio::time::timeout(DEADLINE, poll_fn(|context| session.poll_write(context, bytes)));
        bytes = &bytes[written.await.expect("the write ends")?..];
    }
    Ok(())
}

/// Ends the session as a program does that closes; how that ended.
async fn close(session: &Arc<Session>) -> Result<(), ErrorCode> {
    session.reader_gone();
    let (sender, outcome) = oneshot::channel();
    session.writer_gone(Some(sender));
    tokio::time::timeout(DEADLINE, outcome).await.expect("the end comes").expect("it is told")
}

/// A client in a thread that writes `size` bytes, takes as many back, and says goodbye.
fn echoing_client(config: ClientConfig, stream: TcpStream, size: usize) -> JoinHandle<std::io::Result<usize>> {
    std::thread::spawn(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();
        let mut tls = StreamOwned::new(client, stream);
        tls.write_all(&vec![7; size])?;
        let mut back = vec![0; size];
        tls.read_exact(&mut back)?;
        tls.conn.send_close_notify();
        tls.flush()?;
        // Up to the other side's goodbye.
        tls.read_to_end(&mut back)
    })
}

async fn echo(versions: &[&'static rustls::SupportedProtocolVersion], version: &str) {
    const SIZE: usize = 1 << 20;
    let made = Made::new();
    let (session, peer) = begun(&made, as_server(), None, b"").await;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(made.authority.clone()).unwrap();
    let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let client = echoing_client(config, peer, SIZE);
    assert_eq!(handshake(&session).await.unwrap().version, version);
    let mut count = 0;
    while count < SIZE {
        let received = read(&session, 70_000).await.unwrap();
        assert!(received.iter().all(|byte| *byte == 7));
        count += received.len();
        write(&session, &received).await.unwrap();
    }
    assert_eq!(read(&session, 10).await.unwrap(), b"", "the client has said goodbye");
    close(&session).await.unwrap();
    assert_eq!(client.join().unwrap().unwrap(), 0, "and got one");
}

#[tokio::test]
async fn a_megabyte_goes_there_and_back_by_tls13() {
    echo(&[&rustls::version::TLS13], "TLSv1.3").await;
}

#[tokio::test]
async fn a_megabyte_goes_there_and_back_by_tls12() {
    echo(&[&rustls::version::TLS12], "TLSv1.2").await;
}

#[tokio::test]
async fn what_was_read_ahead_belongs_to_the_handshake() {
    let made = Made::new();
    // The client's first flight, taken off the wire before the session begins.
    let (session, peer) = {
        let name = ServerName::try_from("localhost").unwrap();
        let mut client = ClientConnection::new(Arc::new(made.client_config()), name).unwrap();
        let mut hello = Vec::new();
        client.write_tls(&mut hello).unwrap();
        let (session, peer) = begun(&made, as_server(), None, &hello).await;
        let peer = std::thread::spawn(move || {
            let mut tls = StreamOwned::new(client, peer);
            tls.write_all(b"hello").unwrap();
            let mut answer = [0; 5];
            tls.read_exact(&mut answer).unwrap();
            answer
        });
        (session, peer)
    };
    handshake(&session).await.unwrap();
    let hello = read(&session, 5).await.unwrap();
    write(&session, &hello).await.unwrap();
    assert_eq!(&peer.join().unwrap(), b"hello");
}

#[tokio::test]
async fn an_end_without_goodbye_is_an_error() {
    let made = Made::new();
    let (session, peer) = begun(&made, as_server(), None, b"").await;
    let config = made.client_config();
    let client = std::thread::spawn(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), peer);
        tls.write_all(b"half a li").unwrap();
        tls.sock.shutdown(Shutdown::Write).unwrap();
        tls
    });
    handshake(&session).await.unwrap();
    let mut received = read(&session, 100).await.unwrap();
    while received.len() < 9 {
        received.extend(read(&session, 100).await.unwrap());
    }
    assert_eq!(received, b"half a li");
    let Err(ErrorCode::Other(Some(text))) = read(&session, 100).await else { panic!("it was cut") };
    assert_eq!(text, "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol");
    drop(client.join());
}

#[tokio::test]
async fn a_peer_that_does_not_answer_the_end_is_left() {
    let made = Made::new();
    let (session, peer) = begun(&made, as_server(), None, b"").await;
    let config = made.client_config();
    let client = std::thread::spawn(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), peer);
        tls.write_all(b"x").unwrap();
        tls
    });
    handshake(&session).await.unwrap();
    read(&session, 1).await.unwrap();
    let began = Instant::now();
    let Err(ErrorCode::Other(Some(text))) = close(&session).await else { panic!("nobody answers") };
    assert_eq!(text, "SSL shutdown timed out");
    assert!(began.elapsed() >= Duration::from_millis(300), "it was waited for");
    drop(client.join());
}

#[tokio::test]
async fn a_peer_that_does_not_read_cannot_hold_the_end_up() {
    let made = Made::new();
    let (session, peer) = begun(&made, as_server(), None, b"").await;
    let config = made.client_config();
    let client = std::thread::spawn(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), peer);
        tls.write_all(b"x").unwrap();
        tls
    });
    handshake(&session).await.unwrap();
    read(&session, 1).await.unwrap();
    // As much as the system takes, and more.
    let chunk = vec![0; 64 * 1024];
    let full = tokio::time::timeout(Duration::from_millis(500), async {
        loop {
            write(&session, &chunk).await.unwrap();
        }
    });
    assert!(full.await.is_err());
    let Err(ErrorCode::Other(Some(text))) = close(&session).await else { panic!("nobody reads") };
    assert_eq!(text, "SSL shutdown timed out");
    drop(client.join());
}

#[tokio::test]
async fn who_has_let_go_of_everything_waits_for_nobody() {
    let made = Made::new();
    let (session, peer) = begun(&made, as_server(), None, b"").await;
    let config = made.client_config();
    let client = std::thread::spawn(move || {
        let name = ServerName::try_from("localhost").unwrap();
        let mut tls = StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), peer);
        tls.write_all(b"x").unwrap();
        let mut rest = Vec::new();
        (tls.read_to_end(&mut rest).map_err(|error| error.kind()), rest)
    });
    handshake(&session).await.unwrap();
    read(&session, 1).await.unwrap();
    session.reader_gone();
    session.writer_gone(None);
    let (ended, _) = tokio::task::spawn_blocking(|| client.join().unwrap()).await.unwrap();
    assert_eq!(ended, Ok(0));
}

/// The failure of a handshake with a peer that says this.
async fn failure(wanted: Wanted, name: Option<&str>, said: &[u8]) -> String {
    let made = Made::new();
    let (session, mut peer) = begun(&made, wanted, name, b"").await;
    peer.write_all(said).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    handshake(&session).await.expect_err("that is no TLS").message()
}

#[tokio::test]
async fn what_is_no_tls_is_told() {
    let wrong_version = "[SSL: WRONG_VERSION_NUMBER] wrong version number";
    assert_eq!(failure(as_server(), None, b"GET / HTTP/1.1\r\n\r\n").await, "[SSL: HTTP_REQUEST] http request");
    assert_eq!(failure(as_server(), None, b"EHLO example\r\n").await, wrong_version);
    assert_eq!(failure(as_client(), Some("localhost"), b"220 example ESMTP\r\n").await, wrong_version);
    assert_eq!(failure(as_server(), None, b"").await, ErrorCode::ConnectionReset.to_string());
    // A record longer than any.
    let text = failure(as_server(), None, &[22, 3, 1, 0xff, 0xff, 1, 0, 0]).await;
    assert_eq!(text, "[SSL: EXCESSIVE_MESSAGE_SIZE] excessive message size");
    // The first bytes of a hello, and the end.
    let text = failure(as_server(), None, &[22, 3, 1, 0, 200, 1, 0, 0]).await;
    assert_eq!(text, ErrorCode::ConnectionReset.to_string());
    // An alert instead of a hello.
    let text = failure(as_client(), Some("localhost"), &[21, 3, 3, 0, 2, 2, 40]).await;
    assert_eq!(text, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure");
}

#[tokio::test]
async fn random_bytes_are_refused() {
    let mut state = 1_u64;
    for _ in 0..200 {
        let noise: Vec<u8> = (0..300)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 56) as u8
            })
            .collect();
        failure(as_server(), None, &noise).await;
        failure(as_server(), None, &[&[22, 3, 1, 1, 0][..], &noise].concat()).await;
        failure(as_client(), Some("localhost"), &[&[22, 3, 3, 1, 0][..], &noise].concat()).await;
    }
}

/// The failure of a client whose server has this chain.
async fn against(made: &Made, wanted: Wanted, name: &str, chain: Vec<CertificateDer<'static>>) -> Result<(), String> {
    let (session, peer) = begun(made, wanted, Some(name), b"").await;
    let config = made.server_config(chain);
    let server = std::thread::spawn(move || {
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), peer);
        // Fails where the client does not trust it.
        _ = tls.write_all(b"x");
        _ = tls.flush();
    });
    let shaken = handshake(&session).await.map(drop).map_err(|failure| failure.message());
    tokio::task::spawn_blocking(|| server.join().unwrap()).await.unwrap();
    shaken
}

#[tokio::test]
async fn servers_are_verified() {
    let made = Made::new();
    let chain = vec![made.der.clone()];
    against(&made, as_client(), "localhost", chain.clone()).await.unwrap();
    assert_eq!(
        against(&made, as_client(), "elsewhere.example", chain.clone()).await.unwrap_err(),
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for \
         'elsewhere.example'."
    );
    let stranger = Made::new();
    // Its certificate is another authority's.
    let (session, peer) = begun(&made, as_client(), Some("localhost"), b"").await;
    let config = stranger.server_config(vec![stranger.der.clone()]);
    let server = std::thread::spawn(move || {
        let mut tls = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), peer);
        tls.write_all(b"x").and_then(|()| tls.flush()).unwrap_err().to_string()
    });
    assert_eq!(
        handshake(&session).await.unwrap_err().message(),
        "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer certificate"
    );
    let told = tokio::task::spawn_blocking(|| server.join().unwrap()).await.unwrap();
    assert!(told.contains("UnknownCA"), "the peer is told why: {told}");
}

#[tokio::test]
async fn a_chain_of_a_million_bytes_is_refused() {
    let made = Made::new();
    let chain = vec![made.der.clone(); 1_000_000 / made.der.len() + 1];
    let text = against(&made, as_client(), "localhost", chain).await.unwrap_err();
    assert_eq!(text, "[SSL: EXCESSIVE_MESSAGE_SIZE] excessive message size");
}
