//! A log of records: a bounded queue, and a thread that writes it. Nobody ever waits for the writer.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use wasyncio_host::prometheus::IntCounter;

use super::line;
use super::target::LogTarget;
use crate::say;

/// How many lines wait to be written. Each has two kilobytes at most, or so.
const LINES: usize = 4096;

/// How long the thread rests at most before it looks whether the file is to be opened again.
const LOOK: Duration = Duration::from_secs(1);

/// How long the thread waits when a descriptor that does not block takes nothing.
const RETRY: Duration = Duration::from_millis(10);

/// A log. Its clones are the same one.
#[derive(Clone)]
pub(crate) struct RecordLog {
    lines: SyncSender<String>,
    shared: Arc<Shared>,
    /// How many lines there may be in a second.
    rate: Option<Arc<Mutex<Rate>>>,
}

struct Shared {
    name: &'static str,
    lost: AtomicU64,
    lost_total: IntCounter,
    reopen: AtomicBool,
    /// How many lines were handed in and not written yet.
    pending: Mutex<usize>,
    written: Condvar,
}

struct Rate {
    most: u32,
    left: u32,
    second: Instant,
}

impl RecordLog {
    /// Starts to write to `file`, which is `target`. `lost` counts lines for which there was no room, or that could not be
    /// written. With `rate`, more lines a second are lost.
    pub(crate) fn start(
        name: &'static str,
        target: LogTarget,
        file: File,
        lost: IntCounter,
        rate: Option<u32>,
    ) -> io::Result<Self> {
        let (send, lines) = sync_channel(LINES);
        let shared = Arc::new(Shared {
            name,
            lost: AtomicU64::new(0),
            lost_total: lost,
            reopen: AtomicBool::new(false),
            pending: Mutex::new(0),
            written: Condvar::new(),
        });
        let writer = Writer { target, file, shared: Arc::clone(&shared), failing: false, told_lost: false };
        thread::Builder::new().name(format!("{name}-log")).spawn(move || writer.run(&lines))?;
        let rate = rate.map(|most| Arc::new(Mutex::new(Rate { most, left: most, second: Instant::now() })));
        Ok(Self { lines: send, shared, rate })
    }

    /// Hands in a line, which is made only if there is room for it.
    pub(crate) fn push(&self, line: impl FnOnce() -> String) {
        if !self.rate.as_ref().is_none_or(|rate| rate.lock().unwrap_or_else(PoisonError::into_inner).take()) {
            return self.shared.lose(1);
        }
        {
            let mut pending = self.shared.pending();
            if *pending >= LINES {
                return self.shared.lose(1);
            }
            // Counted before it is there, so that nobody takes it for written.
            *pending += 1;
        }
        // There is room for as many as are pending; and the thread lives as long as this.
        if self.lines.try_send(line()).is_err() {
            self.shared.done(1);
            self.shared.lose(1);
        }
    }

    /// Has the file opened again before the next line, if it is a file.
    pub(crate) fn reopen(&self) {
        self.shared.reopen.store(true, Ordering::SeqCst);
    }

    /// Waits until everything is written, but no longer than `time`.
    pub(crate) fn wait_written(&self, time: Duration) {
        let pending = self.shared.pending();
        _ = self.shared.written.wait_timeout_while(pending, time, |pending| *pending > 0);
    }
}

impl Rate {
    fn take(&mut self) -> bool {
        if self.second.elapsed() >= Duration::from_secs(1) {
            (self.second, self.left) = (Instant::now(), self.most);
        }
        let taken = self.left > 0;
        self.left = self.left.saturating_sub(1);
        taken
    }
}

impl Shared {
    fn pending(&self) -> std::sync::MutexGuard<'_, usize> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn done(&self, lines: usize) {
        let mut pending = self.pending();
        *pending = pending.saturating_sub(lines);
        if *pending == 0 {
            self.written.notify_all();
        }
    }

    fn lose(&self, lines: u64) {
        self.lost.fetch_add(lines, Ordering::Relaxed);
        self.lost_total.inc_by(lines);
    }
}

struct Writer {
    target: LogTarget,
    file: File,
    shared: Arc<Shared>,
    /// Whether it was told that the log cannot be written.
    failing: bool,
    /// Whether it was told that lines were lost.
    told_lost: bool,
}

impl Writer {
    fn run(mut self, lines: &Receiver<String>) {
        loop {
            let line = lines.recv_timeout(LOOK);
            self.reopen();
            // What was lost came before, or about now.
            self.tell_lost();
            match line {
                Ok(line) => {
                    self.write(&line);
                    self.shared.done(1);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn reopen(&mut self) {
        if !self.shared.reopen.swap(false, Ordering::SeqCst) || self.target.path().is_none() {
            return;
        }
        match self.target.open() {
            Ok(file) => self.file = file,
            Err(error) => {
                let hint = match error.kind() {
                    ErrorKind::PermissionDenied => {
                        "; a process that is locked down needs a folder of its own for it, see --no-lockdown"
                    }
                    _ => "",
                };
                say::error(&format_args!(
                    "the {} log {} goes on where it was, as it cannot be opened again: {error}{hint}",
                    self.shared.name, self.target
                ));
            }
        }
    }

    fn tell_lost(&mut self) {
        let lost = self.shared.lost.swap(0, Ordering::Relaxed);
        if lost == 0 {
            return;
        }
        if !self.told_lost {
            self.told_lost = true;
            say::warn(&format_args!(
                "lines of the {} log are lost; it has their number, and so has the metric wasyncio_log_lines_lost_total",
                self.shared.name
            ));
        }
        if self.write_all(line::lost(lost).as_bytes()).is_err() {
            // For the next try; they are counted already.
            self.shared.lost.fetch_add(lost, Ordering::Relaxed);
        }
    }

    fn write(&mut self, line: &str) {
        match self.write_all(line.as_bytes()) {
            Ok(()) => self.failing = false,
            Err(error) => {
                self.shared.lose(1);
                if !self.failing {
                    self.failing = true;
                    say::error(&format_args!(
                        "the {} log {} cannot be written: {error}",
                        self.shared.name, self.target
                    ));
                }
            }
        }
    }

    /// Writes a line in one call where the system takes it so, as others may append to the same file.
    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(RETRY),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    fn counter() -> IntCounter {
        IntCounter::new("lost", "lost").unwrap()
    }

    #[test]
    #[cfg(unix)]
    fn nobody_waits_for_a_reader_and_what_is_lost_is_told() {
        let (reader, writer) = std::os::unix::net::UnixStream::pair().unwrap();
        let writer: std::os::fd::OwnedFd = writer.into();
        let lost = counter();
        let log = RecordLog::start("test", LogTarget::Descriptor(0), writer.into(), lost.clone(), None).unwrap();
        let begun = Instant::now();
        let text = "x".repeat(1000);
        for _ in 0..3 * LINES {
            log.push(|| format!("{text}\n"));
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "it waited: {:?}", begun.elapsed());
        assert!(lost.get() > 0);
        let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
        let told = lines.find(|line| line.contains("lines-lost")).expect("it is told");
        assert!(told.contains(&format!("\"lines\":{}", lost.get())), "{told}");
        // All that was taken is written.
        let rest = thread::spawn(move || lines.filter(|line| line.starts_with('x')).count());
        log.wait_written(Duration::from_secs(30));
        assert_eq!(*log.shared.pending(), 0);
        drop(log);
        assert!(rest.join().unwrap() > 0);
    }

    #[test]
    fn so_many_lines_a_second_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let target = LogTarget::Path(folder.path().join("log"));
        let (file, lost) = (target.open().unwrap(), counter());
        let log = RecordLog::start("test", target, file, lost.clone(), Some(10)).unwrap();
        for _ in 0..1000 {
            log.push(|| "line\n".to_owned());
        }
        log.wait_written(Duration::from_secs(30));
        assert!(lost.get() >= 900, "{}", lost.get());
    }

    #[test]
    fn a_file_that_was_moved_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let target = LogTarget::Path(path.clone());
        let file = target.open().unwrap();
        let log = RecordLog::start("test", target, file, counter(), None).unwrap();
        log.push(|| "one\n".to_owned());
        log.wait_written(Duration::from_secs(30));
        std::fs::rename(&path, folder.path().join("old")).unwrap();
        log.push(|| "two\n".to_owned());
        log.wait_written(Duration::from_secs(30));
        log.reopen();
        log.push(|| "three\n".to_owned());
        log.wait_written(Duration::from_secs(30));
        assert_eq!(std::fs::read_to_string(folder.path().join("old")).unwrap(), "one\ntwo\n");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "three\n");
    }
}
