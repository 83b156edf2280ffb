//! Makes room in a cache: the least used entries go.

use std::io;
use std::time::{Duration, SystemTime};

use super::directory::{Directory, is_aside};
use super::key::is_file_name;

/// After this time a file that was being written is left from a process that died.
const ABANDONED: Duration = Duration::from_secs(60 * 60);

/// Deletes entries, the least used first, until all together have no more than `size` bytes. Files that are no entries
/// are not touched.
pub(super) fn make(directory: &Directory, size: u64) -> io::Result<()> {
    let mut entries = Vec::new();
    let mut total: u64 = 0;
    for (name, file) in directory.files()? {
        if is_file_name(&name) {
            total = total.saturating_add(file.size);
            entries.push((file.modified, file.size, name));
        } else if is_aside(&name) && abandoned(file.modified) {
            _ = directory.remove(&name);
        }
    }
    entries.sort();
    for (_, bytes, name) in entries {
        if total <= size {
            break;
        }
        directory.remove(&name)?;
        total -= bytes;
    }
    Ok(())
}

fn abandoned(modified: SystemTime) -> bool {
    modified.elapsed().is_ok_and(|age| age > ABANDONED)
}
