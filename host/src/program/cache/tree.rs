//! The digest of a file, computed by several threads: BLAKE3 is a tree, whose branches know nothing of each other.
//!
//! Reading, hashing and copying what a large program was compiled to is most of what its start costs.

use std::fs::File;
use std::io;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use blake3::Hasher;
use blake3::hazmat::{ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root};

/// How many bytes a thread takes at a time: a power of two, so that they are a branch of the tree.
const BRANCH: u64 = 1 << 20;

/// How much of it is read at a time: it is still in the processor's cache when it is hashed and written.
const CHUNK: usize = 64 << 10;

/// How many threads are at work. With more, they would wait for the memory.
const MOST_THREADS: usize = 4;

/// The digest of these bytes of a file. `also` is given each piece of what is hashed, and where it begins, counted from their start;
/// in any order, by any thread.
///
/// # Errors
/// What reading or `also` says. A file that shrinks meanwhile is an error.
pub(super) fn digest_of_file(
    file: &File,
    bytes: Range<u64>,
    mode: Mode<'_>,
    also: impl Fn(u64, &[u8]) -> io::Result<()> + Sync,
) -> io::Result<blake3::Hash> {
    let length = bytes.end.saturating_sub(bytes.start);
    digest(length, mode, |part, hasher| {
        let mut chunk = vec![0; CHUNK];
        let mut at = part.start;
        while at < part.end {
            // It is no more than a chunk.
            let piece = &mut chunk[..(part.end - at).min(CHUNK as u64) as usize];
            read_exact_at(file, piece, bytes.start + at)?;
            hasher.update(piece);
            also(at, piece)?;
            at += piece.len() as u64;
        }
        Ok(())
    })
}

/// The digest of bytes that are in memory.
#[cfg(target_os = "linux")]
pub(super) fn digest_of(bytes: &[u8], mode: Mode<'_>) -> io::Result<blake3::Hash> {
    digest(bytes.len() as u64, mode, |part, hasher| {
        // They are indices of a slice.
        hasher.update(&bytes[part.start as usize..part.end as usize]);
        Ok(())
    })
}

/// The digest of so many bytes, of which `hash` adds a part to a hasher.
fn digest(
    length: u64,
    mode: Mode<'_>,
    hash: impl Fn(Range<u64>, &mut Hasher) -> io::Result<()> + Sync,
) -> io::Result<blake3::Hash> {
    let branch = |first: u64| {
        let mut hasher = hasher(mode);
        hasher.set_input_offset(first);
        hash(first..length.min(first + BRANCH), &mut hasher)?;
        io::Result::Ok(hasher)
    };
    if length <= BRANCH {
        return Ok(branch(0)?.finalize());
    }
    // What is larger than the memory was not compiled here.
    let count = usize::try_from(length.div_ceil(BRANCH)).map_err(io::Error::other)?;
    let branches = side_by_side(count, |number| Ok(branch(number as u64 * BRANCH)?.finalize_non_root()))?;
    let (left, right) = split(&branches);
    Ok(merge_subtrees_root(&subtree(left, mode), &subtree(right, mode), mode))
}

/// What `work` makes of each number below `count`.
fn side_by_side(
    count: usize,
    work: impl Fn(usize) -> io::Result<ChainingValue> + Sync,
) -> io::Result<Vec<ChainingValue>> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return io::Result::Ok(done);
            }
            done.push((number, work(number)?));
        }
    };
    let threads = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(MOST_THREADS).min(count);
    let mut done = thread::scope(|scope| {
        // A thread that the system does not give is no trouble: this one does it all.
        let start = |_| thread::Builder::new().name("digest".to_owned()).spawn_scoped(scope, some).ok();
        let others: Vec<_> = (1..threads).filter_map(start).collect();
        let mut done = some()?;
        for other in others {
            done.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        io::Result::Ok(done)
    })?;
    done.sort_unstable_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, value)| value).collect())
}

fn hasher(mode: Mode<'_>) -> Hasher {
    match mode {
        Mode::Hash => Hasher::new(),
        Mode::KeyedHash(key) => Hasher::new_keyed(key),
        Mode::DeriveKeyMaterial(key) => Hasher::new_from_context_key(key),
    }
}

/// The node above these branches, which is not the root.
fn subtree(branches: &[ChainingValue], mode: Mode<'_>) -> ChainingValue {
    match branches {
        [only] => *only,
        several => {
            let (left, right) = split(several);
            merge_subtrees_non_root(&subtree(left, mode), &subtree(right, mode), mode)
        }
    }
}

/// BLAKE3 has the largest power of two on the left that leaves something for the right. There are two branches at least.
fn split(branches: &[ChainingValue]) -> (&[ChainingValue], &[ChainingValue]) {
    branches.split_at(branches.len().next_power_of_two() / 2)
}

#[cfg(unix)]
fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                buffer = &mut buffer[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    const KEY: [u8; blake3::KEY_LEN] = [7; blake3::KEY_LEN];

    fn file_with(bytes: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    /// Bytes of which no two pieces are equal.
    fn different(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        Hasher::new().finalize_xof().fill(&mut bytes);
        bytes
    }

    fn whole(file: &File) -> Range<u64> {
        0..file.metadata().unwrap().len()
    }

    #[test]
    fn it_is_the_digest_of_the_bytes() {
        let (branch, chunk) = (BRANCH as usize, CHUNK);
        let edges = [0, 1, 1024, chunk - 1, chunk, chunk + 1, branch - 1, branch, branch + 1];
        let more = [2, 3, 4, 5, 7, 8, 9]
            .into_iter()
            .flat_map(|count| [count * branch, count * branch + 1, (count + 1) * branch - 1]);
        for length in edges.into_iter().chain(more) {
            let bytes = different(length);
            let file = file_with(&bytes);
            let plain = digest_of_file(&file, whole(&file), Mode::Hash, |_, _| Ok(())).unwrap();
            assert_eq!(plain, blake3::hash(&bytes), "{length}");
            let keyed = digest_of_file(&file, whole(&file), Mode::KeyedHash(&KEY), |_, _| Ok(())).unwrap();
            assert_eq!(keyed, blake3::keyed_hash(&KEY, &bytes), "{length}");
            #[cfg(target_os = "linux")]
            assert_eq!(digest_of(&bytes, Mode::KeyedHash(&KEY)).unwrap(), keyed, "{length}");
        }
    }

    #[test]
    fn what_is_hashed_is_handed_on_piece_by_piece() {
        let bytes = different(BRANCH as usize * 3 + 5);
        let file = file_with(&bytes);
        let copy = Mutex::new(vec![0; bytes.len() - 48]);
        let digest = digest_of_file(&file, 48..whole(&file).end, Mode::Hash, |at, piece| {
            copy.lock().unwrap()[at as usize..][..piece.len()].copy_from_slice(piece);
            Ok(())
        });
        assert_eq!(digest.unwrap(), blake3::hash(&bytes[48..]));
        assert_eq!(copy.into_inner().unwrap(), &bytes[48..]);
    }

    #[test]
    fn an_error_of_any_thread_is_the_result() {
        let file = file_with(&different(BRANCH as usize * 5));
        let failed = digest_of_file(&file, whole(&file), Mode::Hash, |at, _| {
            if at == BRANCH * 4 { Err(io::Error::other("full")) } else { Ok(()) }
        });
        assert_eq!(failed.unwrap_err().to_string(), "full");
    }

    #[test]
    fn a_file_that_is_shorter_is_an_error_and_nothing_is_empty() {
        let file = file_with(b"abc");
        let digest = |bytes| digest_of_file(&file, bytes, Mode::Hash, |_, _| Ok(()));
        assert_eq!(digest(3..3).unwrap(), blake3::hash(b""));
        assert_eq!(digest(1..2).unwrap(), blake3::hash(b"b"));
        assert_eq!(digest(0..48).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }
}
