//! The generated bindings of `wasi:sockets` and `wasi:clocks`.
//!
//! Our own rather than those of the `wasip3` crate, whose `stream<u8>` is named after `wasi:cli/stdin` and would make every
//! component import that. The WIT is the same.

#![allow(warnings, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package wasyncio:guest;
        world wasi {
            import wasi:clocks/monotonic-clock@0.3.2;
            import wasi:sockets/types@0.3.2;
            import wasi:sockets/ip-name-lookup@0.3.2;
        }
    ",
    path: "../wit",
    world: "wasyncio:guest/wasi",
    generate_all,
});

pub use wasi::sockets;

use wasyncio_transport::ByteStreamVtable;

/// How these bindings work streams of bytes.
pub(crate) const BYTES: &ByteStreamVtable = <u8 as wit_stream::StreamPayload>::VTABLE;
