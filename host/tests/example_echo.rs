//! The example `echo`, as a process of its own, under many clients.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

const DEADLINE: Duration = Duration::from_secs(60);
const CLIENTS: usize = 200;
const LINES: usize = 20;

/// The example at work, ended with this.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It has ended, or the test has failed.
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

impl Server {
    fn start() -> (Self, SocketAddr) {
        assert!(
            wasyncio_host::embedded().is_some(),
            "there are no streams in this build: run `cargo xtask build` first"
        );
        let test = std::env::current_exe().expect("it runs");
        let profile = test.ancestors().nth(2).expect("it is in target/PROFILE/deps");
        let example = profile.join("examples/echo");
        assert!(example.exists(), "run `cargo build -p wasyncio-host --example echo` with the same profile first");
        let child = Command::new(example).arg("127.0.0.1:0").stdout(Stdio::piped()).spawn().expect("it can be run");
        let mut server = Self(child);
        let mut line = String::new();
        BufReader::new(server.0.stdout.as_mut().expect("it is a pipe")).read_line(&mut line).expect("it writes");
        let address = line.trim().strip_prefix("listening on ").expect("it tells its address");
        (server, address.parse().expect("an address"))
    }

    /// Interrupts it, as Ctrl-C does, and waits for its end. Whether it was content.
    fn interrupt(mut self) -> bool {
        let sent = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status().expect("a command");
        assert!(sent.success());
        let end = Instant::now() + DEADLINE;
        loop {
            match self.0.try_wait().expect("it is a child") {
                Some(status) => return status.success(),
                None => assert!(Instant::now() < end, "it does not end"),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

async fn client(number: usize, address: SocketAddr) -> std::io::Result<()> {
    let mut stream = tokio::io::BufReader::new(tokio::net::TcpStream::connect(address).await?);
    for line in 0..LINES {
        let sent = format!("{number}: {line}\n");
        stream.write_all(sent.as_bytes()).await?;
        let mut received = String::new();
        stream.read_line(&mut received).await?;
        assert_eq!(received, sent);
    }
    Ok(())
}

#[tokio::test]
async fn the_example_serves_many_clients_at_once() {
    let (server, address) = Server::start();
    // Who says nothing and goes on saying nothing is in nobody's way, not at the end either.
    let _silent = tokio::net::TcpStream::connect(address).await.expect("it listens");
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(number, address));
    }
    let served = tokio::time::timeout(DEADLINE, async {
        while let Some(client) = clients.join_next().await {
            client.expect("it gets back what it sent").expect("it is served");
        }
    });
    served.await.expect("they are served");
    assert!(server.interrupt(), "it ends well");
}

#[test]
fn the_example_has_about_fifty_lines() {
    let lines = include_str!("../examples/echo.rs").lines().count();
    assert!(lines <= 60, "{lines} lines");
}
