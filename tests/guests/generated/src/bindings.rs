//! The generated bindings.

#![allow(warnings, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "wasyncio:streams/imports",
    generate_all,
});

pub(crate) use wasyncio::streams::{connect, server, streams, types};
