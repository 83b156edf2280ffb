//! When a writer tells its program to wait: asyncio's `_FlowControlMixin`.
//!
//! Above the high mark the writer is paused, and it stays so until the buffer has fallen to the low one: without the
//! distance between the two a program would be woken for every segment that the peer acknowledges.

use crate::error::{Error, Result};

/// The marks of a writer that was not given any, in bytes: `_set_write_buffer_limits` of CPython's `transports.py`.
const DEFAULT_HIGH: u64 = 64 * 1024;

/// How many buffered bytes pause a writer, and how many let it go on. `high >= low` always.
#[derive(Debug)]
pub(crate) struct WaterMarks {
    high: u64,
    low: u64,
    paused: bool,
}

impl Default for WaterMarks {
    fn default() -> Self {
        Self { high: DEFAULT_HIGH, low: DEFAULT_HIGH / 4, paused: false }
    }
}

impl WaterMarks {
    /// Sets the marks, in bytes: without `high` it is four times `low`, without `low` a quarter of `high`, without both
    /// the defaults.
    ///
    /// # Errors
    /// A value error if `low` is above `high`; nothing is changed then.
    pub(crate) fn set(&mut self, high: Option<u64>, low: Option<u64>) -> Result<()> {
        let high = match (high, low) {
            (Some(high), _) => high,
            (None, Some(low)) => low.saturating_mul(4),
            (None, None) => DEFAULT_HIGH,
        };
        let low = low.unwrap_or(high / 4);
        if high < low {
            return Err(Error::Value(format!("high ({high}) must be >= low ({low}) must be >= 0").into()));
        }
        (self.high, self.low) = (high, low);
        Ok(())
    }

    /// `(low, high)` in bytes, in the order of Python's `get_write_buffer_limits`.
    pub(crate) fn limits(&self) -> (u64, u64) {
        (self.low, self.high)
    }

    /// Whether the program should wait.
    pub(crate) fn paused(&self) -> bool {
        self.paused
    }

    /// The buffer has grown to `size` bytes.
    pub(crate) fn grown(&mut self, size: u64) {
        if size > self.high {
            self.paused = true;
        }
    }

    /// The buffer has shrunk to `size` bytes. True if whoever waits may go on.
    #[must_use]
    pub(crate) fn shrunk(&mut self, size: u64) -> bool {
        let resumed = self.paused && size <= self.low;
        if resumed {
            self.paused = false;
        }
        resumed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_above_high_and_resumes_at_low() {
        let mut marks = WaterMarks::default();
        assert_eq!(marks.limits(), (16_384, 65_536));
        marks.grown(65_536);
        assert!(!marks.paused());
        marks.grown(65_537);
        assert!(marks.paused());
        assert!(!marks.shrunk(16_385));
        assert!(marks.paused());
        assert!(marks.shrunk(16_384));
        assert!(!marks.paused());
        assert!(!marks.shrunk(0));
    }

    #[test]
    fn derives_the_missing_mark_from_the_other() {
        let set = |high, low| {
            let mut marks = WaterMarks::default();
            marks.set(high, low).map(|()| marks.limits())
        };
        assert_eq!(set(Some(100), None), Ok((25, 100)));
        assert_eq!(set(None, Some(100)), Ok((100, 400)));
        assert_eq!(set(None, None), Ok((16_384, 65_536)));
        assert_eq!(set(Some(0), None), Ok((0, 0)));
        assert_eq!(set(Some(1), Some(2)), Err(Error::Value("high (1) must be >= low (2) must be >= 0".into())));
    }
}
