//! The cache's directory, in which nobody but its owner can write.
//!
//! It is opened once and checked as it was opened; every file in it is then reached from there, and never by following
//! a link. Entries are written aside and renamed, so that one is there as a whole or not at all.

use std::ffi::CStr;
use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, linkat, openat, renameat, statat, unlinkat};

/// The file with the key that authenticates entries.
const SECRET: &str = "key";

/// What the names of files that are being written start with.
const ASIDE: &str = ".aside-";

/// Bits of a mode that let others write.
const OTHERS_WRITE: u32 = 0o022;

/// Bits of a mode that let others do anything.
const OTHERS: u32 = 0o077;

pub(super) struct Directory {
    fd: OwnedFd,
    path: PathBuf,
}

/// Why a directory is no cache.
pub(super) enum Trouble {
    /// The system does not let us.
    Unavailable(io::Error),
    /// Somebody else could change what runs here, or it is something else.
    Refused(String),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Unavailable(error)
    }
}

fn refused<T>(reason: impl Into<String>) -> Result<T, Trouble> {
    Err(Trouble::Refused(reason.into()))
}

/// What is known of a file without reading it.
pub(super) struct Entry {
    pub(super) size: u64,
    pub(super) modified: SystemTime,
}

impl Directory {
    /// Opens it, and makes it, for its owner alone, if it is not there.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub(super) fn open(path: &Path) -> Result<Self, Trouble> {
        // Without a slash at the end, which would follow a link.
        let path: PathBuf = std::path::absolute(path)?.components().collect();
        DirBuilder::new().recursive(true).mode(0o700).create(&path)?;
        if path.symlink_metadata()?.is_symlink() {
            return refused("it is a symbolic link; name the directory itself");
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = File::from(openat(CWD, &path, flags, Mode::empty()).map_err(io::Error::from)?);
        let found = opened.metadata()?;
        if found.uid() != own_id() {
            return refused(format!("it belongs to user {}, who could change what runs here", found.uid()));
        }
        if found.mode() & OTHERS_WRITE != 0 {
            return refused(format!("others can write there (mode {:o}); `chmod 700` it", found.mode() & 0o7777));
        }
        Ok(Self { fd: opened.into(), path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The key, made once: of several processes that make one at the same time all get the same.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn secret(&self) -> Result<[u8; blake3::KEY_LEN], Trouble> {
        let failed = |error: io::Error| io::Error::new(error.kind(), format!("its file `{SECRET}`: {error}"));
        let file = match self.read(SECRET) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_secret().map_err(failed)?;
                self.read(SECRET).map_err(failed)?
            }
            found => found.map_err(failed)?,
        };
        let found = file.metadata().map_err(failed)?;
        if found.mode() & OTHERS != 0 {
            return refused(format!("its file `{SECRET}` can be read by others; delete the directory"));
        }
        let mut secret = [0; blake3::KEY_LEN];
        if found.len() != secret.len() as u64 {
            return refused(format!("its file `{SECRET}` is not a key; if this is a cache, delete it"));
        }
        (&file).read_exact(&mut secret).map_err(failed)?;
        Ok(secret)
    }

    fn make_secret(&self) -> io::Result<()> {
        let mut secret = [0; blake3::KEY_LEN];
        getrandom::fill(&mut secret).map_err(io::Error::other)?;
        let aside = aside_name()?;
        let made = self.create(&aside).and_then(|mut file| {
            file.write_all(&secret)?;
            // A key without bytes, after a crash, would have to be deleted by hand.
            file.sync_all()
        });
        // Unlike renaming, linking leaves a key that somebody else has made meanwhile.
        let linked = made.and_then(|()| match linkat(&self.fd, &aside, &self.fd, SECRET, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::EXIST) => Ok(()),
            Err(error) => Err(error.into()),
        });
        _ = self.remove(&aside);
        linked
    }

    /// Opens a regular file of this user.
    pub(super) fn read(&self, name: &str) -> io::Result<File> {
        // Opening a pipe must not wait.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(openat(&self.fd, name, flags, Mode::empty())?);
        let found = file.metadata()?;
        if !found.is_file() || found.uid() != own_id() || found.mode() & OTHERS_WRITE != 0 {
            return Err(io::Error::other("it is no file that only this user can write"));
        }
        Ok(file)
    }

    /// Writes a file aside and renames it to `name`. An error leaves what was there. What a crash of the machine
    /// leaves, if it is not whole, fails its digest: nothing waits for the disk.
    pub(super) fn write(&self, name: &str, content: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
        let aside = aside_name()?;
        let written = self.create(&aside).and_then(|mut file| content(&mut file));
        let renamed = written.and_then(|()| Ok(renameat(&self.fd, &aside, &self.fd, name)?));
        if renamed.is_err() {
            _ = self.remove(&aside);
        }
        renamed
    }

    fn create(&self, name: &str) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.fd, name, flags, Mode::RUSR | Mode::WUSR)?.into())
    }

    /// Deletes a file. That it is gone already is as well.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The regular files in it.
    pub(super) fn files(&self) -> io::Result<Vec<(String, Entry)>> {
        let mut files = Vec::new();
        for item in Dir::read_from(&self.fd)? {
            let item = item?;
            // Another process may have deleted it.
            let Ok(found) = statat(&self.fd, item.file_name(), AtFlags::SYMLINK_NOFOLLOW) else { continue };
            if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
                continue;
            }
            if let Some(name) = text(item.file_name()) {
                let since_epoch = Duration::from_secs(found.st_mtime.try_into().unwrap_or(0))
                    + Duration::from_nanos(u32::try_from(found.st_mtime_nsec).unwrap_or(0).into());
                let modified = SystemTime::UNIX_EPOCH + since_epoch;
                files.push((name, Entry { size: found.st_size.try_into().unwrap_or(0), modified }));
            }
        }
        Ok(files)
    }
}

/// Whether a file of this name was being written.
pub(super) fn is_aside(name: &str) -> bool {
    name.starts_with(ASIDE)
}

/// A name that no other process takes.
fn aside_name() -> io::Result<String> {
    let random = getrandom::u64().map_err(io::Error::other)?;
    Ok(format!("{ASIDE}{random:016x}"))
}

fn text(name: &CStr) -> Option<String> {
    name.to_str().ok().map(str::to_owned)
}

fn own_id() -> u32 {
    rustix::process::geteuid().as_raw()
}
