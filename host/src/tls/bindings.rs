//! Generated from `wit/host`, with the resources of this host.

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package wasyncio:tls-of-programs;

        world tls {
            import wasyncio:host/tls@0.1.0;
            import wasyncio:host/tls-buffers@0.1.0;
        }
    ",
    imports: {
        "wasyncio:host/tls.[method]connector.send": store | trappable,
        "wasyncio:host/tls.[method]connector.receive": store | trappable,
        "wasyncio:host/tls.[method]session.send": store | trappable,
        "wasyncio:host/tls.[method]session.receive": store | trappable,
        "wasyncio:host/tls.[static]connector.connect": async | store | trappable,
        "wasyncio:host/tls-buffers.[static]buffered.begin": async | store | trappable,
        default: trappable,
    },
    with: {
        "wasi:clocks/types": crate::wasi::tcp::bindings::clocks,
        "wasi:sockets/types": crate::wasi::tcp::bindings::types,
        "wasyncio:host/tls.connector": super::host::Connector,
        "wasyncio:host/tls-buffers.buffered": super::host::Buffered,
        "wasyncio:host/tls.session": super::host::Established,
    },
});

pub(super) use self::wasyncio::host::{tls, tls_buffers};
