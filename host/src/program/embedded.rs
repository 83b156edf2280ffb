//! The components that provide `wasyncio:streams`, as they were when this crate was built.

/// The bytes of the embedded `wasyncio.wasm`; `None` if it had not been built when this crate was.
///
/// `cargo xtask build` builds it first. A host without it runs every program that imports no `wasyncio:streams`,
/// and the others with [`HostBuilder::streams`](crate::HostBuilder::streams).
pub fn embedded() -> Option<&'static [u8]> {
    #[cfg(wasyncio_embedded)]
    return Some(include_bytes!(concat!(env!("OUT_DIR"), "/wasyncio.wasm")));
    #[cfg(not(wasyncio_embedded))]
    return None;
}

/// The bytes of the embedded `wasyncio-full.wasm`, for programs that use what only a host such as this one provides; `None` as for
/// [`embedded`].
pub fn embedded_full() -> Option<&'static [u8]> {
    #[cfg(wasyncio_embedded_full)]
    return Some(include_bytes!(concat!(env!("OUT_DIR"), "/wasyncio-full.wasm")));
    #[cfg(not(wasyncio_embedded_full))]
    return None;
}
