//! How a program ended.

use crate::{Error, Result};

/// How a program ended by its own will.
///
/// A program that trapped has none: [`Runner::run`](crate::Runner::run) returns [`Error::Trap`] instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a program that ran may still have failed"]
pub struct ExitStatus(i32);

impl ExitStatus {
    /// The status of a program that succeeded.
    pub const SUCCESS: Self = Self(0);
    /// The status of a program whose `run` returned an error without a code.
    pub const FAILURE: Self = Self(1);

    pub(crate) fn from_code(code: i32) -> Self {
        Self(code)
    }

    /// Whether the program said that it succeeded.
    pub fn success(self) -> bool {
        self.0 == 0
    }

    /// The code: 0 for success, 1 for a failure without a code, else what the program passed to `exit-with-code`.
    pub fn code(self) -> i32 {
        self.0
    }

    /// Turns a failure into an error, for callers to whom it is one.
    ///
    /// # Errors
    /// [`Error::Failed`] unless the program succeeded.
    pub fn into_result(self) -> Result<()> {
        if self.success() { Ok(()) } else { Err(Error::Failed { code: self.0 }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failure_becomes_an_error_with_its_code() {
        assert!(ExitStatus::SUCCESS.into_result().is_ok());
        let error = ExitStatus::from_code(7).into_result().expect_err("7 is a failure");
        assert_eq!(error.to_string(), "the program ended with exit code 7");
    }
}
