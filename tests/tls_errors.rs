//! Each way in which TLS is not had is told apart, as CPython tells it, and whoever serves goes on.

#[path = "tls/mod.rs"]
mod with;

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::thread;

use wasyncio_tests::{Running, connect, finish, spawn};
use with::{FORMS, Files, has, is_served};

/// A peer that hears what a client says first, and then does this.
fn peer(does: fn(TcpStream)) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(|stream| drop(thread::spawn(move || does(stream.unwrap())))));
    address
}

/// Hears what a client says first.
fn hello(stream: &mut TcpStream) -> Vec<u8> {
    let mut heard = vec![0; 16_384];
    let count = stream.read(&mut heard).unwrap();
    heard.truncate(count);
    heard
}

/// Says this after the hello, ends what it sends, and stays until the client has gone.
fn ends_after(mut stream: TcpStream, said: &[u8]) {
    hello(&mut stream);
    stream.write_all(said).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    // It is all the same how the client goes.
    _ = stream.read_to_end(&mut Vec::new());
}

/// A server of OpenSSL's, on a port that it picks.
fn openssl(files: &Files, options: &[&str]) -> (Running, SocketAddr) {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-accept", "127.0.0.1:0", "-cert"]).arg(files.at("web.pem"));
    let mut server = spawn(command.args(["-www", "-key"]).arg(files.at("web.key")).args(options));
    let line = server.line_with("ACCEPT 127.0.0.1:");
    let address = line.trim().trim_start_matches("ACCEPT ").parse().expect("an address");
    (server, address)
}

/// What a client of CPython's says, and a program's, of this peer.
fn told(files: &Files, address: SocketAddr, cpython: &str, program: &str, options: &[&str]) {
    // A minimum version is an option of the program's only.
    if options.is_empty() {
        let Some(oracle) = files.python_client(address, &["connect", "localhost", "us"]) else { return };
        assert_eq!(oracle, format!("failed {cpython}\n"), "CPython");
    }
    for form in FORMS {
        let there = address.to_string();
        let arguments = [&["client", &there, "trust=us", "hostname=localhost"], options].concat();
        assert_eq!(files.client(form, &[], &arguments), format!("failed {program}\n"), "{form}");
    }
}

#[test]
fn a_client_is_told_what_its_peer_did() {
    let files = Files::new();
    let unexpected = "SSLError: [SSL: UNEXPECTED_MESSAGE] unexpected message";
    let echo = peer(|mut stream| {
        let heard = hello(&mut stream);
        // It fails once the client has gone.
        _ = stream.write_all(&heard);
        _ = stream.read_to_end(&mut Vec::new());
    });
    told(&files, echo, unexpected, unexpected, &[]);
    let version = "SSLError: [SSL: WRONG_VERSION_NUMBER] wrong version number";
    told(&files, peer(|stream| ends_after(stream, b"HTTP/1.1 400 Bad Request\r\n\r\n")), version, version, &[]);
    // The end within a handshake: asyncio makes it this error, without a text.
    let (bare, reset) = ("ConnectionResetError: ", "OSError ConnectionReset: Connection reset by peer");
    told(&files, peer(|stream| ends_after(stream, b"")), bare, reset, &[]);
    told(&files, peer(|stream| ends_after(stream, b"\x16\x03\x03\0\x7a\x02\0")), bare, reset, &[]);
}

#[test]
fn a_client_is_told_what_it_has_not_in_common_with_its_peer() {
    if !has("openssl") {
        return;
    }
    let files = Files::new();
    let (_server, address) = openssl(&files, &["-tls1_2", "-cipher", "AES128-SHA"]);
    let cipher = "SSLError: [SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure";
    told(&files, address, cipher, cipher, &[]);
    let (_server, address) = openssl(&files, &["-tls1_2"]);
    let version = "SSLError: [SSL: TLSV1_ALERT_PROTOCOL_VERSION] tlsv1 alert protocol version";
    told(&files, address, version, version, &["minimum=1.3"]);
    // asyncio's server closes without the alert: a client of its own sees this too.
    let Some((_server, address)) = files.python_server("web", &["tls12"]) else { return };
    let reset = "OSError ConnectionReset: Connection reset by peer";
    told(&files, address, "", reset, &["minimum=1.3"]);
}

#[test]
fn a_server_goes_on_after_a_handshake_that_was_broken_off() {
    let files = Files::new();
    for form in FORMS {
        let (mut server, address) = files.serve(form, &[], &["server", "identity=web"]);
        for said in [&b""[..], b"\x16", b"\x16\x03\x01\0\xc8\x01", b"\x15\x03\x01\0\x02\x02\x30"] {
            let mut peer = connect(address);
            peer.write_all(said).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            // An alert, perhaps, and the end.
            _ = peer.read_to_end(&mut Vec::new());
            is_served(&files, address);
        }
        // The program never sees a connection that has no session.
        assert!(!server.printed().contains("failed"), "{}", server.printed());
    }
}

#[test]
fn files_that_cannot_be_an_identity_are_told_apart() {
    let files = Files::new();
    let identity = |certificate: &str, key: &str| {
        let mut program = files.program("tls-linked");
        program.args(["--tls-identity", &format!("new={},{}", files.shown(certificate), files.shown(key))]);
        let finished = finish(program.args(["--", "server", "127.0.0.1:0", "identity=new"]));
        assert!(!finished.status.success(), "{certificate}, {key}");
        finished.stderr
    };
    fs::write(files.at("empty.pem"), "").unwrap();
    let cases = [
        ("web.pem", "none.key", "none.key"),
        ("none.pem", "web.key", "none.pem"),
        ("web.pem", "client.key", "do not fit"),
        ("empty.pem", "web.key", "empty.pem"),
    ];
    let told = cases.map(|(certificate, key, words)| {
        let told = identity(certificate, key);
        assert!(told.contains(words), "{certificate}, {key}: {told}");
        told
    });
    for (place, one) in told.iter().enumerate() {
        assert!(told.iter().skip(place + 1).all(|other| other != one), "told twice: {one}");
    }
}
