//! The generated bindings of `wasyncio:host/tls`.

#![allow(warnings, unsafe_code, reason = "generated")]

wit_bindgen::generate!({
    inline: "
        package wasyncio:guest-of-tls;
        world host {
            import wasyncio:host/tls@0.1.0;
        }
    ",
    path: "../wit",
    world: "wasyncio:guest-of-tls/host",
    with: {
        "wasi:clocks/types@0.3.2": crate::wasi::bindings::wasi::clocks::types,
        "wasi:sockets/types@0.3.2": crate::wasi::bindings::wasi::sockets::types,
        "wasyncio:host/tls@0.1.0": generate,
        "wasyncio:host/tls@0.1.0/cipher": wasyncio_core::extra_info::Cipher,
    },
});

pub(crate) use self::wasyncio::host::tls;
