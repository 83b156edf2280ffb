//! What the generated bindings call of wit-bindgen, with the tasks of `wasyncio-executor` in the place of its own.

pub(crate) use wit_bindgen::rt::*;

/// As wit-bindgen's module of that name.
pub(crate) mod async_support {
    pub(crate) use wasyncio_executor::{callback, start_task};
    pub(crate) use wit_bindgen::rt::async_support::*;
}
