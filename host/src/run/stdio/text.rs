//! What a program prints as text that is safe to show: nothing in it steers a terminal, and no line of it is taken for
//! one of the host's.

use std::fmt::Write;

/// What may stand before a reserved word at the start of a line, in bytes, for the line to be marked.
const INDENT_BYTES: usize = 64;

/// Makes text of bytes as they come: invalid UTF-8 and control characters other than tab and newline are escaped, and
/// lines that begin with a reserved word are marked.
#[derive(Default)]
pub(crate) struct Text {
    marks: Option<Marks>,
    /// The beginning of a character whose rest has not come yet.
    partial: Vec<u8>,
    /// A carriage return, which is left out before a newline.
    carriage_return: bool,
    /// The start of a line, held back until it is known whether it begins with the reserved word.
    held: String,
    /// Whether the line has begun, and needs no mark.
    in_line: bool,
}

/// Lines that begin with `reserved`, in any case and after any blanks, get `mark` before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marks {
    pub(crate) reserved: String,
    pub(crate) mark: String,
}

impl Text {
    pub(crate) fn new(marks: Option<Marks>) -> Self {
        Self { marks, ..Self::default() }
    }

    /// Adds the text of `bytes` to `out`. `line_start`: what is added to `out` begins a line there.
    pub(crate) fn push(&mut self, bytes: &[u8], line_start: bool, out: &mut Vec<u8>) {
        // Somebody else has ended our line.
        self.in_line &= !line_start;
        let joined;
        let mut bytes = if self.partial.is_empty() {
            bytes
        } else {
            joined = [&std::mem::take(&mut self.partial), bytes].concat();
            &joined
        };
        while !bytes.is_empty() {
            match std::str::from_utf8(bytes) {
                Ok(text) => {
                    self.chars(text, out);
                    return;
                }
                Err(error) => {
                    let (valid, rest) = bytes.split_at(error.valid_up_to());
                    self.chars(std::str::from_utf8(valid).expect("it is valid up to there"), out);
                    let Some(length) = error.error_len() else {
                        self.partial = rest.to_vec();
                        return;
                    };
                    self.invalid(&rest[..length], out);
                    bytes = &rest[length..];
                }
            }
        }
    }

    /// Adds to `out` what was held back.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        let partial = std::mem::take(&mut self.partial);
        self.invalid(&partial, out);
        self.end_of_carriage_return(out);
        out.extend_from_slice(std::mem::take(&mut self.held).as_bytes());
        self.in_line = true;
    }

    fn chars(&mut self, text: &str, out: &mut Vec<u8>) {
        for char in text.chars() {
            self.char(char, out);
        }
    }

    fn char(&mut self, char: char, out: &mut Vec<u8>) {
        match char {
            '\n' => {
                self.carriage_return = false;
                out.extend_from_slice(std::mem::take(&mut self.held).as_bytes());
                out.push(b'\n');
                self.in_line = false;
                return;
            }
            _ => self.end_of_carriage_return(out),
        }
        match char {
            '\r' => self.carriage_return = true,
            '\t' => self.put("\t", out),
            _ if steers(char) || (!self.begun() && invisible(char)) => {
                let escaped = char.escape_unicode().to_string();
                self.put(&escaped, out);
            }
            _ => self.put(char.encode_utf8(&mut [0; 4]), out),
        }
    }

    fn end_of_carriage_return(&mut self, out: &mut Vec<u8>) {
        if std::mem::take(&mut self.carriage_return) {
            self.put("\\r", out);
        }
    }

    fn invalid(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.end_of_carriage_return(out);
        let mut escaped = String::new();
        for byte in bytes {
            _ = write!(escaped, "\\x{byte:02x}");
        }
        self.put(&escaped, out);
    }

    /// Whether the line needs no mark any more.
    fn begun(&self) -> bool {
        self.in_line || self.marks.is_none()
    }

    fn put(&mut self, text: &str, out: &mut Vec<u8>) {
        let Some(marks) = self.marks.as_ref().filter(|_| !self.in_line) else {
            out.extend_from_slice(text.as_bytes());
            self.in_line = true;
            return;
        };
        self.held.push_str(text);
        let word = self.held.trim_start();
        let common = word.bytes().zip(marks.reserved.bytes());
        let common = common.take_while(|(a, b)| a.eq_ignore_ascii_case(b)).count();
        if common == marks.reserved.len() {
            out.extend_from_slice(marks.mark.as_bytes());
        } else if common == word.len() && self.held.len() - word.len() <= INDENT_BYTES {
            return;
        }
        out.extend_from_slice(std::mem::take(&mut self.held).as_bytes());
        self.in_line = true;
    }
}

/// `line` on one line, with control characters escaped.
pub(crate) fn one_line(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    for char in line.chars() {
        match char {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push('\t'),
            _ if steers(char) => text.extend(char.escape_unicode()),
            _ => text.push(char),
        }
    }
    text
}

/// Whether a terminal does something else with this than show it where it stands: control characters, what changes the
/// direction of text, separators of lines.
fn steers(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether nothing is shown for this, though it is no blank.
fn invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
            | '\u{ffa0}' | '\u{1bca0}'..='\u{1bca3}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks() -> Option<Marks> {
        Some(Marks { reserved: "host".to_owned(), mark: "[program] ".to_owned() })
    }

    /// What comes out when the input comes in pieces of every size.
    fn text(marks: Option<Marks>, input: &[u8]) -> String {
        let mut results: Vec<_> = (1..=input.len().max(1))
            .map(|size| {
                let (mut text, mut out) = (Text::new(marks.clone()), Vec::new());
                for piece in input.chunks(size) {
                    let line_start = out.last().is_none_or(|last| *last == b'\n');
                    text.push(piece, line_start, &mut out);
                }
                text.finish(&mut out);
                String::from_utf8(out).expect("it is text")
            })
            .collect();
        results.dedup();
        assert_eq!(results.len(), 1, "it depends on the pieces: {results:?}");
        results.remove(0)
    }

    #[test]
    fn control_characters_are_shown_and_text_is_left() {
        assert_eq!(text(None, "grüß\tGott 🐍\n".as_bytes()), "grüß\tGott 🐍\n");
        assert_eq!(text(None, b"\x1b[2Jx\x07\x08\x7f\0"), "\\u{1b}[2Jx\\u{7}\\u{8}\\u{7f}\\u{0}");
        assert_eq!(text(None, "\u{9b}2J\u{202e}x".as_bytes()), "\\u{9b}2J\\u{202e}x");
        assert_eq!(text(None, b"a\r\nb\rc\r"), "a\nb\\rc\\r");
        assert_eq!(text(None, b"\x9b2J\xff\xf0\x9f"), "\\x9b2J\\xff\\xf0\\x9f");
    }

    #[test]
    fn lines_that_look_like_the_hosts_are_marked() {
        for line in ["host: denied", "HOST: denied", "host", " \thost: x", "\u{a0}host: x"] {
            let input = format!("before\n{line}\nhot\n");
            assert_eq!(text(marks(), input.as_bytes()), format!("before\n[program] {line}\nhot\n"));
        }
        for line in ["the host: x", "ho", "hos: x", "", "   "] {
            assert_eq!(text(marks(), line.as_bytes()), line);
        }
        assert_eq!(text(marks(), b"x\rhost: y"), "x\\rhost: y");
        assert_eq!(text(marks(), b"\x1b[2Khost: y"), "\\u{1b}[2Khost: y");
        assert_eq!(text(marks(), "\u{200b}host: y".as_bytes()), "\\u{200b}host: y");
        assert_eq!(text(marks(), "ho\u{ad}st: y".as_bytes()), "ho\\u{ad}st: y");
        assert_eq!(text(marks(), "x 👩\u{200d}🔬\n".as_bytes()), "x 👩\u{200d}🔬\n", "inside a line it joins emoji");
    }

    #[test]
    fn the_rest_of_a_line_that_was_ended_by_another_is_a_line() {
        let (mut text, mut out) = (Text::new(marks()), Vec::new());
        text.push(b"no line, ", true, &mut out);
        text.push(b"host: forged", true, &mut out);
        assert_eq!(out, b"no line, [program] host: forged");
    }

    #[test]
    fn what_is_held_back_is_bounded_and_a_prompt_is_shown_at_once() {
        let (mut text, mut out) = (Text::new(marks()), Vec::new());
        text.push(b"Password: ", true, &mut out);
        assert_eq!(out, b"Password: ");
        text.push(b"\n", false, &mut out);
        text.push(&[b' '; 1000], true, &mut out);
        assert!(out.len() > 900 && text.held.len() <= INDENT_BYTES + 1);
    }

    #[test]
    fn a_line_of_the_host_stays_one() {
        assert_eq!(one_line("a\nb\r\x1b[0m\u{85}"), "a\\nb\\r\\u{1b}[0m\\u{85}");
    }
}
