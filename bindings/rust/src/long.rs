//! Bytes as they cross the boundary: a `list<u8>` is copied byte by byte there, a `list<u64>` at once.

use crate::generated::wasyncio::streams::fast::Chunk;

/// Bytes from which on words are faster, as the component does it.
pub(crate) const LONG: usize = 256;

/// Bytes in words, to be added to.
#[derive(Default)]
pub(crate) struct Bytes {
    words: Vec<u64>,
    length: usize,
}

impl Bytes {
    pub(crate) fn len(&self) -> usize {
        self.length
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Adds bytes behind those that are there.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let end = self.length + bytes.len();
        self.words.resize(end.div_ceil(8), 0);
        let room: &mut [u8] = bytemuck::cast_slice_mut(&mut self.words);
        // The room is at least as long.
        if let Some(room) = room.get_mut(self.length..end) {
            room.copy_from_slice(bytes);
        }
        self.length = end;
    }

    /// All of them.
    pub(crate) fn bytes(&self) -> &[u8] {
        let bytes: &[u8] = bytemuck::cast_slice(&self.words);
        bytes.get(..self.length).unwrap_or(bytes)
    }

    /// All of them, the last word filled up with zeros.
    pub(crate) fn words(&self) -> &[u64] {
        &self.words
    }

    /// Drops all of them.
    pub(crate) fn clear(&mut self) {
        self.words.clear();
        self.length = 0;
    }

    /// Takes all of them, as they cross best.
    pub(crate) fn take(&mut self) -> Chunk {
        if self.length < LONG {
            let short = self.bytes().to_vec();
            self.clear();
            return Chunk::Short(short);
        }
        let length = std::mem::take(&mut self.length);
        Chunk::Long((length as u64, std::mem::take(&mut self.words)))
    }
}

/// The bytes of a chunk; a length that does not fit the words is cut to them.
pub(crate) fn bytes(chunk: &Chunk) -> &[u8] {
    match chunk {
        Chunk::Short(bytes) => bytes,
        Chunk::Long((length, words)) => {
            let bytes: &[u8] = bytemuck::cast_slice(words);
            bytes.get(..usize::try_from(*length).unwrap_or(usize::MAX)).unwrap_or(bytes)
        }
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
    fn a_length_beyond_the_words_is_cut() {
        assert_eq!(bytes(&Chunk::Long((9, vec![1]))), [1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
