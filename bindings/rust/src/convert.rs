//! The types of the boundary from ours and back.

wasyncio_transport::conversions!(crate::generated::types, crate::generated::connect, crate::generated::server);

#[cfg(feature = "unix")]
wasyncio_transport::unix_conversions!(crate::generated::unix);
