//! `wasyncio new`: a working echo server, to begin with.
//!
//! The templates are files of `host/cli/templates/`; the test `new` builds and runs what they make, outside of the workspace. A folder that
//! is there already is never written to.

mod language;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use wasyncio_host::Result;

use crate::say;
use language::{Language, Package};

/// Write a new program: an echo server, with the commands that build and run it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wasyncio new my-echo --lang python
  wasyncio new my-echo --lang rust --checkout ../wasyncio")]
pub(super) struct New {
    /// The program's name, and that of its folder: small letters, digits and single '-', a letter first
    #[arg(value_name = "NAME", value_parser = name)]
    name: String,

    /// The language
    #[arg(long = "lang", value_name = "LANGUAGE")]
    language: Language,

    /// A checkout of wasyncio, for its packages, which are not published yet; Python needs none
    #[arg(long, value_name = "DIR")]
    checkout: Option<PathBuf>,

    /// Import the streams from wasyncio.wasm, instead of linking them; of Rust, as others always do
    #[arg(long)]
    composed: bool,
}

type Laid<T> = std::result::Result<T, String>;

impl New {
    pub(super) fn execute(self) -> Result<ExitCode> {
        Ok(self.lay().map_or_else(
            |error| {
                say::error(&error);
                ExitCode::FAILURE
            },
            |()| ExitCode::SUCCESS,
        ))
    }

    fn lay(&self) -> Laid<()> {
        if self.composed && !self.language.links() {
            return Err("--composed is for Rust: programs in other languages are always composed".to_owned());
        }
        let (package, path) = match self.language.package(self.composed) {
            Some(package) => (package.name, self.path_of(&package)?),
            None => ("", String::new()),
        };
        let module = self.name.replace('-', "_");
        let fill = |template: &str| {
            let text = template.replace("{{name}}", &self.name).replace("{{module}}", &module);
            text.replace("{{crate}}", package).replace("{{path}}", &path)
        };
        let files = self.language.files().iter().map(|(file, template)| (*file, fill(template))).collect::<Vec<_>>();
        write_all(Path::new(&self.name), &files).map_err(|error| format!("cannot write {}: {error}", self.name))?;
        say::info(&format_args!("{0}/ is an echo server; {0}/README.md says how to run it", self.name));
        Ok(())
    }

    /// Where a package is, as a string of TOML or JSON.
    fn path_of(&self, package: &Package) -> Laid<String> {
        let checkout = self.checkout.as_deref().ok_or_else(|| {
            format!("the package {} is not published yet: name a checkout of wasyncio by --checkout DIR", package.name)
        })?;
        if !checkout.join("guest/Cargo.toml").is_file() {
            return Err(format!("{} is no checkout of wasyncio", checkout.display()));
        }
        let source = fs::canonicalize(checkout.join(package.folder)).ok();
        let source = source.filter(|source| source.join(package.manifest).is_file()).ok_or_else(|| {
            let made = package.made_by.map(|command| format!(": `{command}` makes it")).unwrap_or_default();
            format!("{} has no {}{made}", checkout.display(), package.folder)
        })?;
        // A basic string of TOML escapes what JSON's strings do, in the same way.
        let path = source.to_str().and_then(|path| serde_json::to_string(path).ok());
        path.ok_or_else(|| format!("the path {} is no text", source.display()))
    }
}

/// Makes the folder, which must not be there, and the files in it.
fn write_all(folder: &Path, files: &[(&str, String)]) -> io::Result<()> {
    fs::create_dir(folder)?;
    files.iter().try_for_each(|(name, content)| {
        let file = folder.join(name);
        file.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(file, content)
    })
}

/// A name that cargo takes for a package and that is one folder's.
fn name(text: &str) -> std::result::Result<String, String> {
    let words = text
        .split('-')
        .all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()));
    if words && text.starts_with(|first: char| first.is_ascii_lowercase()) {
        Ok(text.to_owned())
    } else {
        Err("a name has small letters, digits and single '-', and begins with a letter".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_packages_and_folders() {
        for good in ["a", "my-echo", "echo2"] {
            assert_eq!(name(good).as_deref(), Ok(good));
        }
        for bad in ["", "-a", "a-", "a--b", "2a", "../a", "a/b", "A", "a\"b", "é"] {
            name(bad).unwrap_err();
        }
    }
}
