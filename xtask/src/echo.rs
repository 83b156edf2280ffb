//! `cargo xtask echo`: the echo example, served in its sandbox.

use std::process::{Command, ExitCode};
use std::str::FromStr;

use crate::Result;
use crate::artifacts;
use crate::workspace::{Workspace, typed};

/// Where the server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listen {
    host: String,
    port: u16,
}

impl FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let (host, port) = text.rsplit_once(':').ok_or("expected HOST:PORT, for example 127.0.0.1:8888")?;
        let port = port.parse().map_err(|_| format!("the port {port:?} is not a number from 0 to 65535"))?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        match bare {
            Some(address) => Ok(Self { host: address.to_owned(), port }),
            None if host.is_empty() => Err("the host is missing, for example 127.0.0.1:8888".to_owned()),
            None if host.contains(':') => Err(format!("an IPv6 address goes in brackets, for example [{host}]:{port}")),
            None => Ok(Self { host: host.to_owned(), port }),
        }
    }
}

impl std::fmt::Display for Listen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(formatter, "[{host}]:{port}") } else { write!(formatter, "{host}:{port}") }
    }
}

impl Listen {
    /// What to type in a second terminal.
    fn hint(&self) -> String {
        // A client cannot connect to "any address".
        let host = match self.host.as_str() {
            "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            host => host,
        };
        match self.port {
            0 => format!("nc {host} PORT, with the port that it prints"),
            port => format!("nc {host} {port}"),
        }
    }
}

/// Builds what is needed and serves until Ctrl-C; the exit code is the server's.
pub(crate) fn serve(workspace: &Workspace, listen: &Listen) -> Result<ExitCode> {
    artifacts::build(workspace)?;
    println!("Starting the echo server on {listen}. As soon as it serves, try it: {}", listen.hint());
    println!("Ctrl-C ends it.");
    let address = listen.to_string();
    let mut server = Command::new(workspace.host_binary());
    server.arg("run").arg(workspace.dist().join("examples/echo-server.wasm"));
    server.args(["--allow-listen", &address, "--", &address]);
    become_process(&mut server)
}

/// Goes on as `command`. Signals and the exit code are thus its own, and nothing stays behind when it ends.
#[cfg(unix)]
fn become_process(command: &mut Command) -> Result<ExitCode> {
    use std::os::unix::process::CommandExt;

    let error = command.exec();
    Err(format!("cannot start {}: {error}", typed(command)).into())
}

/// Runs `command` to its end and hands on its exit code.
#[cfg(not(unix))]
fn become_process(command: &mut Command) -> Result<ExitCode> {
    let status = command.status().map_err(|error| format!("cannot start {}: {error}", typed(command)))?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn address_keeps_its_form() {
        for text in ["127.0.0.1:8888", "localhost:0", "[::1]:65535"] {
            assert_eq!(text.parse::<Listen>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn wrong_address_is_explained() {
        let cases = [
            ("8888", "expected HOST:PORT, for example 127.0.0.1:8888"),
            ("localhost:http", "the port \"http\" is not a number from 0 to 65535"),
            ("localhost:65536", "the port \"65536\" is not a number from 0 to 65535"),
            (":8888", "the host is missing, for example 127.0.0.1:8888"),
            ("::1:8888", "an IPv6 address goes in brackets, for example [::1]:8888"),
        ];
        for (text, message) in cases {
            assert_eq!(text.parse::<Listen>().unwrap_err(), message);
        }
    }

    #[test]
    fn hint_can_be_typed_as_it_stands() {
        let cases = [
            ("127.0.0.1:8888", "nc 127.0.0.1 8888"),
            ("[::1]:8888", "nc ::1 8888"),
            ("0.0.0.0:7", "nc 127.0.0.1 7"),
            ("[::]:7", "nc ::1 7"),
            ("127.0.0.1:0", "nc 127.0.0.1 PORT, with the port that it prints"),
        ];
        for (listen, hint) in cases {
            assert_eq!(listen.parse::<Listen>().unwrap().hint(), hint);
        }
    }
}
