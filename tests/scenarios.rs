//! Connection scenarios, first with CPython's asyncio, then with wasyncio, composed and linked: what the programs see, line by line,
//! must be equal. The peer is played here, on real sockets: by TCP, over Unix sockets, by TLS.

#[path = "tls/peer.rs"]
mod peer;
#[path = "tls/mod.rs"]
mod with;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
#[cfg(target_os = "linux")]
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::thread;
use std::time::Duration;

use peer::TlsPeer;
use socket2::SockRef;
use wasyncio_tests::{DEADLINE, Running, command, dist, finish, python, spawn};
use with::Files;

/// The part that the test plays; it may wait for lines of the transcript.
type Peer = fn(Box<dyn Stream>, &mut Running);

/// The test's end of a connection.
trait Stream: Read + Write + Send {
    /// Ends the sending side.
    fn end(&self);

    /// Has the connection be reset when this is dropped: TCP's only.
    fn reset(self: Box<Self>);
}

impl Stream for TcpStream {
    fn end(&self) {
        self.shutdown(Shutdown::Write).expect("the connection is open");
    }

    fn reset(self: Box<Self>) {
        SockRef::from(&*self).set_linger(Some(Duration::ZERO)).expect("the socket is open");
    }
}

#[cfg(target_os = "linux")]
impl Stream for UnixStream {
    fn end(&self) {
        self.shutdown(Shutdown::Write).expect("the connection is open");
    }

    fn reset(self: Box<Self>) {
        unreachable!("a Unix socket is reset by what is left unread alone");
    }
}

impl Stream for TlsPeer {
    fn end(&self) {
        Self::end(self).expect("the connection is open");
    }

    fn reset(self: Box<Self>) {
        Self::reset(*self);
    }
}

/// The oracle's program.
const ORACLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/oracle/scenarios.py");

/// The programs that have the scenarios: on `wasyncio-client`, composed, and on `wasyncio`, linked.
const OURS: [&str; 2] = ["scenarios", "scenarios-linked"];

fn ours(program: &str) -> Command {
    ours_with(program, &[])
}

fn ours_with(program: &str, flags: &[&str]) -> Command {
    let mut run = Command::new(command());
    run.arg("run").arg(dist(&format!("tests/{program}.wasm"))).args([
        "--allow-connect",
        "loopback:*",
        "--allow-listen",
        "*:0",
        "--allow-listen",
        "*:1-65535",
    ]);
    run.args(flags).arg("--");
    run
}

/// None if there is no Python and the test may be left out.
fn oracle() -> Option<Command> {
    let mut python = python()?;
    python.arg(ORACLE);
    Some(python)
}

/// Runs one side against the peer and gives its transcript.
fn transcript(mut program: Command, scenario: &str, peer: Option<Peer>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    if peer.is_none() {
        // Nobody listens there.
        drop(listener);
        let finished = finish(program.arg(scenario).arg(port.to_string()));
        assert!(finished.status.success(), "{scenario}: {}{}", finished.stdout, finished.stderr);
        return normalized(&finished.stdout, port);
    }
    let mut running = spawn(program.arg(scenario).arg(port.to_string()));
    running.line_with("connected");
    let (stream, _) = listener.accept().expect("the program connected");
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream.set_write_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    if let Some(peer) = peer {
        peer(Box::new(stream), &mut running);
    }
    let status = running.wait();
    let printed = running.printed();
    assert!(status.success(), "{scenario} ended with {status}: {printed}");
    normalized(&printed, port)
}

/// Ports differ from run to run.
fn normalized(transcript: &str, port: u16) -> String {
    let lines = transcript.lines().filter(|line| !line.starts_with("Serving on"));
    lines.map(|line| line.replace(&port.to_string(), "PORT") + "\n").collect()
}

fn same_as_cpython(scenario: &str, peer: Option<Peer>) {
    let Some(oracle) = oracle() else { return };
    let theirs = transcript(oracle, scenario, peer);
    for program in OURS {
        let ours = transcript(ours(program), scenario, peer);
        assert_eq!(ours, theirs, "left: wasyncio ({program}), right: CPython");
    }
    assert!(theirs.lines().count() > 1, "{theirs}");
}

/// The same over a Unix socket, of a program of ours or of CPython. None if there is no Python and the test may be left out.
#[cfg(target_os = "linux")]
fn transcript_over_unix(program: Option<&str>, scenario: &str, peer: Peer) -> Option<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("peer");
    let listener = UnixListener::bind(&path).expect("the path is free");
    let mut command = match program {
        Some(program) => ours_with(program, &["--allow-unix", path.to_str().expect("UTF-8")]),
        None => oracle()?,
    };
    let mut running = spawn(command.arg(scenario).arg(&path));
    running.line_with("connected");
    let (stream, _) = listener.accept().expect("the program connected");
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream.set_write_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    peer(Box::new(stream), &mut running);
    let status = running.wait();
    let printed = running.printed();
    assert!(status.success(), "{scenario} ended with {status}: {printed}");
    Some(printed)
}

#[cfg(target_os = "linux")]
fn same_as_cpython_over_unix(scenario: &str, peer: Peer) {
    let Some(theirs) = transcript_over_unix(None, scenario, peer) else { return };
    for program in OURS {
        let ours = transcript_over_unix(Some(program), scenario, peer).expect("only the oracle may be left out");
        assert_eq!(ours, theirs, "{scenario}: left: wasyncio ({program}), right: CPython");
    }
    assert!(theirs.lines().count() > 1, "{theirs}");
}

/// The same by TLS.
fn transcript_by_tls(program: Option<&str>, scenario: &str, peer: Peer, files: &Files) -> Option<String> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let authority = files.shown("ca.pem");
    let mut command = match program {
        Some(program) => ours_with(program, &["--tls-trust", &format!("peer={authority}")]),
        None => oracle()?,
    };
    let mut running = spawn(command.arg(scenario).arg(port.to_string()).arg(&authority));
    let (stream, _) = listener.accept().expect("the program connects");
    stream.set_read_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    stream.set_write_timeout(Some(DEADLINE)).expect("the deadline is not zero");
    let stream = TlsPeer::accept(files, stream);
    running.line_with("connected");
    peer(Box::new(stream), &mut running);
    let status = running.wait();
    let printed = running.printed();
    assert!(status.success(), "{scenario} ended with {status}: {printed}");
    Some(normalized(&printed, port))
}

fn same_as_cpython_by_tls(scenario: &str, peer: Peer, files: &Files) {
    let Some(theirs) = transcript_by_tls(None, scenario, peer, files) else { return };
    for program in OURS {
        let ours = transcript_by_tls(Some(program), scenario, peer, files).expect("only the oracle may be left out");
        assert_eq!(ours, theirs, "{scenario}: left: wasyncio ({program}), right: CPython");
    }
    assert!(theirs.lines().count() > 1, "{theirs}");
}

/// Which are left out by TLS, as a direction cannot be ended alone there, or the marks are others.
const NOT_BY_TLS: [&str; 4] = ["half_close", "slow_reader", "cancelled_drain", "water_marks"];

/// Which are left out, as they are about addresses, or about what TCP alone can.
const TCP_ALONE: [&str; 4] = ["reset_while_reading", "reset_while_writing", "water_marks", "refused"];

fn read_all(stream: &mut Box<dyn Stream>) -> Vec<u8> {
    let mut all = Vec::new();
    stream.read_to_end(&mut all).expect("the program ends the stream");
    all
}

macro_rules! scenarios {
    ($($name:ident, $peer:expr;)+) => {
        $(
            #[test]
            fn $name() {
                same_as_cpython(stringify!($name), $peer);
            }
        )+

        /// Every scenario of a client over Unix sockets, too.
        #[test]
        #[cfg(target_os = "linux")]
        fn over_unix_sockets() {
            let peers: &[(&str, Option<Peer>)] = &[$((stringify!($name), $peer)),+];
            for (scenario, peer) in peers {
                if let Some(peer) = peer.filter(|_| !TCP_ALONE.contains(scenario)) {
                    same_as_cpython_over_unix(scenario, peer);
                }
            }
        }

        /// Every scenario of a client by TLS, too.
        #[test]
        fn by_tls() {
            let files = Files::new();
            let peers: &[(&str, Option<Peer>)] = &[$((stringify!($name), $peer)),+];
            for (scenario, peer) in peers {
                if let Some(peer) = peer.filter(|_| !NOT_BY_TLS.contains(scenario)) {
                    same_as_cpython_by_tls(scenario, peer, &files);
                }
            }
        }

        /// A scenario that is written but not run, or that only one side has, would be a test that cannot fail.
        #[test]
        fn every_scenario_is_run_on_both_sides() {
            let mut here = vec![$(stringify!($name)),+];
            here.sort_unstable();
            for program in OURS.map(ours).into_iter().chain(oracle()) {
                let mut program = program;
                let listed = finish(program.arg("list")).stdout;
                let mut listed: Vec<_> = listed.lines().collect();
                listed.sort_unstable();
                assert_eq!(listed, here);
            }
        }
    };
}

scenarios! {
    half_close, Some(|mut stream, _| {
        let all = read_all(&mut stream);
        stream.write_all(format!("got {} bytes", all.len()).as_bytes()).expect("the program reads");
    });
    reset_while_reading, Some(|mut stream, _| {
        stream.write_all(b"no newline").expect("the program reads");
        stream.reset();
    });
    reset_while_writing, Some(|stream, _| stream.reset());
    write_after_close, Some(|mut stream, _| assert_eq!(read_all(&mut stream), b""));
    second_waiter, Some(|mut stream, program| {
        program.line_with("waiting");
        stream.write_all(b"at last").expect("the program reads");
        read_all(&mut stream);
    });
    cancelled_read, Some(|mut stream, program| {
        program.line_with("waiting");
        stream.write_all(b"abc").expect("the program reads");
        program.line_with("cancelled");
        stream.write_all(b"defone ").expect("the program reads");
        program.line_with("cancelled often");
        stream.write_all(b"line\n").expect("the program reads");
        read_all(&mut stream);
    });
    slow_reader, Some(|mut stream, program| {
        program.line_with("draining");
        let all = read_all(&mut stream);
        assert_eq!(all.len(), 256 * 32768);
        assert!(all.iter().enumerate().all(|(at, &byte)| byte == at as u8), "bytes came out of order");
        stream.write_all(b"all of it").expect("the program reads");
    });
    cancelled_drain, Some(|mut stream, program| {
        program.line_with("cancelled");
        let all = read_all(&mut stream);
        assert!(all.len() == 8_000_000 && all.iter().all(|&byte| byte == b'z'));
        stream.write_all(b"all of it").expect("the program reads");
    });
    close_with_unsent_data, Some(|mut stream, program| {
        program.line_with("closing");
        let all = read_all(&mut stream);
        assert!(all.len() == 8_000_000 && all.iter().all(|&byte| byte == b'y'));
    });
    close_ends_a_waiting_read, Some(|mut stream, _| assert_eq!(read_all(&mut stream), b""));
    abort_drops_unsent_data, Some(|mut stream, program| {
        program.line_with("aborted");
        let mut received = 0;
        let mut chunk = vec![0; 1 << 16];
        // Ends, or is reset; what the kernel had taken may arrive.
        while let Ok(count @ 1..) = stream.read(&mut chunk) {
            received += count;
        }
        assert!(received < 8_000_000, "nothing was dropped");
    });
    flood_without_newline, Some(|mut stream, _| {
        let writing = thread::spawn(move || {
            stream.write_all(&vec![b'f'; 1_000_000]).expect("the program reads");
            stream.end();
            read_all(&mut stream);
        });
        writing.join().expect("everything was taken");
    });
    larger_than_the_limit, Some(|mut stream, _| {
        stream.write_all(b"0123456789012345678901234first line that is long\nshort\nuntil--and the rest").expect("the program reads");
        stream.end();
        read_all(&mut stream);
    });
    pause_reading, Some(|mut stream, program| {
        program.line_with("paused");
        stream.write_all(b"line\n").expect("the connection is open");
        read_all(&mut stream);
    });
    water_marks, Some(|mut stream, _| { read_all(&mut stream); });
    refused, None;
    server_shutdown_with_clients, None;
    start_serving_later, None;
    serve_forever, None;
    bind_failures, None;
}
