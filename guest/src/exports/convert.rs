//! The types of the boundary from ours and back.

wasyncio_transport::conversions!(super::bindings::types, super::bindings::connect, super::bindings::server);

#[cfg(feature = "full")]
wasyncio_transport::unix_conversions!(super::bindings::unix);
