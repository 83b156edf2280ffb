//! What Python sees: the functions, in CPython's calling conventions, and the module.

use core::ffi::{CStr, c_char, c_int, c_void};
use core::ptr::null_mut;

use crate::python::{self, Answer, PyObject, int, long_number, none, number, or_raised};
use crate::{abi, connections, streams, waiting};

/// The arguments of a call.
struct Arguments {
    first: *const *mut PyObject,
    count: isize,
}

impl Arguments {
    /// An argument. None with an exception set if there is none.
    fn at(&self, at: usize) -> Option<*mut PyObject> {
        if at.cast_signed() >= self.count {
            python::bad_argument();
            return None;
        }
        // SAFETY: the interpreter's promise: there are so many.
        Some(unsafe { *self.first.add(at) })
    }

    /// A number.
    fn number(&self, at: usize) -> Option<i32> {
        // SAFETY: arguments are objects.
        unsafe { number(self.at(at)?) }
    }
}

type Fast = unsafe extern "C" fn(*mut PyObject, *const *mut PyObject, isize) -> Answer;

/// A function of the module, `METH_FASTCALL`.
macro_rules! function {
    ($name:ident, |$arguments:ident| $body:expr) => {
        unsafe extern "C" fn $name(_: *mut PyObject, first: *const *mut PyObject, count: isize) -> Answer {
            fn answer($arguments: &Arguments) -> Option<Answer> {
                $body
            }
            or_raised(answer(&Arguments { first, count }))
        }
    };
}

/// `None`, if something was done.
fn done(done: Option<()>) -> Option<Answer> {
    done.map(|()| none())
}

function!(set_new, |_arguments| Some(int(abi::waitable_set_new())));
function!(join, |arguments| {
    let (waitable, set) = (arguments.number(0)?, arguments.number(1)?);
    abi::waitable_join(waitable, set);
    Some(none())
});
function!(gather, |arguments| waiting::gather(arguments.number(0)?, arguments.number(1)? != 0));
function!(yield_now, |_arguments| {
    abi::thread_yield();
    Some(none())
});
function!(timer, |arguments| {
    // SAFETY: arguments are objects.
    let nanoseconds = unsafe { long_number(arguments.at(0)?)? };
    Some(int(waiting::timer(nanoseconds)))
});
function!(subtask_drop, |arguments| {
    abi::subtask_drop(arguments.number(0)?);
    Some(none())
});
function!(read, |arguments| streams::read(arguments.number(0)?, arguments.number(1)?));
function!(write, |arguments| {
    // SAFETY: arguments are objects.
    unsafe { streams::write(arguments.number(0)?, arguments.at(1)?) }.map(int)
});
function!(flush, |arguments| {
    // SAFETY: arguments are objects.
    unsafe { streams::flush(arguments.at(0)?) }
});
function!(cancel_read, |arguments| streams::cancel_read(arguments.number(0)?));
function!(cancel_write, |arguments| streams::cancel_write(arguments.number(0)?).map(int));
function!(drop_incoming, |arguments| done(streams::drop_incoming(arguments.number(0)?)));
function!(drop_outgoing, |arguments| done(streams::drop_outgoing(arguments.number(0)?)));
function!(accept, |arguments| connections::accept(arguments.number(0)?));
function!(accepted, |arguments| connections::accepted(arguments.number(0)?));
function!(open, |arguments| connections::open(arguments.number(0)?));
function!(ended, |arguments| connections::ended(arguments.number(0)?));
function!(drop_ended, |arguments| done(connections::drop_ended(arguments.number(0)?)));
function!(drop_connection, |arguments| {
    abi::connection_drop(arguments.number(0)?);
    Some(none())
});

/// `PyMethodDef`.
#[repr(C)]
struct Method {
    name: *const c_char,
    function: Option<Fast>,
    flags: c_int,
    doc: *const c_char,
}

/// `METH_FASTCALL`.
const FASTCALL: c_int = 0x80;

const fn method(name: &'static CStr, function: Fast) -> Method {
    Method { name: name.as_ptr(), function: Some(function), flags: FASTCALL, doc: core::ptr::null() }
}

/// `PyModuleDef`.
#[repr(C)]
struct Definition {
    base: PyObject,
    init: *mut c_void,
    index: isize,
    copy: *mut c_void,
    name: *const c_char,
    doc: *const c_char,
    size: isize,
    methods: *mut Method,
    slots: [*mut c_void; 4],
}

static mut METHODS: [Method; 20] = [
    method(c"set_new", set_new),
    method(c"join", join),
    method(c"gather", gather),
    method(c"yield_now", yield_now),
    method(c"timer", timer),
    method(c"subtask_drop", subtask_drop),
    method(c"read", read),
    method(c"write", write),
    method(c"flush", flush),
    method(c"cancel_read", cancel_read),
    method(c"cancel_write", cancel_write),
    method(c"drop_incoming", drop_incoming),
    method(c"drop_outgoing", drop_outgoing),
    method(c"accept", accept),
    method(c"accepted", accepted),
    method(c"open", open),
    method(c"ended", ended),
    method(c"drop_ended", drop_ended),
    method(c"drop_connection", drop_connection),
    Method { name: core::ptr::null(), function: None, flags: 0, doc: core::ptr::null() },
];

static mut DEFINITION: Definition = Definition {
    // `PyModuleDef_HEAD_INIT`.
    base: PyObject { references: 1, kind: null_mut() },
    init: null_mut(),
    index: 0,
    copy: null_mut(),
    name: c"_wasyncio".as_ptr(),
    doc: core::ptr::null(),
    size: -1,
    methods: null_mut(),
    slots: [null_mut(); 4],
};

/// `PYTHON_API_VERSION`.
const API: c_int = 1013;

/// What the interpreter calls at the first import.
#[unsafe(no_mangle)]
unsafe extern "C" fn PyInit__wasyncio() -> *mut PyObject {
    // SAFETY: the interpreter calls this once, in its one thread; both last for ever.
    unsafe {
        DEFINITION.methods = (&raw mut METHODS).cast();
        let module = python::PyModule_Create2((&raw mut DEFINITION).cast(), API);
        if !module.is_null() {
            python::PyModule_AddIntConstant(module, c"SUBTASK".as_ptr(), waiting::SUBTASK);
            python::PyModule_AddIntConstant(module, c"STREAM_READ".as_ptr(), waiting::STREAM_READ);
            python::PyModule_AddIntConstant(module, c"STREAM_WRITE".as_ptr(), waiting::STREAM_WRITE);
            python::PyModule_AddIntConstant(module, c"FUTURE_READ".as_ptr(), waiting::FUTURE_READ);
            python::PyModule_AddIntConstant(module, c"BLOCKED".as_ptr(), abi::BLOCKED);
        }
        module
    }
}
