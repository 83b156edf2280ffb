//! Descriptors: one budget for all sockets and files of a program, within what this process may have.
//!
//! The table of descriptors belongs to the process. A program that fills it stops everything else: workers that are replaced,
//! policies that are loaded again, logs. So all programs together get what the system's limit leaves when the host has its
//! [reserve](Process::refresh), and each of them no more than its own limit.
//!
//! A descriptor is held by what holds the socket, so that both end together. Files are wasmtime-wasi's, which tells nobody when
//! one is closed: a weak reference to each shows it.

use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::Notify;

/// How often whoever waits for a descriptor looks for files that were closed, of which nobody is told.
const LOOK_FOR_CLOSED_FILES: Duration = Duration::from_secs(1);

/// What the host keeps for itself of the system's limit: look-ups, logs, files that are loaded again, workers that start.
const RESERVE: usize = 64;

/// How many descriptors the host is taken to have where the system does not tell.
const USUAL: usize = 32;

/// The descriptors of one running program.
pub(crate) struct Descriptors {
    max: usize,
    taken: AtomicUsize,
    /// Files that were open when it was last looked. Each is counted.
    files: Mutex<Vec<Weak<File>>>,
}

/// The right to have one descriptor; given back when dropped. None once a file has it.
pub(crate) struct Descriptor(Option<Arc<Descriptors>>);

/// What all programs of this process share.
struct Process {
    /// How many they may have together.
    max: AtomicUsize,
    taken: AtomicUsize,
    /// Notified when one is given back, by any program.
    freed: Notify,
}

static PROCESS: Process =
    Process { max: AtomicUsize::new(usize::MAX), taken: AtomicUsize::new(0), freed: Notify::const_new() };

impl Descriptors {
    /// The budget of a program that starts now: at most `max`, and what the process has.
    pub(crate) fn new(max: Option<usize>) -> Arc<Self> {
        PROCESS.refresh();
        Arc::new(Self { max: max.unwrap_or(usize::MAX), taken: AtomicUsize::new(0), files: Mutex::default() })
    }

    /// How many the program can have: its own limit, or that of the process.
    pub(crate) fn max(&self) -> usize {
        self.max.min(PROCESS.max.load(Ordering::SeqCst))
    }

    /// The right to one more, if there is one.
    pub(crate) fn try_take(self: &Arc<Self>) -> Option<Descriptor> {
        self.count().or_else(|| {
            self.forget_closed_files();
            self.count()
        })
    }

    /// Waits for the right to one more.
    pub(crate) async fn take(self: &Arc<Self>) -> Descriptor {
        loop {
            // Before the look, so that one that is given back in between is noticed.
            let freed = PROCESS.freed.notified();
            if let Some(descriptor) = self.try_take() {
                return descriptor;
            }
            // The time is over when nobody told: a file may have been closed.
            _ = tokio::time::timeout(LOOK_FOR_CLOSED_FILES, freed).await;
        }
    }

    /// Has `file`, which was just opened with the right to it, hold that right until it is closed.
    pub(crate) fn opened(&self, file: &Arc<File>, mut descriptor: Descriptor) {
        descriptor.0 = None;
        self.files.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(file));
    }

    fn forget_closed_files(&self) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let before = files.len();
        files.retain(|file| file.strong_count() > 0);
        self.give_back(before - files.len());
    }

    fn give_back(&self, count: usize) {
        if count > 0 {
            self.taken.fetch_sub(count, Ordering::SeqCst);
            PROCESS.taken.fetch_sub(count, Ordering::SeqCst);
            PROCESS.freed.notify_waiters();
        }
    }

    /// Counts one, here and for the process.
    fn count(self: &Arc<Self>) -> Option<Descriptor> {
        take_one(&self.taken, self.max)?;
        let descriptor = take_one(&PROCESS.taken, PROCESS.max.load(Ordering::SeqCst));
        if descriptor.is_none() {
            self.taken.fetch_sub(1, Ordering::SeqCst);
        }
        descriptor.map(|()| Descriptor(Some(Arc::clone(self))))
    }
}

fn take_one(taken: &AtomicUsize, max: usize) -> Option<()> {
    taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |taken| (taken < max).then_some(taken + 1)).ok().map(|_| ())
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        if let Some(descriptors) = self.0.take() {
            descriptors.give_back(1);
        }
    }
}

impl Drop for Descriptors {
    fn drop(&mut self) {
        // What is left are files: whoever has a socket keeps this alive. The program has ended, and they with it.
        let files = self.files.get_mut().unwrap_or_else(PoisonError::into_inner).len();
        self.give_back(files);
    }
}

impl Process {
    /// Looks how many descriptors programs can have: the system's limit, less those that the host has open now and a reserve,
    /// [`RESERVE`] or an eighth of a small limit.
    fn refresh(&self) {
        let Some(limit) = soft_limit() else { return };
        let host = open_now().map_or(USUAL, |open| open.saturating_sub(self.taken.load(Ordering::SeqCst)));
        let max = limit.saturating_sub(host).saturating_sub(RESERVE.min(limit / 8));
        self.max.store(max, Ordering::SeqCst);
    }
}

/// How many descriptors the system lets this process have; `None` if any number.
#[cfg(unix)]
fn soft_limit() -> Option<usize> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current?;
    Some(usize::try_from(limit).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
fn soft_limit() -> Option<usize> {
    None
}

/// How many this process has open.
fn open_now() -> Option<usize> {
    // One of them is that of the listing.
    Some(std::fs::read_dir("/dev/fd").ok()?.count().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_given_back_by_sockets_and_by_files() {
        let descriptors = Descriptors::new(Some(2));
        let socket = descriptors.try_take().expect("it is the first");
        let descriptor = descriptors.try_take().expect("it is the second");
        let file = Arc::new(File::open(env!("CARGO_MANIFEST_DIR")).expect("it is there"));
        descriptors.opened(&file, descriptor);
        assert!(descriptors.try_take().is_none());
        drop(file);
        let another = descriptors.try_take().expect("the file was closed");
        assert!(descriptors.try_take().is_none());
        drop(socket);
        assert!(descriptors.try_take().is_some());
        drop(another);
        assert_eq!(descriptors.taken.load(Ordering::SeqCst), 0);
    }

    #[tokio::test]
    async fn whoever_waits_is_told_of_sockets_and_looks_for_files() {
        let descriptors = Descriptors::new(Some(1));
        let socket = descriptors.try_take().expect("it is the first");
        let (descriptor, ()) = tokio::join!(descriptors.take(), async { drop(socket) });
        let file = Arc::new(File::open(env!("CARGO_MANIFEST_DIR")).expect("it is there"));
        descriptors.opened(&file, descriptor);
        tokio::join!(descriptors.take(), async { drop(file) });
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn the_host_keeps_a_reserve() {
        let limit = soft_limit().expect("Linux has one");
        let max = Descriptors::new(None).max();
        assert!(max > 0 && max + RESERVE.min(limit / 8) <= limit, "{max} of {limit}");
    }
}
