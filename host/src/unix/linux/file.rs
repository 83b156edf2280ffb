//! The file of a listening socket: made, found stale, removed. Nothing but sockets is ever removed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{AtFlags, FileType, RenameFlags, Stat, renameat, renameat_with, statat, unlinkat};
use rustix::io::Errno;
use socket2::{SockAddr, Socket};

use super::place::NamedPlace;
use crate::run::descriptors::Descriptor;

/// The file that was made for a socket. It is removed when this is dropped, if it is still that one: before the socket is closed, as
/// another file may get its number after that.
pub(super) struct SocketFile {
    place: NamedPlace,
    identity: (u64, u64),
    /// For the folder, which stays open.
    _descriptor: Descriptor,
}

impl SocketFile {
    /// Of a socket that was just bound there.
    pub(super) fn of(place: NamedPlace, descriptor: Descriptor) -> io::Result<Self> {
        let identity = identity(&statat(&place.folder, &place.name, AtFlags::SYMLINK_NOFOLLOW)?);
        Ok(Self { place, identity, _descriptor: descriptor })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let NamedPlace { folder, name } = &self.place;
        if let Err(error) = remove_socket(folder.as_fd(), name, |file| identity(file) == self.identity) {
            tracing::warn!("cannot remove the Unix socket {}: {error}", self.place.path().display());
        }
    }
}

/// Binds `socket` to a name in a folder that is open. A socket that is there is removed, as asyncio does it.
pub(super) fn bind(socket: &Socket, place: &NamedPlace) -> io::Result<()> {
    let NamedPlace { folder, name } = place;
    if let Err(error) = remove_socket(folder.as_fd(), name, |_| true) {
        // What is in the way is told by what follows.
        tracing::debug!("cannot remove a stale Unix socket at {}: {error}", place.path().display());
    }
    let address = |name: &OsStr| SockAddr::unix(folder.by_descriptor().join(name));
    if let Ok(address) = address(name) {
        return socket.bind(&address);
    }
    // Behind the descriptor the name is too long for an address: a short one is.
    let aside = unused_name();
    socket.bind(&address(&aside)?)?;
    match renameat_with(folder, &aside, folder, name, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        Err(error) => {
            unlinkat(folder, &aside, AtFlags::empty())?;
            Err(error.into())
        }
    }
}

/// Removes the file `name` if it is a socket for which `is_it` holds; whether there was one. Whatever else comes to the name meanwhile
/// stays: between the look and the removal anything may, so the file goes to a name that nobody knows first.
fn remove_socket(folder: BorrowedFd<'_>, name: &OsStr, is_it: impl Fn(&Stat) -> bool) -> io::Result<bool> {
    remove_socket_with(folder, name, is_it, || {})
}

/// As [`remove_socket`]; `meanwhile` is called after the look.
fn remove_socket_with(
    folder: BorrowedFd<'_>,
    name: &OsStr,
    is_it: impl Fn(&Stat) -> bool,
    meanwhile: impl FnOnce(),
) -> io::Result<bool> {
    let is_it = |file: &Stat| FileType::from_raw_mode(file.st_mode) == FileType::Socket && is_it(file);
    let look = |name: &OsStr| match statat(folder, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(file) => Ok(is_it(&file)),
        Err(Errno::NOENT) => Ok(false),
        Err(error) => Err(error),
    };
    if !look(name)? {
        return Ok(false);
    }
    meanwhile();
    let aside = unused_name();
    match move_to(folder, name, &aside) {
        Ok(()) => {}
        Err(Errno::NOENT) => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    if look(&aside)? {
        unlinkat(folder, &aside, AtFlags::empty())?;
        return Ok(true);
    }
    move_to(folder, &aside, name).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("what came to its place is called {} now: {error}", aside.display()))
    })?;
    Ok(false)
}

/// Renames a file to a name that is free.
fn move_to(folder: BorrowedFd<'_>, from: &OsStr, to: &OsStr) -> Result<(), Errno> {
    match renameat_with(folder, from, folder, to, RenameFlags::NOREPLACE) {
        // Not every file system can refuse to replace.
        Err(Errno::INVAL | Errno::NOSYS) => match statat(folder, to, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => renameat(folder, from, folder, to),
            Ok(_) => Err(Errno::EXIST),
            Err(error) => Err(error),
        },
        done => done,
    }
}

/// A name that nobody has and nobody can guess.
fn unused_name() -> OsString {
    let number = getrandom::u64().unwrap_or_else(|_| std::process::id().into());
    format!(".wasyncio-{number:016x}").into()
}

fn identity(file: &Stat) -> (u64, u64) {
    (file.st_dev, file.st_ino)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{FileTypeExt, symlink};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::path::Path;

    use super::*;

    fn place(path: &Path) -> NamedPlace {
        NamedPlace::find(path).unwrap()
    }

    fn socket() -> Socket {
        Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_socket_makes_way_and_nothing_else_does() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        drop(UnixListener::bind(at("stale")).unwrap());
        bind(&socket(), &place(&at("stale"))).unwrap();
        fs::write(at("file"), "text").unwrap();
        fs::create_dir(at("folder")).unwrap();
        symlink("stale", at("link")).unwrap();
        symlink("nothing", at("dangling")).unwrap();
        for name in ["file", "folder", "link", "dangling"] {
            let error = bind(&socket(), &place(&at(name))).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{name}");
        }
        assert_eq!(names(folder.path()), ["dangling", "file", "folder", "link", "stale"]);
        assert_eq!(fs::read(at("file")).unwrap(), b"text");
    }

    #[test]
    fn a_file_that_takes_the_place_of_a_stale_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        drop(UnixListener::bind(&path).unwrap());
        let place = place(&path);
        let replace = || {
            fs::remove_file(&path).unwrap();
            fs::write(&path, "precious").unwrap();
        };
        assert!(!remove_socket_with(place.folder.as_fd(), &place.name, |_| true, replace).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert_eq!(names(folder.path()), ["x"]);
    }

    #[test]
    fn a_stale_socket_that_goes_meanwhile_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        drop(UnixListener::bind(&path).unwrap());
        let place = place(&path);
        let remove = || fs::remove_file(&path).unwrap();
        assert!(!remove_socket_with(place.folder.as_fd(), &place.name, |_| true, remove).unwrap());
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_name_that_is_long_behind_a_descriptor_is_bound_too() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("n".repeat(100));
        let socket = socket();
        bind(&socket, &place(&path)).unwrap();
        socket.listen(1).unwrap();
        assert!(fs::symlink_metadata(&path).unwrap().file_type().is_socket());
        assert_eq!(names(folder.path()).len(), 1);
        let found = super::super::place::Place::find(&path, rustix::fs::OFlags::empty()).unwrap();
        UnixStream::connect(found.by_descriptor()).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "in the way").unwrap();
        let error = bind(&self::socket(), &place(&path)).unwrap_err();
        assert!(matches!(
            super::super::error::path_error(&error),
            crate::unix::bindings::unix::PathError::AddressInUse
        ));
        assert_eq!(names(folder.path()).len(), 1);
    }

    #[test]
    fn only_the_file_that_was_made_is_removed_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let descriptor = || crate::run::descriptors::Descriptors::new(None).try_take().unwrap();
        let make = || {
            let socket = socket();
            bind(&socket, &place(&path)).unwrap();
            (SocketFile::of(place(&path), descriptor()).unwrap(), socket)
        };
        let (first, second) = (make(), make());
        drop(first);
        assert_eq!(names(folder.path()), ["x"], "it is the second one's");
        drop(second);
        assert_eq!(names(folder.path()), [""; 0]);
        let third = make();
        fs::remove_file(&path).unwrap();
        drop(third);
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
