//! What flags and policy files grant, and what they say when something is wrong.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::Command;

use wasyncio_tests::{command, connect, dist, example, finish, spawn};

fn wasyncio(arguments: &[&str]) -> Command {
    let mut wasyncio = Command::new(command());
    wasyncio.args(arguments);
    wasyncio
}

fn assert_echoes(address: SocketAddr) {
    let mut client = connect(address);
    client.write_all(b"hello\n").expect("connected");
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).expect("an echo");
    assert_eq!(line, "hello\n");
}

#[test]
fn a_policy_file_says_all_that_flags_say() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("echo.toml");
    fs::write(&policy, "listen = ['127.0.0.0/8:0']\nargs = ['127.0.0.1:0']\n[limits]\nmax-memory = '64MiB'\n")
        .expect("the folder is ours");
    let mut server = spawn(wasyncio(&["run", "--policy"]).arg(&policy).arg(example("echo-server")));
    assert_echoes(server.address());
}

#[test]
fn flags_add_to_a_policy_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("echo.toml");
    fs::write(&policy, "listen = ['127.0.0.2:0']\n").expect("the folder is ours");
    let mut run = wasyncio(&["run", "--allow-listen", "127.0.0.1:0", "--policy"]);
    let mut server = spawn(run.arg(&policy).arg(example("echo-server")).args(["--", "127.0.0.1:0"]));
    assert_echoes(server.address());
}

#[test]
fn a_mistake_in_a_policy_file_is_told_with_its_line() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("echo.toml");
    fs::write(&policy, "args = []\nlisten = ['8888']\n").expect("the folder is ours");
    let finished = finish(wasyncio(&["run", "--policy"]).arg(&policy).arg(example("echo-server")));
    assert_eq!(finished.status.code(), Some(121));
    assert!(finished.stderr.contains("echo.toml, line 2: `8888` has no port"), "{}", finished.stderr);
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
}

#[test]
fn a_directory_that_is_not_there_is_told() {
    let finished = finish(wasyncio(&["run", "--dir", "no/such::/data"]).arg(example("echo-server")));
    assert_eq!(finished.status.code(), Some(121));
    assert!(finished.stderr.contains("cannot let the program use no/such: "), "{}", finished.stderr);
}

#[test]
fn standard_output_can_be_withheld() {
    let mut run = wasyncio(&["run", "--stdio", "none"]);
    let finished = finish(run.arg(example("echo-server")).args(["--", "nonsense"]));
    assert_eq!(finished.status.code(), Some(1));
    assert_eq!(finished.stdout, "");
    // Nobody has heard why, so the host says at least that.
    assert_eq!(finished.stderr.lines().count(), 1, "{}", finished.stderr);
    assert!(finished.stderr.ends_with("echo-server.wasm ended with exit code 1\n"), "{}", finished.stderr);
}

#[test]
fn inspect_tells_imports_grants_and_exports() {
    let finished = finish(wasyncio(&["inspect"]).arg(example("echo-server")));
    assert!(finished.status.success(), "{}", finished.stderr);
    for text in ["is a program", "wasi:sockets/types@0.3", "--allow-listen", "wasi:cli/run@0.3", "no wasyncio:streams"]
    {
        assert!(finished.stdout.contains(text), "'{text}' is not in:\n{}", finished.stdout);
    }
    let finished = finish(wasyncio(&["inspect"]).arg(dist("wasyncio.wasm")));
    assert!(finished.stdout.contains("is no program"), "{}", finished.stdout);
    assert!(finished.stdout.contains("wasyncio:streams/server@"), "{}", finished.stdout);
}

#[test]
fn the_example_policy_is_understood() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/operations/echo.toml");
    let file = wasyncio_host::PolicyFile::read(file).expect("it is an example");
    assert_eq!(file.limits.max_connections, Some(5000));
    assert_eq!(file.arguments, ["0.0.0.0:8888"]);
}

/// A peer that accepts one connection, and the program of the documents that says hello to it.
fn client(flags: &[&str]) -> wasyncio_tests::Finished {
    let peer = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = peer.local_addr().expect("bound");
    std::thread::spawn(move || {
        let (mut stream, _) = peer.accept().expect("a client");
        let mut bytes = [0; 100];
        let count = std::io::Read::read(&mut stream, &mut bytes).expect("a message");
        stream.write_all(&bytes[..count]).expect("the client reads");
    });
    finish(wasyncio(&["run"]).args(flags).arg(example("tcp-echo-client")).args(["--", "hello", &address.to_string()]))
}

#[test]
fn classes_are_granted_and_rules_win() {
    assert!(client(&["--allow-connect", "loopback:*"]).status.success());
    for class in ["public:*", "private:*"] {
        let finished = client(&["--allow-connect", class]);
        assert!(!finished.status.success());
        assert!(finished.stderr.contains("denied: connecting to 127.0.0.1:"), "{}", finished.stderr);
    }
    for rule in ["127.0.0.0/8:*", "loopback:*", "localhost:*", "*:*"] {
        let finished = client(&["--allow-connect", "127.0.0.1:*", "--deny", rule]);
        assert!(!finished.status.success());
        assert!(finished.stderr.contains(&format!(", which the rule {rule} denies; no grant")), "{}", finished.stderr);
    }
}

#[test]
fn a_rule_of_the_policy_file_wins_over_a_grant_to_listen() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let policy = folder.path().join("echo.toml");
    fs::write(&policy, "listen = ['*:*']\ndeny = ['127.0.0.0/8:*']\n").expect("the folder is ours");
    // On every interface it would be there, too.
    for address in ["127.0.0.1:0", "0.0.0.0:0"] {
        let finished =
            finish(wasyncio(&["run", "--policy"]).arg(&policy).arg(example("echo-server")).args(["--", address]));
        assert!(!finished.status.success());
        let denied = format!("denied: listening on {address}, which the rule 127.0.0.0/8:* denies;");
        assert!(finished.stderr.contains(&denied), "{}", finished.stderr);
    }
}

#[test]
fn a_local_address_to_connect_from_needs_a_grant_of_its_own() {
    let run = |flags: &[&str]| {
        let mut run = wasyncio(&["run", "--allow-connect", "127.0.0.1:*"]);
        run.args(flags).arg(dist("tests/rows.wasm"));
        finish(run.args(["--", "a_local_address_without_a_host_is_this_machine", "0"]))
    };
    // The program's own server has a port that the system picks, too: what is bound first is granted.
    let listen = ["--allow-listen", "127.0.0.1:0"];
    let finished = run(&listen);
    assert!(!finished.status.success());
    let denied = "denied: connecting from 127.0.0.1:";
    assert!(finished.stderr.contains(denied), "{}", finished.stderr);
    assert!(finished.stderr.contains("; allow it with --allow-source 127.0.0.1\n"), "{}", finished.stderr);
    for source in ["127.0.0.1", "127.0.0.0/8", "localhost", "*"] {
        let finished = run(&[&listen[..], &["--allow-source", source]].concat());
        assert!(finished.status.success(), "{source}: {}", finished.stderr);
    }
}

#[test]
fn risky_grants_are_told_at_the_start() {
    let finished = client(&["--allow-connect", "*:*"]);
    assert!(finished.status.success(), "{}", finished.stderr);
    let told = "wasyncio: the grant *:* to connect has also this machine, its networks and, in a cloud, the credentials at \
                169.254.169.254: public:* has the internet alone\n";
    assert_eq!(finished.stderr, told);
    let finished = client(&["--allow-connect", "*:*", "--deny", "private:*"]);
    assert!(finished.status.success(), "{}", finished.stderr);
    assert_eq!(finished.stderr, "");
}

#[test]
fn a_url_is_no_grant_and_the_command_says_what_to_write() {
    let finished = finish(wasyncio(&["run", "--allow-connect", "http://x:80"]).arg(example("echo-server")));
    assert_eq!(finished.status.code(), Some(120));
    let told = "`http://x:80` is a URL, not HOST:PORT: write x:80";
    assert!(finished.stderr.contains(told), "{}", finished.stderr);
}
