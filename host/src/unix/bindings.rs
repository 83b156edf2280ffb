//! Generated from `wit/host`, with the resources of this host.

wasmtime::component::bindgen!({
    path: "../wit",
    inline: "
        package wasyncio:host-of-programs;

        world unix {
            import wasyncio:host/unix@0.1.0;
        }
    ",
    imports: {
        "wasyncio:host/unix.[method]unix-socket.send": store | trappable,
        "wasyncio:host/unix.[method]unix-socket.receive": store | trappable,
        "wasyncio:host/unix.[method]unix-listener.listen": store | trappable,
        default: trappable,
    },
    with: {
        "wasi:clocks/types": crate::wasi::tcp::bindings::clocks,
        "wasi:sockets/types": crate::wasi::tcp::bindings::types,
        "wasyncio:host/unix.unix-socket": super::socket::UnixSocket,
        "wasyncio:host/unix.unix-listener": super::UnixListener,
    },
});

pub(super) use self::wasyncio::host::unix;
