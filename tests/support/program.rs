//! Commands that run beside a test, and what they print.

use std::io::{BufRead, BufReader, Read};
use std::net::{IpAddr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::DEADLINE;

/// A command that runs; it is ended when this is dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

/// A command that has ended.
pub struct Finished {
    /// How.
    pub status: ExitStatus,
    /// What it printed to the standard output.
    pub stdout: String,
    /// What it printed to the standard error.
    pub stderr: String,
}

/// Starts a command whose standard output and error, together, can be waited for line by line.
pub fn spawn(command: &mut Command) -> Running {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let (send, lines) = channel();
    let outputs: [Box<dyn Read + Send>; 2] =
        [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
    for output in outputs {
        let send = send.clone();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if send.send(line).is_err() {
                    break;
                }
            }
        });
    }
    Running { child, lines, seen: Vec::new() }
}

impl Running {
    /// Waits for a line with `text` in it.
    pub fn line_with(&mut self, text: &str) -> String {
        self.line_where(DEADLINE, text, |line| line.contains(text))
    }

    /// Waits so long for this line.
    pub fn line_within(&mut self, limit: Duration, text: &str) {
        self.line_where(limit, text, |line| line == text);
    }

    /// Waits until so many lines with `text` in them were printed.
    ///
    /// # Panics
    /// If they were not, in time.
    pub fn lines_with(&mut self, text: &str, count: usize) {
        let end = Instant::now() + DEADLINE;
        while self.seen.iter().filter(|line| line.contains(text)).count() < count {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => self.seen.push(line),
                Err(error) => panic!("not {count} lines with '{text}' ({error}), but: {:#?}", self.seen),
            }
        }
    }

    fn line_where(&mut self, limit: Duration, text: &str, wanted: impl Fn(&str) -> bool) -> String {
        if let Some(line) = self.seen.iter().find(|line| wanted(line)) {
            return line.clone();
        }
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(left) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if wanted(&line) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with '{text}' ({error}), but: {:#?}", self.seen),
            }
        }
    }

    /// The address in the line that a server prints: `Serving on ('127.0.0.1', 8888)`.
    pub fn address(&mut self) -> SocketAddr {
        let line = self.line_with("Serving on (");
        let (_, tuple) = line.split_once('(').expect("found above");
        let mut fields = tuple.trim_end_matches(')').split(", ");
        let host = fields.next().unwrap_or_default().trim_matches('\'');
        let port = fields.next().unwrap_or_default();
        let parsed = host.parse::<IpAddr>().ok().zip(port.parse::<u16>().ok());
        parsed.unwrap_or_else(|| panic!("no address in '{line}'")).into()
    }

    /// The process's number, for signals.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> ExitStatus {
        wait_for(&mut self.child, DEADLINE)
    }

    /// How many lines were printed so far.
    pub fn lines(&mut self) -> usize {
        self.seen.extend(self.lines.try_iter());
        self.seen.len()
    }

    /// Everything printed so far, and until the end if it has ended.
    pub fn printed(&mut self) -> String {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
            self.seen.push(line);
        }
        self.seen.join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(child: &mut Child, limit: Duration) -> ExitStatus {
    let end = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait().expect("the child is ours") {
            return status;
        }
        if Instant::now() > end {
            let _ = child.kill();
            panic!("still running after {limit:?}");
        }
        thread::park_timeout(Duration::from_millis(5));
    }
}

/// Runs a command to its end.
pub fn finish(command: &mut Command) -> Finished {
    finish_within(DEADLINE, command)
}

/// As [`finish`], for a command that computes for longer.
pub fn finish_within(limit: Duration, command: &mut Command) -> Finished {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let read = |mut output: Box<dyn Read + Send>| {
        thread::spawn(move || {
            let mut text = String::new();
            output.read_to_string(&mut text).expect("programs here print UTF-8");
            text
        })
    };
    let stdout = read(Box::new(child.stdout.take().expect("piped")));
    let stderr = read(Box::new(child.stderr.take().expect("piped")));
    let status = wait_for(&mut child, limit);
    let text = |thread: thread::JoinHandle<String>| thread.join().expect("reads to the end");
    Finished { status, stdout: text(stdout), stderr: text(stderr) }
}
