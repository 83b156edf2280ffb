//! Lines that have crossed the boundary together, and are given out one by one.

use crate::generated::wasyncio::streams::fast::Chunk;
use crate::long;

/// Lines, each with its end.
#[derive(Default)]
pub(crate) struct Lines {
    /// None when all were given out.
    chunk: Option<Chunk>,
    /// Where the next one begins.
    at: usize,
}

impl Lines {
    /// Keeps what has come, one line or `many`, and gives its first line. There are none left from before.
    pub(crate) fn first_of(&mut self, chunk: Chunk, many: bool) -> Vec<u8> {
        if !many {
            return long::into_bytes(chunk);
        }
        let all = long::bytes(&chunk);
        let end = memchr::memchr(b'\n', all).map_or(all.len(), |at| at + 1);
        if end == all.len() {
            return long::into_bytes(chunk);
        }
        let first = all.get(..end).unwrap_or_default().to_vec();
        *self = Self { chunk: Some(chunk), at: end };
        first
    }

    /// The next line, if there is one.
    pub(crate) fn next(&mut self) -> Option<Vec<u8>> {
        let rest = long::bytes(self.chunk.as_ref()?).get(self.at..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let line = rest.get(..end).unwrap_or_default().to_vec();
        if end == rest.len() {
            self.chunk = None;
        }
        self.at += end;
        Some(line)
    }

    /// Takes all that are left.
    pub(crate) fn take(&mut self) -> Option<Vec<u8>> {
        let chunk = self.chunk.take()?;
        Some(long::bytes(&chunk).get(self.at..).unwrap_or_default().to_vec())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.chunk.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_out_one_by_one() {
        let mut lines = Lines::default();
        assert_eq!(lines.next(), None);
        assert_eq!(lines.first_of(Chunk::Short(b"only\n".to_vec()), true), b"only\n");
        assert!(lines.is_empty());
        assert_eq!(lines.first_of(Chunk::Short(b"one\n\nthree\n".to_vec()), true), b"one\n");
        assert_eq!(lines.next().as_deref(), Some(&b"\n"[..]));
        assert!(!lines.is_empty());
        assert_eq!(lines.next().as_deref(), Some(&b"three\n"[..]));
        assert_eq!((lines.next(), lines.is_empty()), (None, true));
    }

    #[test]
    fn what_is_left_can_be_taken() {
        let mut lines = Lines::default();
        lines.first_of(Chunk::Short(b"one\ntwo\nthree\n".to_vec()), true);
        assert_eq!(lines.take().as_deref(), Some(&b"two\nthree\n"[..]));
        assert_eq!((lines.take(), lines.next()), (None, None));
    }

    #[test]
    fn the_end_of_a_stream_is_a_line_without_an_end() {
        let mut lines = Lines::default();
        assert_eq!(lines.first_of(Chunk::Short(b"partial".to_vec()), true), b"partial");
        assert_eq!(lines.first_of(Chunk::Short(Vec::new()), false), b"");
        assert!(lines.is_empty());
    }
}
