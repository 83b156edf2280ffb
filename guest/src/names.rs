//! From host names to addresses: Python's `getaddrinfo`, as far as WASI can.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use wasyncio_core::address::AddressFamily;
use wasyncio_core::{Error, OsError, OsErrorKind, Result};

use crate::wasi::bindings::sockets::ip_name_lookup::{ErrorCode, resolve_addresses};
use crate::wasi::tcp;

/// What a missing host means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHost {
    /// This machine: the loopback addresses.
    Loopback,
    /// Every interface.
    Any,
}

/// The addresses of `host`, in the order in which they are to be tried. Never empty.
///
/// # Errors
/// `NameNotResolved`, `AccessDenied` and others, each naming the host; [`Error::NotImplemented`] for Unix addresses.
pub(crate) async fn resolve(
    host: Option<&str>,
    port: u16,
    family: Option<AddressFamily>,
    no_host: NoHost,
) -> Result<Vec<SocketAddr>> {
    if family == Some(AddressFamily::Unix) {
        return Err(Error::NotImplemented(
            "family: Unix sockets need open_unix_connection and start_unix_server of the full variant, wasyncio-full.wasm".into(),
        ));
    }
    let mut scope = 0;
    let ips: Vec<IpAddr> = match host {
        None => match no_host {
            NoHost::Loopback => vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()],
            NoHost::Any => vec![Ipv4Addr::UNSPECIFIED.into(), Ipv6Addr::UNSPECIFIED.into()],
        },
        Some(name) => match numeric(name) {
            Some((ip, scope_id)) => {
                scope = scope_id;
                vec![ip]
            }
            None => look_up(name).await?,
        },
    };
    let wanted = |ip: &IpAddr| match family {
        None | Some(AddressFamily::Unix) => true,
        Some(AddressFamily::Inet) => ip.is_ipv4(),
        Some(AddressFamily::Inet6) => ip.is_ipv6(),
    };
    let addresses: Vec<_> = ips.into_iter().filter(wanted).map(|ip| address(ip, port, scope)).collect();
    if addresses.is_empty() {
        let name = host.unwrap_or_default();
        return Err(OsError::new(
            OsErrorKind::NameNotResolved,
            format!(
                "Address family for hostname not supported: '{name}' has no address of the family that was asked for"
            ),
        )
        .at(name)
        .into());
    }
    Ok(addresses)
}

fn address(ip: IpAddr, port: u16, scope: u32) -> SocketAddr {
    match ip {
        IpAddr::V4(_) => SocketAddr::new(ip, port),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, scope).into(),
    }
}

/// An address, and the number of its scope if it has one: `fe80::1%2`. An interface's name, as in `fe80::1%eth0`, means nothing
/// here: WASI has no interfaces to ask.
fn numeric(name: &str) -> Option<(IpAddr, u32)> {
    match name.split_once('%') {
        None => Some((name.parse().ok()?, 0)),
        Some((ip, scope)) => Some((ip.parse::<Ipv6Addr>().ok()?.into(), scope.parse().ok()?)),
    }
}

async fn look_up(name: &str) -> Result<Vec<IpAddr>> {
    let failed = |kind: OsErrorKind, what: &str| Error::from(OsError::new(kind, format!("{what}: '{name}'")).at(name));
    if name.is_empty() {
        return Err(failed(OsErrorKind::NameNotResolved, "Name or service not known"));
    }
    let addresses = resolve_addresses(name.to_owned()).await.map_err(|code| match code {
        ErrorCode::AccessDenied => failed(OsErrorKind::AccessDenied, "Permission denied to look up the name"),
        ErrorCode::InvalidArgument => failed(OsErrorKind::NameNotResolved, "Not a valid name or address"),
        ErrorCode::NameUnresolvable => failed(OsErrorKind::NameNotResolved, "Name or service not known"),
        ErrorCode::TemporaryResolverFailure => {
            failed(OsErrorKind::TemporaryResolverFailure, "Temporary failure in name resolution")
        }
        ErrorCode::PermanentResolverFailure => {
            failed(OsErrorKind::NameNotResolved, "Non-recoverable failure in name resolution")
        }
        ErrorCode::Other(text) => {
            failed(OsErrorKind::NameNotResolved, text.as_deref().unwrap_or("Name resolution failed"))
        }
    })?;
    Ok(addresses.into_iter().map(tcp::ip_from_wasi).collect())
}
