//! The lines that are sent: no two connections and no two exchanges send the same.

/// Lines that are sent together, different for every connection and every time.
pub(super) struct Lines {
    data: Vec<u8>,
    length: usize,
    sent: u64,
}

/// The digits that tell lines apart, at the start of each.
const STAMP: usize = 16;

impl Lines {
    /// `count` lines of `length` bytes for the connection with this number. A line is longer than its stamp.
    pub(super) fn new(connection: usize, count: usize, length: usize) -> Self {
        let text = (0..length - 1).map(|place| b'a' + u8::try_from((place * 7 + connection) % 26).expect("below 26"));
        let line = text.chain([b'\n']).collect::<Vec<_>>();
        Self { data: line.repeat(count), length, sent: connection as u64 * 1_000_003 }
    }

    /// The next lines.
    pub(super) fn next(&mut self) -> &[u8] {
        for line in self.data.chunks_exact_mut(self.length) {
            self.sent = self.sent.wrapping_add(1);
            let mut rest = self.sent;
            for digit in &mut line[..STAMP] {
                // Hexadecimal, backwards; never the end of a line.
                *digit = b'A' + (rest & 15) as u8;
                rest >>= 4;
            }
        }
        &self.data
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_differ_and_end_where_they_should() {
        let mut one = Lines::new(1, 3, 64);
        let mut other = Lines::new(2, 3, 64);
        let first = one.next().to_vec();
        assert_eq!(first.len(), 3 * 64);
        let lines = first.split_inclusive(|&byte| byte == b'\n').collect::<Vec<_>>();
        assert_eq!(lines.iter().map(|line| line.len()).collect::<Vec<_>>(), [64; 3]);
        assert_ne!(lines[0], lines[1]);
        assert_ne!(first, one.next());
        assert_ne!(first, other.next());
    }
}
