//! `wasip3_task`, the C interface that all versions of wit-bindgen share between what runs a task and what waits in it. Its
//! documentation is wit-bindgen's `src/rt/async_support/cabi.rs`.

use std::ffi::c_void;
use std::future::Future;

/// Told the code that an operation ended with; the first argument is what was registered with it.
pub type Callback = unsafe extern "C" fn(*mut c_void, u32);

pub(crate) type Register = unsafe extern "C" fn(*mut c_void, u32, Callback, *mut c_void) -> *mut c_void;
pub(crate) type Spawn = unsafe fn(*mut c_void, Box<dyn Future<Output = ()>>);
pub(crate) type Unregister = unsafe extern "C" fn(*mut c_void, u32) -> *mut c_void;

/// `struct wasip3_task`, version 1: what all versions begin with.
#[repr(C)]
pub(crate) struct TaskV1 {
    pub(crate) version: u32,
    pub(crate) task: *mut c_void,
    pub(crate) register: Register,
    pub(crate) unregister: Unregister,
}

/// `struct wasip3_task_v2`: what later versions also begin with.
#[repr(C)]
pub(crate) struct TaskV2 {
    pub(crate) v1: TaskV1,
    pub(crate) vtable: &'static VtableV2,
}

/// `struct wasip3_task_v3`.
#[repr(C)]
pub(crate) struct TaskV3 {
    pub(crate) v1: TaskV1,
    pub(crate) vtable: &'static VtableV3,
}

/// `struct wasip3_task_vtable`.
#[repr(C)]
pub(crate) struct VtableV2 {
    pub(crate) register: Register,
    pub(crate) unregister: Unregister,
    pub(crate) clone: unsafe extern "C" fn(*mut c_void) -> *mut c_void,
    pub(crate) drop: unsafe extern "C" fn(*mut c_void),
}

/// `struct wasip3_task_vtable_v3`.
#[repr(C)]
pub(crate) struct VtableV3 {
    pub(crate) v2: VtableV2,
    /// Runs a future beside the others of the task.
    pub(crate) rust_spawn: Option<Spawn>,
}

/// From this version on a task can be cloned. wit-bindgen has it since 0.60.
pub(crate) const WITH_CLONE: u32 = 2;
/// From this version on futures can be spawned. wit-bindgen has it since 0.62.
pub(crate) const WITH_SPAWN: u32 = 3;
