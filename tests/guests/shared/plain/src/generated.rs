//! The bindings of the world `imports`.

#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::allow_attributes_without_reason,
    clippy::use_self,
    clippy::undocumented_unsafe_blocks,
    dead_code,
    reason = "generated"
)]

wit_bindgen::generate!({
    path: "../../../../wit",
    world: "wasyncio:streams/imports",
    generate_all,
    with: {
        "wasyncio:streams/types@0.1.0/cipher": wasyncio_core::extra_info::Cipher,
        "wasyncio:streams/types@0.1.0/peer-credentials": wasyncio_core::extra_info::PeerCredentials,
        "wasyncio:streams/types@0.1.0/ssl-info": wasyncio_core::extra_info::SslInfo,
    },
});

pub(crate) use wasyncio::streams::{connect, server, streams, types};
