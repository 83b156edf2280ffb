//! The Python programs of the documents from which wasyncio began, taken out of their text as it is printed.
//!
//! The documents are not of this repository: they are looked for in `WASYNCIO_DOCUMENTS`, and in a folder `shared/seeds` beside a folder
//! that this one is in. Where there are none, nothing here is run, and a line says so.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use wasyncio_python::say;

/// Where the documents are, if not where they are looked for.
const VARIABLE: &str = "WASYNCIO_DOCUMENTS";

/// The four programs of a document, each as it is printed.
pub(crate) struct Programs {
    pub(crate) client: String,
    pub(crate) server: String,
    pub(crate) headers: String,
    pub(crate) data: String,
}

/// The folder of the documents. None, with a line that says so, if there is none.
pub(crate) fn folder() -> Option<PathBuf> {
    let named = env::var_os(VARIABLE).map(PathBuf::from);
    let above = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("shared/seeds"));
    let found = named.into_iter().chain(above).find(|folder| folder.is_dir());
    if found.is_none() {
        say(&format!("NOT RUN: the documents are not there; {VARIABLE}=FOLDER says where they are"));
    }
    found
}

/// The text of the document whose file's name begins with `number`.
fn text(folder: &Path, number: &str) -> String {
    let mut files = fs::read_dir(folder).expect("the folder is there").map(|entry| entry.expect("it is read").path());
    let file = files.find(|file| file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(number)));
    fs::read_to_string(file.unwrap_or_else(|| panic!("no document {number}"))).expect("it is text")
}

fn last_four(mut programs: Vec<String>) -> Programs {
    // An edition may have the client twice.
    let at = programs.len().checked_sub(4).expect("a document has four programs");
    let [client, server, headers, data] = <[String; 4]>::try_from(programs.split_off(at)).expect("they are four");
    Programs { client, server, headers, data }
}

/// The 3.6 edition in Japanese, 000: its programs stand between fences.
pub(crate) fn fenced(folder: &Path) -> Programs {
    let text = text(folder, "000");
    let blocks = text.split("```python\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default().to_owned());
    last_four(blocks.collect())
}

/// The 3.7 edition as plain text, 002, and the Chinese one, 003: a program is indented, from its first `import` on.
pub(crate) fn indented(folder: &Path, number: &str, indentation: &str) -> Programs {
    let text = text(folder, number);
    let mut programs: Vec<String> = Vec::new();
    let mut within = false;
    for line in text.lines() {
        let code = line.strip_prefix(indentation);
        if code == Some("import asyncio") {
            programs.push(String::new());
            within = true;
        }
        within &= code.is_some() || line.trim().is_empty();
        if let (true, Some(program)) = (within, programs.last_mut()) {
            program.push_str(code.unwrap_or_default());
            program.push('\n');
        }
    }
    last_four(programs)
}

/// A Japanese edition of late, 001, has lost its indentation, and the other, 004, lines. What the lines of one are indented by is
/// taken from the same lines of the other, in their order. Where that has no such line:
/// - an import, a function's `async def main` and the last `asyncio.run` are at the left;
/// - a line after one that ends with a colon is four further to the right than that;
/// - an `else:` is where the last `if` is;
/// - any other is where the last statement began.
pub(crate) fn restored(folder: &Path) -> Programs {
    let (flat, other) = (text(folder, "001"), text(folder, "004"));
    let mut programs = flat.split("\nimport asyncio\n").skip(1).collect::<Vec<_>>();
    let mut others = other.split("\nimport asyncio\n").skip(1).collect::<Vec<_>>();
    programs.drain(..programs.len() - 4);
    others.drain(..others.len() - 4);
    last_four(programs.into_iter().zip(others).map(|(flat, other)| restore(flat, other)).collect())
}

fn restore(flat: &str, other: &str) -> String {
    let mut known = other.lines();
    let mut program = "import asyncio\n".to_owned();
    // Where the last statement began, whether it ended with a colon, how many brackets of it are open; where the last `if` is.
    let (mut statement, mut colon, mut open, mut last_if) = (0, false, 0, 0);
    for line in flat.lines() {
        let text = line.trim();
        let rest = known.clone();
        let same = rest.clone().position(|other| other.trim() == text);
        let indentation = match same.and_then(|at| rest.clone().nth(at).map(|line| (at, line))) {
            Some((at, line)) => {
                known.nth(at);
                line.len() - line.trim_start().len()
            }
            None if ["import ", "async def main", "asyncio.run("].iter().any(|first| text.starts_with(first)) => 0,
            None if colon => statement + 4,
            None if text == "else:" => last_if,
            None => statement,
        };
        if open == 0 {
            statement = indentation;
        }
        if text.starts_with("if ") {
            last_if = indentation;
        }
        let count = |brackets: [char; 2]| text.matches(brackets).count();
        open = (open + count(['(', '['])).saturating_sub(count([')', ']']));
        colon = open == 0 && text.ends_with(':');
        program.push_str(&format!("{}{text}\n", " ".repeat(indentation)));
        if text.starts_with("asyncio.run(") {
            break;
        }
    }
    program
}
