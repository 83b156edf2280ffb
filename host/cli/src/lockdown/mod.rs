//! Locks this process down before a program is loaded: a second wall, for the case that the sandbox has a hole.
//!
//! What the kernel has of it is used: landlock for files ([`files`]), a list of the system calls that are let through
//! ([`syscalls`]), and no new privileges. It is done while the process has one thread, so that every other inherits it; the
//! list of system calls is also set for all threads at once. It cannot be undone: what a reload needs is allowed from the
//! start. That is for this command alone; the library never restricts the process that it is part of.

#[cfg(target_os = "linux")]
mod files;
#[cfg(target_os = "linux")]
mod syscalls;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use wasyncio_host::{DirectoryGrant, Error};

/// Files that the process keeps, besides those that the system's resolver and linker read.
#[derive(Debug, Default)]
pub(crate) struct Files {
    /// Read when the program is loaded, also again: with the folder they are in, because such files are replaced by
    /// others of the same name.
    pub(crate) loaded: Vec<PathBuf>,
    /// Directories that the command itself writes in.
    pub(crate) written: Vec<PathBuf>,
    /// Files that the command appends to, and makes again in their folder when they were moved away.
    pub(crate) appended: Vec<PathBuf>,
    /// Unix sockets that the command opens, and removes if one was left.
    pub(crate) sockets: Vec<PathBuf>,
    /// Directories of the program.
    pub(crate) granted: Vec<DirectoryGrant>,
    /// Folders in which the program makes Unix sockets.
    pub(crate) unix: Vec<PathBuf>,
}

/// What was allowed at the start, which no reload can add to.
#[derive(Debug)]
pub(crate) struct Lockdown {
    granted: Vec<DirectoryGrant>,
    locked: bool,
}

impl Lockdown {
    /// Leaves the process as it is.
    pub(crate) fn none() -> Self {
        Self { granted: Vec::new(), locked: false }
    }

    /// Locks the process down as far as the kernel can, and logs what it cannot. Called before any thread is started.
    pub(crate) fn apply(files: Files) -> Self {
        for directory in &files.written {
            make_private(directory);
        }
        #[cfg(target_os = "linux")]
        let locked = {
            if std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() > 1) {
                tracing::warn!("files are locked down for some threads only: this is a mistake in wasyncio");
            }
            let locked = match files::restrict(&files) {
                Ok(()) => true,
                Err(reason) => {
                    tracing::info!("files are not locked down: {reason}");
                    false
                }
            };
            if let Err(reason) = syscalls::restrict() {
                tracing::info!("system calls are not locked down: {reason}");
            }
            locked
        };
        #[cfg(not(target_os = "linux"))]
        let locked = {
            tracing::info!("this system has nothing to lock the process down with");
            false
        };
        Self { granted: files.granted, locked }
    }

    /// Says of a file that cannot be read any more why that may be.
    pub(crate) fn explain(&self, error: Error) -> Error {
        match error {
            Error::Read { file, source } if self.locked && source.kind() == ErrorKind::PermissionDenied => {
                let reason = "this process is locked down: it reads files that were named at the start and replacements \
                              in their folders, but not in a home or in a folder made since; see --no-lockdown";
                Error::Read { file, source: std::io::Error::new(source.kind(), format!("{source} ({reason})")) }
            }
            other => other,
        }
    }

    /// The first of these grants that the process cannot use, because it was not there at the start.
    pub(crate) fn first_locked_out<'a>(&self, grants: &'a [DirectoryGrant]) -> Option<&'a Path> {
        let allowed = |grant: &DirectoryGrant| {
            self.granted.iter().any(|known| {
                (known.is_writable() || !grant.is_writable()) && real(grant.host()).starts_with(real(known.host()))
            })
        };
        grants.iter().filter(|_| self.locked).find(|grant| !allowed(grant)).map(DirectoryGrant::host)
    }
}

/// Makes a directory for its user alone, because no rule is for one that is not there. Whoever uses it tells why it cannot.
fn make_private(directory: &Path) {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    _ = builder.recursive(true).create(directory);
}

/// The path without links, or as it is if there is no such file.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}
