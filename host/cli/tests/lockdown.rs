//! The command locks itself down before it loads a program, and its service works all the same.
#![cfg(target_os = "linux")]

#[path = "../../tests/support/mod.rs"]
mod support;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use support::{ENDLESS, component};

const DEADLINE: Duration = Duration::from_secs(60);

/// A service of two endless programs, with metrics.
struct Service {
    child: Child,
    lines: Receiver<String>,
    folder: tempfile::TempDir,
}

impl Service {
    fn start(flags: &[&str]) -> Self {
        // Not in the folder for temporary files, of which only the named files could be read.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("cargo made the folder");
        fs::write(folder.path().join("app.wasm"), component(ENDLESS)).expect("it is ours");
        fs::write(folder.path().join("policy.toml"), "").expect("it is ours");
        fs::create_dir(folder.path().join("late")).expect("it is ours");
        let mut run = Command::new(env!("CARGO_BIN_EXE_wasyncio"));
        run.current_dir(folder.path()).args(["run", "--workers", "2", "--metrics", "127.0.0.1:0"]).args(flags);
        run.args(["--cache", "cache", "--policy", "policy.toml", "app.wasm"]).env("RUST_LOG", "info");
        let mut child = run.stderr(Stdio::piped()).spawn().expect("it starts");
        let (send, lines) = channel();
        let stderr = child.stderr.take().expect("piped");
        std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).all(|line| send.send(line).is_ok())
        });
        Self { child, lines, folder }
    }

    fn line_with(&self, text: &str) -> String {
        let end = Instant::now() + DEADLINE;
        let mut seen = Vec::new();
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) if line.contains(text) => return line,
                Ok(line) => seen.push(line),
                Err(error) => panic!("no line with '{text}' ({error}), but {seen:#?}"),
            }
        }
    }

    /// Waits until both programs run.
    fn wait_until_it_serves(&self) {
        let line = self.line_with("metrics are on http://");
        let address = line.split("http://").nth(1).and_then(|rest| rest.split('/').next()).expect("it is in the line");
        let end = Instant::now() + DEADLINE;
        loop {
            let mut client = TcpStream::connect(address).expect("it listens");
            client.set_read_timeout(Some(DEADLINE)).expect("it is not zero");
            client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("connected");
            let mut text = String::new();
            client.read_to_string(&mut text).expect("an answer");
            if text.lines().any(|line| line == "wasyncio_instances 2") {
                return;
            }
            assert!(Instant::now() < end, "{text}");
        }
    }

    fn reload(&self) {
        let sent = Command::new("kill").args(["-HUP", &self.child.id().to_string()]).status().expect("a command");
        assert!(sent.success());
    }

    /// What each thread has in its status.
    fn status(&self, name: &str) -> Vec<String> {
        let threads = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let value = |path: &Path| {
            let status = fs::read_to_string(path.join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
            Some(line.trim().to_owned())
        };
        threads.filter_map(|thread| value(&thread.expect("it is read").path())).collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended, which the test has told.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn every_thread_is_locked_down() {
    let service = Service::start(&[]);
    service.wait_until_it_serves();
    let (privileges, filters) = (service.status("NoNewPrivs"), service.status("Seccomp"));
    // The main thread, signals, metrics, two workers, at least.
    assert!(filters.len() >= 5, "{filters:?}");
    assert!(privileges.iter().all(|value| value == "1"), "{privileges:?}");
    assert!(filters.iter().all(|value| value == "2"), "{filters:?}");
}

#[test]
fn a_flag_leaves_the_process_as_it_is() {
    let own = fs::read_to_string("/proc/self/status").expect("Linux tells it");
    let service = Service::start(&["--no-lockdown"]);
    service.wait_until_it_serves();
    for name in ["NoNewPrivs", "Seccomp"] {
        let line = own.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).expect("Linux tells it");
        assert!(service.status(name).iter().all(|value| value == line.trim()), "{name}");
    }
}

#[test]
fn a_reload_reads_and_compiles_files_that_were_replaced() {
    let service = Service::start(&[]);
    service.wait_until_it_serves();
    let at = |name: &str| service.folder.path().join(name);
    // Another program, so that it is compiled, with all threads, and kept.
    fs::write(at("new"), component(&format!("(nop) {ENDLESS}"))).expect("it is ours");
    fs::rename(at("new"), at("app.wasm")).expect("it is ours");
    fs::write(at("new"), "env = { MODE = 'new' }").expect("it is ours");
    fs::rename(at("new"), at("policy.toml")).expect("it is ours");
    let kept = || fs::read_dir(at("cache")).expect("it was made").count();
    let before = kept();
    service.reload();
    service.line_with("loaded the program again");
    assert_eq!(kept(), before + 1);
}

#[test]
fn a_directory_that_was_not_granted_at_the_start_is_refused_and_the_service_goes_on() {
    let service = Service::start(&[]);
    service.wait_until_it_serves();
    fs::write(service.folder.path().join("policy.toml"), "dir = ['late']").expect("it is ours");
    service.reload();
    let line = service.line_with("the old program goes on");
    assert!(line.contains("late: it was not granted when this process was started and locked down"), "{line}");
    fs::write(service.folder.path().join("policy.toml"), "").expect("it is ours");
    service.reload();
    service.line_with("loaded the program again");
}
