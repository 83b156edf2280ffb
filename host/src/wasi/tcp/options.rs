//! Socket options, with the values and clamps that WASI's text asks for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};

use super::bindings::types::{ErrorCode, IpAddressFamily};

pub(super) type Result<T> = std::result::Result<T, ErrorCode>;

/// The bounds that wasmtime-wasi clamps to; the upper ones are Linux's.
const MIN_KEEP_ALIVE: Duration = Duration::from_secs(1);
const MAX_KEEP_ALIVE: Duration = Duration::from_secs(i16::MAX as u64);
const MAX_KEEP_ALIVE_COUNT: u32 = i8::MAX as u32;

/// The family of a socket; it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

/// A time or size that 0 is no value of.
pub(super) fn not_zero<T: Default + PartialEq>(value: T) -> Result<T> {
    if value == T::default() { Err(ErrorCode::InvalidArgument) } else { Ok(value) }
}

impl From<IpAddressFamily> for Family {
    fn from(family: IpAddressFamily) -> Self {
        match family {
            IpAddressFamily::Ipv4 => Self::V4,
            IpAddressFamily::Ipv6 => Self::V6,
        }
    }
}

impl From<Family> for IpAddressFamily {
    fn from(family: Family) -> Self {
        match family {
            Family::V4 => Self::Ipv4,
            Family::V6 => Self::Ipv6,
        }
    }
}

impl Family {
    /// Any address, port 0.
    pub(super) fn unspecified(self) -> SocketAddr {
        match self {
            Self::V4 => (Ipv4Addr::UNSPECIFIED, 0).into(),
            Self::V6 => (Ipv6Addr::UNSPECIFIED, 0).into(),
        }
    }

    /// A new socket. Those for IPv6 take no IPv4, as WASI has it.
    pub(super) fn socket(self) -> io::Result<tokio::net::TcpSocket> {
        match self {
            Self::V4 => tokio::net::TcpSocket::new_v4(),
            Self::V6 => {
                let socket = tokio::net::TcpSocket::new_v6()?;
                SockRef::from(&socket).set_only_v6(true)?;
                Ok(socket)
            }
        }
    }

    /// Whether a socket of this family can have `address`: of the family, no multicast or broadcast, and neither IPv4
    /// mapped into IPv6 nor the deprecated "compatible" form.
    pub(super) fn takes(self, address: IpAddr) -> bool {
        match (self, address) {
            (Self::V4, IpAddr::V4(v4)) => !v4.is_multicast() && !v4.is_broadcast(),
            (Self::V6, IpAddr::V6(v6)) => {
                let compatible = matches!(v6.segments(), [0, 0, 0, 0, 0, 0, _, _])
                    && v6 != Ipv6Addr::UNSPECIFIED
                    && v6 != Ipv6Addr::LOCALHOST;
                !v6.is_multicast() && v6.to_ipv4_mapped().is_none() && !compatible
            }
            _ => false,
        }
    }
}

/// Options that a listening socket was given and that its connections shall have. Most systems see to that themselves.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Inherited {
    pub(super) keep_alive_idle: Option<Duration>,
    pub(super) hop_limit: Option<u8>,
    pub(super) receive_buffer: Option<u64>,
    pub(super) send_buffer: Option<u64>,
}

impl Inherited {
    /// What a program's own sockets begin with, where buffers are limited.
    pub(super) fn limited(max_buffer: Option<u64>) -> Self {
        Self { receive_buffer: max_buffer, send_buffer: max_buffer, ..Self::default() }
    }

    /// Gives a connection these options. `limited` says that buffers are limited: then they are set in any case, as the
    /// listening socket may be one that an earlier program left, with other limits.
    pub(super) fn apply(&self, family: Family, socket: &SockRef<'_>, limited: bool) {
        // As with wasmtime-wasi, a connection that does not take an option is still one.
        if limited || cfg!(target_os = "macos") {
            self.apply_buffers(socket);
        }
        if cfg!(target_os = "macos") {
            _ = self.keep_alive_idle.map(|time| set_keep_alive(socket, TcpKeepalive::new().with_time(time)));
            _ = self.hop_limit.map(|limit| set_hop_limit(socket, family, limit));
        }
    }

    /// Sets the sizes of buffers, where there are any.
    pub(super) fn apply_buffers(&self, socket: &SockRef<'_>) {
        _ = self.receive_buffer.map(|size| set_receive_buffer(socket, size));
        _ = self.send_buffer.map(|size| set_send_buffer(socket, size));
    }
}

/// The size of a buffer that a program asks for, within what it may have.
pub(super) fn allowed_buffer(asked: u64, max_buffer: Option<u64>) -> u64 {
    max_buffer.map_or(asked, |max| asked.min(max))
}

pub(super) fn clamped(nanoseconds: u64) -> Result<Duration> {
    Ok(Duration::from_nanos(not_zero(nanoseconds)?).clamp(MIN_KEEP_ALIVE, MAX_KEEP_ALIVE))
}

pub(super) fn clamped_count(count: u32) -> Result<u32> {
    Ok(not_zero(count)?.min(MAX_KEEP_ALIVE_COUNT))
}

/// Sets times of keep-alive without switching it on, which socket2 does along the way.
pub(super) fn set_keep_alive(socket: &SockRef<'_>, options: TcpKeepalive) -> Result<()> {
    let enabled = socket.keepalive()?;
    socket.set_tcp_keepalive(&options)?;
    if !enabled {
        socket.set_keepalive(false)?;
    }
    Ok(())
}

pub(super) fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn hop_limit(socket: &SockRef<'_>, family: Family) -> Result<u8> {
    let limit = match family {
        Family::V4 => socket.ttl_v4()?,
        Family::V6 => socket.unicast_hops_v6()?,
    };
    u8::try_from(limit).map_err(|_| ErrorCode::NotSupported)
}

pub(super) fn set_hop_limit(socket: &SockRef<'_>, family: Family, limit: u8) -> Result<()> {
    let limit = not_zero(limit)?.into();
    match family {
        Family::V4 => socket.set_ttl_v4(limit)?,
        Family::V6 => socket.set_unicast_hops_v6(limit)?,
    }
    Ok(())
}

/// Linux doubles a size that it is given, for its own bookkeeping.
pub(super) fn buffer_size(size: io::Result<usize>) -> Result<u64> {
    let size = size? as u64;
    Ok(if cfg!(target_os = "linux") { size / 2 } else { size })
}

pub(super) fn set_receive_buffer(socket: &SockRef<'_>, size: u64) -> Result<()> {
    hint(socket.set_recv_buffer_size(clamped_size(size)?))
}

pub(super) fn set_send_buffer(socket: &SockRef<'_>, size: u64) -> Result<()> {
    hint(socket.set_send_buffer_size(clamped_size(size)?))
}

fn clamped_size(size: u64) -> Result<usize> {
    Ok(usize::try_from(not_zero(size)?).unwrap_or(usize::MAX).min(i32::MAX as usize))
}

/// A size is a hint: the systems that refuse a large one (ENOBUFS, out of memory here) do no harm by it.
fn hint(result: io::Result<()>) -> Result<()> {
    match result.map_err(ErrorCode::from) {
        Err(ErrorCode::OutOfMemory) => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_takes_its_own_unicast_addresses() {
        let takes = |family: Family, text: &str| family.takes(text.parse().unwrap());
        assert!(takes(Family::V4, "127.0.0.1"));
        assert!(takes(Family::V6, "::") && takes(Family::V6, "::1"));
        for refused in ["::1", "224.0.0.1", "255.255.255.255"] {
            assert!(!takes(Family::V4, refused), "{refused}");
        }
        for refused in ["127.0.0.1", "ff02::1", "::ffff:127.0.0.1", "::127.0.0.1"] {
            assert!(!takes(Family::V6, refused), "{refused}");
        }
    }

    #[tokio::test]
    async fn times_of_keep_alive_do_not_switch_it_on() {
        let socket = Family::V4.socket().unwrap();
        let socket = SockRef::from(&socket);
        set_keep_alive(&socket, TcpKeepalive::new().with_time(clamped(1).unwrap())).unwrap();
        assert!(!socket.keepalive().unwrap());
    }

    #[test]
    fn zero_is_no_value() {
        assert!(matches!(clamped(0), Err(ErrorCode::InvalidArgument)));
        assert!(matches!(clamped_count(0), Err(ErrorCode::InvalidArgument)));
        assert_eq!(clamped(1).unwrap(), MIN_KEEP_ALIVE);
        assert_eq!(clamped_count(u32::MAX).unwrap(), MAX_KEEP_ALIVE_COUNT);
    }
}
