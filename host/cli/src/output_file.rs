//! Files that the command writes: each is there as a whole, or stays as it was.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// Writes a file aside in the same directory and renames it. An error, also an interruption, leaves what was there.
///
/// A new file has the permissions that programs' files usually have; one that is replaced keeps its own. A link stays, and what
/// it leads to is replaced. A pipe or a device is written to as it is.
pub(crate) fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = destination(path)?;
    let before = match fs::metadata(&path) {
        Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
        Ok(found) if !found.is_file() => return File::options().write(true).open(&path)?.write_all(content),
        Ok(found) if found.permissions().readonly() => return Err(io::ErrorKind::PermissionDenied.into()),
        Ok(found) => Some(found.permissions()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut prefix = std::ffi::OsString::from(".");
    prefix.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    let mut aside = Builder::new();
    aside.prefix(&prefix);
    #[cfg(unix)]
    aside.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let mut aside = aside.tempfile_in(folder)?;
    aside.write_all(content)?;
    if let Some(permissions) = before {
        aside.as_file().set_permissions(permissions)?;
    }
    // Renamed before its content is on the disk, it could be empty after a crash of the machine.
    aside.as_file().sync_all()?;
    aside.persist(&path)?;
    Ok(())
}

/// What a link leads to, if it leads to something.
fn destination(path: &Path) -> io::Result<PathBuf> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_symlink() => fs::canonicalize(path),
        _ => Ok(path.to_owned()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("usual"), "").unwrap();
        write(&at("new"), b"new").unwrap();
        assert_eq!(mode(&at("new")), mode(&at("usual")));
        fs::set_permissions(at("new"), PermissionsExt::from_mode(0o640)).unwrap();
        write(&at("new"), b"newer").unwrap();
        assert_eq!((mode(&at("new")), fs::read(at("new")).unwrap().as_slice()), (0o640, b"newer".as_slice()));
        assert_eq!(names(folder.path()), ["new", "usual"]);
    }

    #[test]
    fn a_link_stays_and_a_device_is_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir(at("real")).unwrap();
        fs::write(at("real/file"), "old").unwrap();
        symlink("real/file", at("link")).unwrap();
        write(&at("link"), b"new").unwrap();
        assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink());
        assert_eq!(fs::read(at("real/file")).unwrap(), b"new");
        write(Path::new("/dev/null"), b"new").unwrap();
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }

    #[test]
    fn what_may_not_be_written_stays() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("kept"), "old").unwrap();
        fs::set_permissions(at("kept"), PermissionsExt::from_mode(0o444)).unwrap();
        assert_eq!(write(&at("kept"), b"new").unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(fs::read(at("kept")).unwrap(), b"old");
        assert!(write(folder.path(), b"new").is_err());
        assert!(write(&at("no/such/folder"), b"new").is_err());
        assert_eq!(names(folder.path()), ["kept"]);
    }
}
