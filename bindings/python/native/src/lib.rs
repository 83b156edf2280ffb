//! `_wasyncio`, the native module of `python.wasm`: the component model's waits, and streams that are read and written straight
//! from and into Python's bytes. `bindings/python/src/_wasyncio.pyi` says what each function does.
//!
//! It is linked into CPython by componentize-py as a library of position-independent code. So it is without std, and without anything
//! of core that is compiled already: no slice is indexed and nothing panics, as what core says then lies in fixed places.
//!
//! It knows WASI's and our interfaces by hand (`abi.rs`), since what wit-bindgen generates needs std.

#![cfg_attr(target_arch = "wasm32", no_std)]
#![cfg(target_arch = "wasm32")]
#![expect(unsafe_code, reason = "speaks the C interfaces of CPython and of the component model")]

mod abi;
mod connections;
mod module;
mod python;
mod slots;
mod streams;
mod waiting;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}
