//! The test's end of a connection by TLS.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use socket2::SockRef;

use crate::with::Files;

/// A connection as a server. Dropping it announces the end.
pub(crate) struct TlsPeer {
    stream: Mutex<StreamOwned<ServerConnection, TcpStream>>,
    announces: bool,
}

impl TlsPeer {
    /// Shakes hands with a client, as `localhost`.
    pub(crate) fn accept(files: &Files, mut stream: TcpStream) -> Self {
        let certificate = CertificateDer::from_pem_file(files.at("web.pem")).expect("it was made here");
        let key = PrivateKeyDer::from_pem_file(files.at("web.key")).expect("it was made here");
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate], key);
        let mut connection = ServerConnection::new(Arc::new(config.expect("they fit"))).expect("a session");
        connection.complete_io(&mut stream).expect("the program shakes hands");
        Self { stream: Mutex::new(StreamOwned::new(connection, stream)), announces: true }
    }

    fn stream(&self) -> MutexGuard<'_, StreamOwned<ServerConnection, TcpStream>> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Announces the end of what is sent.
    pub(crate) fn end(&self) -> io::Result<()> {
        let mut stream = self.stream();
        stream.conn.send_close_notify();
        stream.flush()
    }

    /// Resets the connection.
    pub(crate) fn reset(mut self) {
        self.announces = false;
        SockRef::from(&self.stream().sock).set_linger(Some(Duration::ZERO)).expect("the socket is open");
    }
}

impl Read for TlsPeer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream().read(buffer)
    }
}

impl Write for TlsPeer {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.stream().write(buffer)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream().flush()
    }
}

impl Drop for TlsPeer {
    fn drop(&mut self) {
        if self.announces {
            // The program may be gone already.
            _ = self.end();
        }
    }
}
