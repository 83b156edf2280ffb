//! What is known of a session, in CPython's words: OpenSSL's names of versions and ciphers.

use rustls::{CipherSuite, Connection, HandshakeKind, ProtocolVersion};

/// A session as the program is told of it.
#[derive(Debug, Clone)]
pub(super) struct Described {
    pub(super) version: &'static str,
    pub(super) cipher: &'static str,
    pub(super) bits: u32,
    pub(super) alpn: Option<String>,
    /// DER.
    pub(super) peer_certificate: Option<Vec<u8>>,
    pub(super) reused: bool,
}

/// The session of a connection whose handshake is over.
pub(super) fn describe(tls: &Connection) -> Described {
    let version = match tls.protocol_version() {
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLSv1.3",
    };
    let (cipher, bits) = tls.negotiated_cipher_suite().map_or(("", 0), |suite| cipher(suite.suite()));
    Described {
        version,
        cipher,
        bits,
        alpn: tls.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        peer_certificate: tls.peer_certificates().and_then(|chain| Some(chain.first()?.to_vec())),
        reused: tls.handshake_kind() == Some(HandshakeKind::Resumed),
    }
}

/// OpenSSL's name, and the secret bits. These are all that ring's provider has.
fn cipher(suite: CipherSuite) -> (&'static str, u32) {
    match suite {
        CipherSuite::TLS13_AES_256_GCM_SHA384 => ("TLS_AES_256_GCM_SHA384", 256),
        CipherSuite::TLS13_AES_128_GCM_SHA256 => ("TLS_AES_128_GCM_SHA256", 128),
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => ("TLS_CHACHA20_POLY1305_SHA256", 256),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 => ("ECDHE-ECDSA-AES256-GCM-SHA384", 256),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 => ("ECDHE-ECDSA-AES128-GCM-SHA256", 128),
        CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-ECDSA-CHACHA20-POLY1305", 256),
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 => ("ECDHE-RSA-AES256-GCM-SHA384", 256),
        CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 => ("ECDHE-RSA-AES128-GCM-SHA256", 128),
        CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 => ("ECDHE-RSA-CHACHA20-POLY1305", 256),
        other => (other.as_str().unwrap_or_default(), 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cipher_of_the_provider_has_openssls_name() {
        for suite in rustls::crypto::ring::ALL_CIPHER_SUITES {
            let (name, bits) = cipher(suite.suite());
            assert!(bits > 0, "{:?} has none", suite.suite());
            assert!(!name.contains("_WITH_"), "{name}");
        }
    }
}
