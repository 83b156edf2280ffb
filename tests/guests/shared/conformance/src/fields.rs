//! The fields of a step: numbers, and bytes in hexadecimal digits.

use std::str::{FromStr, Split};

/// What is left of a step after its name.
pub(crate) struct Fields<'a>(Split<'a, char>);

impl<'a> Fields<'a> {
    /// The name of a step, and its fields.
    pub(crate) fn of(step: &'a str) -> (&'a str, Self) {
        let mut parts = step.split(':');
        (parts.next().unwrap_or_default(), Self(parts))
    }

    pub(crate) fn word(&mut self) -> Result<&'a str, String> {
        self.0.next().ok_or_else(|| "a field is missing".to_owned())
    }

    pub(crate) fn number<T: FromStr>(&mut self) -> Result<T, String> {
        parse(self.word()?)
    }

    /// A number; none for `-`.
    pub(crate) fn optional(&mut self) -> Result<Option<i64>, String> {
        optional(self.word()?)
    }

    pub(crate) fn bytes(&mut self) -> Result<Vec<u8>, String> {
        from_hex(self.word()?)
    }

    pub(crate) fn text(&mut self) -> Result<String, String> {
        text(self.word()?)
    }

    /// Several texts, separated by commas.
    pub(crate) fn texts(&mut self) -> Result<Vec<String>, String> {
        self.word()?.split(',').map(text).collect()
    }

    /// All further fields.
    pub(crate) fn all_bytes(self) -> Result<Vec<Vec<u8>>, String> {
        self.0.map(from_hex).collect()
    }
}

/// A number; none for `-`.
pub(crate) fn optional(word: &str) -> Result<Option<i64>, String> {
    if word == "-" { Ok(None) } else { parse(word).map(Some) }
}

/// `bytes` as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]).collect()
}

fn from_hex(word: &str) -> Result<Vec<u8>, String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = word.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| match *pair {
        [high, low] => Some(digit(high)? << 4 | digit(low)?),
        _ => None,
    });
    bytes.collect::<Option<_>>().ok_or_else(|| format!("'{word}' is not hexadecimal"))
}

fn text(word: &str) -> Result<String, String> {
    String::from_utf8(from_hex(word)?).map_err(|error| error.to_string())
}

fn parse<T: FromStr>(word: &str) -> Result<T, String> {
    word.parse().map_err(|_| format!("'{word}' is not a number that fits"))
}
