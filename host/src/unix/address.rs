//! The path of a Unix socket, as a program writes it.

use super::bindings::unix::PathError;

/// The longest path in bytes: in a system's address there is a NUL behind it.
const LONGEST_PATH: usize = 107;

/// The longest abstract name in bytes, which has no NUL behind it.
const LONGEST_NAME: usize = 107;

/// What a program names.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named<'a> {
    /// A path of the file system.
    Path(&'a [u8]),
    /// An abstract name, without the NUL that it begins with.
    Abstract(&'a [u8]),
}

impl<'a> Named<'a> {
    /// Looks at the bytes that a program gives.
    ///
    /// # Errors
    /// [`PathError::InvalidArgument`] if there are none, or a NUL is inside; [`PathError::PathTooLong`].
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, PathError> {
        let (named, length, longest) = match bytes {
            // An address without a name has no name to connect to, and Linux would choose one to listen on.
            [] | [0] => return Err(PathError::InvalidArgument),
            [0, name @ ..] => (Self::Abstract(name), name.len(), LONGEST_NAME),
            path => (Self::Path(path), path.len(), LONGEST_PATH),
        };
        if length > longest {
            return Err(PathError::PathTooLong);
        }
        match named {
            Self::Path(path) if path.contains(&0) => Err(PathError::InvalidArgument),
            named => Ok(named),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_pythons() {
        let parse = |bytes: &[u8]| Named::parse(bytes).map(drop);
        assert!(parse(&[b'a'; 107]).is_ok());
        assert!(matches!(parse(&[b'a'; 108]), Err(PathError::PathTooLong)));
        let mut name = vec![0];
        name.extend([b'a'; 107]);
        assert!(parse(&name).is_ok());
        name.push(b'a');
        assert!(matches!(parse(&name), Err(PathError::PathTooLong)));
    }

    #[test]
    fn what_names_nothing_is_refused() {
        for bytes in [&b""[..], b"\0", b"/a\0b", b"a\0"] {
            assert!(matches!(Named::parse(bytes), Err(PathError::InvalidArgument)), "{bytes:?}");
        }
        assert!(matches!(Named::parse(b"\0a\0b"), Ok(Named::Abstract(b"a\0b"))));
    }
}
