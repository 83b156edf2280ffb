//! A program whose `wasi:cli/run` is a task of this executor.
//!
//! The program implements `wasip3`'s trait as ever, and names this module where it exports it:
//!
//! ```ignore
//! struct Program;
//!
//! impl wasip3::exports::cli::run::Guest for Program {
//!     async fn run() -> Result<(), ()> {
//!         Ok(())
//!     }
//! }
//!
//! wasip3::cli::command::export!(Program with_types_in wasyncio::command);
//! ```

/// Found by `wasip3`'s macro, which looks for the code of exports below the module that it is given.
#[doc(hidden)]
pub mod exports {
    pub mod wasi {
        pub mod cli {
            pub mod run {
                #![expect(unsafe_code, reason = "is called by the host")]

                pub use wasip3::__export_wasi_cli_run_0_3_2_cabi;
                use wasip3::exports::cli::run::Guest;
                use wit_bindgen::rt::async_support::TaskCancelOnDrop;

                use crate::task_life;

                #[cfg(target_family = "wasm")]
                #[link(wasm_import_module = "[export]wasi:cli/run@0.3.2")]
                unsafe extern "C" {
                    #[link_name = "[task-return]run"]
                    fn task_return(result: i32);
                }

                #[cfg(not(target_family = "wasm"))]
                unsafe fn task_return(_: i32) {
                    unreachable!("there are no component-model tasks here")
                }

                /// # Safety
                /// Called by the host.
                pub unsafe fn _export_run_cabi<T: Guest + 'static>() -> i32 {
                    #[cfg(target_family = "wasm")]
                    wit_bindgen::rt::run_ctors_once();
                    let root = async {
                        let cancelled = TaskCancelOnDrop::new();
                        let result = T::run().await;
                        cancelled.forget();
                        // SAFETY: the task answers once, with the discriminant of a result without payloads.
                        unsafe { task_return(result.is_err().into()) };
                    };
                    // SAFETY: the caller's promise.
                    unsafe { task_life::run(root) }.cast_signed()
                }

                /// # Safety
                /// Called by the host for a task that `_export_run_cabi` has begun.
                pub unsafe fn __callback_run(event: u32, waitable: u32, code: u32) -> u32 {
                    // SAFETY: the caller's promise.
                    unsafe { task_life::callback(event, waitable, code) }
                }
            }
        }
    }
}
