//! Which of the process's standard streams a program gets.

use std::fmt;
use std::str::FromStr;

/// Standard streams: those a program is given of the process's own. The others are empty or lead nowhere.
///
/// Written as a list of `in`, `out` and `err`, or `none`.
///
/// # Examples
///
/// ```
/// use wasyncio_host::Stdio;
///
/// let stdio: Stdio = "out,err".parse()?;
/// assert!(!stdio.input && stdio.output && stdio.error);
/// # Ok::<(), wasyncio_host::StdioError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stdio {
    /// Standard input.
    pub input: bool,
    /// Standard output.
    pub output: bool,
    /// Standard error.
    pub error: bool,
}

/// A word in a list of standard streams that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no standard stream: write a list of in, out and err, or none")]
pub struct StdioError(String);

impl Stdio {
    /// All three.
    pub const ALL: Self = Self { input: true, output: true, error: true };
    /// None of them.
    pub const NONE: Self = Self { input: false, output: false, error: false };
}

impl FromStr for Stdio {
    type Err = StdioError;

    fn from_str(text: &str) -> Result<Self, StdioError> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        text.split(',').map(str::trim).try_fold(Self::NONE, |stdio, word| match word {
            "in" => Ok(Self { input: true, ..stdio }),
            "out" => Ok(Self { output: true, ..stdio }),
            "err" => Ok(Self { error: true, ..stdio }),
            _ => Err(StdioError(word.to_owned())),
        })
    }
}

impl fmt::Display for Stdio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [(self.input, "in"), (self.output, "out"), (self.error, "err")];
        let words: Vec<_> = words.iter().filter(|(given, _)| *given).map(|(_, word)| *word).collect();
        f.write_str(if words.is_empty() { "none".to_owned() } else { words.join(",") }.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_prints_as_it_is_written() {
        for text in ["none", "in", "out,err", "in,out,err"] {
            assert_eq!(text.parse::<Stdio>().unwrap().to_string(), text);
        }
        assert_eq!("out,log".parse::<Stdio>(), Err(StdioError("log".into())));
    }
}
