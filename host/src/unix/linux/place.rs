//! Where a path leads: found once, and held open, so that nobody can change it afterwards.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, fstat, openat};
use rustix::io::Errno;

/// A file or a folder that is open for being named, not for reading.
#[derive(Debug)]
pub(super) struct Place {
    file: OwnedFd,
    /// Its path without links, as of when it was opened.
    path: PathBuf,
}

impl Place {
    /// Follows `path`, with its links.
    pub(super) fn find(path: &Path, flags: OFlags) -> io::Result<Self> {
        let file = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC | flags, Mode::empty())?;
        let path = fs::read_link(by_descriptor(file.as_fd()))?;
        // The path of what was removed says so, in words that could be those of another file.
        if fstat(&file)?.st_nlink == 0 {
            return Err(Errno::NOENT.into());
        }
        Ok(Self { file, path })
    }

    /// The path without links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// A path that leads to what is open, whatever became of its own.
    pub(super) fn by_descriptor(&self) -> PathBuf {
        by_descriptor(self.as_fd())
    }
}

impl AsFd for Place {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn by_descriptor(file: BorrowedFd<'_>) -> PathBuf {
    format!("/proc/self/fd/{}", file.as_raw_fd()).into()
}

/// A name in a folder that is open. There need be nothing of the name.
#[derive(Debug)]
pub(super) struct NamedPlace {
    pub(super) folder: Place,
    pub(super) name: OsString,
}

impl NamedPlace {
    /// Follows the folder of `path`, with its links.
    ///
    /// # Errors
    /// The system's; `EADDRINUSE` if `path` ends in what is a folder itself.
    pub(super) fn find(path: &Path) -> io::Result<Self> {
        let (folder, name) = split(path);
        if matches!(name.as_bytes(), b"" | b"." | b"..") {
            return Err(Place::find(path, OFlags::DIRECTORY).map_or_else(|error| error, |_| Errno::ADDRINUSE.into()));
        }
        Ok(Self { folder: Place::find(folder, OFlags::DIRECTORY)?, name: name.to_owned() })
    }

    /// The path, without links in the folder.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }
}

/// Where a path would lead, that cannot be followed to its end. A slash there asks for a folder, and leads nowhere else.
pub(super) fn likely(path: &Path) -> PathBuf {
    let mut bytes = path.as_os_str().as_bytes();
    while let [before @ .., b'/'] = bytes {
        bytes = before;
    }
    let path = Path::new(OsStr::from_bytes(bytes));
    let (folder, name) = split(path);
    match Place::find(folder, OFlags::DIRECTORY) {
        Ok(folder) => folder.path().join(name),
        Err(_) => std::path::absolute(path).unwrap_or_else(|_| path.to_owned()),
    }
}

/// The folder and the name of a path. The name is empty behind a slash.
fn split(path: &Path) -> (&Path, &OsStr) {
    let bytes = path.as_os_str().as_bytes();
    let part = |bytes| OsStr::from_bytes(bytes);
    match bytes.iter().rposition(|byte| *byte == b'/') {
        None => (Path::new("."), part(bytes)),
        Some(slash) => {
            let (folder, name) = bytes.split_at(slash + 1);
            (Path::new(part(folder)), part(name))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap();
        fs::create_dir(real.join("a")).unwrap();
        fs::write(real.join("a/file"), "").unwrap();
        symlink("a", real.join("link")).unwrap();
        symlink("a/file", real.join("to-file")).unwrap();
        (folder, real)
    }

    #[test]
    fn links_are_followed_and_leave_no_trace() {
        let (_folder, real) = folder();
        for way in ["a/file", "link/file", "to-file", "a/../link/./file", "a//file"] {
            let place = Place::find(&real.join(way), OFlags::empty()).unwrap();
            assert_eq!(place.path(), real.join("a/file"), "{way}");
        }
        let named = NamedPlace::find(&real.join("link/new")).unwrap();
        assert_eq!(named.path(), real.join("a/new"));
    }

    #[test]
    fn what_is_open_stays_whatever_becomes_of_the_way() {
        let (_folder, real) = folder();
        let place = Place::find(&real.join("link/file"), OFlags::empty()).unwrap();
        fs::rename(real.join("a/file"), real.join("a/elsewhere")).unwrap();
        fs::write(real.join("a/file"), "other").unwrap();
        assert_eq!(fs::read(place.by_descriptor()).unwrap(), b"");
    }

    #[test]
    fn what_was_removed_is_not_there() {
        let (_folder, real) = folder();
        let open = openat(CWD, real.join("a/file"), OFlags::PATH, Mode::empty()).unwrap();
        fs::remove_file(real.join("a/file")).unwrap();
        let error = Place::find(&by_descriptor(open.as_fd()), OFlags::empty()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_folder_is_no_name() {
        let (_folder, real) = folder();
        for (path, kind) in [
            ("a/", io::ErrorKind::AddrInUse),
            ("a/.", io::ErrorKind::AddrInUse),
            ("a/..", io::ErrorKind::AddrInUse),
            ("missing/", io::ErrorKind::NotFound),
            ("a/file/", io::ErrorKind::NotADirectory),
            ("a/file/x", io::ErrorKind::NotADirectory),
        ] {
            let error = NamedPlace::find(&real.join(path)).unwrap_err();
            assert_eq!(error.kind(), kind, "{path}");
        }
    }

    #[test]
    fn a_path_that_ends_early_is_told_as_far_as_it_goes() {
        let (_folder, real) = folder();
        assert_eq!(likely(&real.join("link/missing")), real.join("a/missing"));
        assert_eq!(likely(&real.join("link/file//")), real.join("a/file"));
        assert_eq!(likely(&real.join("missing/../a/file")), real.join("missing/../a/file"));
    }
}
