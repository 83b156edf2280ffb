//! Hostile programs, as text beside this folder, and the command that runs them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take before the test fails.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

#[allow(dead_code, reason = "not every file of tests measures")]
pub(crate) const MIB: u64 = 1 << 20;

/// A program of `hostile/`, and how it is run.
pub(crate) struct Hostile {
    text: String,
    name: String,
    shell: String,
}

impl Hostile {
    pub(crate) fn new(name: &str) -> Self {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/hostile/{name}.wat"));
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { text, name: name.to_owned(), shell: String::new() }
    }

    /// The program with `value` in the place of `word`.
    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub(crate) fn with(mut self, word: &str, value: &str) -> Self {
        self.text = self.text.replace(word, value);
        self
    }

    /// Runs it with so many descriptors for the process.
    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub(crate) fn descriptors(mut self, count: usize) -> Self {
        self.shell = format!("ulimit -n {count}; ");
        self
    }

    /// Runs it with so many descriptors, as a limit that may be raised.
    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub(crate) fn soft_descriptors(mut self, count: usize) -> Self {
        self.shell = format!("ulimit -S -n {count}; ");
        self
    }

    fn file(&self) -> PathBuf {
        static FILES: AtomicUsize = AtomicUsize::new(0);
        let number = FILES.fetch_add(1, Ordering::SeqCst);
        let name = format!("{}-{}-{number}.wasm", self.name, std::process::id());
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&file, wat::parse_str(&self.text).expect("it is valid")).expect("cargo made the folder");
        file
    }

    pub(crate) fn run(&self, flags: &[&str]) -> Running {
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("{}exec \"$@\"", self.shell), "sh", env!("CARGO_BIN_EXE_wasyncio"), "run"]);
        shell.args(flags).arg(self.file()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = shell.spawn().expect("there is a shell");
        let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
        let (send, lines) = channel();
        thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Running { child, lines, seen: Vec::new() }
    }
}

/// The command at work; ended when this is dropped.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
}

impl Running {
    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line of the standard error with `text` in it.
    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub(crate) fn line_with(&mut self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(error) => panic!("no line with '{text}' ({error}), but: {:#?}", self.seen),
            }
        }
    }

    /// What it printed to its standard error, to the end if it has ended.
    pub(crate) fn stderr(&mut self) -> String {
        while let Ok(line) = self.lines.recv_timeout(Duration::from_millis(200)) {
            self.seen.push(line);
        }
        self.seen.join("\n")
    }

    pub(crate) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status;
            }
            assert!(Instant::now() < end, "it still runs: {}", self.stderr());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many descriptors it has.
    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.id())).expect("it runs").count()
    }

    /// The most memory that it had, in bytes, at its end.
    #[allow(dead_code, reason = "not every file of tests measures")]
    pub(crate) fn peak_memory(&mut self) -> u64 {
        let end = Instant::now() + DEADLINE;
        let mut peak = 0;
        while self.child.try_wait().expect("it is ours").is_none() {
            let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            peak = peak.max(kilobytes.unwrap_or(0) << 10);
            assert!(Instant::now() < end, "it still runs, with {peak} bytes");
            thread::sleep(Duration::from_millis(2));
        }
        assert!(peak > 0, "it ended before it was looked at");
        peak
    }

    /// The most threads that it has during this time, and had before as far as they are kept: tokio's pool keeps its for ten seconds.
    #[allow(dead_code, reason = "not every file of tests measures")]
    pub(crate) fn peak_threads(&self, time: Duration) -> usize {
        let end = Instant::now() + time;
        let mut peak = 0;
        while Instant::now() < end {
            peak = peak.max(fs::read_dir(format!("/proc/{}/task", self.id())).expect("it runs").count());
            thread::sleep(Duration::from_millis(5));
        }
        peak
    }

    /// Waits until it has used four tenths of a second of processor time: a start takes less.
    #[allow(dead_code, reason = "not every file of tests needs it")]
    pub(crate) fn wait_until_it_computes(&self) {
        let end = Instant::now() + DEADLINE;
        loop {
            let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).expect("it runs");
            let ticks: u64 =
                stat.rsplit(')').next().and_then(|rest| rest.split(' ').nth(12)?.parse().ok()).expect("a number");
            if ticks >= 40 {
                return;
            }
            assert!(Instant::now() < end, "it does not compute");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}
