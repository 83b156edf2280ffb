//! Compiled code, kept between runs so that a program starts at once the second time.
//!
//! Compiled code is native code: wasmtime believes every byte of it. So:
//! 1. Nothing runs that was not written with this directory's key, which only its owner can read. An entry with a
//!    flipped bit fails its digest, is deleted, and the program is compiled again.
//! 2. What was checked is what runs: the file is mapped where it lies, nobody but its owner can write there, and this host
//!    replaces entries and never writes into one ([`code`]).
//! 3. An entry is found by everything that decides about the code ([`key`]).
//!
//! Trouble with the cache is never trouble for the program: it is logged, and the program compiled.

mod code;
#[cfg_attr(not(unix), path = "no_directory.rs")]
mod directory;
mod key;
mod room;
mod tree;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use blake3::hazmat::Mode;
use wasmtime::Engine;
use wasmtime::component::Component;

pub(crate) use code::Code;
use directory::{Directory, Trouble};
pub(crate) use key::{Digest, EntryKey, Input};

use crate::{Error, Result};

/// How many bytes of compiled code a cache keeps, unless [`HostBuilder::cache_size`](crate::HostBuilder::cache_size)
/// says otherwise: 1 GiB.
pub const DEFAULT_CACHE_SIZE: u64 = 1 << 30;

/// What every entry ends with; the last byte is the version of the format.
const MAGIC: &[u8; 16] = b"wasyncio cache\0\x03";

/// The size of what comes after the code, which is mapped from the beginning of the file: the digest and the magic.
const TRAILER: usize = blake3::OUT_LEN + MAGIC.len();

/// A directory of compiled code.
pub(crate) struct Cache {
    directory: Directory,
    /// Authenticates entries.
    secret: [u8; blake3::KEY_LEN],
    /// In bytes.
    size: u64,
}

impl Cache {
    /// Opens the directory, and makes it if it is not there.
    ///
    /// # Errors
    /// [`Error::Cache`] if it cannot be used, or others than its owner could write there.
    pub(crate) fn open(path: &Path, size: u64) -> Result<Self> {
        Self::try_open(path, size).map_err(|trouble| cache_error(path, trouble))
    }

    /// The cache of this user. None, which is logged, if there can be none.
    pub(crate) fn of_user(size: u64) -> Option<Self> {
        let Some(path) = user_cache_directory() else {
            tracing::debug!("compiled code is not kept: there is neither XDG_CACHE_HOME nor HOME");
            return None;
        };
        match Self::try_open(&path, size) {
            Ok(cache) => return Some(cache),
            Err(Trouble::Unavailable(error)) => {
                tracing::debug!("compiled code is not kept in {}: {error}", path.display());
            }
            Err(trouble) => tracing::warn!("{}", cache_error(&path, trouble)),
        }
        None
    }

    fn try_open(path: &Path, size: u64) -> Result<Self, Trouble> {
        let directory = Directory::open(path)?;
        let secret = directory.secret()?;
        Ok(Self { directory, secret, size })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The component of this key: from the cache, or compiled now and kept.
    ///
    /// # Errors
    /// Those of `compile`.
    pub(crate) fn component(
        &self,
        engine: &Engine,
        key: &EntryKey,
        compile: impl FnOnce() -> Result<Component>,
    ) -> Result<Component> {
        if let Some(component) = self.find(engine, key) {
            return Ok(component);
        }
        let component = compile()?;
        if let Err(error) = self.keep(key, &component) {
            tracing::warn!("compiled code is not kept in {}: {error}", self.path().display());
        }
        Ok(component)
    }

    /// The component of this key, if it is there and what was written.
    pub(crate) fn find(&self, engine: &Engine, key: &EntryKey) -> Option<Component> {
        let name = key.file_name();
        let file = match self.directory.read(&name) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!("compiled code in {} is not used: {error}", self.path().join(&name).display());
                return None;
            }
        };
        let used = file.try_clone();
        match self.checked(file, key).and_then(|code| code.load(engine).map_err(|error| format!("{error:#}"))) {
            Ok(component) => {
                // The least used entries are the first to go. Nothing is lost but that order.
                _ = used.and_then(|file| file.set_modified(std::time::SystemTime::now()));
                Some(component)
            }
            Err(reason) => {
                let path = self.path().join(&name);
                tracing::warn!("compiled code in {} is deleted, and made again: {reason}", path.display());
                _ = self.directory.remove(&name);
                None
            }
        }
    }

    /// The code of an entry that was written with this directory's key, for this key and no other.
    fn checked(&self, file: File, key: &EntryKey) -> Result<Code, String> {
        let unread = |error: io::Error| format!("it cannot be read: {error}");
        let end = (&file).seek(SeekFrom::End(0)).map_err(unread)?;
        let Some(length) = end.checked_sub(TRAILER as u64) else {
            return Err("it is not whole".to_owned());
        };
        (&file).seek(SeekFrom::Start(length)).map_err(unread)?;
        let mut trailer = [0; TRAILER];
        (&file).read_exact(&mut trailer).map_err(unread)?;
        let (digest, magic) = trailer.split_at(blake3::OUT_LEN);
        if magic != MAGIC {
            return Err("it is not of this version's form".to_owned());
        }
        let digest: [u8; blake3::OUT_LEN] = digest.try_into().expect("it is the rest of the trailer");
        Code::in_place(file, length, Mode::KeyedHash(&self.key_of(key)), digest.into())
    }

    fn keep(&self, key: &EntryKey, component: &Component) -> io::Result<()> {
        let code = component.serialize().map_err(io::Error::other)?;
        let size = (code.len() + TRAILER) as u64;
        if size > self.size {
            return Ok(());
        }
        room::make(&self.directory, self.size - size)?;
        let digest = blake3::keyed_hash(&self.key_of(key), &code);
        self.directory.write(&key.file_name(), |file| {
            file.write_all(&code)?;
            file.write_all(digest.as_bytes())?;
            file.write_all(MAGIC)
        })
    }

    /// Authenticates the code of one entry.
    fn key_of(&self, key: &EntryKey) -> [u8; blake3::KEY_LEN] {
        blake3::keyed_hash(&self.secret, key.as_bytes()).into()
    }
}

fn cache_error(path: &Path, trouble: Trouble) -> Error {
    let reason = match trouble {
        Trouble::Unavailable(error) => error.to_string(),
        Trouble::Refused(reason) => reason,
    };
    Error::Cache { directory: path.display().to_string(), reason }
}

/// Where compiled code is kept unless another place is named: `wasyncio` in `$XDG_CACHE_HOME`, or in `~/.cache`. None without
/// either.
pub fn user_cache_directory() -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let caches = absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")));
    caches.map(|caches| caches.join("wasyncio"))
}

#[cfg(all(test, unix))]
mod tests;
