//! Generated from the WIT of `wasyncio:streams`, whose exports a host calls.

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package wasyncio:host;

        world embedding {
            export wasyncio:streams/types@0.1.0;
            export wasyncio:streams/streams@0.1.0;
            export wasyncio:streams/connect@0.1.0;
            export wasyncio:streams/server@0.1.0;
        }
    ",
    exports: { default: async | store },
});

pub use self::exports::wasyncio::streams::connect::ConnectionOptions;
pub use self::exports::wasyncio::streams::server::ServerOptions;
pub use self::exports::wasyncio::streams::types::{
    AddressFamily, Cipher, Error as AsyncioError, ExtraInfo, IncompleteReadError, LimitOverrunError, OsError,
    OsErrorKind, SocketAddress, SocketInfo,
};

/// Python's defaults.
impl Default for ConnectionOptions {
    fn default() -> Self {
        Self {
            limit: None,
            family: None,
            proto: None,
            flags: None,
            local_addr: None,
            happy_eyeballs_delay: None,
            interleave: None,
            all_errors: None,
        }
    }
}

/// Python's defaults.
impl Default for ServerOptions {
    fn default() -> Self {
        Self {
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
}
