//! Bytes as they cross the boundary fast: a list is copied element by element there, so they go in large ones.

#![expect(unsafe_code, reason = "blocks are plain bytes, which are not zeroed before they are copied")]

use bytemuck::{Pod, Zeroable};
use bytes::Bytes;

use super::bindings::fast::{Block, Chunk};
use crate::transport::outbound::Data;

/// Bytes from which on blocks are faster, in spite of the detour.
const LONG: usize = 256;

// SAFETY: eight `u64`, of which all zeros is a value.
unsafe impl Zeroable for Block {}
// SAFETY: `repr(C)`, eight `u64` without padding, and `Copy`.
unsafe impl Pod for Block {}

/// Bytes as they are best sent to another component.
pub(super) fn chunk(bytes: Vec<u8>) -> Chunk {
    if bytes.len() < LONG {
        return Chunk::Short(bytes);
    }
    let mut blocks = Vec::<Block>::new();
    push(&mut blocks, &bytes);
    Chunk::Long((bytes.len() as u64, blocks))
}

/// Adds bytes, from a new element on.
pub(super) fn push<T: Pod>(elements: &mut Vec<T>, bytes: &[u8]) {
    let added = bytes.len().div_ceil(size_of::<T>());
    elements.reserve(added);
    let room: *mut u8 = elements.spare_capacity_mut().as_mut_ptr().cast();
    // SAFETY: the reserved room has `added` elements, at least as many bytes as are copied; the rest of the last one is set to
    // zeros, so all of them are bytes of which a `Pod` may be made.
    unsafe {
        room.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        room.add(bytes.len()).write_bytes(0, added * size_of::<T>() - bytes.len());
        elements.set_len(elements.len() + added);
    }
}

/// The bytes of a chunk, to be sent; those of a long one are taken out of it.
#[inline(never)]
pub(super) fn data_of(chunk: &mut Chunk) -> Data<'_> {
    match chunk {
        Chunk::Short(data) => Data::Borrowed(data),
        Chunk::Long((length, blocks)) => {
            let length = usize::try_from(*length).unwrap_or(usize::MAX);
            Came::Blocks(std::mem::take(blocks), length).into()
        }
        // Of one that is not for this function.
        Chunk::Streamed(_) => Data::Borrowed(&[]),
    }
}

/// Bytes that came, to be sent from where they are. One type for both: each has a table of functions of its own.
pub(super) enum Came {
    Blocks(Vec<Block>, usize),
    Streamed(Vec<u8>),
}

impl AsRef<[u8]> for Came {
    fn as_ref(&self) -> &[u8] {
        match self {
            Self::Blocks(blocks, length) => cut(bytes(blocks), *length),
            Self::Streamed(bytes) => bytes,
        }
    }
}

impl From<Came> for Data<'_> {
    fn from(came: Came) -> Self {
        Self::Owned(Bytes::from_owner(came))
    }
}

/// Calls `f` with the bytes of a chunk.
pub(super) fn with_bytes<R>(chunk: &Chunk, f: impl FnOnce(&[u8]) -> R) -> R {
    match chunk {
        Chunk::Short(data) => f(data),
        Chunk::Long((length, blocks)) => f(cut(bytes(blocks), usize::try_from(*length).unwrap_or(usize::MAX))),
        Chunk::Streamed(_) => f(&[]),
    }
}

/// The first `length` bytes; of a length that does not fit, all.
fn cut(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(..length).unwrap_or(bytes)
}

/// All bytes of the elements, with what the last one was filled up with.
pub(super) fn bytes<T: Pod>(elements: &[T]) -> &[u8] {
    bytemuck::cast_slice(elements)
}
