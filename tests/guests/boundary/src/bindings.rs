//! The generated bindings of the world `imports`.

#![allow(warnings, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "wasyncio:streams/imports",
    generate_all,
    additional_derives: [PartialEq],
});

pub(crate) use wasyncio::streams::{connect, server, streams, types};
