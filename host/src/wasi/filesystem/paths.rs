//! The functions of WASI 0.3 that wait for a file system. Each call is a task of a thread, which keeps the path that it was handed; a
//! program can begin many without waiting for one.

use wasmtime::component::{Accessor, LinkerInstance};
use wasmtime::error::Result;
use wasmtime_wasi::filesystem::{WasiFilesystem, WasiFilesystemView};
use wasmtime_wasi::p3::bindings::filesystem::types::{ErrorCode, HostDescriptorWithStore};
use wasmtime_wasi::p3::filesystem::FilesystemResult;

use super::{remember, take};
use crate::run::state::State;
use crate::wasi::calls::begin_in;

/// The longest path, in bytes: Linux's.
const MAX_PATH: usize = 4096;

type Filesystem = Accessor<State, WasiFilesystem>;

fn filesystem(store: &Accessor<State>) -> Filesystem {
    store.with_getter::<WasiFilesystem>(|state| state.filesystem())
}

/// Waits for its turn and gives what `work` does, for which paths of `kept` bytes are kept until then. What is too long for a path is
/// not.
async fn bounded<T>(
    store: &Accessor<State>,
    longest: usize,
    kept: usize,
    work: impl Future<Output = FilesystemResult<T>>,
) -> Result<(Result<T, ErrorCode>,)> {
    if longest > MAX_PATH {
        return Ok((Err(ErrorCode::NameTooLong),));
    }
    let _pending = begin_in(store, kept)?;
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
                let (wasi, length) = (filesystem(store), path.len());
                let work = |path| WasiFilesystem::$method(&wasi, directory, $($before,)* path, $($after,)*);
                bounded(store, length, length, work(if path.len() > MAX_PATH { String::new() } else { path })).await
            })
        })?;
    };
}

/// Replaces a function that has no path.
macro_rules! no_path {
    ($types:ident, $name:literal, $method:ident, ($($parameter:ident),*)) => {
        $types.func_wrap_concurrent(concat!("[method]descriptor.", $name), |store, (descriptor, $($parameter,)*)| {
            Box::pin(async move {
                let wasi = filesystem(store);
                bounded(store, 0, 0, WasiFilesystem::$method(&wasi, descriptor, $($parameter,)*)).await
            })
        })?;
    };
}

/// Replaces the functions in `types`.
pub(super) fn add_to_linker(types: &mut LinkerInstance<'_, State>) -> Result<()> {
    no_path!(types, "advise", advise, (offset, length, advice));
    no_path!(types, "get-flags", get_flags, ());
    no_path!(types, "get-type", get_type, ());
    no_path!(types, "metadata-hash", metadata_hash, ());
    no_path!(types, "set-size", set_size, (size));
    no_path!(types, "set-times", set_times, (accessed, modified));
    no_path!(types, "stat", stat, ());
    no_path!(types, "sync", sync, ());
    no_path!(types, "sync-data", sync_data, ());
    one_path!(types, "create-directory-at", create_directory_at, (), ());
    one_path!(types, "stat-at", stat_at, (follow), ());
    one_path!(types, "set-times-at", set_times_at, (follow), (accessed, modified));
    one_path!(types, "readlink-at", readlink_at, (), ());
    one_path!(types, "remove-directory-at", remove_directory_at, (), ());
    one_path!(types, "unlink-file-at", unlink_file_at, (), ());
    one_path!(types, "metadata-hash-at", metadata_hash_at, (follow), ());
    types.func_wrap_concurrent("[method]descriptor.is-same-object", |store, (one, other)| {
        Box::pin(async move {
            let _pending = begin_in(store, 0)?;
            Ok((WasiFilesystem::is_same_object(&filesystem(store), one, other).await?,))
        })
    })?;
    types.func_wrap_concurrent(
        "[method]descriptor.symlink-at",
        |store, (directory, old, new): (_, String, String)| {
            Box::pin(async move {
                let (wasi, longest, kept) = (filesystem(store), old.len().max(new.len()), old.len() + new.len());
                bounded(store, longest, kept, WasiFilesystem::symlink_at(&wasi, directory, old, new)).await
            })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]descriptor.rename-at",
        |store, (directory, old, new_directory, new): (_, String, _, String)| {
            Box::pin(async move {
                let (wasi, longest, kept) = (filesystem(store), old.len().max(new.len()), old.len() + new.len());
                bounded(store, longest, kept, WasiFilesystem::rename_at(&wasi, directory, old, new_directory, new))
                    .await
            })
        },
    )?;
    types.func_wrap_concurrent(
        "[method]descriptor.link-at",
        |store, (directory, follow, old, new_directory, new): (_, _, String, _, String)| {
            Box::pin(async move {
                let (wasi, longest, kept) = (filesystem(store), old.len().max(new.len()), old.len() + new.len());
                let work = WasiFilesystem::link_at(&wasi, directory, follow, old, new_directory, new);
                bounded(store, longest, kept, work).await
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
                let (opened,) = bounded(store, longest, longest, work).await?;
                if let Ok(file) = &opened {
                    store.with(|mut access| remember(access.data_mut(), file, descriptor))?;
                }
                Ok((opened,))
            })
        },
    )?;
    Ok(())
}
