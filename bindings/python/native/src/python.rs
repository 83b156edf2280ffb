//! As much of CPython 3.14's C interface as is used, and of libc, both of which componentize-py links.

use core::ffi::{c_char, c_int, c_long, c_void};
use core::ptr::null_mut;

/// A Python object, which is only pointed to.
#[repr(C)]
pub(crate) struct PyObject {
    pub(crate) references: isize,
    pub(crate) kind: *mut c_void,
}

/// What a function of the module gives: a new reference, or null with an exception set.
pub(crate) type Answer = *mut PyObject;

unsafe extern "C" {
    pub(crate) fn PyModule_Create2(definition: *mut c_void, version: c_int) -> *mut PyObject;
    pub(crate) fn PyModule_AddIntConstant(module: *mut PyObject, name: *const c_char, value: c_long) -> c_int;
    fn PyLong_AsLong(object: *mut PyObject) -> c_long;
    fn PyLong_FromLong(value: c_long) -> *mut PyObject;
    fn PyLong_AsUnsignedLongLong(object: *mut PyObject) -> u64;
    fn PyErr_Occurred() -> *mut PyObject;
    fn PyErr_NoMemory() -> *mut PyObject;
    fn PyErr_BadArgument() -> c_int;
    fn PyList_New(length: isize) -> *mut PyObject;
    fn PyList_Size(list: *mut PyObject) -> isize;
    fn PyList_GetItem(list: *mut PyObject, at: isize) -> *mut PyObject;
    fn PyList_SetItem(list: *mut PyObject, at: isize, item: *mut PyObject) -> c_int;
    fn PyList_Append(list: *mut PyObject, item: *mut PyObject) -> c_int;
    fn PyTuple_New(length: isize) -> *mut PyObject;
    fn PyTuple_GetItem(tuple: *mut PyObject, at: isize) -> *mut PyObject;
    fn PyTuple_SetItem(tuple: *mut PyObject, at: isize, item: *mut PyObject) -> c_int;
    fn PyBytes_AsStringAndSize(object: *mut PyObject, bytes: *mut *mut c_char, length: *mut isize) -> c_int;
    fn PyBytes_FromStringAndSize(bytes: *const u8, length: isize) -> *mut PyObject;
    fn Py_GetConstant(which: u32) -> *mut PyObject;
    fn Py_IncRef(object: *mut PyObject);
    fn Py_DecRef(object: *mut PyObject);
    /// C's, of which null is not freed and made anew.
    pub(crate) fn realloc(old: *mut u8, length: usize) -> *mut u8;
    pub(crate) fn free(memory: *mut u8);
}

/// `Py_CONSTANT_NONE`.
const NONE: u32 = 0;

/// `None`.
pub(crate) fn none() -> Answer {
    // SAFETY: it takes any of its constants.
    unsafe { Py_GetConstant(NONE) }
}

/// An `int`.
pub(crate) fn int(value: i32) -> Answer {
    // SAFETY: it takes any number.
    unsafe { PyLong_FromLong(value) }
}

/// The number in an argument. None with an exception set if it is not one.
///
/// # Safety
/// `object` is an object, or null with an exception set.
pub(crate) unsafe fn number(object: *mut PyObject) -> Option<i32> {
    if object.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    let value = unsafe { PyLong_AsLong(object) };
    // SAFETY: needs nothing.
    (value != -1 || unsafe { PyErr_Occurred() }.is_null()).then_some(value)
}

/// As [`number`], of 64 bits.
///
/// # Safety
/// As there.
pub(crate) unsafe fn long_number(object: *mut PyObject) -> Option<u64> {
    // SAFETY: the caller's promise.
    let value = unsafe { PyLong_AsUnsignedLongLong(object) };
    // SAFETY: needs nothing.
    (value != u64::MAX || unsafe { PyErr_Occurred() }.is_null()).then_some(value)
}

/// The memory of a `bytes`, which stays where it is while the object lives. None with an exception set if it is not one.
///
/// # Safety
/// As [`number`].
pub(crate) unsafe fn bytes_of(object: *mut PyObject) -> Option<(*const u8, usize)> {
    if object.is_null() {
        return None;
    }
    let mut memory = null_mut();
    let mut length = 0;
    // SAFETY: the caller's promise, and both are written to only during the call.
    let failed = unsafe { PyBytes_AsStringAndSize(object, &raw mut memory, &raw mut length) } < 0;
    (!failed).then_some((memory.cast_const().cast(), length.cast_unsigned()))
}

/// A `bytes` with a copy of the memory.
///
/// # Safety
/// It is readable.
pub(crate) unsafe fn bytes(memory: *const u8, length: usize) -> Answer {
    // SAFETY: the caller's promise.
    unsafe { PyBytes_FromStringAndSize(memory, length.cast_signed()) }
}

/// Keeps an object alive.
///
/// # Safety
/// It is one.
pub(crate) unsafe fn keep(object: *mut PyObject) {
    // SAFETY: the caller's promise.
    unsafe { Py_IncRef(object) };
}

/// Gives a reference back.
///
/// # Safety
/// The caller has one.
pub(crate) unsafe fn release(object: *mut PyObject) {
    // SAFETY: the caller's promise.
    unsafe { Py_DecRef(object) };
}

/// An item of a tuple, borrowed; null with an exception set if there is none.
///
/// # Safety
/// `tuple` is an object.
pub(crate) unsafe fn tuple_item(tuple: *mut PyObject, at: isize) -> *mut PyObject {
    // SAFETY: the caller's promise; it checks what it is and how long.
    unsafe { PyTuple_GetItem(tuple, at) }
}

/// How many items a list has; -1 with an exception set if it is none.
///
/// # Safety
/// `list` is an object.
pub(crate) unsafe fn list_length(list: *mut PyObject) -> isize {
    // SAFETY: the caller's promise; it checks what it is.
    unsafe { PyList_Size(list) }
}

/// An item of a list, borrowed; null with an exception set if there is none.
///
/// # Safety
/// As [`list_length`].
pub(crate) unsafe fn list_item(list: *mut PyObject, at: isize) -> *mut PyObject {
    // SAFETY: the caller's promise; it checks what it is and how long.
    unsafe { PyList_GetItem(list, at) }
}

/// A tuple of these, which it takes over. Null with an exception set if one of them is null.
pub(crate) fn tuple<const N: usize>(items: [Answer; N]) -> Answer {
    // SAFETY: the length is that of an array.
    let tuple = unsafe { PyTuple_New(N.cast_signed()) };
    let mut complete = !tuple.is_null();
    for (at, item) in items.into_iter().enumerate() {
        if item.is_null() {
            complete = false;
        } else if !tuple.is_null() {
            // SAFETY: the place is in the tuple, which is new and ours, and the reference is handed over.
            unsafe { PyTuple_SetItem(tuple, at.cast_signed(), item) };
        }
    }
    if !complete && !tuple.is_null() {
        // SAFETY: it is ours.
        unsafe { release(tuple) };
    }
    if complete { tuple } else { null_mut() }
}

/// A list that is being made.
pub(crate) struct List(*mut PyObject);

impl List {
    /// An empty one. None with an exception set without memory.
    pub(crate) fn new() -> Option<Self> {
        Self::of_length(0)
    }

    /// One with so many places, which are to be [`set`](Self::set).
    pub(crate) fn of_length(length: isize) -> Option<Self> {
        // SAFETY: lengths here are not negative.
        let list = unsafe { PyList_New(length) };
        (!list.is_null()).then_some(Self(list))
    }

    /// Sets a place, once. None with an exception set if `item` is null.
    pub(crate) fn set(&mut self, at: isize, item: Answer) -> Option<()> {
        if item.is_null() {
            return None;
        }
        // SAFETY: the list is ours; it checks the place, and the reference is handed over.
        (unsafe { PyList_SetItem(self.0, at, item) } == 0).then_some(())
    }

    /// Appends an item. None with an exception set if it is null, or without memory.
    pub(crate) fn push(&mut self, item: Answer) -> Option<()> {
        if item.is_null() {
            return None;
        }
        // SAFETY: both are objects that are ours; the list gets a reference of its own.
        let pushed = unsafe { PyList_Append(self.0, item) } == 0;
        // SAFETY: this one is ours.
        unsafe { release(item) };
        pushed.then_some(())
    }

    /// The list.
    pub(crate) fn finish(self) -> Answer {
        let list = self.0;
        core::mem::forget(self);
        list
    }
}

impl Drop for List {
    fn drop(&mut self) {
        // SAFETY: it is ours.
        unsafe { release(self.0) };
    }
}

/// The answer; without one null, with the exception that is set, else that there is no memory.
pub(crate) fn or_raised(answer: Option<Answer>) -> Answer {
    match answer {
        Some(answer) => answer,
        // SAFETY: they need nothing.
        None => unsafe {
            if PyErr_Occurred().is_null() {
                PyErr_NoMemory();
            }
            null_mut()
        },
    }
}

/// Sets an exception: there are too few arguments.
pub(crate) fn bad_argument() {
    // SAFETY: needs nothing.
    unsafe { PyErr_BadArgument() };
}
