//! A policy that is changed while its program serves: SIGHUP after an edit of the policy file that touches grants alone.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

use wasyncio_host::{ConnectionRecord, DecisionRecord, Host, Observer, Policy, Runner, ServiceEvent, Workers};
use wasyncio_tests::{DEADLINE, Running, command, connect, dist, finish, metrics, spawn};

/// A service with a policy file.
struct Service {
    running: Running,
    file: PathBuf,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Service {
    /// Serves on the port of `hosts`, with these lines in the policy file besides.
    fn start(flags: &[&str], hosts: &str, policy: &str) -> Self {
        Self::start_with(|run| run, flags, hosts, policy)
    }

    fn start_with(
        prepare: impl FnOnce(&mut Command) -> &mut Command,
        flags: &[&str],
        hosts: &str,
        policy: &str,
    ) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("cargo made the folder");
        let file = folder.path().join("policy.toml");
        let port = free_port();
        std::fs::write(&file, policy.replace("PORT", &port.to_string())).expect("the folder is ours");
        let mut run = Command::new(command());
        run.args(["run", "--metrics", "127.0.0.1:0", "--policy"]).arg(&file).args(flags);
        run.arg(dist("tests/misbehaving.wasm")).args(["--", "serve", &format!("{hosts}:{port}")]);
        let mut running = spawn(prepare(&mut run));
        running.line_with("Serving on (");
        Self { running, file, port, _folder: folder }
    }

    fn address(&self, host: [u8; 4]) -> SocketAddr {
        (host, self.port).into()
    }

    fn connect(&self) -> TcpStream {
        connect(self.address([127, 0, 0, 1]))
    }

    /// Replaces the policy file, and has it read.
    fn load(&self, policy: &str) {
        let new = self.file.with_extension("new");
        std::fs::write(&new, policy.replace("PORT", &self.port.to_string())).expect("the folder is ours");
        std::fs::rename(&new, &self.file).expect("the folder is ours");
        let sent = finish(Command::new("kill").args(["-HUP", &self.running.id().to_string()]));
        assert!(sent.status.success(), "{}", sent.stderr);
    }

    /// Waits until the policy was changed so often.
    fn changed(&mut self, times: usize) {
        self.running.lines_with("changed the policy in place", times);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("it is bound").port()
}

fn ask(client: &mut TcpStream, line: &str) -> String {
    client.write_all(line.as_bytes()).expect("connected");
    answer(client)
}

/// A line, and no byte more.
fn answer(client: &mut TcpStream) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.last() != Some(&b'\n') {
        client.read_exact(&mut byte).expect("an answer");
        line.extend(byte);
    }
    String::from_utf8(line).expect("it is text")
}

/// Something to connect to, which echoes lines.
fn target() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for mut client in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || {
                let reader = BufReader::new(client.try_clone().expect("a descriptor is free"));
                reader.lines().map_while(Result::ok).all(|line| writeln!(client, "{line}").is_ok())
            });
        }
    });
    address
}

#[test]
fn grants_come_and_go_in_the_same_instance_at_once() {
    for workers in [&[][..], &["--workers", "2"][..]] {
        let (first, second) = (target(), target());
        let listen = "listen = ['127.0.0.1:PORT']\n";
        let mut service = Service::start(workers, "127.0.0.1", &format!("{listen}connect = ['{first}']\n"));
        let mut client = service.connect();
        let who = ask(&mut client, "who\n");
        let mut relayed = service.connect();
        assert_eq!(ask(&mut relayed, &format!("relay {first}\n")), "connected\n");
        assert_eq!(ask(&mut relayed, "over it\n"), "over it\n");
        assert!(ask(&mut client, &format!("relay {second}\n")).starts_with("not connected: "));

        service.load(&format!("{listen}connect = ['{first}', '{second}']\n"));
        service.changed(1);
        service.running.line_with(&format!("policy: + allow-connect {second}"));
        // In the connection that was open before, so in the same instance.
        let mut other = service.connect();
        assert_eq!(ask(&mut client, &format!("relay {second}\n")), "connected\n");
        assert_eq!(ask(&mut client, "new\n"), "new\n");
        assert_eq!(ask(&mut relayed, "still\n"), "still\n");

        // What is not granted any more ends where it is open, and is refused; all else goes on.
        service.load(&format!("{listen}connect = ['{second}']\n"));
        service.changed(2);
        service.running.line_with(&format!("policy: - allow-connect {first}"));
        assert!(ask(&mut relayed, "cut\n").starts_with("the relay failed: "));
        assert!(ask(&mut other, &format!("relay {first}\n")).starts_with("not connected: "));
        assert_eq!(ask(&mut client, "goes on\n"), "goes on\n");

        // A rule wins over the grant.
        service.load(&format!("{listen}connect = ['{second}']\ndeny = ['{second}']\n"));
        service.changed(3);
        service.running.line_with(&format!("policy: + deny {second}"));
        assert!(ask(&mut client, "cut\n").starts_with("the relay failed: "));
        assert_eq!(ask(&mut client, "who\n"), who, "nothing was started anew");
        let text = metrics(&mut service.running);
        assert!(text.contains("\nwasyncio_reloads_total{result=\"in-place\"} 3\n"), "{text}");
        assert!(!text.contains("result=\"ok\""), "{text}");
    }
}

#[test]
fn a_listening_socket_without_its_grant_is_closed_and_the_others_serve() {
    for workers in [&[][..], &["--workers", "2"][..]] {
        let both = "listen = ['127.0.0.1:PORT', '127.0.0.2:PORT']\n";
        let mut service = Service::start(workers, "127.0.0.1,127.0.0.2", both);
        let mut stays = connect(service.address([127, 0, 0, 2]));
        assert_eq!(ask(&mut stays, "hello\n"), "hello\n");
        service.load("listen = ['127.0.0.1:PORT']\n");
        service.changed(1);
        let end = Instant::now() + DEADLINE;
        let closed = service.address([127, 0, 0, 2]);
        while !TcpStream::connect(closed).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused) {
            assert!(Instant::now() < end, "{closed} is still open");
            thread::sleep(Duration::from_millis(10));
        }
        assert_eq!(ask(&mut service.connect(), "hello\n"), "hello\n");
        assert_eq!(ask(&mut stays, "a connection that was accepted stays\n"), "a connection that was accepted stays\n");
    }
}

#[test]
fn more_than_grants_needs_new_instances_and_nothing_new_too() {
    let listen = "listen = ['127.0.0.1:PORT']\n";
    let mut service = Service::start(&["--grace", "1min"], "127.0.0.1", listen);
    let who = ask(&mut service.connect(), "who\n");
    for (times, policy) in [
        format!("{listen}connect = ['127.0.0.1:1']\nlimits = {{ max-connections = 100 }}\n"),
        format!("{listen}limits = {{ max-connections = 100 }}\nenv = {{ MODE = 'new' }}\n"),
        // The operator asks for new ones.
        format!("{listen}limits = {{ max-connections = 100 }}\nenv = {{ MODE = 'new' }}\n"),
    ]
    .iter()
    .enumerate()
    {
        service.load(policy);
        service.running.lines_with("loaded the program again", times + 1);
    }
    assert_ne!(ask(&mut service.connect(), "who\n"), who);
    // What came of that is what the next change is compared with.
    service.load(&format!(
        "{listen}connect = ['127.0.0.1:2']\nlimits = {{ max-connections = 100 }}\nenv = {{ MODE = 'new' }}\n"
    ));
    service.changed(1);
    service.running.line_with("policy: + allow-connect 127.0.0.1:2");
}

#[test]
fn a_policy_that_is_not_understood_leaves_everything_as_it_was() {
    let to = target();
    let policy = format!("listen = ['127.0.0.1:PORT']\nconnect = ['{to}']\n");
    let mut service = Service::start(&["--workers", "2"], "127.0.0.1", &policy);
    let mut client = service.connect();
    assert_eq!(ask(&mut client, &format!("relay {to}\n")), "connected\n");
    for (times, (wrong, told)) in [
        ("listen = ['127.0.0.1:PORT'\n", "policy.toml, line "),
        ("listen = ['127.0.0.1:PORT']\nconnect = ['nonsense']\n", "`nonsense` has no port"),
        ("listen = ['127.0.0.1:PORT', 'nowhere.invalid:PORT']\n", "nowhere.invalid"),
    ]
    .iter()
    .enumerate()
    {
        service.load(wrong);
        service.running.lines_with("the old program goes on: ", times + 1);
        service.running.line_with(told);
        assert_eq!(ask(&mut client, "still\n"), "still\n");
    }
    assert_eq!(ask(&mut service.connect(), &format!("relay {to}\n")), "connected\n");
    // And the next one is compared with what is in force.
    service.load(&policy.replace("connect", "deny = ['127.0.0.9:1']\nconnect"));
    service.changed(1);
    assert_eq!(ask(&mut client, "still\n"), "still\n");
}

#[test]
fn an_instance_that_replaces_another_has_the_changed_policy() {
    let to = target();
    let listen = "listen = ['127.0.0.1:PORT']\n";
    let mut service = Service::start(&["--workers", "1"], "127.0.0.1", listen);
    service.load(&format!("{listen}connect = ['{to}']\n"));
    service.changed(1);
    let mut client = service.connect();
    let who = ask(&mut client, "who\n");
    client.write_all(b"trap\n").expect("connected");
    service.running.line_with("worker 0, replaced in ");
    let mut client = service.connect();
    assert_ne!(ask(&mut client, "who\n"), who);
    assert_eq!(ask(&mut client, &format!("relay {to}\n")), "connected\n");
}

#[test]
fn under_load_no_connection_notices_changes() {
    const CHANGES: usize = 10;
    let to = target();
    let listen = "listen = ['127.0.0.1:PORT']\n";
    let mut service = Service::start(&["--workers", "2"], "127.0.0.1", &format!("{listen}connect = ['{to}']\n"));
    let address = service.address([127, 0, 0, 1]);
    let (done, turns, connections) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        let _end = SetAtTheEnd(&done);
        for at in 0..8 {
            let (done, turns, connections) = (&done, &turns, &connections);
            scope.spawn(move || {
                // Half of them stay open, and half come and go; some relay.
                let mut client = connect(address);
                let begin = |client: &mut TcpStream| {
                    connections.fetch_add(1, Ordering::Relaxed);
                    if at % 4 < 2 {
                        assert_eq!(ask(client, &format!("relay {to}\n")), "connected\n");
                    }
                };
                begin(&mut client);
                while !done.load(Ordering::Relaxed) {
                    if at % 2 == 0 {
                        client = connect(address);
                        begin(&mut client);
                    }
                    assert_eq!(ask(&mut client, "hello\n"), "hello\n");
                    turns.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for change in 0..CHANGES {
            // Whatever else comes and goes.
            let port = 1 + change;
            service.load(&format!("{listen}connect = ['{to}', '127.0.0.1:{port}']\ndeny = ['127.0.0.9:{port}']\n"));
            service.changed(change + 1);
            let before = turns.load(Ordering::Relaxed);
            let end = Instant::now() + DEADLINE;
            while turns.load(Ordering::Relaxed) < before + 50 {
                assert!(Instant::now() < end, "nothing moves");
                thread::sleep(Duration::from_millis(1));
            }
        }
    });
    let text = metrics(&mut service.running);
    let total = connections.load(Ordering::Relaxed);
    assert!(text.contains(&format!("\nwasyncio_reloads_total{{result=\"in-place\"}} {CHANGES}\n")), "{text}");
    assert!(total > 50 && text.contains("\nwasyncio_instances 2\n"), "{total} connections\n{text}");
    assert!(!text.contains("wasyncio_worker_ends_total{"), "{text}");
}

#[test]
fn systemd_is_told_of_a_change_in_place() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let place = folder.path().join("notify");
    let manager = UnixDatagram::bind(&place).expect("the folder is ours");
    manager.set_read_timeout(Some(DEADLINE)).expect("not zero");
    let told = |wanted: &str| {
        let mut buffer = [0; 4096];
        loop {
            let count = manager.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
            let text = String::from_utf8_lossy(&buffer[..count]).into_owned();
            if text.lines().any(|line| line.starts_with(wanted)) {
                return text;
            }
        }
    };
    let listen = "listen = ['127.0.0.1:PORT']\n";
    let mut service = Service::start_with(|run| run.env("NOTIFY_SOCKET", &place), &[], "127.0.0.1", listen);
    told("READY=1");
    service.load(&format!("{listen}deny = ['127.0.0.9:1']\n"));
    told("RELOADING=1");
    assert!(told("READY=1").contains("STATUS=serving, policy changed"));
    service.changed(1);
}

#[test]
fn a_program_that_may_not_listen_any_more_has_its_connections_to_the_end() {
    let mut service = Service::start(&["--workers", "2"], "127.0.0.1", "listen = ['127.0.0.1:PORT']\n");
    let mut client = service.connect();
    assert_eq!(ask(&mut client, "before\n"), "before\n");
    service.load("");
    service.changed(1);
    service.running.line_with("no longer serving");
    for _ in 0..3 {
        assert_eq!(ask(&mut client, "after\n"), "after\n");
    }
    drop(client);
    // It has nothing left to do, and ends by itself.
    assert_eq!(service.running.wait().code(), Some(0));
}

/// Counts what an embedder is told.
#[derive(Default)]
struct Told {
    granted: AtomicUsize,
    denied: AtomicUsize,
    ended: AtomicUsize,
}

impl Observer for Told {
    fn connection_ended(&self, record: &ConnectionRecord) {
        if record.received > 0 && record.worker.is_some() {
            self.ended.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn decided(&self, decision: &DecisionRecord<'_>) {
        if decision.asked == "connect" {
            let count = if decision.granted { &self.granted } else { &self.denied };
            count.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Runs a future of an embedder's.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    runtime.block_on(future)
}

#[test]
fn an_embedder_changes_a_policy_and_keeps_it_over_a_reload() {
    let (to, port) = (target(), free_port());
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let told = Arc::new(Told::default());
    let observer = Arc::clone(&told);
    let host = Host::builder().build().expect("it is built");
    let program = host.load_file(dist("tests/misbehaving.wasm")).expect("it is a program");
    let policy = Policy::new().allow_listen(address.to_string().parse().expect("it is a grant"));
    let granting = policy.clone().allow_connect(to.to_string().parse().expect("it is a grant"));
    let (send, happened) = channel();
    let workers = Workers::new(&program, NonZeroUsize::new(2).expect("not zero"), move |program| {
        let runner = Runner::new(program).policy(policy.clone()).args(["serve", &format!("127.0.0.1:{port}")]);
        runner.observe(Arc::clone(&observer))
    });
    let workers = workers.grace(DEADLINE).on_event(move |event| {
        // The test may be over.
        _ = send.send(match event {
            ServiceEvent::PolicyChanged { changes } => changes.iter().map(ToString::to_string).collect(),
            event => vec![format!("{event:?}")],
        });
    });
    let event = || happened.recv_timeout(DEADLINE).expect("something happens");
    let (handed, handles) = channel();
    let running = thread::spawn(move || {
        block_on(async {
            let workers = workers.start();
            handed.send(workers.clone()).expect("the test waits");
            workers.wait().await.expect("they end well");
        });
    });
    let handle = handles.recv_timeout(DEADLINE).expect("they are started");
    assert_eq!(event(), ["Ready"]);
    let mut client = connect(address);
    let relay = format!("relay {to}\n");
    let who = ask(&mut client, "who\n");
    assert!(ask(&mut client, &relay).starts_with("not connected: "));
    assert_eq!((told.granted.load(Ordering::SeqCst), told.denied.load(Ordering::SeqCst)), (0, 1));

    block_on(handle.change_policy(granting)).expect("there are no names");
    assert_eq!(event(), [format!("+ allow-connect {to}")]);
    assert_eq!(ask(&mut client, "who\n"), who);
    assert_eq!(ask(&mut client, &relay), "connected\n");
    assert_eq!(told.granted.load(Ordering::SeqCst), 1);

    // The function that makes runs says what it said, and the change holds nevertheless.
    block_on(handle.reload(&program));
    assert_eq!(event(), ["Reloaded"]);
    // Those of before may still accept one that comes at that moment.
    let end = Instant::now() + DEADLINE;
    let mut new = loop {
        let mut new = connect(address);
        if ask(&mut new, "who\n") != who {
            break new;
        }
        assert!(Instant::now() < end, "there is no new one");
    };
    assert_eq!(ask(&mut new, &relay), "connected\n");
    drop((client, new));
    block_on(handle.stop());
    running.join().expect("they end well");
    assert!(told.ended.load(Ordering::SeqCst) >= 2);
}

/// Ends the others of a scope also if the test fails in it.
struct SetAtTheEnd<'a>(&'a AtomicBool);

impl Drop for SetAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
