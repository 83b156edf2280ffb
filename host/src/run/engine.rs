//! The compiler and its settings: wasmtime's, where the embedder gives them, with what the sandbox rests on.

use wasmtime::{Config, Engine, Instance, Module, Store, Trap};

use crate::{Error, Result};

/// How much of the machine's stack a program may use. An interpreter has a limit of recursion of its own, by the stack that it has in its
/// memory; compiled code keeps most variables elsewhere, on this one. CPython, with 1 MiB of its own, uses 16 to 64 MiB of this one until it
/// raises its `RecursionError` for deep JSON; with wasmtime's 512 KiB, and with 16 MiB, the program trapped. What is not used takes no memory.
const STACK: usize = 64 << 20;
/// How much the host's own functions have below it.
const HOST_STACK: usize = 2 << 20;

/// The settings of an embedder that gives none.
pub(crate) fn default_config() -> Config {
    let mut config = Config::new();
    config.max_wasm_stack(STACK).async_stack_size(STACK + HOST_STACK);
    config
}

/// An engine of these settings, and of what a host needs besides.
pub(crate) fn engine_of(mut config: Config) -> Result<Engine> {
    config.wasm_component_model_async(true);
    config.epoch_interruption(true);
    Engine::new(&config).map_err(|error| Error::Engine { source: error.into() })
}

/// Checks that an engine that somebody else made interrupts its programs by epochs.
///
/// # Errors
/// [`Error::Engine`].
pub(crate) fn check_interrupts(engine: &Engine) -> Result<()> {
    match interrupts(engine) {
        Ok(true) => Ok(()),
        Ok(false) => {
            Err(Error::Engine { source: "the engine has no epoch_interruption, so no program could be ended".into() })
        }
        Err(error) => Err(Error::Engine { source: error.into() }),
    }
}

/// Whether a function that begins after the end of its time is interrupted.
fn interrupts(engine: &Engine) -> wasmtime::Result<bool> {
    /// `(module (func (export "f")))`
    const MODULE: &[u8] =
        b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a\x04\x01\x02\0\x0b";
    let module = Module::from_binary(engine, MODULE)?;
    let mut store = Store::new(engine, ());
    store.set_epoch_deadline(0);
    let instance = Instance::new(&mut store, &module, &[])?;
    let function = instance.get_typed_func::<(), ()>(&mut store, "f")?;
    match function.call(&mut store, ()) {
        Ok(()) => Ok(false),
        Err(error) if error.downcast_ref() == Some(&Trap::Interrupt) => Ok(true),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_that_cannot_interrupt_is_found() {
        assert!(check_interrupts(&engine_of(Config::new()).unwrap()).is_ok());
        let error = check_interrupts(&Engine::default()).expect_err("it has no epochs");
        assert!(error.to_string().contains("epoch_interruption"), "{error}");
    }
}
