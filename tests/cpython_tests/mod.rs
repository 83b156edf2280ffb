//! CPython's own tests: where they are, how a module of them is run in the sandbox, and what is expected of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use wasyncio_python::{Python, say};
use wasyncio_tests::{finish_within, interpreter, programs};

/// How long a module may take, on a busy machine.
const MODULE: Duration = Duration::from_secs(300);

/// The file `programs/cpython_tests.txt`, which says of itself how it is to be read.
pub(crate) struct Expected {
    /// Whose tests were run as it was written.
    pub(crate) version: String,
    /// In its order.
    pub(crate) modules: Vec<Module>,
}

/// What is expected of a module.
#[derive(Default)]
pub(crate) struct Module {
    /// Such as `test_streams`.
    pub(crate) name: String,
    /// How many tests pass.
    pub(crate) passes: usize,
    /// Those that fail, by class and name.
    pub(crate) failing: BTreeSet<String>,
    left_out: Vec<String>,
}

impl Module {
    /// Whether a test is said to fail.
    pub(crate) fn fails(&self, name: &str) -> bool {
        self.failing.contains(name)
    }
}

impl Expected {
    /// Reads the file.
    ///
    /// # Panics
    /// If it is not of its form: it is of this repository.
    pub(crate) fn parse(text: &str) -> Self {
        let mut expected = Self { version: String::new(), modules: Vec::new() };
        let mut left_out = None;
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            match line.split_once(' ') {
                Some(("CPython", version)) => version.clone_into(&mut expected.version),
                Some(("module", module)) => {
                    let (name, passes) = module.split_once(' ').expect("a name and a number");
                    let passes = passes.parse().expect("a number");
                    expected.modules.push(Module { name: name.into(), passes, ..Module::default() });
                    left_out = None;
                }
                Some(("fails:" | "hangs:", reason)) => {
                    assert!(!reason.is_empty(), "a reason is missing: {line}");
                    left_out = Some(line.starts_with("hangs:"));
                }
                _ => {
                    let module = expected.modules.last_mut().expect("a test is of a module");
                    let name = line.trim().to_owned();
                    match left_out.expect("a test has a reason") {
                        true => module.left_out.push(name),
                        false => assert!(module.failing.insert(name), "twice: {line}"),
                    }
                }
            }
        }
        expected
    }
}

/// How a test ended.
#[derive(PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Well.
    Passed,
    /// The test itself said that it is not for here.
    Skipped,
    /// With this.
    Failed(String),
}

/// A copy of the tests of this machine's newest CPython.
pub(crate) struct Tests {
    version: String,
    folder: tempfile::TempDir,
}

impl Tests {
    /// Finds and copies them. None, with a line that says so, without.
    pub(crate) fn find() -> Option<Self> {
        let Some(python) = Python::newest() else {
            say("NOT RUN: CPython's own tests: there is no Python 3");
            return None;
        };
        let script = "import os, test.test_asyncio, test.support; print(os.path.dirname(test.__file__))";
        let output = python.command().args(["-I", "-c", script]).output().expect("it was found");
        let source = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
        if !output.status.success() {
            say(&format!("NOT RUN: CPython's own tests: {} has them not", python.path().display()));
            return None;
        }
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a temporary folder");
        let copy = folder.path().join("site/test");
        for part in ["support", "test_asyncio", "certdata"] {
            copy_folder(&source.join(part), &copy.join(part));
        }
        fs::copy(source.join("__init__.py"), copy.join("__init__.py")).expect("it is a package");
        let keys = folder.path().join("keys");
        fs::create_dir(&keys).expect("the folder is ours");
        for name in ["ssl_cert.pem", "ssl_key.pem", "keycert3.pem", "pycacert.pem"] {
            let key = keys.join(name);
            fs::copy(copy.join("certdata").join(name), &key).expect("it is there in all versions");
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        }
        Some(Self { version: python.version().to_string(), folder })
    }

    /// Whose tests they are.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Runs a module: how each test ended, by class and name.
    ///
    /// # Panics
    /// If it does not end well: the interpreter has trapped, or hangs.
    pub(crate) fn run(&self, module: &Module) -> BTreeMap<String, Outcome> {
        let place = |name: &str| self.folder.path().join(name).display().to_string();
        let (site, here, keys) = (place("site"), place(&module.name), place("keys"));
        fs::create_dir(&here).expect("a module is run once");
        let mut run = interpreter(&["--site", &site, "--dir", &format!("{here}:rw")]).expect("it was there");
        for address in ["127.0.0.1:*", "[::1]:*", "0.0.0.0:*", "[::]:*", "localhost:*"] {
            run.args(["--allow-listen", address, "--allow-connect", address]);
        }
        let sockets = format!("{here}/*");
        // They name Unix sockets as from where they are.
        run.current_dir(&here).args(["--allow-unix", &sockets, "--allow-unix-listen", &sockets]);
        run.args(["--tls-identity", &format!("ssl_cert.pem={keys}/ssl_cert.pem,{keys}/ssl_key.pem")]);
        run.args(["--tls-identity", &format!("keycert3.pem={keys}/keycert3.pem,{keys}/keycert3.pem")]);
        run.args(["--tls-trust", &format!("pycacert.pem={keys}/pycacert.pem"), "--tls-unverified", "127.0.0.1"]);
        run.arg(programs().join("cpython_tests.py")).args([&here, &module.name]).args(&module.left_out);
        let finished = finish_within(MODULE, &mut run);
        let mut outcomes = BTreeMap::new();
        let mut ended = false;
        for line in finished.stdout.lines().filter(|line| line.starts_with('[')) {
            let (name, how, reason): (String, String, String) = serde_json::from_str(line).expect("lines are JSON");
            ended |= how == "end";
            let name = name.trim_start_matches("test.test_asyncio.").trim_start_matches(&module.name);
            let outcome = match how.as_str() {
                "end" => continue,
                "passed" => Outcome::Passed,
                "skipped" => Outcome::Skipped,
                _ => Outcome::Failed(reason),
            };
            outcomes.insert(name.trim_start_matches('.').to_owned(), outcome);
        }
        let (name, last) = (&module.name, outcomes.keys().next_back());
        assert!(ended && finished.status.success(), "{name}: {}\n{}\n{last:?}", finished.status, finished.stderr);
        outcomes
    }
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder is ours");
    for entry in fs::read_dir(from).expect("CPython has it") {
        let entry = entry.expect("it can be read").path();
        let name = entry.file_name().expect("entries have names");
        if !entry.is_dir() {
            fs::copy(&entry, to.join(name)).expect("it can be read");
        } else if name != "__pycache__" {
            copy_folder(&entry, &to.join(name));
        }
    }
}
