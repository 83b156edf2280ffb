//! What a peer may do within TLS, and what two sides cannot agree on: OpenSSL and CPython against a program in either form.

#[path = "tls/mod.rs"]
mod with;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use wasyncio_tests::{DEADLINE, finish};
use with::{FORMS, Files, has, is_served};

/// An `openssl s_client` that is typed to.
struct OpenSsl {
    child: Child,
    typed: ChildStdin,
    printed: Receiver<String>,
    seen: Vec<String>,
}

impl OpenSsl {
    /// None, with a line that says so, if there is no such command.
    fn connect(address: SocketAddr, options: &[&str]) -> Option<Self> {
        if !has("openssl") {
            return None;
        }
        let mut command = Command::new("openssl");
        command.args(["s_client", "-connect", &address.to_string(), "-servername", "localhost"]).args(options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it is there");
        let (sender, printed) = channel();
        lines(child.stdout.take().expect("piped"), sender.clone());
        lines(child.stderr.take().expect("piped"), sender);
        let typed = child.stdin.take().expect("piped");
        Some(Self { child, typed, printed, seen: Vec::new() })
    }

    /// Types a line. It takes a letter for a command if what it reads at once begins with it: wait for an answer to each.
    fn types(&mut self, line: &str) {
        self.typed.write_all(format!("{line}\n").as_bytes()).expect("it reads");
    }

    /// Waits for a line with `text`.
    fn prints(&mut self, text: &str) {
        loop {
            let Ok(line) = self.printed.recv_timeout(DEADLINE) else { panic!("no {text} in {:#?}", self.seen) };
            self.seen.push(line);
            if self.seen.last().is_some_and(|line| line.contains(text)) {
                return;
            }
        }
    }
}

impl Drop for OpenSsl {
    fn drop(&mut self) {
        // It may have ended already, which is as well.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

fn lines(output: impl Read + Send + 'static, to: Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            // Whoever listened may have gone.
            _ = to.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
}

#[test]
fn keys_are_updated_at_a_peers_wish() {
    let files = Files::new();
    for form in FORMS {
        let (_server, address) = files.serve(form, &[], &["server", "identity=web"]);
        let Some(mut client) = OpenSsl::connect(address, &["-tls1_3"]) else { return };
        client.types("before");
        client.prints("before");
        // With an update of the server's own asked for, and without.
        for (command, echo) in [("K", "first echo"), ("k", "second echo")] {
            client.types(command);
            client.prints("KEYUPDATE");
            client.types(echo);
            client.prints(echo);
        }
    }
}

#[test]
fn renegotiation_is_refused() {
    let files = Files::new();
    for form in FORMS {
        let (_server, address) = files.serve(form, &[], &["server", "identity=web"]);
        let Some(mut client) = OpenSsl::connect(address, &["-tls1_2"]) else { return };
        client.types("before");
        client.prints("before");
        client.types("R");
        client.prints("no renegotiation");
        is_served(&files, address);
    }
}

#[test]
fn sides_without_a_cipher_or_version_in_common_part() {
    let files = Files::new();
    for form in FORMS {
        let (_server, address) = files.serve(form, &[], &["server", "identity=web", "minimum=1.2"]);
        let (_modern, modern) = files.serve(form, &[], &["server", "identity=web", "minimum=1.3"]);
        if has("openssl") {
            for (address, options, alert) in [
                (address, &["-tls1_2", "-cipher", "AES128-SHA"][..], "alert handshake failure"),
                (modern, &["-tls1_2"], "alert protocol version"),
            ] {
                let mut client = Command::new("openssl");
                client.args(["s_client", "-connect", &address.to_string()]).args(options);
                let finished = finish(&mut client);
                assert!(finished.stderr.contains(alert), "{form} {options:?}: {}", finished.stderr);
                is_served(&files, address);
            }
        }
    }
}

#[test]
fn a_chain_of_a_million_bytes_is_refused() {
    let files = Files::new();
    let chain = fs::read_to_string(files.at("web.pem")).expect("it was made");
    let more = fs::read_to_string(files.at("ca.pem")).expect("it was made");
    fs::write(files.at("long.pem"), chain + &more.repeat(3000)).expect("the folder is ours");
    fs::copy(files.at("web.key"), files.at("long.key")).expect("it was made");
    for form in FORMS {
        let Some((_server, address)) = files.python_server("long", &[]) else { return };
        let there = format!("localhost:{}", address.port());
        let seen = files.client(form, &[], &["client", &there, "trust=us"]);
        assert_eq!(seen, "failed SSLError: [SSL: EXCESSIVE_MESSAGE_SIZE] excessive message size\n", "{form}");
    }
}
