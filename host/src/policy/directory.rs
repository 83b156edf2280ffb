//! Directories that a program may use: `HOST[::GUEST][:rw]`, as an operator writes it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use wasmtime_wasi::FsPerms;

/// Permission to use a directory, with everything in it, under a name of the program's own.
///
/// Written `HOST[::GUEST][:rw]`: HOST is a path on this machine, GUEST what the program calls it, the same unless
/// given. Files can be read; with `:rw` also written, created and removed. No link leads out of the directory.
///
/// # Examples
///
/// ```
/// use wasyncio_host::DirectoryGrant;
///
/// let grant: DirectoryGrant = "/srv/www::/data:rw".parse()?;
/// assert_eq!(grant.to_string(), "/srv/www::/data:rw");
/// assert!("::/data".parse::<DirectoryGrant>().is_err());
/// # Ok::<(), wasyncio_host::DirectoryGrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryGrant {
    host: PathBuf,
    guest: String,
    access: Access,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    ReadWrite,
}

/// Why a [`DirectoryGrant`] could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DirectoryGrantError {
    /// One of the two paths is empty.
    #[error("`{0}` names no directory: write HOST, HOST::GUEST or HOST::GUEST:rw, such as /srv/www::/data")]
    Empty(String),
}

impl DirectoryGrant {
    /// Permission to read `host`, under the name `guest`, whatever characters they have.
    pub fn read_only(host: impl Into<PathBuf>, guest: impl Into<String>) -> Self {
        Self { host: host.into(), guest: guest.into(), access: Access::Read }
    }

    /// The directory on this machine.
    pub fn host(&self) -> &Path {
        &self.host
    }

    /// What the program calls it.
    pub fn guest(&self) -> &str {
        &self.guest
    }

    /// Whether files can be written, created and removed there.
    pub fn is_writable(&self) -> bool {
        self.access == Access::ReadWrite
    }

    /// The same with a relative host path taken from `folder`.
    pub(crate) fn in_folder(mut self, folder: &Path) -> Self {
        self.host = folder.join(self.host);
        self
    }

    pub(crate) fn permissions(&self) -> FsPerms {
        match self.access {
            Access::Read => FsPerms::ReadOnly,
            Access::ReadWrite => FsPerms::ReadWrite,
        }
    }
}

impl FromStr for DirectoryGrant {
    type Err = DirectoryGrantError;

    fn from_str(text: &str) -> Result<Self, DirectoryGrantError> {
        let (paths, access) = match text.strip_suffix(":rw") {
            Some(paths) => (paths, Access::ReadWrite),
            None => (text, Access::Read),
        };
        let (host, guest) = paths.split_once("::").unwrap_or((paths, paths));
        if host.is_empty() || guest.is_empty() {
            return Err(DirectoryGrantError::Empty(text.to_owned()));
        }
        Ok(Self { host: host.into(), guest: guest.to_owned(), access })
    }
}

impl fmt::Display for DirectoryGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}::{}", self.host.display(), self.guest)?;
        match self.access {
            Access::Read => Ok(()),
            Access::ReadWrite => f.write_str(":rw"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_is_what_is_granted_unless_writing_is_said() {
        let grant: DirectoryGrant = "data".parse().unwrap();
        assert_eq!((grant.guest(), grant.access), ("data", Access::Read));
        let grant: DirectoryGrant = "data::/d:rw".parse().unwrap();
        assert_eq!((grant.guest(), grant.access), ("/d", Access::ReadWrite));
        assert_eq!(grant.in_folder(Path::new("/etc")).host(), Path::new("/etc/data"));
    }

    #[test]
    fn an_empty_path_is_refused() {
        for text in ["", "::/d", "data::", ":rw", "data:::rw"] {
            assert_eq!(text.parse::<DirectoryGrant>(), Err(DirectoryGrantError::Empty(text.into())), "{text}");
        }
    }
}
