//! Bytes that are added at the end and taken from the front.

/// An empty buffer keeps at most so much memory, in bytes: a connection that once carried much must not hold it when idle.
const KEPT_BYTES: usize = 4 * 1024;

/// From so many bytes on, memory is handed over instead of being copied where all in it is taken.
const HANDED_OVER_BYTES: usize = 8 * 1024;

/// A buffer. Nothing that is taken moves what is behind it.
#[derive(Debug, Default)]
pub(crate) struct Buffer {
    memory: Vec<u8>,
    /// What is before this was taken.
    start: usize,
}

impl Buffer {
    /// What is in it.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.get(self.start..).unwrap_or_default()
    }

    /// How many bytes are in it.
    pub(crate) fn len(&self) -> usize {
        self.memory.len() - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds bytes.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && self.memory.capacity() - self.memory.len() < bytes.len() {
            self.make_room(bytes.len());
        }
        self.memory.extend_from_slice(bytes);
    }

    /// Leaves behind what was taken. A byte is moved only where at least as many were taken, or can be added before the next move.
    fn make_room(&mut self, count: usize) {
        if self.start >= self.len() {
            self.memory.drain(..self.start);
        } else {
            let mut memory = Vec::with_capacity(self.len() + count.max(self.len()));
            memory.extend_from_slice(self.bytes());
            self.memory = memory;
        }
        self.start = 0;
    }

    /// Adds `bytes` and leaves them empty: the two change places where that saves the copy.
    pub(crate) fn push_all_of(&mut self, bytes: &mut Vec<u8>) {
        if self.is_empty() {
            self.start = 0;
            std::mem::swap(&mut self.memory, bytes);
        } else {
            self.push(bytes);
        }
        bytes.clear();
    }

    /// Takes the first `count` bytes, or all there are.
    pub(crate) fn take(&mut self, count: usize) -> Vec<u8> {
        let count = count.min(self.len());
        if self.start == 0
            && count == self.memory.len()
            && count >= HANDED_OVER_BYTES
            && self.memory.capacity() / 2 <= count
        {
            return std::mem::take(&mut self.memory);
        }
        let taken = self.bytes().get(..count).unwrap_or_default().to_vec();
        self.discard(count);
        taken
    }

    /// Drops the first `count` bytes, or all there are.
    pub(crate) fn discard(&mut self, count: usize) {
        if count < self.len() {
            self.start += count;
            return;
        }
        self.start = 0;
        if self.memory.capacity() > KEPT_BYTES {
            self.memory = Vec::new();
        } else {
            self.memory.clear();
        }
    }

    /// Puts bytes in front.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        let mut joined = Vec::with_capacity(bytes.len() + self.len());
        joined.extend_from_slice(bytes);
        joined.extend_from_slice(self.bytes());
        self.memory = joined;
        self.start = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<u8> {
        (0..count).map(|number| number as u8).collect()
    }

    #[test]
    fn bytes_come_out_in_the_order_in_which_they_went_in() {
        let mut buffer = Buffer::default();
        let (mut put, mut taken) = (Vec::new(), Vec::new());
        for round in 0..300 {
            let bytes = numbers(round % 40);
            buffer.push(&bytes);
            put.extend_from_slice(&bytes);
            taken.extend(buffer.take(round % 37));
            if round % 5 == 0 {
                let back = buffer.take(3);
                buffer.put_back(&back);
            }
        }
        assert_eq!([taken, buffer.take(usize::MAX)].concat(), put);
        assert!(buffer.is_empty());
    }

    #[test]
    fn all_bytes_of_a_chunk_change_places_with_an_empty_buffer() {
        let mut buffer = Buffer::default();
        let mut chunk = numbers(100);
        let address = chunk.as_ptr();
        buffer.push_all_of(&mut chunk);
        assert_eq!(buffer.bytes().as_ptr(), address);
        assert!(chunk.is_empty());
        chunk.push(1);
        buffer.push_all_of(&mut chunk);
        assert_eq!((buffer.len(), buffer.bytes().last(), chunk.len()), (101, Some(&1), 0));
    }

    #[test]
    fn much_memory_of_which_all_is_taken_is_not_copied() {
        let mut buffer = Buffer::default();
        let mut chunk = numbers(HANDED_OVER_BYTES);
        let address = chunk.as_ptr();
        buffer.push_all_of(&mut chunk);
        let taken = buffer.take(usize::MAX);
        assert_eq!(taken.as_ptr(), address);
        let mut mostly_empty = Vec::with_capacity(4 * HANDED_OVER_BYTES);
        mostly_empty.extend(numbers(HANDED_OVER_BYTES));
        buffer.push_all_of(&mut mostly_empty);
        let taken = buffer.take(usize::MAX);
        assert!(taken.capacity() < 2 * HANDED_OVER_BYTES, "nobody is left with much more memory than bytes");
    }

    #[test]
    fn an_empty_buffer_keeps_little_memory() {
        let mut buffer = Buffer::default();
        buffer.push(&numbers(100 * KEPT_BYTES));
        buffer.discard(usize::MAX);
        assert!(buffer.memory.capacity() <= KEPT_BYTES, "{}", buffer.memory.capacity());
    }

    #[test]
    fn memory_does_not_grow_with_what_goes_through() {
        let mut buffer = Buffer::default();
        buffer.push(&numbers(1000));
        for _ in 0..10_000 {
            buffer.push(&numbers(10));
            buffer.discard(10);
        }
        assert_eq!(buffer.len(), 1000);
        assert!(buffer.memory.capacity() < 8000, "{}", buffer.memory.capacity());
    }
}
