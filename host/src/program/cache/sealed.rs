//! Compiled code between its file and wasmtime: copied once, checked as it is copied, and then out of everybody's reach.
//!
//! The copy costs as much as the digest does several times: the system gives a file in memory page by page. What is mapped without
//! one could change after it was checked, which no file system that can be counted on prevents.
//!
//! Where Linux has it, that is a file in memory which is sealed when it is complete, so that wasmtime can map it without
//! another copy. Elsewhere it is a vector.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use blake3::hazmat::Mode;
use wasmtime::Engine;
use wasmtime::component::Component;

use super::tree::digest_from;

/// Code whose digest was right.
pub(crate) struct Code(Place);

enum Place {
    #[cfg(target_os = "linux")]
    Sealed(File),
    Memory(Vec<u8>),
}

impl Code {
    /// Reads a file from the byte `start` on.
    ///
    /// # Errors
    /// Why it is not what was written, such as that `digest` is not what `mode` makes of it.
    pub(crate) fn read(file: &File, start: u64, mode: Mode<'_>, digest: blake3::Hash) -> Result<Self, String> {
        let uncopied = |error: io::Error| format!("it cannot be read or copied: {error}");
        #[cfg(target_os = "linux")]
        if let Some(sealed) = linux::create() {
            use std::os::unix::fs::FileExt;

            let found = digest_from(file, start, mode, |at, piece| sealed.write_all_at(piece, at));
            check(found.map_err(uncopied)?, digest)?;
            return match linux::seal(&sealed) {
                Ok(()) => Ok(Self(Place::Sealed(sealed))),
                Err(error) => Err(format!("its copy cannot be sealed: {error}")),
            };
        }
        let memory = read_from(file, start).map_err(uncopied)?;
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
            // `Host::load_precompiled_file`). The copy is sealed: nobody can change it, so the mapping cannot change.
            #[cfg(target_os = "linux")]
            Place::Sealed(file) => unsafe { Component::deserialize_file(engine, linux::path(file)) },
            // SAFETY: as above, and the copy is this process's own.
            Place::Memory(bytes) => unsafe { Component::deserialize(engine, bytes) },
        }
    }
}

fn read_from(mut file: &File, start: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut memory = Vec::new();
    file.read_to_end(&mut memory)?;
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

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

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
        let code = Code::read(&file, 5, Mode::Hash, blake3::hash(b"code")).unwrap();
        let Place::Sealed(sealed) = &code.0 else { panic!("Linux has files in memory") };
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
