//! How much room the reads of a connection have.
//!
//! Idle connections cost memory, so reads begin small. One that fills its room gets four times as much; two in a row that
//! leave nearly all of it empty get what fits them.

/// The first reads of a connection, in bytes.
const SMALLEST_BYTES: usize = 256;
/// The largest reads, in bytes.
const LARGEST_BYTES: usize = 64 * 1024;
/// A read is small if it took less than one part in so many of its room.
const SMALL_PART: usize = 16;

/// The room of the next read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    bytes: usize,
    /// The last read was small, and took so many bytes.
    small: Option<usize>,
}

impl Default for Room {
    fn default() -> Self {
        Self { bytes: SMALLEST_BYTES, small: None }
    }
}

impl Room {
    /// In bytes.
    pub(crate) fn bytes(self) -> usize {
        self.bytes
    }

    /// A read took `count` bytes.
    pub(crate) fn took(&mut self, count: usize) {
        if count >= self.bytes {
            self.bytes = (self.bytes * 4).min(LARGEST_BYTES);
            self.small = None;
        } else if count >= self.bytes / SMALL_PART {
            self.small = None;
        } else if let Some(before) = self.small.replace(count) {
            self.bytes = (count.max(before) * 4).clamp(SMALLEST_BYTES, self.bytes);
            self.small = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_grows_with_reads_that_fill_it_and_shrinks_with_small_ones() {
        let mut room = Room::default();
        let mut after = |count| {
            room.took(count);
            room.bytes()
        };
        assert_eq!([256, 1024, 4096, 16384, 65536].map(&mut after), [1024, 4096, 16384, 65536, 65536]);
        assert_eq!([60_000, 100, 60_000, 100].map(&mut after), [65536; 4], "one small read says nothing");
        assert_eq!([200, 64, 64].map(&mut after), [800, 800, 800]);
        assert_eq!([10, 10].map(&mut after), [800, 256]);
        assert_eq!([0, 0, 0].map(&mut after), [256; 3]);
    }
}
