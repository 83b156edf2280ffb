//! The functions of WASI 0.3 that take a path. Each call is a task of a thread, which keeps the path; a program can begin any
//! number without waiting for one.

use wasmtime::component::{Accessor, LinkerInstance};
use wasmtime::error::Result;
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p3::bindings::filesystem::types::{ErrorCode, HostDescriptorWithStore};
use wasmtime_wasi::p3::filesystem::FilesystemResult;

use super::{remember, take};
use crate::run::state::State;

/// The longest path, in bytes: Linux's.
const MAX_PATH: usize = 4096;

type Filesystem = Accessor<State, WasiFilesystem>;

fn filesystem(store: &Accessor<State>) -> Filesystem {
    store.with_getter::<WasiFilesystem>(|state| state.filesystem())
}

/// Waits for its turn and gives what `work` does. What is too long for a path is not kept until then.
async fn bounded<T>(
    store: &Accessor<State>,
    longest: usize,
    work: impl Future<Output = FilesystemResult<T>>,
) -> Result<(Result<T, ErrorCode>,)> {
    if longest > MAX_PATH {
        return Ok((Err(ErrorCode::NameTooLong),));
    }
    let permits = store.with(|mut access| access.data_mut().network.file_calls.clone());
    let _permit = permits.acquire_owned().await.expect("the semaphore is never closed");
    Ok((match work.await {
        Ok(done) => Ok(done),
        Err(error) => Err(error.downcast()?),
    },))
}

/// Replaces a function whose only path is its parameter `path`.
macro_rules! one_path {
    ($types:ident, $name:literal, $method:ident, ($($before:ident),*), ($($after:ident),*)) => {
        $types.func_wrap_concurrent(concat!("[method]descriptor.", $name), |store, (directory, $($before,)* path, $($after,)*)| {
            Box::pin(async move {
                let path: String = path;
                let wasi = filesystem(store);
                let work = |path| WasiFilesystem::$method(&wasi, directory, $($before,)* path, $($after,)*);
                bounded(store, path.len(), work(if path.len() > MAX_PATH { String::new() } else { path })).await
            })
        })?;
    };
}

/// Replaces the functions in `types`.
pub(super) fn add_to_linker(types: &mut LinkerInstance<'_, State>) -> Result<()> {
    one_path!(types, "create-directory-at", create_directory_at, (), ());
    one_path!(types, "stat-at", stat_at, (follow), ());
    one_path!(types, "set-times-at", set_times_at, (follow), (accessed, modified));
    one_path!(types, "readlink-at", readlink_at, (), ());
    one_path!(types, "remove-directory-at", remove_directory_at, (), ());
    one_path!(types, "unlink-file-at", unlink_file_at, (), ());
    one_path!(types, "metadata-hash-at", metadata_hash_at, (follow), ());
    types.func_wrap_concurrent(
        "[method]descriptor.symlink-at",
        |store, (directory, old, new): (_, String, String)| {
            Box::pin(async move {
                let (wasi, longest) = (filesystem(store), old.len().max(new.len()));
                bounded(store, longest, WasiFilesystem::symlink_at(&wasi, directory, old, new)).await
            })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]descriptor.rename-at",
        |store, (directory, old, new_directory, new): (_, String, _, String)| {
            Box::pin(async move {
                let (wasi, longest) = (filesystem(store), old.len().max(new.len()));
                bounded(store, longest, WasiFilesystem::rename_at(&wasi, directory, old, new_directory, new)).await
            })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]descriptor.link-at",
        |store, (directory, follow, old, new_directory, new): (_, _, String, _, String)| {
            Box::pin(async move {
                let (wasi, longest) = (filesystem(store), old.len().max(new.len()));
                let work = WasiFilesystem::link_at(&wasi, directory, follow, old, new_directory, new);
                bounded(store, longest, work).await
            })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]descriptor.open-at",
        |store, (directory, follow, path, open, flags): (_, _, String, _, _)| {
            Box::pin(async move {
                let Some(descriptor) = store.with(|mut access| take(access.data_mut())) else {
                    return Ok((Err(ErrorCode::InsufficientMemory),));
                };
                let (wasi, longest) = (filesystem(store), path.len());
                let work = WasiFilesystem::open_at(&wasi, directory, follow, path, open, flags);
                let (opened,) = bounded(store, longest, work).await?;
                if let Ok(file) = &opened {
                    store.with(|mut access| remember(access.data_mut(), file, descriptor))?;
                }
                Ok((opened,))
            })
        },
    )?;
    Ok(())
}
