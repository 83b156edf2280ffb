//! The bindings of the world `imports`, or, with the feature `unix`, of `imports-full`.

#![allow(warnings, unsafe_code, reason = "generated")]

macro_rules! bindings {
    ($world:literal) => {
        wit_bindgen::generate!({
            path: "../../../../wit",
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
bindings!("wasyncio:streams/imports");
#[cfg(feature = "unix")]
bindings!("wasyncio:streams/imports-full");

#[cfg(feature = "unix")]
pub(crate) use wasyncio::streams::unix;

pub(crate) use wasyncio::streams::{connect, server, streams, types};
