//! Bytes on their way to a writer that may block.
//!
//! A thread of its own writes them, so that nobody else ever waits for whoever reads them. What is kept is bounded: at
//! [`PROGRAM_BYTES`] programs wait or lose lines, at [`HOST_BYTES`] more the host's own lines are lost too.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// How much of what programs print is kept for a slow reader.
pub(crate) const PROGRAM_BYTES: usize = 64 << 10;

/// How much room there is besides for the host's own lines.
pub(crate) const HOST_BYTES: usize = 16 << 10;

/// How many tasks wait at the same time.
const MAX_WAITING: usize = 4096;

/// The writing side. Clones share it; the thread ends when the last one is gone and everything is written.
#[derive(Clone)]
pub(crate) struct Queue(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    terminal: bool,
}

struct Shared {
    state: Mutex<State>,
    /// The thread waits for something to do.
    work: Condvar,
    /// Threads wait until all is written.
    written: Condvar,
}

#[derive(Default)]
struct State {
    queued: Vec<u8>,
    /// How many bytes the thread has taken and not written yet.
    writing: usize,
    /// Whether what comes next stands in the middle of a line.
    in_line: bool,
    /// Who waits for room, or until all is written.
    waiting: Vec<Waker>,
    failed: Option<io::ErrorKind>,
    closed: bool,
}

/// What is put into the queue.
pub(crate) struct Place<'a> {
    /// Where it goes.
    pub(crate) bytes: &'a mut Vec<u8>,
    /// Whether it begins a line.
    pub(crate) line_start: bool,
}

impl Queue {
    /// Starts a thread called `name` that writes to `writer`.
    pub(crate) fn start(name: &str, writer: impl Write + Send + 'static, terminal: bool) -> Self {
        let shared = Arc::new(Shared { state: Mutex::default(), work: Condvar::new(), written: Condvar::new() });
        let writing = Arc::clone(&shared);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || writing.write(writer));
        if let Err(error) = thread {
            tracing::error!("no output goes to {name}: {error}");
            shared.state().failed = Some(error.kind());
        }
        Self(Arc::new(Handle { shared, terminal }))
    }

    pub(crate) fn is_terminal(&self) -> bool {
        self.0.terminal
    }

    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// How many bytes a program may put; the task is woken when there is room.
    pub(crate) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut state = self.0.shared.state();
        match state.room(PROGRAM_BYTES) {
            Ok(0) => {
                state.wait(cx);
                Poll::Pending
            }
            room => Poll::Ready(room),
        }
    }

    /// How many bytes a program may put now.
    pub(crate) fn room(&self) -> io::Result<usize> {
        self.0.shared.state().room(PROGRAM_BYTES)
    }

    /// Has `put` add its bytes, if what is kept then stays below `limit` by at least one byte now.
    pub(crate) fn put(&self, limit: usize, put: impl FnOnce(Place<'_>)) -> io::Result<bool> {
        let shared = &self.0.shared;
        let mut state = shared.state();
        if state.room(limit)? == 0 {
            return Ok(false);
        }
        let line_start = !state.in_line;
        let before = state.queued.len();
        put(Place { bytes: &mut state.queued, line_start });
        if state.queued.len() > before {
            state.in_line = state.queued.last() != Some(&b'\n');
            shared.work.notify_one();
        }
        Ok(true)
    }

    /// Completes when everything is written, or nothing can be.
    pub(crate) fn poll_written(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.shared.state();
        if state.all_written() {
            return Poll::Ready(());
        }
        state.wait(cx);
        Poll::Pending
    }

    /// Blocks the thread until everything is written, or nothing can be, but no longer than `limit`. Whether it is.
    pub(crate) fn wait_written(&self, limit: Duration) -> bool {
        let shared = &self.0.shared;
        let end = Instant::now() + limit;
        let mut state = shared.state();
        while !state.all_written() {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = shared.written.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.state().closed = true;
        self.shared.work.notify_one();
    }
}

impl State {
    fn room(&self, limit: usize) -> io::Result<usize> {
        match self.failed {
            Some(kind) => Err(kind.into()),
            None => Ok(limit.saturating_sub(self.queued.len() + self.writing)),
        }
    }

    /// Has the task woken at the next change. A program may begin to wait and give up as often as it likes: when there are
    /// many, all are woken, to begin again.
    fn wait(&mut self, cx: &mut Context<'_>) {
        let waker = cx.waker();
        if self.waiting.iter().any(|other| other.will_wake(waker)) {
            return;
        }
        if self.waiting.len() >= MAX_WAITING {
            self.waiting.drain(..).for_each(Waker::wake);
        }
        self.waiting.push(waker.clone());
    }

    fn all_written(&self) -> bool {
        self.failed.is_some() || self.queued.len() + self.writing == 0
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The thread.
    fn write(&self, mut writer: impl Write) {
        let mut bytes = Vec::new();
        loop {
            let mut state = self.state();
            while state.queued.is_empty() {
                if state.closed {
                    return;
                }
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            std::mem::swap(&mut bytes, &mut state.queued);
            state.writing = bytes.len();
            drop(state);

            let result = writer.write_all(&bytes).and_then(|()| writer.flush());
            bytes.clear();

            let mut state = self.state();
            state.writing = 0;
            if let Err(error) = &result {
                state.failed = Some(error.kind());
                state.queued = Vec::new();
            }
            let waiting = std::mem::take(&mut state.waiting);
            drop(state);
            self.written.notify_all();
            waiting.into_iter().for_each(Waker::wake);
            if result.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// A writer whose every write waits until the test allows it.
    pub(crate) struct Gated {
        allowed: Receiver<()>,
        written: Sender<Vec<u8>>,
    }

    pub(crate) fn gated() -> (Gated, Sender<()>, Receiver<Vec<u8>>) {
        let ((allow, allowed), (written, output)) = (channel(), channel());
        (Gated { allowed, written }, allow, output)
    }

    impl Write for Gated {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.allowed.recv().map_err(|_| io::ErrorKind::BrokenPipe)?;
            _ = self.written.send(bytes.to_vec());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_is_kept_for_a_slow_reader_is_bounded() {
        let (writer, allow, output) = gated();
        let queue = Queue::start("test", writer, false);
        let mut put = 0;
        while queue.put(PROGRAM_BYTES, |place| place.bytes.extend([b'x'; 1000])).unwrap() {
            put += 1000;
        }
        assert!((PROGRAM_BYTES..PROGRAM_BYTES + 1000).contains(&put), "{put}");
        assert_eq!(queue.room().unwrap(), 0);
        assert!(queue.poll_room(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(queue.put(PROGRAM_BYTES + HOST_BYTES, |place| place.bytes.push(b'!')).unwrap(), "the host has room");
        assert!(!queue.wait_written(Duration::from_millis(10)));
        allow.send(()).unwrap();
        allow.send(()).unwrap();
        let end = Instant::now() + Duration::from_secs(30);
        let mut written = 0;
        while written < put + 1 {
            written += output.recv_timeout(end.saturating_duration_since(Instant::now())).unwrap().len();
        }
        assert!(queue.wait_written(Duration::from_secs(30)));
        assert_eq!(queue.room().unwrap(), PROGRAM_BYTES);
    }

    #[test]
    fn who_waits_again_and_again_costs_no_memory() {
        let (writer, _allow, _output) = gated();
        let queue = Queue::start("test", writer, false);
        assert!(queue.put(PROGRAM_BYTES, |place| place.bytes.extend([b'x'; PROGRAM_BYTES])).unwrap());
        struct Task;
        impl std::task::Wake for Task {
            fn wake(self: Arc<Self>) {}
        }
        for _ in 0..3 * MAX_WAITING {
            let waker = Waker::from(Arc::new(Task));
            for _ in 0..2 {
                assert!(queue.poll_room(&mut Context::from_waker(&waker)).is_pending());
            }
        }
        assert!(queue.0.shared.state().waiting.len() <= MAX_WAITING);
    }

    #[test]
    fn a_writer_that_fails_ends_all_waiting() {
        let (writer, allow, _output) = gated();
        let queue = Queue::start("test", writer, false);
        assert!(queue.put(PROGRAM_BYTES, |place| place.bytes.push(b'x')).unwrap());
        drop(allow);
        assert!(queue.wait_written(Duration::from_secs(30)));
        assert_eq!(queue.room().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn the_thread_writes_all_and_ends_when_nobody_is_left() {
        let (writer, allow, output) = gated();
        let queue = Queue::start("test", writer, false);
        assert!(queue.put(PROGRAM_BYTES, |place| place.bytes.extend(b"last")).unwrap());
        drop(queue);
        allow.send(()).unwrap();
        assert_eq!(output.recv_timeout(Duration::from_secs(30)).unwrap(), b"last");
        assert!(output.recv_timeout(Duration::from_secs(30)).is_err(), "its end is dropped with the thread");
    }
}
