//! The generated bindings of the world `bindings`, or, with the feature `unix`, of `bindings-full`.

#![allow(warnings, unsafe_code, reason = "generated")]

/// The bindings of a world.
macro_rules! bindings {
    ($world:literal) => {
        wit_bindgen::generate!({
            path: "../../wit",
            world: $world,
            generate_all,
            with: {
                "wasyncio:streams/types@0.1.0/cipher": wasyncio_core::extra_info::Cipher,
                "wasyncio:streams/types@0.1.0/peer-credentials": wasyncio_core::extra_info::PeerCredentials,
                "wasyncio:streams/types@0.1.0/ssl-info": wasyncio_core::extra_info::SslInfo,
            },
        });
    };
}

#[cfg(not(feature = "unix"))]
bindings!("wasyncio:streams/bindings");
#[cfg(feature = "unix")]
bindings!("wasyncio:streams/bindings-full");

use wasyncio_transport::ByteStreamVtable;

/// How these bindings work streams of bytes.
pub(crate) const BYTES: &ByteStreamVtable = <u8 as wit_stream::StreamPayload>::VTABLE;

pub(crate) use wasi::sockets::types::ErrorCode;
#[cfg(feature = "unix")]
pub(crate) use wasyncio::streams::unix;
pub(crate) use wasyncio::streams::{connect, raw, server, types};
