//! Where the programs are, and the commands that serve.

use std::env;
use std::path::{Path, PathBuf};

use bench_protocol::Mode;
use tokio::process::Command;
use wasyncio_python::Python;

use crate::subjects::{Program, Subject, WASI02};
use crate::tls::Identity;

/// Where a server is to listen.
#[derive(Clone, Copy)]
pub(crate) enum Listen<'a> {
    /// By TCP on the loopback address. The system chooses the port, and the server tells.
    Tcp,
    /// On a Unix socket at this path.
    Unix(&'a str),
    /// As by TCP, and by TLS.
    Tls(&'a Identity),
}

/// What an identity is called in the sandbox.
const IDENTITY: &str = "bench";

/// The server in Python, in the workspace.
const ASYNCIO_SERVER: &str = "benches/peers/asyncio_server.py";

/// Where the programs are.
pub struct Places {
    /// The workspace.
    root: PathBuf,
    /// The newest CPython, if there is one.
    python: Option<&'static Python>,
    /// Where uvloop is installed, if it is.
    uvloop: Option<PathBuf>,
}

impl Places {
    /// The workspace at `root`, with what `cargo xtask build` makes; uvloop in that folder; the newest CPython of this machine.
    pub(crate) fn new(root: PathBuf, uvloop: Option<PathBuf>) -> Self {
        Self { root, python: Python::newest(), uvloop }
    }

    /// The workspace that this was built in, without uvloop.
    pub fn of_workspace() -> Self {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self::new(benches.parent().expect("benches/ is in the workspace").to_owned(), None)
    }

    /// The CPython that is compared with.
    pub(crate) fn python(&self) -> Option<&'static Python> {
        self.python
    }

    /// Those of `subjects` that can run here; the others are named, with the reason.
    pub(crate) fn available(&self, mut subjects: Vec<Subject>) -> Vec<Subject> {
        subjects.retain(|&subject| match self.command(subject, Mode::Echo, Listen::Tcp) {
            Ok(_) => true,
            Err(reason) => {
                println!("{subject} is left out: {reason}");
                false
            }
        });
        subjects
    }

    /// The command that serves; the error is what keeps `subject` from running here.
    pub(crate) fn command(&self, subject: Subject, mode: Mode, listen: Listen<'_>) -> Result<Command, String> {
        let (address, files) = match listen {
            Listen::Tcp => ("127.0.0.1:0", None),
            Listen::Unix(path) => (path, None),
            Listen::Tls(identity) => ("127.0.0.1:0", Some(identity.files())),
        };
        let mode = mode.argument();
        let mut command;
        match subject.program {
            Program::Component(name) => {
                let component = self.root.join("dist/bench").join(format!("{name}.wasm"));
                if !component.exists() {
                    return Err(format!("{} is not built", component.display()));
                }
                command = self.sandbox("run", listen);
                if name == WASI02 {
                    command.arg("--allow-wasi02-sockets");
                }
                command.arg(component).args(["--", address, mode]).args(files.map(|_| IDENTITY));
            }
            Program::Sandboxed => {
                let interpreter = self.root.join("dist/python.wasm");
                if !interpreter.exists() {
                    return Err(format!("{} is not built: cargo xtask python", interpreter.display()));
                }
                command = self.sandbox("python", listen);
                command.arg("--python").arg(interpreter).arg(self.root.join(ASYNCIO_SERVER));
                command.args([address, mode, "asyncio"]).args(files.map(|_| IDENTITY));
            }
            Program::Embedder => {
                let server = self.root.join("target/release/examples/bench_server");
                if !server.exists() {
                    return Err(format!("{} is not built", server.display()));
                }
                command = Command::new(server);
                command.args([address, mode]);
            }
            Program::Python(event_loop) => {
                let python = self.python.ok_or("there is no CPython on this machine")?;
                command = Command::from(python.command());
                command.arg(self.root.join(ASYNCIO_SERVER)).args([address, mode, event_loop]).args(files);
                if event_loop == "uvloop" {
                    command.env("PYTHONPATH", self.uvloop.as_ref().ok_or("uvloop is not installed")?);
                }
            }
            Program::Tokio { buffered } => {
                let own =
                    env::current_exe().map_err(|error| format!("this program does not know its place: {error}"))?;
                command = Command::new(own);
                command.arg("serve").args(buffered.then_some("--buffered")).args([address, mode]).args(files);
            }
        }
        Ok(command)
    }

    /// The command that runs programs in the sandbox, with what a server needs.
    fn sandbox(&self, subcommand: &str, listen: Listen<'_>) -> Command {
        let mut command = Command::new(self.root.join("target/release/wasyncio"));
        command.arg(subcommand);
        match listen {
            Listen::Unix(path) => command.args(["--allow-unix-listen", path]),
            Listen::Tcp | Listen::Tls(_) => command.args(["--allow-listen", "127.0.0.1:0"]),
        };
        if let Listen::Tls(identity) = listen {
            command.args(["--tls-identity", &format!("{IDENTITY}={}", identity.files())]);
        }
        command
    }
}
