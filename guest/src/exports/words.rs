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
            Data::Owned(Bytes::from_owner(Blocks { blocks: std::mem::take(blocks), length }))
        }
    }
}

/// A long chunk.
struct Blocks {
    blocks: Vec<Block>,
    length: usize,
}

impl AsRef<[u8]> for Blocks {
    fn as_ref(&self) -> &[u8] {
        cut(bytes(&self.blocks), self.length)
    }
}

/// Calls `f` with the bytes of a chunk.
pub(super) fn with_bytes<R>(chunk: &Chunk, f: impl FnOnce(&[u8]) -> R) -> R {
    match chunk {
        Chunk::Short(data) => f(data),
        Chunk::Long((length, blocks)) => f(cut(bytes(blocks), usize::try_from(*length).unwrap_or(usize::MAX))),
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
