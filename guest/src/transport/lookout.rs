//! The ends of a stream's operations of which no task is told.

#![expect(unsafe_code, reason = "calls the canonical ABI")]

macro_rules! import {
    ($($link:literal fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        $(
            unsafe fn $name($($argument: $type),*) $(-> $result)? {
                #[cfg(target_family = "wasm")]
                {
                    #[link(wasm_import_module = "$root")]
                    unsafe extern "C" {
                        #[link_name = $link]
                        fn import($($argument: $type),*) $(-> $result)?;
                    }
                    // SAFETY: the caller's promise.
                    unsafe { import($($argument),*) }
                }
                #[cfg(not(target_family = "wasm"))]
                unreachable!("there are no streams here: {:?}", ($($argument,)*))
            }
        )*
    };
}

import! {
    "[waitable-set-new]" fn set_new() -> u32;
    "[waitable-set-drop]" fn set_drop(set: u32);
    "[waitable-set-poll]" fn set_poll(set: u32, event: *mut [u32; 2]) -> u32;
    "[waitable-join]" fn join(waitable: u32, set: u32);
}

/// Looks whether an operation on one end of a stream has ended. For one that ends in a call of another component: to be told
/// of it would cost a turn.
pub(crate) struct Lookout {
    set: u32,
    waitable: u32,
}

impl Lookout {
    /// # Safety
    /// `waitable` is an end of a stream that lives at least as long as this, is waited for nowhere else, and is never cancelled or
    /// given away.
    pub(crate) unsafe fn new(waitable: u32) -> Self {
        // SAFETY: the set is ours, and the waitable is alive.
        unsafe {
            let set = set_new();
            join(waitable, set);
            Self { set, waitable }
        }
    }

    /// The code of the operation in flight, if it has ended. Gives it once.
    pub(crate) fn ended(&self) -> Option<u32> {
        let mut event = [0; 2];
        // SAFETY: the set is ours, and `event` has room for the two numbers.
        let kind = unsafe { set_poll(self.set, &raw mut event) };
        (kind != 0).then_some(event[1])
    }
}

impl Drop for Lookout {
    fn drop(&mut self) {
        // SAFETY: the waitable is alive, and the set is ours and empty then.
        unsafe {
            join(self.waitable, 0);
            set_drop(self.set);
        }
    }
}
