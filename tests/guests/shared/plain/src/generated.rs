//! The bindings of the world `imports`.

#![allow(warnings, unsafe_code, reason = "generated")]

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
