//! What the canonical ABI says of a stream operation, decoded.

/// The code that says that an operation goes on; anything else ends it.
pub(crate) const BLOCKED: u32 = u32::MAX;

/// The most items that one operation may be for: the host traps at more.
pub(crate) const MOST_ITEMS: usize = (1 << 28) - 1;

/// How an operation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How many items went over.
    pub count: usize,
    /// The other end is gone: nothing will come or go any more.
    pub dropped: bool,
}

impl Ended {
    /// Decodes the code of an operation that is not [`BLOCKED`]: the count above four bits, of which 0 is completed, 1
    /// dropped and 2 cancelled.
    pub(crate) fn decode(code: u32) -> Self {
        Self { count: (code >> 4) as usize, dropped: code & 0xf == 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_decoded() {
        assert_eq!(Ended::decode(5 << 4), Ended { count: 5, dropped: false });
        assert_eq!(Ended::decode(5 << 4 | 1), Ended { count: 5, dropped: true });
        assert_eq!(Ended::decode(2), Ended { count: 0, dropped: false });
    }
}
