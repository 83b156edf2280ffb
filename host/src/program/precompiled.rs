//! Files of compiled code, made ahead of time: for machines that shall not compile, or have no cache.
//!
//! Such a file is native code, and nothing limits what it does. So it never runs as a component would, but by a function
//! of its own. Its digest has no key: it finds damage, not malice.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use blake3::hazmat::Mode;
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::program::cache::Code;
use crate::{Error, Result};

/// What such a file starts with; the last byte is the version of the format. The digest and the code follow.
const MAGIC: &[u8; 16] = b"wasyncio code\0\0\x01";

/// The size of what comes before the code: the magic and the digest.
const HEADER: usize = MAGIC.len() + blake3::OUT_LEN;

/// Whether these bytes are compiled code, ours or wasmtime's own.
pub(crate) fn is_compiled(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC) || Engine::detect_precompiled(bytes).is_some()
}

/// The file for a compiled component.
pub(crate) fn file_of(code: &[u8]) -> Vec<u8> {
    [MAGIC, blake3::hash(code).as_bytes().as_slice(), code].concat()
}

/// Reads a file that [`file_of`] made. Who calls it vouches for the file.
pub(crate) fn load(engine: &Engine, path: &Path) -> Result<Component> {
    let name = path.display().to_string();
    let unread = |source| Error::Read { file: name.clone(), source };
    let unusable = |reason: String| Error::NotCompiledCode { file: name.clone(), reason };
    let file = File::open(path).map_err(unread)?;
    let mut header = Vec::new();
    (&file).take(HEADER as u64).read_to_end(&mut header).map_err(unread)?;
    let digest = header.strip_prefix(MAGIC).and_then(|digest| digest.try_into().ok());
    let Some(digest): Option<[u8; blake3::OUT_LEN]> = digest else {
        return Err(unusable("it was not made by this version's `compile`".to_owned()));
    };
    let length = file.metadata().map_err(unread)?.len();
    let code = Code::copied(&file, HEADER as u64..length, Mode::Hash, digest.into()).map_err(unusable)?;
    code.load(engine).map_err(|error| unusable(crate::error::one_line(&error.into())))
}
