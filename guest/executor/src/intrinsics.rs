//! The canonical ABI's functions that the executor calls.

#![cfg_attr(any(target_family = "wasm", not(test)), expect(unsafe_code, reason = "imports of the canonical ABI"))]

#[cfg(any(target_family = "wasm", not(test)))]
use crate::abi::TaskV1;

/// The code that says that an operation goes on.
pub(crate) const BLOCKED: u32 = u32::MAX;

macro_rules! import {
    ($($module:literal $link:literal fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(
            #[cfg(target_family = "wasm")]
            pub(crate) unsafe fn $name($($argument: $type),*) $(-> $result)? {
                #[link(wasm_import_module = $module)]
                unsafe extern "C" {
                    #[link_name = $link]
                    fn import($($argument: $type),*) $(-> $result)?;
                }
                // SAFETY: the caller's promise.
                unsafe { import($($argument),*) }
            }

            /// Outside of a component there are no tasks, and nothing that is called when there is one.
            #[cfg(not(any(target_family = "wasm", test)))]
            pub(crate) unsafe fn $name($(_: $type),*) $(-> $result)? {
                unreachable!("there are no component-model tasks here")
            }

            #[cfg(all(not(target_family = "wasm"), test))]
            pub(crate) use crate::fake_host::intrinsics::$name;
        )*
    };
}

import! {
    "$root" "[waitable-set-new]" fn set_new() -> u32;
    "$root" "[waitable-set-drop]" fn set_drop(set: u32);
    "$root" "[waitable-set-poll]" fn set_poll(set: u32, event: *mut [u32; 2]) -> u32;
    "$root" "[waitable-join]" fn join(waitable: u32, set: u32);
    "$root" "[context-get-0]" fn context_get() -> *mut u8;
    "$root" "[context-set-0]" fn context_set(value: *mut u8);
    "$root" "[stream-new-unit]" fn unit_new() -> u64;
    "$root" "[async-lower][stream-write-unit]" fn unit_write(stream: u32, items: *const u8, count: usize) -> u32;
    "$root" "[async-lower][stream-read-unit]" fn unit_read(stream: u32, items: *mut u8, count: usize) -> u32;
    "$root" "[stream-cancel-read-unit]" fn unit_cancel_read(stream: u32) -> u32;
    "$root" "[stream-drop-readable-unit]" fn unit_drop_readable(stream: u32);
    "$root" "[stream-drop-writable-unit]" fn unit_drop_writable(stream: u32);
}

#[cfg(target_family = "wasm")]
unsafe extern "C" {
    /// Sets the task that runs now, and gives the one before. Defined by wit-bindgen.
    pub(crate) fn wasip3_task_set(task: *mut TaskV1) -> *mut TaskV1;
}

/// There are no tasks outside of a component.
#[cfg(not(any(target_family = "wasm", test)))]
pub(crate) unsafe fn wasip3_task_set(_: *mut TaskV1) -> *mut TaskV1 {
    std::ptr::null_mut()
}

#[cfg(all(not(target_family = "wasm"), test))]
pub(crate) use crate::fake_host::intrinsics::wasip3_task_set;
