//! The tools that `cargo xtask test` fetches, each for one language.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// Which languages are left out, with commas. `cargo xtask test` sets it where it could not fetch a tool and is not in CI.
const WITHOUT: &str = "WASYNCIO_WITHOUT_GENERATORS";

/// Where the tools of a language are.
pub struct Tools {
    folder: PathBuf,
}

impl Tools {
    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A program of the machine whose path is in a file of this name.
    ///
    /// # Panics
    /// If there is no such file.
    pub fn program(&self, name: &str) -> PathBuf {
        let file = self.folder.join(name);
        match fs::read_to_string(&file) {
            Ok(path) => PathBuf::from(path),
            Err(error) => panic!("{}: {error}: `cargo xtask test` writes it", file.display()),
        }
    }
}

/// The tools of a language. None, with a line that says so, if it is named in the variable `WASYNCIO_WITHOUT_GENERATORS`.
///
/// # Panics
/// If they are not there, without that variable.
pub fn tools(language: &str) -> Option<Tools> {
    let without = env::var(WITHOUT).unwrap_or_default();
    if without.split(',').any(|left_out| left_out == language) {
        eprintln!("NOT RUN, {WITHOUT}={without}");
        return None;
    }
    let folder = root().join(".cache/generators").join(language);
    assert!(
        folder.join("fetched.txt").is_file(),
        "{} is missing or incomplete: `cargo xtask test` fetches it; {WITHOUT}={language} leaves out what needs it",
        folder.display()
    );
    Some(Tools { folder })
}
