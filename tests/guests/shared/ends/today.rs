//! What `wasyncio-client` names differently from `wasyncio`. It gets the same names; then this file goes, with the feature.

pub(crate) use names::{class, message, peername, server_options, sockets, sockname, until_server_closed};

/// A host and a port.
pub(crate) type Address = (String, u16);

#[cfg(not(feature = "client"))]
mod names {
    use std::net::SocketAddr;

    use asyncio::{Error, OsErrorKind, Server, ServerOptions, StreamWriter};

    use super::Address;

    /// The name of Python's class for an error.
    pub(crate) fn class(error: &Error) -> &'static str {
        match error {
            Error::Value(_) => "ValueError",
            Error::Runtime(_) => "RuntimeError",
            Error::Os(error) => match error.kind {
                OsErrorKind::AccessDenied => "PermissionError",
                OsErrorKind::BrokenPipe => "BrokenPipeError",
                OsErrorKind::ConnectionAborted => "ConnectionAbortedError",
                OsErrorKind::ConnectionRefused => "ConnectionRefusedError",
                OsErrorKind::ConnectionReset => "ConnectionResetError",
                OsErrorKind::NameNotResolved => "gaierror",
                OsErrorKind::TimedOut => "TimeoutError",
                _ => "OSError",
            },
            _ => "Exception",
        }
    }

    pub(crate) fn message(error: &Error) -> String {
        error.to_string()
    }

    pub(crate) fn server_options() -> ServerOptions {
        ServerOptions::default()
    }

    fn address(address: SocketAddr) -> Address {
        (address.ip().to_string(), address.port())
    }

    pub(crate) fn sockets(server: &Server) -> Vec<Address> {
        server.sockets().into_iter().map(address).collect()
    }

    pub(crate) fn peername(writer: &StreamWriter) -> Option<Address> {
        writer.socket_info().peername.map(address)
    }

    pub(crate) fn sockname(writer: &StreamWriter) -> Option<Address> {
        writer.socket_info().sockname.map(address)
    }

    pub(crate) async fn until_server_closed(server: &Server) {
        server.wait_closed().await;
    }
}

#[cfg(feature = "client")]
mod names {
    use asyncio::{Error, ExtraInfo, OsErrorKind, Server, ServerOptions, SocketAddress, StreamWriter};

    use super::Address;

    /// The name of Python's class for an error.
    pub(crate) fn class(error: &Error) -> &'static str {
        match error {
            Error::ValueError(_) => "ValueError",
            Error::RuntimeError(_) => "RuntimeError",
            Error::OsError(error) => match error.kind {
                OsErrorKind::AccessDenied => "PermissionError",
                OsErrorKind::BrokenPipe => "BrokenPipeError",
                OsErrorKind::ConnectionAborted => "ConnectionAbortedError",
                OsErrorKind::ConnectionRefused => "ConnectionRefusedError",
                OsErrorKind::ConnectionReset => "ConnectionResetError",
                OsErrorKind::NameNotResolved => "gaierror",
                OsErrorKind::TimedOut => "TimeoutError",
                _ => "OSError",
            },
            _ => "Exception",
        }
    }

    pub(crate) fn message(error: &Error) -> String {
        error.message()
    }

    pub(crate) fn server_options() -> ServerOptions {
        ServerOptions {
            limit: None,
            family: None,
            flags: None,
            backlog: None,
            reuse_address: None,
            reuse_port: None,
            keep_alive: None,
            start_serving: None,
        }
    }

    fn address(address: &SocketAddress) -> Address {
        (address.host.clone(), address.port)
    }

    pub(crate) fn sockets(server: &Server) -> Vec<Address> {
        server.sockets().iter().map(address).collect()
    }

    pub(crate) fn peername(writer: &StreamWriter) -> Option<Address> {
        writer.get_extra_info("peername").as_ref().and_then(ExtraInfo::as_address).map(address)
    }

    pub(crate) fn sockname(writer: &StreamWriter) -> Option<Address> {
        writer.get_extra_info("sockname").as_ref().and_then(ExtraInfo::as_address).map(address)
    }

    pub(crate) async fn until_server_closed(server: &Server) {
        // There is no error that it could have.
        let _ = server.wait_closed().await;
    }
}
