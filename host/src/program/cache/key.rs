//! What an entry is found by: everything that decides about compiled code.

use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io;

use blake3::hazmat::Mode;
use wasmtime::Engine;

use super::tree::digest_of_file;

/// Stands for one component, compiled by one version of wasmtime with one configuration for one machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EntryKey(blake3::Hash);

/// What is done with the bytes before they are compiled.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Input<'a> {
    /// Nothing.
    Component(&'a [u8]),
    /// If it imports `wasyncio:streams`, it is composed with one of the components that provide it. Neither is the result looked
    /// at nor which one it is, because that takes longer than everything else does here.
    Program { app: Digest, streams: [&'a [u8]; 2] },
}

/// Stands for the bytes of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest(blake3::Hash);

impl Digest {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(blake3::hash(bytes))
    }

    /// Of a file, of which only a part is in memory at a time: touching new memory is most of what reading costs.
    pub(crate) fn of_file(file: &File) -> io::Result<Self> {
        digest_of_file(file, 0..file.metadata()?.len(), Mode::Hash, |_, _| Ok(())).map(Self)
    }
}

impl EntryKey {
    pub(crate) fn new(engine: &Engine, input: Input<'_>) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("wasyncio-host 2026-11 key of an entry of compiled code");
        // Entries of another form are not found, instead of found damaged; they go as the least used.
        add(&mut hasher, super::MAGIC);
        // Its own version stands for how it composes. wasmtime's is in its hash, to the last number.
        add(&mut hasher, env!("CARGO_PKG_VERSION").as_bytes());
        let mut compiler = Blake3(blake3::Hasher::new());
        engine.precompile_compatibility_hash().hash(&mut compiler);
        add(&mut hasher, compiler.0.finalize().as_bytes());
        match input {
            Input::Component(bytes) => {
                add(&mut hasher, b"component");
                add(&mut hasher, bytes);
            }
            Input::Program { app, streams } => {
                add(&mut hasher, b"program");
                streams.iter().for_each(|component| add(&mut hasher, component));
                add(&mut hasher, app.0.as_bytes());
            }
        }
        Self(hasher.finalize())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// The name of the entry's file.
    pub(super) fn file_name(&self) -> String {
        format!("{}{SUFFIX}", self.0.to_hex())
    }
}

/// What the names of entries end with.
const SUFFIX: &str = ".code";

/// Whether a file of this name is an entry.
pub(super) fn is_file_name(name: &str) -> bool {
    name.strip_suffix(SUFFIX).is_some_and(|hex| blake3::Hash::from_hex(hex).is_ok())
}

/// Adds a part with its length, so that no two lists of parts are the same bytes.
fn add(hasher: &mut blake3::Hasher, part: &[u8]) {
    hasher.update(&(part.len() as u64).to_le_bytes());
    hasher.update(part);
}

/// A digest that nobody finds another input for, behind the interface of the standard library's.
struct Blake3(blake3::Hasher);

impl Hasher for Blake3 {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        unreachable!("the whole digest is taken")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_by_everything_that_decides_about_the_code() {
        let engine = Engine::default();
        let other = Engine::new(wasmtime::Config::new().epoch_interruption(true)).unwrap();
        let inputs = [
            Input::Component(b"ab"),
            Input::Component(b"a"),
            Input::Program { app: Digest::of(b"ab"), streams: [b"", b""] },
            Input::Program { app: Digest::of(b"a"), streams: [b"b", b""] },
            Input::Program { app: Digest::of(b"b"), streams: [b"a", b""] },
        ];
        let engines = [&engine, &other];
        let keys: Vec<_> =
            engines.iter().flat_map(|engine| inputs.map(|input| EntryKey::new(engine, input).file_name())).collect();
        let mut different = keys.clone();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), keys.len());
        assert_eq!(EntryKey::new(&engine, inputs[0]), EntryKey::new(&Engine::default(), inputs[0]));
        assert!(keys.iter().all(|name| is_file_name(name)));
        assert!(!is_file_name("key") && !is_file_name("notes.code"));
    }
}
