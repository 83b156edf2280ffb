//! The component model's functions and those that the module imports, in the canonical ABI. wit-component checks names and
//! types against `wit/`, and `tests/generators/native.rs` the layouts.
//!
//! They are safe to call: a handle that is none traps. Those that keep a pointer are not.

/// An operation has begun, and an event will tell its code.
pub(crate) const BLOCKED: i32 = -1;

/// The states of a call are in its lowest bits, the subtask above.
pub(crate) const STATE_BITS: u32 = 4;

#[link(wasm_import_module = "$root")]
unsafe extern "C" {
    #[link_name = "[waitable-set-new]"]
    pub(crate) safe fn waitable_set_new() -> i32;
    #[link_name = "[waitable-set-wait]"]
    pub(crate) safe fn waitable_set_wait(set: i32, event: &mut [i32; 2]) -> i32;
    #[link_name = "[waitable-set-poll]"]
    pub(crate) safe fn waitable_set_poll(set: i32, event: &mut [i32; 2]) -> i32;
    #[link_name = "[waitable-join]"]
    pub(crate) safe fn waitable_join(waitable: i32, set: i32);
    #[link_name = "[thread-yield]"]
    pub(crate) safe fn thread_yield() -> i32;
    #[link_name = "[subtask-drop]"]
    pub(crate) safe fn subtask_drop(subtask: i32);
}

#[link(wasm_import_module = "wasi:clocks/monotonic-clock@0.3.2")]
unsafe extern "C" {
    #[link_name = "[async-lower]wait-for"]
    pub(crate) safe fn wait_for(nanoseconds: u64) -> i32;
}

#[link(wasm_import_module = "wasyncio:streams/raw@0.1.0")]
unsafe extern "C" {
    /// Gives the readable end in the lower half, the writable one in the upper.
    #[link_name = "[stream-new-0][method]connection.open"]
    pub(crate) safe fn stream_new() -> u64;
    /// The room is written to until the read has ended.
    #[link_name = "[async-lower][stream-read-1][method]connection.open"]
    pub(crate) fn stream_read(stream: i32, room: *mut u8, length: usize) -> i32;
    /// The bytes are read until the write has ended.
    #[link_name = "[async-lower][stream-write-0][method]connection.open"]
    pub(crate) fn stream_write(stream: i32, bytes: *const u8, length: usize) -> i32;
    #[link_name = "[stream-cancel-read-1][method]connection.open"]
    pub(crate) safe fn stream_cancel_read(stream: i32) -> i32;
    #[link_name = "[stream-cancel-write-0][method]connection.open"]
    pub(crate) safe fn stream_cancel_write(stream: i32) -> i32;
    #[link_name = "[stream-drop-readable-1][method]connection.open"]
    pub(crate) safe fn stream_drop_readable(stream: i32);
    #[link_name = "[stream-drop-writable-0][method]connection.open"]
    pub(crate) safe fn stream_drop_writable(stream: i32);
    /// The value is written until the read has ended.
    #[link_name = "[async-lower][future-read-2][method]connection.open"]
    pub(crate) fn future_read(future: i32, value: *mut u8) -> i32;
    #[link_name = "[future-cancel-read-2][method]connection.open"]
    pub(crate) safe fn future_cancel_read(future: i32) -> i32;
    #[link_name = "[future-drop-readable-2][method]connection.open"]
    pub(crate) safe fn future_drop_readable(future: i32);
    /// The answer is written before it returns.
    #[link_name = "[method]connection.open"]
    pub(crate) safe fn connection_open(connection: i32, outgoing: i32, answer: &mut Opened);
    #[link_name = "[resource-drop]connection"]
    pub(crate) safe fn connection_drop(connection: i32);
    /// The answer is written until the call has returned.
    #[link_name = "[async-lower]accept"]
    pub(crate) fn accept(server: i32, answer: *mut Accepted) -> i32;
}

/// Room for `result<directions, error>`; what an error needs beyond these words is below 64 bytes.
#[repr(C)]
pub(crate) struct Opened {
    pub(crate) failed: u8,
    pub(crate) read_ahead: *mut u8,
    pub(crate) read_ahead_length: usize,
    pub(crate) incoming: i32,
    pub(crate) received: i32,
    pub(crate) sent: i32,
    pub(crate) rest: [u32; 16],
}

/// Room for `result<list<connection>, error>`, as there.
#[repr(C)]
pub(crate) struct Accepted {
    pub(crate) failed: u8,
    pub(crate) list: *mut i32,
    pub(crate) length: usize,
    pub(crate) rest: [u32; 16],
}

/// `result<_, error-code>` of `wasi:sockets`.
#[repr(C)]
pub(crate) struct Ended {
    pub(crate) failed: Tag,
    pub(crate) case: Tag,
    pub(crate) has_text: Tag,
    pub(crate) text: *mut u8,
    pub(crate) text_length: usize,
}

/// Where callees put lists and texts; wit-component wants one in each library that imports.
///
/// # Safety
/// As `realloc` of C.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(old: *mut u8, _: usize, align: usize, length: usize) -> *mut u8 {
    if length == 0 {
        return core::ptr::without_provenance_mut(align);
    }
    // SAFETY: the caller's promise; memory of libc is aligned for every type that has 8 bytes or fewer, and others do not cross.
    let new = unsafe { crate::python::realloc(old, length) };
    if new.is_null() {
        core::arch::wasm32::unreachable();
    }
    new
}

/// The number of a case, in front of what is aligned to four bytes.
#[repr(C, align(4))]
#[derive(Clone, Copy)]
pub(crate) struct Tag(pub(crate) u8);

// The numbers of `tests/generators/native.rs`.
const _: () = {
    use core::mem::offset_of;
    assert!(offset_of!(Opened, read_ahead) == 4 && offset_of!(Opened, incoming) == 12);
    assert!(offset_of!(Opened, received) == 16 && offset_of!(Opened, sent) == 20);
    assert!(offset_of!(Accepted, list) == 4 && offset_of!(Accepted, length) == 8);
    assert!(size_of::<Opened>() >= 76 && size_of::<Accepted>() >= 76);
    assert!(offset_of!(Ended, case) == 4 && offset_of!(Ended, has_text) == 8 && size_of::<Ended>() == 20);
};
