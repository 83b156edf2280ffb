//! Bytes as they cross the boundary fast: a `list<u8>` is copied byte by byte there, a `list<u64>` at once.

use super::bindings::fast::Chunk;

/// Bytes from which on words are faster, in spite of the detour.
const LONG: usize = 256;

/// Bytes as they are best sent to another component.
pub(super) fn chunk(bytes: Vec<u8>) -> Chunk {
    if bytes.len() < LONG {
        return Chunk::Short(bytes);
    }
    let mut words = Vec::new();
    push(&mut words, &bytes);
    Chunk::Long((bytes.len() as u64, words))
}

/// Adds bytes, from a new word on.
pub(super) fn push(words: &mut Vec<u64>, bytes: &[u8]) {
    let before = words.len();
    words.resize(before + bytes.len().div_ceil(8), 0);
    let room: &mut [u8] = bytemuck::cast_slice_mut(words.get_mut(before..).unwrap_or_default());
    // The room is at least as long.
    if let Some(room) = room.get_mut(..bytes.len()) {
        room.copy_from_slice(bytes);
    }
}

/// Calls `f` with the bytes of a chunk.
pub(super) fn with_bytes<R>(chunk: &Chunk, f: impl FnOnce(&[u8]) -> R) -> R {
    match chunk {
        Chunk::Short(data) => f(data),
        Chunk::Long((length, words)) => {
            let bytes = bytes(words);
            // A length that does not fit the words is cut to them.
            f(bytes.get(..usize::try_from(*length).unwrap_or(usize::MAX)).unwrap_or(bytes))
        }
    }
}

/// All bytes of the words, with what the last one was filled up with.
pub(super) fn bytes(words: &[u64]) -> &[u8] {
    bytemuck::cast_slice(words)
}
