//! The bounds of `wasi:filesystem`, of which all else is wasmtime-wasi's: open files are descriptors of the program, paths have a
//! length, few calls of WASI 0.3 are at work at once, and a directory is read as the program asks for its entries.

#[cfg(unix)]
mod listing;
mod paths;

use std::sync::Arc;

use wasmtime::component::{Linker, Resource};
use wasmtime::error::Result;
use wasmtime_wasi::filesystem::{Descriptor as Opened, WasiFilesystemView};
use wasmtime_wasi::p2::bindings::filesystem::types::{self as p2, HostDescriptor};

use crate::run::descriptors::Descriptor;
use crate::run::state::State;

/// wasmtime-wasi's names for the interfaces whose functions are replaced one by one.
pub(super) const TYPES02: &str = "wasi:filesystem/types@0.2.12";
pub(super) const TYPES03: &str = "wasi:filesystem/types@0.3.0";

/// Replaces the functions in `linker` that have no bound of their own.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> Result<()> {
    linker.allow_shadowing(true);
    paths::add_to_linker(&mut linker.instance(TYPES03)?)?;
    let mut types02 = linker.instance(TYPES02)?;
    types02.func_wrap_async("[method]descriptor.open-at", |mut store, (directory, follow, path, open, flags)| {
        Box::new(async move {
            let state = store.data_mut();
            let Some(descriptor) = take(state) else {
                return Ok((Err(p2::ErrorCode::InsufficientMemory),));
            };
            let opened = HostDescriptor::open_at(&mut state.filesystem(), directory, follow, path, open, flags).await;
            Ok((match opened {
                Ok(file) => {
                    remember(state, &file, descriptor)?;
                    Ok(file)
                }
                Err(error) => Err(error.downcast()?),
            },))
        })
    })?;
    #[cfg(unix)]
    {
        listing::add_to_linker02(&mut linker.instance(TYPES02)?)?;
        listing::add_to_linker03(&mut linker.instance(TYPES03)?)?;
    }
    linker.allow_shadowing(false);
    Ok(())
}

/// The right to open a file; `None` is told.
fn take(state: &State) -> Option<Descriptor> {
    let descriptor = state.network.descriptors.try_take();
    if descriptor.is_none() {
        state.network.tell_descriptors("files are not opened until others are closed");
    }
    descriptor
}

/// Has what was opened hold the right to be open.
fn remember(state: &State, opened: &Resource<Opened>, descriptor: Descriptor) -> Result<()> {
    let file = match state.table.get(opened)? {
        Opened::File(file) => Arc::clone(&file.file),
        Opened::Dir(directory) => Arc::clone(&directory.dir),
    };
    state.network.descriptors.opened(&file, descriptor);
    Ok(())
}
