//! asyncio's libraries, unmodified, in the sandbox: served by and serving native CPython, in the clear and by TLS.
//!
//! Each program of `programs/libraries` serves and fetches. What the client prints is to be the same, whichever of the two are in the
//! sandbox.
#![cfg(unix)]

#[path = "tls/mod.rs"]
mod with;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use wasyncio_python::say;
use wasyncio_tests::{finish_within, interpreter, programs, python, signal, spawn};
use with::Files;

/// How long the packages may take to be fetched.
const INSTALLING: Duration = Duration::from_secs(600);
/// How long a client may take. Imports of 200 modules are compiled in the sandbox.
const CLIENT: Duration = Duration::from_secs(120);

/// What is built from source, without extension modules.
const PURE: &str = "aiohttp,multidict,yarl,frozenlist,propcache,websockets,charset-normalizer,markupsafe,tornado";

/// Where the authority's certificate is, and no key: requests looks whether the file is there.
const TRUSTED: &str = "trusted";
const AUTHORITY: &str = "trusted/ca.pem";

/// The folder with the packages. None, with a line that says so, if they cannot be had.
fn packages() -> Option<&'static Path> {
    static PACKAGES: OnceLock<Option<PathBuf>> = OnceLock::new();
    PACKAGES.get_or_init(install).as_deref()
}

fn install() -> Option<PathBuf> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("python_libraries.txt");
    let wanted = fs::read_to_string(&list).expect("the list is beside this file");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python-libraries");
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).is_ok_and(|installed| installed == wanted) {
        return Some(folder);
    }
    // What is there is of another list.
    _ = fs::remove_dir_all(&folder);
    let mut pip = python()?;
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--disable-pip-version-check",
        "--root-user-action",
        "ignore",
    ]);
    pip.args(["--no-binary", PURE, "--requirement"]).arg(&list).arg("--target").arg(&folder);
    for name in ["AIOHTTP", "MULTIDICT", "YARL", "FROZENLIST", "PROPCACHE"] {
        pip.env(format!("{name}_NO_EXTENSIONS"), "1");
    }
    let finished = finish_within(INSTALLING, &mut pip);
    if !finished.status.success() {
        let reason = finished.stderr.trim().lines().last().unwrap_or_default().to_owned();
        say(&format!("NOT RUN: libraries of asyncio in the sandbox: pip cannot install them: {reason}"));
        return None;
    }
    fs::write(installed, wanted).expect("the folder is ours");
    Some(folder)
}

/// Where a program runs.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Native,
    Sandbox,
}

/// The program `with_NAME.py` and what it needs.
struct Library<'a> {
    name: &'a str,
    files: &'a Files,
}

impl Library<'_> {
    fn command(&self, place: Place, arguments: &[OsString]) -> Option<Command> {
        let (packages, folder) = (packages()?, programs().join("libraries"));
        let mut command = match place {
            Place::Native => {
                let mut native = python()?;
                native.args(["-u", "-B"]).env("PYTHONPATH", packages);
                native
            }
            Place::Sandbox => {
                let shown = |name: &str| self.files.shown(name);
                let identity = format!("{0}={0},{1}", shown("web.pem"), shown("web.key"));
                let (trusted, trust) = (shown(TRUSTED), format!("{0}={0}", shown(AUTHORITY)));
                let (packages, folder) = (packages.to_str()?, folder.to_str()?);
                interpreter(&[
                    "--site",
                    packages,
                    "--dir",
                    folder,
                    "--dir",
                    &trusted,
                    "--allow-listen",
                    "127.0.0.1:*",
                    "--allow-connect",
                    "127.0.0.1:*",
                    "--allow-connect",
                    "localhost:*",
                    "--resolve",
                    "localhost=127.0.0.1",
                    "--tls-identity",
                    &identity,
                    "--tls-trust",
                    &trust,
                ])?
            }
        };
        command.arg(folder.join(format!("with_{}.py", self.name))).args(arguments);
        Some(command)
    }

    /// What the client prints, one of the two in the given places.
    fn printed(&self, server: Place, client: Place, tls: bool) -> Option<String> {
        let secure = |names: &[&str]| -> Vec<OsString> {
            names.iter().filter(|_| tls).map(|name| self.files.at(name).into_os_string()).collect()
        };
        let mut arguments = vec!["serve".into()];
        arguments.extend(secure(&["web.pem", "web.key"]));
        let mut serving = spawn(&mut self.command(server, &arguments)?);
        let port = serving.address().port();
        let mut arguments = vec!["fetch".into(), port.to_string().into()];
        arguments.extend(secure(&[AUTHORITY]));
        let finished = finish_within(CLIENT, &mut self.command(client, &arguments)?);
        let what = format!("{}: {server:?} serves {client:?}, tls: {tls}", self.name);
        if !finished.status.success() || !finished.stdout.ends_with("done\n") {
            panic!("{what}\n{}{}\nserver:\n{}", finished.stdout, finished.stderr, serving.printed());
        }
        if server == Place::Sandbox {
            // A graceful stop, as Ctrl-C.
            signal(serving.id(), "-TERM");
            serving.wait();
        }
        Some(finished.stdout)
    }

    /// Compares with what is printed where nothing is in the sandbox.
    fn works(&self, tls: bool) {
        use Place::{Native, Sandbox};
        let Some(expected) = self.printed(Native, Native, tls) else { return };
        for (server, client) in [(Sandbox, Native), (Native, Sandbox), (Sandbox, Sandbox)] {
            let Some(printed) = self.printed(server, client, tls) else { return };
            assert_eq!(printed, expected, "{}: {server:?} serves {client:?}, tls: {tls}", self.name);
        }
    }
}

fn works(name: &str) {
    let files = Files::new();
    fs::create_dir(files.at(TRUSTED)).expect("a temporary folder");
    fs::copy(files.at("ca.pem"), files.at(AUTHORITY)).expect("a temporary folder");
    let library = Library { name, files: &files };
    library.works(false);
    library.works(true);
}

#[test]
fn websockets_works() {
    works("websockets");
}

#[test]
fn aiohttp_works() {
    works("aiohttp");
}

#[test]
fn anyio_works() {
    works("anyio");
}

#[test]
fn uvicorn_starlette_and_httpx_work() {
    works("starlette");
}

#[test]
fn redis_works() {
    works("redis");
}

#[test]
fn aiosmtpd_and_aiosmtplib_work() {
    works("smtp");
}

#[test]
fn tornado_works() {
    works("tornado");
}

#[test]
fn hypercorn_quart_and_requests_work() {
    works("quart");
}
