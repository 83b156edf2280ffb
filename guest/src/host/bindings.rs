//! The generated bindings of `wasyncio:host`.

#![allow(warnings, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package wasyncio:guest-of-host;
        world host {
            import wasyncio:host/unix@0.1.0;
        }
    ",
    path: "../wit",
    world: "wasyncio:guest-of-host/host",
    with: {
        "wasi:clocks/types@0.3.2": crate::wasi::bindings::wasi::clocks::types,
        "wasi:sockets/types@0.3.2": crate::wasi::bindings::wasi::sockets::types,
        "wasyncio:host/unix@0.1.0": generate,
        "wasyncio:host/unix@0.1.0/credentials": wasyncio_core::extra_info::PeerCredentials,
    },
});

pub(crate) use self::wasyncio::host::unix;
