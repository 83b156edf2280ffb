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
    additional_derives: [PartialEq],
});

pub(super) use self::exports::wasyncio::streams::{connect, server};

pub use self::exports::wasyncio::streams::types::{
    AddressFamily, Cipher, Error as AsyncioError, ExtraInfo, IncompleteReadError, LimitOverrunError, OsError,
    OsErrorKind, PeerCredentials, SocketAddress, SocketInfo, SslCertVerificationError, SslError, SslInfo,
};
