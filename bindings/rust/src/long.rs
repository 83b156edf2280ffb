//! Bytes as they cross the boundary: a list is copied element by element there, so they go in large ones.

#![expect(unsafe_code, reason = "blocks are plain bytes, which are not zeroed before they are copied")]

use std::borrow::Cow;

use bytemuck::{Pod, Zeroable};

use crate::generated::wasyncio::streams::fast::{Block, Chunk};
use crate::streamed::STREAMED;

/// Bytes from which on blocks are faster, as the component does it.
pub(crate) const LONG: usize = 256;

// SAFETY: eight `u64`, of which all zeros is a value.
unsafe impl Zeroable for Block {}
// SAFETY: `repr(C)`, eight `u64` without padding, and `Copy`.
unsafe impl Pod for Block {}

/// Bytes to be added to, in blocks; or many that came first and alone, as they came.
#[derive(Default)]
pub(crate) struct Bytes {
    blocks: Vec<Block>,
    length: usize,
    /// With any of these there are no blocks.
    whole: Vec<u8>,
}

impl Bytes {
    pub(crate) fn len(&self) -> usize {
        self.length + self.whole.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes, which are not copied if they are many and the first.
    pub(crate) fn add(&mut self, bytes: Cow<'_, [u8]>) {
        match bytes {
            Cow::Owned(bytes) if bytes.len() >= STREAMED && self.is_empty() => self.whole = bytes,
            bytes => self.push(&bytes),
        }
    }

    /// Adds bytes behind those that are there.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.divide();
        let last: &mut [u8] = bytemuck::cast_slice_mut(&mut self.blocks);
        let last = last.get_mut(self.length..).unwrap_or_default();
        let (first, rest) = bytes.split_at(bytes.len().min(last.len()));
        last.iter_mut().zip(first).for_each(|(to, from)| *to = *from);
        self.length += bytes.len();
        self.push_blocks(rest);
    }

    /// Has all bytes in blocks.
    fn divide(&mut self) {
        if !self.whole.is_empty() {
            let whole = std::mem::take(&mut self.whole);
            self.length = whole.len();
            self.push_blocks(&whole);
        }
    }

    /// Adds bytes, from a new block on.
    fn push_blocks(&mut self, bytes: &[u8]) {
        let added = bytes.len().div_ceil(size_of::<Block>());
        self.blocks.reserve(added);
        let room: *mut u8 = self.blocks.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: the reserved room has `added` blocks, at least as many bytes as are copied; the rest of the last one is set to
        // zeros, so all of them are bytes of which a `Pod` may be made.
        unsafe {
            room.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
            room.add(bytes.len()).write_bytes(0, added * size_of::<Block>() - bytes.len());
            self.blocks.set_len(self.blocks.len() + added);
        }
    }

    /// All of them.
    pub(crate) fn bytes(&self) -> &[u8] {
        if !self.whole.is_empty() {
            return &self.whole;
        }
        let bytes: &[u8] = bytemuck::cast_slice(&self.blocks);
        bytes.get(..self.length).unwrap_or(bytes)
    }

    /// All of them in words, the last one filled up with zeros.
    pub(crate) fn words(&mut self) -> &[u64] {
        self.divide();
        let words: &[u64] = bytemuck::cast_slice(&self.blocks);
        words.get(..self.length.div_ceil(size_of::<u64>())).unwrap_or(words)
    }

    /// Drops all of them.
    pub(crate) fn clear(&mut self) {
        self.blocks.clear();
        self.length = 0;
        self.whole = Vec::new();
    }

    /// Takes all of them, as they cross best.
    pub(crate) fn take(&mut self) -> Chunk {
        self.divide();
        if self.length < LONG {
            let short = self.bytes().to_vec();
            self.clear();
            return Chunk::Short(short);
        }
        let length = std::mem::take(&mut self.length);
        Chunk::Long((length as u64, std::mem::take(&mut self.blocks)))
    }
}

/// The bytes of a chunk, none of those in a stream; a length that does not fit the blocks is cut to them.
pub(crate) fn bytes(chunk: &Chunk) -> &[u8] {
    match chunk {
        Chunk::Short(bytes) => bytes,
        Chunk::Long((length, blocks)) => {
            let bytes: &[u8] = bytemuck::cast_slice(blocks);
            bytes.get(..usize::try_from(*length).unwrap_or(usize::MAX)).unwrap_or(bytes)
        }
        Chunk::Streamed(_) => &[],
    }
}

/// The bytes of a chunk, owned.
pub(crate) fn into_bytes(chunk: Chunk) -> Vec<u8> {
    match chunk {
        Chunk::Short(bytes) => bytes,
        long => bytes(&long).to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_pushed_is_taken_whatever_its_length() {
        let mut all = Bytes::default();
        for length in [0, 1, 7, 8, 9, 255, 256, 257, 1000] {
            let pushed: Vec<u8> = (0..length).map(|at| at as u8).collect();
            for piece in pushed.chunks(13) {
                all.push(piece);
            }
            assert_eq!(all.len(), length);
            let chunk = all.take();
            assert_eq!(matches!(chunk, Chunk::Long(_)), length >= LONG);
            assert_eq!(bytes(&chunk), pushed);
            assert_eq!(into_bytes(chunk), pushed);
            assert!(all.is_empty());
        }
    }

    #[test]
    fn a_length_beyond_the_blocks_is_cut() {
        assert_eq!(bytes(&Chunk::Long((65, vec![Block::zeroed()]))), [0; 64]);
    }
}
