//! Unix sockets that a program may use: `PATH`, `FOLDER/*` or `@NAME`, as an operator writes it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Permission to connect to a Unix socket, or to listen on one.
///
/// Written as a path, as `FOLDER/*` for every name in a folder (not below it), or as `@NAME` for an abstract name of Linux. A file whose
/// name begins with `@` is written `./@NAME`.
///
/// The links of the folder are resolved when the program is loaded, once; if it is not there yet, it must not be a link later. What a
/// program asks for is judged by where it really leads: a link that leads elsewhere grants nothing.
///
/// # Examples
///
/// ```
/// use wasyncio_host::UnixGrant;
///
/// let grant: UnixGrant = "/run/app/db.sock".parse()?;
/// assert_eq!(grant.to_string(), "/run/app/db.sock");
/// assert!("/run/app/".parse::<UnixGrant>().is_err());
/// # Ok::<(), wasyncio_host::UnixGrantError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnixGrant(Granted);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Granted {
    Path {
        /// As written, or, once it was resolved, without links.
        folder: PathBuf,
        name: Name,
    },
    /// Without the NUL.
    Abstract(Vec<u8>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    Exactly(OsString),
    Any,
}

/// Why a [`UnixGrant`] could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnixGrantError {
    /// There is no name of a file.
    #[error("`{0}` names no socket: write a path such as /run/app.sock, /run/app/* for a folder, or @NAME")]
    NoName(String),
    /// There is a NUL in it.
    #[error("`{}` has a NUL: write @NAME for an abstract name", .0.escape_debug())]
    Nul(String),
}

/// Which Unix socket.
///
/// Displays as a grant for it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnixAddress {
    /// A file, by its path without links.
    Path(PathBuf),
    /// An abstract name of Linux, without the NUL that it begins with.
    Abstract(Vec<u8>),
}

impl UnixGrant {
    /// The same with a relative path taken from `folder`.
    pub(crate) fn in_folder(mut self, from: &Path) -> Self {
        if let Granted::Path { folder, .. } = &mut self.0 {
            *folder = from.join(&*folder);
        }
        self
    }

    /// The same without links in the folder, as far as it is there.
    pub(crate) fn resolved(mut self) -> Self {
        if let Granted::Path { folder, .. } = &mut self.0 {
            let found = folder.canonicalize().or_else(|_| std::path::absolute(&*folder));
            *folder = found.unwrap_or_else(|_| std::mem::take(folder));
        }
        self
    }

    /// Whether it has `address`.
    pub(crate) fn covers(&self, address: &UnixAddress) -> bool {
        match (&self.0, address) {
            (Granted::Path { folder, name }, UnixAddress::Path(path)) => {
                // Compared by their parts: `a//b` is `a/b`. What has `..` in it was not resolved.
                let (Some(parent), Some(file)) = (path.parent(), path.file_name()) else { return false };
                parent == folder.as_path() && !ends_in_dots(path) && name.covers(file)
            }
            (Granted::Abstract(granted), UnixAddress::Abstract(name)) => granted == name,
            _ => false,
        }
    }

    /// The folder in which files are granted.
    pub fn folder(&self) -> Option<&Path> {
        match &self.0 {
            Granted::Path { folder, .. } => Some(folder),
            Granted::Abstract(_) => None,
        }
    }
}

impl Name {
    fn covers(&self, file: &OsStr) -> bool {
        match self {
            Self::Exactly(name) => name == file,
            Self::Any => true,
        }
    }
}

/// Whether the last part is a folder itself, which paths do not tell by their parts.
fn ends_in_dots(path: &Path) -> bool {
    let bytes = path.as_os_str().as_encoded_bytes();
    bytes.ends_with(b"/") || bytes.ends_with(b"/.")
}

impl FromStr for UnixGrant {
    type Err = UnixGrantError;

    fn from_str(text: &str) -> Result<Self, UnixGrantError> {
        let no_name = || UnixGrantError::NoName(text.to_owned());
        if text.contains('\0') {
            return Err(UnixGrantError::Nul(text.to_owned()));
        }
        if let Some(name) = text.strip_prefix('@') {
            return if name.is_empty() { Err(no_name()) } else { Ok(Self(Granted::Abstract(name.into()))) };
        }
        let (folder, name) = match text.rsplit_once('/') {
            Some(("", name)) => ("/", name),
            Some((folder, name)) => (folder, name),
            None => (".", text),
        };
        let name = match name {
            "" | "." | ".." => return Err(no_name()),
            "*" => Name::Any,
            name => Name::Exactly(name.into()),
        };
        Ok(Self(Granted::Path { folder: folder.into(), name }))
    }
}

impl fmt::Display for UnixGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Granted::Path { folder, name: Name::Exactly(name) } => write!(f, "{}", folder.join(name).display()),
            Granted::Path { folder, name: Name::Any } => write!(f, "{}", folder.join("*").display()),
            Granted::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name)),
        }
    }
}

impl fmt::Display for UnixAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It comes from the program: what could forge a line of its own is escaped.
        match self {
            Self::Path(path) => write!(f, "{}", path.to_string_lossy().escape_debug()),
            Self::Abstract(name) => write!(f, "@{}", String::from_utf8_lossy(name).escape_debug()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> UnixGrant {
        text.parse().unwrap()
    }

    fn path(text: &str) -> UnixAddress {
        UnixAddress::Path(text.into())
    }

    #[test]
    fn every_documented_form_parses_and_prints_the_same() {
        for text in ["/run/app.sock", "/run/app/*", "/x.sock", "@name", "app/x.sock", "./@name", "/run/a*"] {
            assert_eq!(grant(text).to_string(), text);
        }
        assert_eq!(grant("x.sock").to_string(), "./x.sock");
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["", "/", "/run/", "/run/.", "/run/..", "@", "..", "."] {
            assert_eq!(text.parse::<UnixGrant>(), Err(UnixGrantError::NoName(text.into())), "{text}");
        }
        assert_eq!("/run/a\0b".parse::<UnixGrant>(), Err(UnixGrantError::Nul("/run/a\0b".into())));
    }

    #[test]
    fn a_path_grants_itself_alone() {
        let exact = grant("/run/app/db.sock");
        assert!(exact.covers(&path("/run/app/db.sock")) && exact.covers(&path("/run/app//db.sock")));
        for other in
            ["/run/app/db.sock2", "/run/app", "/run/app/x/db.sock", "/run/app/../app/db.sock", "/run/app/db.sock/"]
        {
            assert!(!exact.covers(&path(other)), "{other}");
        }
        assert!(!exact.covers(&UnixAddress::Abstract(b"/run/app/db.sock".to_vec())));
    }

    #[test]
    fn a_star_is_every_name_of_one_folder() {
        let any = grant("/run/app/*");
        assert!(any.covers(&path("/run/app/x")) && any.covers(&path("/run/app/*")));
        for other in ["/run/app", "/run/app/", "/run/app/.", "/run/app/..", "/run/app/x/y", "/run/x", "/x"] {
            assert!(!any.covers(&path(other)), "{other}");
        }
        let literal = grant("/run/a*");
        assert!(!literal.covers(&path("/run/ab")), "a star in a name is a character");
    }

    #[test]
    fn an_abstract_name_needs_a_grant_of_its_own() {
        let name = UnixAddress::Abstract(b"bus".to_vec());
        assert!(grant("@bus").covers(&name) && !grant("/*").covers(&name) && !grant("@bus2").covers(&name));
        assert!(!grant("@bus").covers(&path("@bus")) && !grant("@*").covers(&name));
    }

    #[test]
    #[cfg(unix)]
    fn the_links_of_the_folder_are_resolved_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        std::fs::create_dir(real.join("real")).unwrap();
        std::os::unix::fs::symlink("real", real.join("link")).unwrap();
        let granted = grant(&format!("{}/link/x.sock", real.display())).resolved();
        assert_eq!(granted.to_string(), format!("{}/real/x.sock", real.display()));
        let missing = grant("later/x.sock").in_folder(&real).resolved();
        assert_eq!(missing.to_string(), format!("{}/later/x.sock", real.display()));
    }

    #[test]
    fn an_address_cannot_forge_a_line() {
        assert_eq!(path("/a\nb").to_string(), "/a\\nb");
    }
}
