//! The buffer limit of a reader.

use crate::error::{Error, Result};

/// The limit of a reader that was not given one, in bytes. Python: `asyncio.streams._DEFAULT_LIMIT`.
pub const DEFAULT_LIMIT: u64 = 1 << 16;

/// Checks a limit in bytes; none is [`DEFAULT_LIMIT`].
///
/// # Errors
/// [`Error::Value`] if it is 0.
pub fn limit_or_default(limit: Option<u64>) -> Result<usize> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        0 => Err(Error::Value("Limit cannot be <= 0".into())),
        // More than the address space holds is as good as all of it.
        limit => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
    }
}
