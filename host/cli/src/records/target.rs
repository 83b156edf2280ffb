//! Where a log of records goes: a file to append to, or a descriptor that this process was started with.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// What `--access-log` and `--audit-log` take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LogTarget {
    /// A file, which others may move away: it is opened again at SIGHUP.
    Path(PathBuf),
    #[cfg(unix)]
    Descriptor(i32),
}

impl FromStr for LogTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        #[cfg(unix)]
        if let Some(number) = text.strip_prefix("fd:") {
            return match number.parse() {
                Ok(number @ 0..) => Ok(Self::Descriptor(number)),
                _ => Err("write fd: and the number of a descriptor".to_owned()),
            };
        }
        if text.is_empty() { Err("write a path, or fd:N".to_owned()) } else { Ok(Self::Path(text.into())) }
    }
}

impl LogTarget {
    /// The path, if it is one.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Path(path) => Some(path),
            #[cfg(unix)]
            Self::Descriptor(_) => None,
        }
    }

    /// Opens it. A file that is not there is made, for its user alone.
    ///
    /// A descriptor is looked for by its number: to be called before this process opens anything itself.
    ///
    /// # Errors
    /// What the system says, or that the descriptor cannot be written.
    pub(crate) fn open(&self) -> io::Result<File> {
        match self {
            Self::Path(path) => {
                let mut options = OpenOptions::new();
                options.append(true).create(true);
                #[cfg(unix)]
                std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
                options.open(path)
            }
            #[cfg(unix)]
            Self::Descriptor(number) => inherited(*number),
        }
    }
}

/// A copy of a descriptor that this process was started with.
#[cfg(unix)]
#[expect(unsafe_code, reason = "a descriptor that was handed in is known by its number alone")]
fn inherited(number: i32) -> io::Result<File> {
    use std::os::fd::BorrowedFd;

    use rustix::fs::OFlags;

    // SAFETY: it is no negative number, as its parser sees to. It is borrowed for the two calls below, while this process has
    // one thread, which closes nothing; and if it is not open, these calls say so and do nothing.
    let handed_in = unsafe { BorrowedFd::borrow_raw(number) };
    let flags = rustix::fs::fcntl_getfl(handed_in)?;
    if flags & OFlags::ACCMODE == OFlags::RDONLY {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it cannot be written"));
    }
    // Not to be handed on to others, as there are none, and not to be closed by whoever has the number.
    Ok(rustix::io::fcntl_dupfd_cloexec(handed_in, 3)?.into())
}

impl std::fmt::Display for LogTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            #[cfg(unix)]
            Self::Descriptor(number) => write!(f, "fd:{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_a_path_or_a_descriptor() {
        assert_eq!("/var/log/app/access".parse(), Ok(LogTarget::Path("/var/log/app/access".into())));
        assert_eq!("".parse::<LogTarget>(), Err("write a path, or fd:N".to_owned()));
        #[cfg(unix)]
        {
            assert_eq!("fd:5".parse(), Ok(LogTarget::Descriptor(5)));
            for wrong in ["fd:", "fd:-1", "fd:x", "fd:99999999999"] {
                assert_eq!(wrong.parse::<LogTarget>(), Err("write fd: and the number of a descriptor".to_owned()));
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn a_descriptor_has_to_be_open_and_to_be_written() {
        use std::os::fd::AsRawFd;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let written = LogTarget::Path(path.clone()).open().unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&written.metadata().unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        assert!(LogTarget::Descriptor(written.as_raw_fd()).open().is_ok());
        let read = File::open(&path).unwrap();
        let refused = LogTarget::Descriptor(read.as_raw_fd()).open().unwrap_err();
        assert_eq!(refused.to_string(), "it cannot be written");
        assert!(LogTarget::Descriptor(1_000_000).open().is_err());
    }
}
