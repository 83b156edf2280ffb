//! The generated bindings of the world `bindings`, and of `sockets`.

#![allow(warnings, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package wasyncio:raw-test;
        world program {
            include wasyncio:streams/bindings@0.1.0;
            import wasyncio:streams/sockets@0.1.0;
        }
    ",
    path: "../../../wit",
    world: "wasyncio:raw-test/program",
    generate_all,
    additional_derives: [PartialEq],
    additional_derives_ignore: ["directions"],
});

pub(crate) use wasi::sockets::types::{self as wasi_sockets, ErrorCode};
pub(crate) use wasyncio::streams::{connect, raw, server, sockets, streams, types};
