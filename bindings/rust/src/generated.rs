//! The generated bindings of the world `bindings`.

#![allow(warnings, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    path: "../../wit",
    world: "wasyncio:streams/bindings",
    generate_all,
    with: {
        "wasyncio:streams/types@0.1.0/cipher": wasyncio_core::extra_info::Cipher,
        "wasyncio:streams/types@0.1.0/peer-credentials": wasyncio_core::extra_info::PeerCredentials,
        "wasyncio:streams/types@0.1.0/ssl-info": wasyncio_core::extra_info::SslInfo,
    },
});

use wasyncio_transport::ByteStreamVtable;

/// How these bindings work streams of bytes.
pub(crate) const BYTES: &ByteStreamVtable = <u8 as wit_stream::StreamPayload>::VTABLE;

pub(crate) use wasi::sockets::types::ErrorCode;
pub(crate) use wasyncio::streams::{connect, raw, server, types};
