//! What a Python program consists of, besides the interpreter: a script, and folders of packages.

use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use wasyncio_host::{DirectoryGrant, Error, Policy, Result};

/// The variable in which the interpreter finds folders of packages, as its own kind of list.
const MODULES: &str = "PYTHONPATH";

/// What the interpreter runs, and what of this machine it needs for that: nothing that could be written.
#[derive(Debug)]
pub(super) struct Script {
    /// The first arguments of the interpreter: a path in the sandbox, or an option and its value.
    pub(super) arguments: Vec<String>,
    directories: Vec<DirectoryGrant>,
    /// Folders of packages, as the program calls them.
    modules: Vec<String>,
}

/// Why a script cannot be run: as CPython has it, which numbers it by the C library's errors.
#[derive(Debug)]
pub(super) struct NoScript {
    file: PathBuf,
    error: io::Error,
}

impl std::fmt::Display for NoScript {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "can't open file '{}': ", self.file.display())?;
        let text = self.error.to_string();
        match self.error.raw_os_error() {
            Some(code) => write!(f, "[Errno {code}] {}", text.trim_end_matches(&format!(" (os error {code})"))),
            None => f.write_str(&text),
        }
    }
}

impl Script {
    /// Code that needs no file: `arguments` are what CPython takes for it.
    pub(super) fn without_file(arguments: impl IntoIterator<Item = String>) -> Self {
        Self { arguments: arguments.into_iter().collect(), directories: Vec::new(), modules: Vec::new() }
    }

    /// A file, with the right to read the directory that it is in, links resolved.
    pub(super) fn file(file: &Path) -> std::result::Result<Self, NoScript> {
        let failed = |error| NoScript { file: std::path::absolute(file).unwrap_or_else(|_| file.to_owned()), error };
        // A pipe would wait for its other end.
        let kind = fs::metadata(file).map_err(failed)?;
        if kind.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        if !kind.is_file() {
            return Err(failed(io::Error::other("it is no regular file; standard input is `-`")));
        }
        File::open(file).map_err(failed)?;
        let real = file.canonicalize().map_err(failed)?;
        let folder = real.parent().ok_or_else(|| failed(io::ErrorKind::NotFound.into()))?;
        if folder.parent().is_none() {
            return Err(failed(io::Error::other(
                "it could read the whole file system: put it into a directory of its own",
            )));
        }
        let not_text = || failed(io::Error::new(io::ErrorKind::InvalidInput, "its path is not UTF-8"));
        let (guest, script) = guest_path(folder).zip(guest_path(&real)).ok_or_else(not_text)?;
        let mut this = Self::without_file([script]);
        this.directories.push(DirectoryGrant::read_only(folder, guest));
        Ok(this)
    }

    /// Adds the packages in a folder, or in a virtual environment, with the right to read them.
    ///
    /// # Errors
    /// [`Error::Directory`] if there is no such folder, or Python has no way to name it.
    pub(super) fn add_site(&mut self, site: &Path) -> Result<()> {
        let failed = |source| Error::Directory { directory: site.display().to_string(), source: Box::new(source) };
        let folder = packages(site).and_then(|folder| folder.canonicalize()).map_err(failed)?;
        if !folder.is_dir() {
            return Err(failed(io::ErrorKind::NotADirectory.into()));
        }
        let guest = guest_path(&folder).filter(|guest| !guest.contains(':'));
        let guest = guest.ok_or_else(|| failed(io::Error::other("its path has a colon or is not UTF-8")))?;
        self.modules.push(guest.clone());
        self.directories.push(DirectoryGrant::read_only(folder, guest));
        Ok(())
    }

    /// Grants what the script needs, unless the operator has granted something under that name.
    pub(super) fn grant(&self, policy: Policy) -> Policy {
        self.directories.iter().fold(policy, |policy, grant| {
            let named = policy.directories().iter().any(|other| other.guest() == grant.guest());
            if named { policy } else { policy.allow_directory(grant.clone()) }
        })
    }

    /// Tells the interpreter where packages are: before those that `environment` tells of.
    pub(super) fn add_to(&self, environment: &mut Vec<(String, String)>) {
        let told = environment.iter().rev().find(|(name, _)| name == MODULES).map(|(_, value)| value.clone());
        let modules: Vec<_> = self.modules.iter().cloned().chain(told.filter(|value| !value.is_empty())).collect();
        if !self.modules.is_empty() {
            environment.push((MODULES.to_owned(), modules.join(":")));
        }
    }
}

/// Where the packages of a folder are: in itself, unless it is a virtual environment.
fn packages(site: &Path) -> io::Result<PathBuf> {
    if !site.join("pyvenv.cfg").is_file() {
        return Ok(site.to_owned());
    }
    let windows = site.join("Lib/site-packages");
    let mut found: Vec<_> = fs::read_dir(site.join("lib"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("python"))
        .map(|entry| entry.path().join("site-packages"))
        .filter(|folder| folder.is_dir())
        .collect();
    match (found.pop(), found.is_empty()) {
        (Some(folder), true) => Ok(folder),
        (Some(_), false) => {
            Err(io::Error::other("this virtual environment is for several versions of Python: name its site-packages"))
        }
        (None, _) if windows.is_dir() => Ok(windows),
        (None, _) => Err(io::Error::other("this virtual environment has no site-packages")),
    }
}

/// What the program calls an absolute path: the same, as POSIX writes it, so that tracebacks name files of this machine.
fn guest_path(path: &Path) -> Option<String> {
    let names = path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_str()),
        _ => None,
    });
    Some(format!("/{}", names.collect::<Option<Vec<_>>>()?.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_called_what_it_is_here() {
        assert_eq!(guest_path(Path::new("/srv/app/x.py")).as_deref(), Some("/srv/app/x.py"));
        assert_eq!(guest_path(Path::new("/")).as_deref(), Some("/"));
    }

    #[test]
    fn packages_of_the_flags_come_before_those_of_the_environment() {
        let mut script = Script::without_file(["-c".to_owned(), String::new()]);
        let mut environment = vec![("PYTHONPATH".to_owned(), "/mine".to_owned())];
        script.add_to(&mut environment);
        assert_eq!(environment.len(), 1);
        script.modules = vec!["/a".to_owned(), "/b".to_owned()];
        script.add_to(&mut environment);
        assert_eq!(environment.last().map(|(_, value)| value.as_str()), Some("/a:/b:/mine"));
    }
}
