//! Compiled code between its file and wasmtime: checked, and then mapped.
//!
//! A file of the cache is mapped as it is: nobody but its owner can write where it lies, and this host never writes into an entry, it
//! replaces it. A copy would cost several times what the digest does: the system gives memory page by page.
//!
//! A file that lies anywhere is copied once, checked as it is copied, and then out of everybody's reach. Where Linux has it, the copy
//! is a file in memory which is sealed when it is complete, so that wasmtime can map it without another copy. Elsewhere it is a vector.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use blake3::hazmat::Mode;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::tree;

/// Code whose digest was right.
pub(crate) struct Code(Place);

enum Place {
    /// Nobody changes it.
    #[cfg(target_os = "linux")]
    File(File),
    Memory(Vec<u8>),
}

impl Code {
    /// The first `length` bytes of a file in a directory where nobody but this user can write, into which nobody writes.
    ///
    /// # Errors
    /// As [`copied`](Self::copied).
    pub(super) fn in_place(file: File, length: u64, mode: Mode<'_>, digest: blake3::Hash) -> Result<Self, String> {
        #[cfg(target_os = "linux")]
        if linux::path(&file).exists() {
            check(linux::mapped_digest(&file, length, mode).map_err(unread)?, digest)?;
            return Ok(Self(Place::File(file)));
        }
        Self::copied(&file, 0..length, mode, digest)
    }

    /// A copy of these bytes of a file.
    ///
    /// # Errors
    /// Why it is not what was written, such as that `digest` is not what `mode` makes of it.
    pub(crate) fn copied(file: &File, bytes: Range<u64>, mode: Mode<'_>, digest: blake3::Hash) -> Result<Self, String> {
        #[cfg(target_os = "linux")]
        if let Some(sealed) = linux::create() {
            use std::os::unix::fs::FileExt;

            let found = tree::digest_of_file(file, bytes, mode, |at, piece| sealed.write_all_at(piece, at));
            check(found.map_err(unread)?, digest)?;
            return match linux::seal(&sealed) {
                Ok(()) => Ok(Self(Place::File(sealed))),
                Err(error) => Err(format!("its copy cannot be sealed: {error}")),
            };
        }
        let memory = read(file, bytes).map_err(unread)?;
        let found = match mode {
            Mode::KeyedHash(key) => blake3::keyed_hash(key, &memory),
            _ => blake3::hash(&memory),
        };
        check(found, digest)?;
        Ok(Self(Place::Memory(memory)))
    }

    /// Makes it ready to run.
    ///
    /// # Errors
    /// What wasmtime says of it, such as that another version has compiled it.
    #[expect(unsafe_code, reason = "wasmtime believes compiled code, and only here is it known whose it is")]
    pub(crate) fn load(&self, engine: &Engine) -> wasmtime::Result<Component> {
        match &self.0 {
            // SAFETY: the digest says that these are the bytes which wasmtime once made (of a cache: under a key that
            // only this user can read; of a file that was compiled ahead of time: its user vouches for it, see
            // `Host::load_precompiled_file`). The mapping cannot change: a copy is sealed, and an entry of the cache is a file
            // of this user's alone, see `directory`, which is never written again once it has its name.
            #[cfg(target_os = "linux")]
            Place::File(file) => unsafe { Component::deserialize_file(engine, linux::path(file)) },
            // SAFETY: as above, and the copy is this process's own.
            Place::Memory(bytes) => unsafe { Component::deserialize(engine, bytes) },
        }
    }
}

fn unread(error: io::Error) -> String {
    format!("it cannot be read or copied: {error}")
}

fn read(mut file: &File, bytes: Range<u64>) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(bytes.start))?;
    let mut memory = Vec::new();
    file.take(bytes.end.saturating_sub(bytes.start)).read_to_end(&mut memory)?;
    Ok(memory)
}

fn check(found: blake3::Hash, digest: blake3::Hash) -> Result<(), String> {
    if found == digest { Ok(()) } else { Err("it is damaged: its digest is wrong".to_owned()) }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::io;
    use std::os::fd::AsRawFd;
    use std::path::PathBuf;

    use blake3::hazmat::Mode;
    use memmap2::MmapOptions;
    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    use super::tree;

    /// A file in memory, empty and writable. None if this system has none that a path leads to.
    pub(super) fn create() -> Option<File> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        // Without the first flag Linux 6.3 and later may refuse or complain; those before do not know it.
        let file = memfd_create("wasyncio-code", flags | MemfdFlags::NOEXEC_SEAL)
            .or_else(|_| memfd_create("wasyncio-code", flags));
        let file = File::from(file.ok()?);
        path(&file).exists().then_some(file)
    }

    pub(super) fn seal(file: &File) -> io::Result<()> {
        let all = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        Ok(fcntl_add_seals(file, all)?)
    }

    /// The digest of the first `length` bytes of an entry of the cache.
    #[expect(unsafe_code, reason = "a mapping is as good as its file")]
    pub(super) fn mapped_digest(file: &File, length: u64, mode: Mode<'_>) -> io::Result<blake3::Hash> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        if length == 0 {
            return tree::digest_of(&[], mode);
        }
        // SAFETY: nobody writes into the file or makes it shorter, as [`Code::in_place`] wants.
        let mapped = unsafe { MmapOptions::new().len(length).populate().map(file)? };
        tree::digest_of(&mapped, mode)
    }

    pub(super) fn path(file: &File) -> PathBuf {
        format!("/proc/self/fd/{}", file.as_raw_fd()).into()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn nobody_can_write_what_was_checked() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"head code").unwrap();
        let code = Code::copied(&file, 5..9, Mode::Hash, blake3::hash(b"code")).unwrap();
        let Place::File(sealed) = &code.0 else { panic!("Linux has files in memory") };
        let again = std::fs::OpenOptions::new().write(true).open(linux::path(sealed));
        assert!((&*sealed).write_all(b"x").is_err());
        assert!(sealed.set_len(0).is_err());
        if let Ok(again) = again {
            assert!((&again).write_all(b"x").is_err());
        }
        file.set_len(0).unwrap();
        assert_eq!(std::fs::read(linux::path(sealed)).unwrap(), b"code");
    }
}
