//! The generated bindings of the world `imports-full`: what any language's generator makes of it.

#![allow(warnings, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    path: "../../../wit",
    world: "wasyncio:streams/imports-full",
    generate_all,
});
