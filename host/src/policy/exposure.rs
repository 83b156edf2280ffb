//! Whether a program could change what decides about it: its own file, its policy, the compiled code.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::{DirectoryGrant, Error, Policy, Result};

/// As many symbolic links as Linux follows.
const MAX_LINKS: usize = 40;

impl Policy {
    /// Refuses a policy by which the program could write `path`: a directory is granted for writing in which it is, or
    /// in which there is a symbolic link on the way to it. A path that does not exist is in no directory.
    ///
    /// # Errors
    /// [`Error::ExposedPath`].
    pub fn protect(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let mut writable = self.directories().iter().filter(|grant| grant.is_writable());
        match writable.find(|grant| exposes(grant, path)) {
            None => Ok(()),
            Some(grant) => Err(Error::ExposedPath {
                directory: grant.host().display().to_string(),
                path: path.display().to_string(),
            }),
        }
    }
}

impl Policy {
    /// Refuses a policy by which the program could change what TLS decides by, or read the key of an identity.
    ///
    /// # Errors
    /// [`Error::ExposedPath`], [`Error::ExposedKey`].
    pub(crate) fn protect_tls(&self) -> Result<()> {
        self.tls_trusts().iter().try_for_each(|trust| self.protect(trust.file()))?;
        for identity in self.tls_identities() {
            self.protect(identity.certificate())?;
            if let Some(grant) = self.directories().iter().find(|grant| exposes(grant, identity.key())) {
                return Err(Error::ExposedKey {
                    directory: grant.host().display().to_string(),
                    key: identity.key().display().to_string(),
                });
            }
        }
        Ok(())
    }
}

fn exposes(grant: &DirectoryGrant, path: &Path) -> bool {
    let Ok(granted) = fs::canonicalize(grant.host()) else {
        // It cannot be opened either, which is told then.
        return false;
    };
    // A directory is exposed by itself, too.
    let whole = fs::canonicalize(path).is_ok_and(|path| path.is_dir() && is_below(&path, &granted));
    whole || places(path).is_ok_and(|places| places.iter().any(|place| is_below(place, &granted)))
}

/// The directories in which something is looked up on the way to `path`, without links.
fn places(path: &Path) -> io::Result<Vec<PathBuf>> {
    let path = std::path::absolute(path)?;
    let mut places = Vec::new();
    let mut place = PathBuf::new();
    let mut left: VecDeque<OsString> = parts(&path);
    let mut links = 0;
    while let Some(part) = left.pop_front() {
        if Path::new(&part).is_absolute() {
            place = PathBuf::from(part);
            continue;
        }
        if part == ".." {
            place.pop();
            continue;
        }
        if places.last() != Some(&place) {
            places.push(place.clone());
        }
        let next = place.join(&part);
        match fs::read_link(&next) {
            Ok(target) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(io::Error::other("too many symbolic links"));
                }
                for part in parts(&target).into_iter().rev() {
                    left.push_front(part);
                }
            }
            // It is no link, or not there.
            Err(_) => place = next,
        }
    }
    Ok(places)
}

fn parts(path: &Path) -> VecDeque<OsString> {
    let significant = path.components().filter(|part| !matches!(part, Component::CurDir));
    significant.map(|part| part.as_os_str().to_owned()).collect()
}

/// Whether `place`, a path without links, is `directory` or below it, also by another mount of the directory.
fn is_below(place: &Path, directory: &Path) -> bool {
    place.ancestors().any(|above| above == directory || is_same(above, directory))
}

#[cfg(unix)]
fn is_same(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| fs::metadata(path).map(|found| (found.dev(), found.ino()));
    identity(one).ok().zip(identity(other).ok()).is_some_and(|(one, other)| one == other)
}

#[cfg(not(unix))]
fn is_same(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_key_is_in_a_directory_of_the_programs() {
        let folder = tempfile::tempdir().unwrap();
        let at = |path: &str| folder.path().join(path);
        for name in ["keys", "data"] {
            fs::create_dir(at(name)).unwrap();
        }
        fs::write(at("keys/key.pem"), "").unwrap();
        symlink(at("keys/key.pem"), at("data/key.pem")).unwrap();
        let granted = |directory: &str, key: &str| {
            let grant = format!("{}::/d", at(directory).display()).parse().unwrap();
            let identity = format!("web={},{}", at("cert.pem").display(), at(key).display()).parse().unwrap();
            Policy::new().allow_directory(grant).allow_tls_identity(identity).protect_tls()
        };
        assert!(matches!(granted("keys", "keys/key.pem"), Err(Error::ExposedKey { .. })), "also to be read alone");
        assert!(matches!(granted("keys", "data/key.pem"), Err(Error::ExposedKey { .. })), "by a link");
        granted("data", "keys/key.pem").unwrap();
    }

    /// A folder with `data/`, `data/inner/`, `app/` and `app/program.wasm`.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("data/inner")).unwrap();
        fs::create_dir(folder.path().join("app")).unwrap();
        fs::write(folder.path().join("app/program.wasm"), "").unwrap();
        folder
    }

    fn is_exposed(granted: &Path, access: &str, path: &Path) -> bool {
        let grant = format!("{}::/data{access}", granted.display()).parse().unwrap();
        match Policy::new().allow_directory(grant).protect(path) {
            Ok(()) => false,
            Err(Error::ExposedPath { .. }) => true,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_program_is_exposed_in_its_folder_and_every_folder_above() {
        let folder = folder();
        let program = folder.path().join("app/program.wasm");
        assert!(is_exposed(&folder.path().join("app"), ":rw", &program));
        assert!(is_exposed(folder.path(), ":rw", &program));
        assert!(is_exposed(&folder.path().join("data/../app"), ":rw", &program));
        assert!(!is_exposed(&folder.path().join("app"), "", &program));
        assert!(!is_exposed(&folder.path().join("data"), ":rw", &program));
        // A name that only starts the same.
        fs::create_dir(folder.path().join("ap")).unwrap();
        assert!(!is_exposed(&folder.path().join("ap"), ":rw", &program));
    }

    #[test]
    fn a_directory_is_exposed_by_itself() {
        let folder = folder();
        let cache = folder.path().join("app");
        assert!(is_exposed(&cache, ":rw", &cache));
        assert!(is_exposed(folder.path(), ":rw", &cache));
        assert!(!is_exposed(&folder.path().join("data"), ":rw", &cache));
    }

    #[test]
    fn links_expose_what_they_lead_to_and_are_exposed_themselves() {
        let folder = folder();
        let at = |path: &str| folder.path().join(path);
        // The grant is a link to the program's folder.
        symlink("app", at("link-to-app")).unwrap();
        assert!(is_exposed(&at("link-to-app"), ":rw", &at("app/program.wasm")));
        // The program is a link into a folder that may be written.
        fs::write(at("data/inner/real.wasm"), "").unwrap();
        symlink("../data/inner/real.wasm", at("app/linked.wasm")).unwrap();
        assert!(is_exposed(&at("data"), ":rw", &at("app/linked.wasm")));
        // The link itself may be written, and what it leads to may not.
        symlink(at("app/program.wasm"), at("data/current.wasm")).unwrap();
        assert!(is_exposed(&at("data"), ":rw", &at("data/current.wasm")));
        // So may a folder's link on the way.
        symlink("../app", at("data/current")).unwrap();
        assert!(is_exposed(&at("data"), ":rw", &at("data/current/program.wasm")));
        symlink(at("data/current"), at("indirect")).unwrap();
        assert!(is_exposed(&at("data"), ":rw", &at("indirect/program.wasm")));
        // A circle leads nowhere, and ends.
        symlink("circle", at("data/circle")).unwrap();
        _ = is_exposed(&at("data"), ":rw", &at("data/circle"));
    }
}
