//! Failures as CPython's `ssl` has them: OpenSSL's reasons and X.509 codes, from what rustls tells.
//!
//! Compared with CPython 3.11 to 3.13 on OpenSSL 3.0; texts are `str(exception)` without the place in CPython's sources.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

use super::chain::{self, Unknown};
use crate::Denial;
use crate::wasi::tcp::bindings::types::ErrorCode;

/// How TLS on a connection failed.
#[derive(Debug, Clone)]
pub(super) enum Failure {
    /// `ssl.SSLError`.
    Ssl {
        /// OpenSSL's name of it, where it has one.
        reason: Option<&'static str>,
        /// `str` of it.
        message: String,
    },
    /// `ssl.SSLCertVerificationError`.
    Certificate {
        /// `X509_V_ERR_…`.
        code: u32,
        /// The reason in words.
        words: String,
    },
    /// `ConnectionAbortedError`, with its text.
    Aborted(String),
    /// The connection under it failed.
    Wire(ErrorCode),
    /// The policy does not allow it.
    Denied(Denial),
    /// An argument makes no sense.
    Invalid(String),
}

/// The end of a stream that the peer did not announce.
const EOF: &str = "UNEXPECTED_EOF_WHILE_READING";

impl Failure {
    fn ssl(reason: &'static str) -> Self {
        let words = if reason == EOF { "EOF occurred in violation of protocol".into() } else { lower(reason) };
        Self::Ssl { reason: Some(reason), message: format!("[SSL: {reason}] {words}") }
    }

    /// The peer has ended the stream without `close_notify`: perhaps somebody has cut it.
    pub(super) fn truncated() -> Self {
        Self::ssl(EOF)
    }

    /// The handshake takes too long.
    pub(super) fn slow(seconds: f64) -> Self {
        Self::Aborted(format!("SSL handshake is taking longer than {seconds:?} seconds: aborting the connection"))
    }

    /// What rustls tells. `name` is what the certificate was to be of; `received` are the first bytes of the peer.
    pub(super) fn of(error: &Error, name: Option<&str>, server: bool, received: &[u8]) -> Self {
        match error {
            Error::InvalidCertificate(error) => of_certificate(error, name),
            Error::AlertReceived(alert) => of_alert(*alert),
            Error::NoCertificatesPresented => Self::ssl("PEER_DID_NOT_RETURN_A_CERTIFICATE"),
            Error::PeerSentOversizedRecord => Self::ssl("ENCRYPTED_LENGTH_TOO_LONG"),
            Error::DecryptError => Self::ssl("DECRYPTION_FAILED_OR_BAD_RECORD_MAC"),
            Error::NoApplicationProtocol => Self::ssl("NO_APPLICATION_PROTOCOL"),
            Error::PeerIncompatible(error) => of_incompatible(error),
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                Self::ssl("UNEXPECTED_MESSAGE")
            }
            Error::InvalidMessage(error) => of_message(error, server, received),
            Error::PeerMisbehaved(_) => {
                let Error::PeerMisbehaved(how) = error else { return Self::ssl("BAD_PACKET") };
                Self::Ssl { reason: None, message: format!("[SSL] the peer misbehaved: {how:?}") }
            }
            error => Self::Ssl { reason: None, message: format!("[SSL] {error}") },
        }
    }

    /// `str` of the exception.
    pub(super) fn message(&self) -> String {
        match self {
            Self::Ssl { message, .. } | Self::Aborted(message) | Self::Invalid(message) => message.clone(),
            Self::Denied(denial) => format!("{denial} is not granted"),
            Self::Certificate { words, .. } => {
                format!("[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: {words}")
            }
            Self::Wire(code) => code.to_string(),
        }
    }

    /// The same for a direction's future: TLS's failures in CPython's words, which begin with `[SSL`.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Wire(code) => code.clone(),
            Self::Aborted(_) => ErrorCode::ConnectionAborted,
            other => ErrorCode::Other(Some(other.message())),
        }
    }
}

fn of_certificate(error: &CertificateError, name: Option<&str>) -> Failure {
    use CertificateError as E;
    let certificate = |code, words: &str| Failure::Certificate { code, words: words.to_owned() };
    match error {
        E::Expired | E::ExpiredContext { .. } => certificate(10, "certificate has expired"),
        E::NotValidYet | E::NotValidYetContext { .. } => certificate(9, "certificate is not yet valid"),
        E::Revoked => certificate(23, "certificate revoked"),
        E::UnknownRevocationStatus => certificate(3, "unable to get certificate CRL"),
        E::ExpiredRevocationList | E::ExpiredRevocationListContext { .. } => certificate(12, "CRL has expired"),
        E::UnknownIssuer => match chain::last_unknown() {
            Unknown::SelfSigned => certificate(18, "self-signed certificate"),
            Unknown::SelfSignedInChain => certificate(19, "self-signed certificate in certificate chain"),
            Unknown::Issuer => certificate(20, "unable to get local issuer certificate"),
        },
        E::BadSignature => certificate(7, "certificate signature failure"),
        E::NotValidForName | E::NotValidForNameContext { .. } => {
            let name = name.unwrap_or_default();
            if name.parse::<std::net::IpAddr>().is_ok() {
                certificate(64, &format!("IP address mismatch, certificate is not valid for '{name}'."))
            } else {
                certificate(62, &format!("Hostname mismatch, certificate is not valid for '{name}'."))
            }
        }
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => certificate(26, "unsuitable certificate purpose"),
        E::UnhandledCriticalExtension => certificate(34, "unhandled critical extension"),
        // X509_V_ERR_UNSPECIFIED: OpenSSL takes some of these, such as the certificate of an authority as a server's own.
        other => certificate(1, &format!("unspecified certificate verification error: {other}")),
    }
}

fn of_message(error: &InvalidMessage, server: bool, received: &[u8]) -> Failure {
    const METHODS: [&[u8]; 4] = [b"GET ", b"POST", b"HEAD", b"PUT "];
    Failure::ssl(match error {
        InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion => {
            let http = METHODS.iter().any(|method| received.starts_with(method));
            if server && http { "HTTP_REQUEST" } else { "WRONG_VERSION_NUMBER" }
        }
        // What is no record at all has any length.
        InvalidMessage::MessageTooLarge if !received.starts_with(&[22, 3]) => "WRONG_VERSION_NUMBER",
        InvalidMessage::MessageTooLarge
        | InvalidMessage::HandshakePayloadTooLarge
        | InvalidMessage::CertificatePayloadTooLarge => "EXCESSIVE_MESSAGE_SIZE",
        InvalidMessage::InvalidEmptyPayload => "UNEXPECTED_MESSAGE",
        InvalidMessage::UnexpectedMessage(_) => "UNEXPECTED_MESSAGE",
        InvalidMessage::InvalidCcs => "BAD_CHANGE_CIPHER_SPEC",
        InvalidMessage::InvalidKeyUpdate => "BAD_KEY_UPDATE",
        InvalidMessage::TrailingData(_) | InvalidMessage::MissingData(_) | InvalidMessage::MessageTooShort => {
            "LENGTH_MISMATCH"
        }
        _ => "BAD_PACKET",
    })
}

fn of_incompatible(error: &PeerIncompatible) -> Failure {
    use PeerIncompatible as E;
    Failure::ssl(match error {
        E::NoCipherSuitesInCommon => "NO_SHARED_CIPHER",
        E::NoKxGroupsInCommon => "NO_SUITABLE_KEY_SHARE",
        E::NoSignatureSchemesInCommon | E::NoCertificateRequestSignatureSchemesInCommon => {
            "NO_SHARED_SIGNATURE_ALGORITHMS"
        }
        E::ServerDoesNotSupportTls12Or13
        | E::ServerTlsVersionIsDisabledByOurConfig
        | E::SupportedVersionsExtensionRequired
        | E::Tls12NotOffered
        | E::Tls12NotOfferedOrEnabled
        | E::Tls13RequiredForQuic => "UNSUPPORTED_PROTOCOL",
        _ => "HANDSHAKE_FAILURE_ON_CLIENT_HELLO",
    })
}

/// OpenSSL's name for an alert of the peer's. The older ones are of SSL 3, and their texts begin so.
fn of_alert(alert: AlertDescription) -> Failure {
    use AlertDescription as A;
    Failure::ssl(match alert {
        A::UnexpectedMessage => "SSLV3_ALERT_UNEXPECTED_MESSAGE",
        A::BadRecordMac => "SSLV3_ALERT_BAD_RECORD_MAC",
        A::DecryptionFailed => "TLSV1_ALERT_DECRYPTION_FAILED",
        A::RecordOverflow => "TLSV1_ALERT_RECORD_OVERFLOW",
        A::DecompressionFailure => "SSLV3_ALERT_DECOMPRESSION_FAILURE",
        A::HandshakeFailure => "SSLV3_ALERT_HANDSHAKE_FAILURE",
        A::NoCertificate => "SSLV3_ALERT_NO_CERTIFICATE",
        A::BadCertificate => "SSLV3_ALERT_BAD_CERTIFICATE",
        A::UnsupportedCertificate => "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        A::CertificateRevoked => "SSLV3_ALERT_CERTIFICATE_REVOKED",
        A::CertificateExpired => "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        A::CertificateUnknown => "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        A::IllegalParameter => "SSLV3_ALERT_ILLEGAL_PARAMETER",
        A::UnknownCA => "TLSV1_ALERT_UNKNOWN_CA",
        A::AccessDenied => "TLSV1_ALERT_ACCESS_DENIED",
        A::DecodeError => "TLSV1_ALERT_DECODE_ERROR",
        A::DecryptError => "TLSV1_ALERT_DECRYPT_ERROR",
        A::ExportRestriction => "TLSV1_ALERT_EXPORT_RESTRICTION",
        A::ProtocolVersion => "TLSV1_ALERT_PROTOCOL_VERSION",
        A::InsufficientSecurity => "TLSV1_ALERT_INSUFFICIENT_SECURITY",
        A::InternalError => "TLSV1_ALERT_INTERNAL_ERROR",
        A::InappropriateFallback => "TLSV1_ALERT_INAPPROPRIATE_FALLBACK",
        A::UserCanceled => "TLSV1_ALERT_USER_CANCELLED",
        A::NoRenegotiation => "TLSV1_ALERT_NO_RENEGOTIATION",
        A::MissingExtension => "TLSV13_ALERT_MISSING_EXTENSION",
        A::UnsupportedExtension => "TLSV1_UNSUPPORTED_EXTENSION",
        A::CertificateUnobtainable => "TLSV1_CERTIFICATE_UNOBTAINABLE",
        A::UnrecognisedName => "TLSV1_UNRECOGNIZED_NAME",
        A::BadCertificateStatusResponse => "TLSV1_BAD_CERTIFICATE_STATUS_RESPONSE",
        A::BadCertificateHashValue => "TLSV1_BAD_CERTIFICATE_HASH_VALUE",
        A::UnknownPSKIdentity => "TLSV1_ALERT_UNKNOWN_PSK_IDENTITY",
        A::CertificateRequired => "TLSV13_ALERT_CERTIFICATE_REQUIRED",
        A::NoApplicationProtocol => "TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
        _ => "UNKNOWN_ALERT_TYPE",
    })
}

/// OpenSSL's words for most of its names are the name.
fn lower(reason: &str) -> String {
    reason.to_ascii_lowercase().replace('_', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(error: Error, server: bool, received: &[u8]) -> String {
        Failure::of(&error, Some("host.example"), server, received).message()
    }

    #[test]
    fn failures_read_as_cpythons() {
        assert_eq!(
            message(Error::AlertReceived(AlertDescription::UnknownCA), true, b""),
            "[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert unknown ca"
        );
        assert_eq!(
            message(Error::InvalidCertificate(CertificateError::NotValidForName), false, b""),
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: Hostname mismatch, certificate is not valid for \
             'host.example'."
        );
        assert_eq!(
            message(Error::InvalidMessage(InvalidMessage::InvalidContentType), true, b"GET / HTTP/1.1"),
            "[SSL: HTTP_REQUEST] http request"
        );
        assert_eq!(
            message(Error::InvalidMessage(InvalidMessage::InvalidContentType), false, b"HTTP/1.1 400"),
            "[SSL: WRONG_VERSION_NUMBER] wrong version number"
        );
        assert_eq!(
            Failure::truncated().message(),
            "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol"
        );
        assert_eq!(
            Failure::slow(60.0).message(),
            "SSL handshake is taking longer than 60.0 seconds: aborting the connection"
        );
    }
}
