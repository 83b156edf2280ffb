//! The generated bindings of the world `wasyncio`, or, with the feature `full`, of `wasyncio-full`.

#![allow(warnings, unsafe_code, reason = "generated")]

/// The bindings of a world: the imports are the crate's own, and so are plain records.
macro_rules! bindings {
    ($world:literal $(, $more:literal: $own:path)*) => {
        wit_bindgen::generate!({
            path: "../wit",
            world: $world,
            runtime_path: "crate::exports::runtime",
            with: {
                "wasi:clocks/monotonic-clock@0.3.2": crate::wasi::bindings::wasi::clocks::monotonic_clock,
                "wasi:clocks/types@0.3.2": crate::wasi::bindings::wasi::clocks::types,
                "wasi:sockets/ip-name-lookup@0.3.2": crate::wasi::bindings::wasi::sockets::ip_name_lookup,
                "wasi:sockets/types@0.3.2": crate::wasi::bindings::wasi::sockets::types,
                "wasyncio:streams/types@0.1.0/cipher": wasyncio_core::extra_info::Cipher,
                "wasyncio:streams/types@0.1.0/peer-credentials": wasyncio_core::extra_info::PeerCredentials,
                "wasyncio:streams/types@0.1.0/ssl-info": wasyncio_core::extra_info::SslInfo,
                $($more: $own,)*
            },
        });
    };
}

#[cfg(not(feature = "full"))]
bindings!("wasyncio:streams/wasyncio");
#[cfg(feature = "full")]
bindings!("wasyncio:streams/wasyncio-full", "wasyncio:host/unix@0.1.0": crate::host::bindings::unix);

#[cfg(feature = "full")]
pub(crate) use exports::wasyncio::streams::unix;
pub(crate) use exports::wasyncio::streams::{connect, raw, server, sockets, streams, types};

use super::Component;
export!(Component with_types_in self);
