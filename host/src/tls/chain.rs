//! Why the issuer of a certificate is unknown: rustls does not tell, OpenSSL has three codes for it.

use std::cell::Cell;

use rustls::pki_types::CertificateDer;

/// What is at the end of a chain that leads to no trusted authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    /// The certificate itself.
    SelfSigned,
    /// An authority that is not trusted.
    SelfSignedInChain,
    /// A certificate whose issuer is not there.
    Issuer,
}

thread_local! {
    /// Verifying happens inside one call of rustls, and whoever made that asks right behind it, on the same thread.
    static LAST: Cell<Unknown> = const { Cell::new(Unknown::Issuer) };
}

/// Takes notice of a chain that leads to no trusted authority.
pub(super) fn unknown(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) {
    LAST.set(if is_self_issued(end_entity) {
        Unknown::SelfSigned
    } else if intermediates.iter().any(is_self_issued) {
        Unknown::SelfSignedInChain
    } else {
        Unknown::Issuer
    });
}

/// The last one that this thread has seen.
pub(super) fn last_unknown() -> Unknown {
    LAST.get()
}

/// Whether issuer and subject are the same.
fn is_self_issued(certificate: &CertificateDer<'_>) -> bool {
    names(certificate).is_some_and(|(issuer, subject)| issuer == subject)
}

/// Issuer and subject, encoded.
fn names<'a>(certificate: &'a CertificateDer<'_>) -> Option<(&'a [u8], &'a [u8])> {
    let (_, certificate, _) = element(certificate)?;
    let (_, mut fields, _) = element(certificate)?;
    let (tag, _, rest) = element(fields)?;
    // The version is left out in certificates of version 1.
    if tag == 0xa0 {
        fields = rest;
    }
    // Serial number, algorithm.
    for _ in 0..2 {
        fields = element(fields)?.2;
    }
    let (_, issuer, rest) = element(fields)?;
    let (_, _validity, rest) = element(rest)?;
    let (_, subject, _) = element(rest)?;
    Some((issuer, subject))
}

/// The first element of DER: its tag, its contents, and what is behind it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if digits.len() > 4 {
            return None;
        }
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (contents, rest) = rest.split_at_checked(length)?;
    Some((tag, contents, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    use super::*;

    fn seen(end_entity: &CertificateDer<'_>, intermediates: &[CertificateDer<'_>]) -> Unknown {
        unknown(end_entity, intermediates);
        last_unknown()
    }

    #[test]
    fn chains_are_told_apart() {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["a.example".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new(vec!["b.example".into()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "server");
        let server = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        assert_eq!(seen(authority.der(), &[]), Unknown::SelfSigned);
        assert_eq!(seen(server.der(), &[authority.der().clone()]), Unknown::SelfSignedInChain);
        assert_eq!(seen(server.der(), &[]), Unknown::Issuer);
        assert_eq!(seen(&CertificateDer::from(vec![0x30, 0x84, 0xff]), &[]), Unknown::Issuer);
    }
}
