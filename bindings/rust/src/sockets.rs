//! Python's `sock=`: readers, writers and servers of sockets that the program made itself with `wasi:sockets`.

pub use generated::wasyncio::streams::sockets::{open_connection, start_server};

mod generated {
    #![allow(
        missing_docs,
        unreachable_pub,
        unsafe_code,
        clippy::allow_attributes_without_reason,
        clippy::use_self,
        clippy::undocumented_unsafe_blocks,
        reason = "generated"
    )]

    wit_bindgen::generate!({
        inline: "
            package wasyncio:client;
            world sockets {
                import wasyncio:streams/sockets@0.1.0;
            }
        ",
        path: "../../wit",
        world: "wasyncio:client/sockets",
        with: {
            "wasi:clocks/types@0.3.2": wasip3::clocks::types,
            "wasi:sockets/types@0.3.2": wasip3::sockets::types,
            "wasyncio:streams/server@0.1.0": crate::generated::wasyncio::streams::server,
            "wasyncio:streams/sockets@0.1.0": generate,
            "wasyncio:streams/streams@0.1.0": crate::generated::wasyncio::streams::streams,
            "wasyncio:streams/types@0.1.0": crate::generated::wasyncio::streams::types,
        },
    });
}
