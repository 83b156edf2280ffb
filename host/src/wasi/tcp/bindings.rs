//! Generated from WASI's WIT, with the resources of this host.

wasmtime::component::bindgen!({
    path: ["../wit/deps/wasi-clocks-0.3.2", "../wit/deps/wasi-sockets-0.3.2"],
    inline: "
        package wasyncio:host;

        world sockets {
            import wasi:sockets/types@0.3.2;
        }
    ",
    imports: {
        "wasi:sockets/types.[method]tcp-socket.bind": async | trappable,
        "wasi:sockets/types.[method]tcp-socket.listen": async | store | trappable,
        "wasi:sockets/types.[method]tcp-socket.send": store | trappable,
        "wasi:sockets/types.[method]tcp-socket.receive": store | trappable,
        default: trappable,
    },
    with: {
        "wasi:sockets/types.tcp-socket": super::socket::TcpSocket,
        "wasi:sockets/types.udp-socket": super::udp::UdpSocket,
    },
    trappable_error_type: {
        "wasi:sockets/types.error-code" => crate::sockets::error::SocketError,
    },
});

#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub use self::wasi::clocks::types as clocks;
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub use self::wasi::sockets::types;
