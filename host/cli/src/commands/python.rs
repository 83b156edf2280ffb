//! `wasyncio python`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use wasyncio_host::Result;

use super::flags::Flags;
use super::job::Job;
use super::run::SIGNALS;
use super::script::Script;
use crate::exit_code::{self, HostCode};
use crate::say;

const EXAMPLES: &str = "\
Examples:
  wasyncio python --allow-listen 127.0.0.1:8888 echo.py
  wasyncio python --allow-connect '*.example.com:443' --site .venv client.py --verbose
  wasyncio python --site . -m package.module
  wasyncio python -c 'print(1 + 1)'

The directory that SCRIPT.py is in can be read, links resolved, under its own name. With -m, -c and - no directory can.
A change of grants takes new instances here, because the script may have changed, too.";

/// The file of the interpreter.
const FILE: &str = "python.wasm";

/// Where the file of the interpreter is, if no flag says so.
const VARIABLE: &str = "WASYNCIO_PYTHON";

/// What CPython ends with if there is no script to run.
const NO_SCRIPT: u8 = 2;

/// Run a Python program, with the network access that is granted and no other
///
/// The interpreter is a component, and is run as `wasyncio run` runs any: in a sandbox without network, environment and files,
/// but for what is granted. What stands behind the script is the script's.
#[derive(Debug, Args)]
#[command(
    override_usage = "wasyncio python [OPTIONS] SCRIPT.py [ARGS]...\n       \
                      wasyncio python [OPTIONS] <-m MODULE | -c CODE | -> [ARGS]...",
    after_help = format!("{EXAMPLES}\n\n{}\n\n{SIGNALS}", exit_code::SCRIPT_HELP)
)]
pub(super) struct Python {
    /// The program and its arguments: SCRIPT.py, -m MODULE, -c CODE, or - for standard input
    #[arg(value_name = "SCRIPT.py", required = true, trailing_var_arg = true, allow_hyphen_values = true)]
    program: Vec<String>,

    /// The interpreter, of `cargo xtask python`
    /// [default: $WASYNCIO_PYTHON, python.wasm beside this command, or dist/python.wasm]
    #[arg(long, value_name = "FILE")]
    python: Option<PathBuf>,

    /// Let the program import packages of DIR, a virtual environment or a folder, and read what is there; may be repeated
    #[arg(long, value_name = "DIR")]
    site: Vec<PathBuf>,

    #[command(flatten)]
    flags: Flags,
}

impl Python {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let (what, args) = match parse(self.program) {
            Ok(parsed) => parsed,
            Err(message) => {
                say::error(&message);
                return Ok(HostCode::Usage.into());
            }
        };
        let script = match what {
            What::Options(options) => Ok(Script::without_file(options)),
            What::File(file) => Script::file(Path::new(&file)),
        };
        let mut script = match script {
            Ok(script) => script,
            Err(error) => {
                say::error(&error);
                return Ok(NO_SCRIPT.into());
            }
        };
        self.site.iter().try_for_each(|site| script.add_site(site))?;
        let Some(program) = self.python.or_else(interpreter) else {
            say::error(&format_args!(
                "there is no {FILE}: make it by `cargo xtask python`, or name one by --python or {VARIABLE}"
            ));
            return Ok(HostCode::NotStarted.into());
        };
        Job { program, flags: self.flags, script: Some(script), args }.execute()
    }
}

/// What is to be run.
#[derive(Debug, PartialEq, Eq)]
enum What {
    File(String),
    /// Options of the interpreter.
    Options(Vec<String>),
}

/// Divides what stands behind the flags into what is to be run and its arguments.
fn parse(program: Vec<String>) -> std::result::Result<(What, Vec<String>), String> {
    let mut words = program.into_iter();
    let first = words.next().unwrap_or_default();
    let what = match first.as_str() {
        "" => return Err("write SCRIPT.py, -m MODULE, -c CODE, or -".to_owned()),
        "-" => What::Options(vec![first]),
        "-c" | "-m" => {
            let value = words.next().ok_or_else(|| format!("argument expected for the {first} option"))?;
            What::Options(vec![first, value])
        }
        // As in `python -cprint(1)`.
        _ if first.starts_with("-c") || first.starts_with("-m") => {
            let (option, value) = first.split_at(2);
            What::Options(vec![option.to_owned(), value.to_owned()])
        }
        _ if first.starts_with('-') => {
            return Err(format!(
                "unknown flag {first}: see `wasyncio python --help`; a script of that name is ./{first}"
            ));
        }
        _ => What::File(first),
    };
    Ok((what, words.collect()))
}

/// The interpreter where it is expected to be.
fn interpreter() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os(VARIABLE).filter(|named| !named.is_empty()) {
        return Some(named.into());
    }
    let beside = std::env::current_exe().ok().and_then(|command| Some(command.parent()?.join(FILE)));
    beside.into_iter().chain([Path::new("dist").join(FILE)]).find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::commands::{Cli, Command};

    fn parsed(words: &[&str]) -> (What, Vec<String>) {
        let words = ["wasyncio", "python", "--allow-listen", "127.0.0.1:0"].iter().chain(words);
        let Command::Python(python) = Cli::try_parse_from(words).unwrap().command else {
            panic!("it is `python`");
        };
        parse(python.program).unwrap()
    }

    fn texts(words: &[&str]) -> Vec<String> {
        words.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn what_stands_behind_the_script_is_the_scripts() {
        let words = ["--dir", "x", "-c", "--", "--help"];
        let behind = |first: &[&str]| parsed(&[first, &words].concat());
        assert_eq!(behind(&["a.py"]), (What::File("a.py".to_owned()), texts(&words)));
        assert_eq!(behind(&["-c", "-1"]), (What::Options(texts(&["-c", "-1"])), texts(&words)));
        assert_eq!(behind(&["-cpass"]), (What::Options(texts(&["-c", "pass"])), texts(&words)));
        assert_eq!(behind(&["-m", "a.b"]), (What::Options(texts(&["-m", "a.b"])), texts(&words)));
        assert_eq!(behind(&["-"]), (What::Options(texts(&["-"])), texts(&words)));
    }

    #[test]
    fn what_cannot_be_run_is_told() {
        assert!(parse(texts(&["--no-such", "a.py"])).unwrap_err().contains("unknown flag --no-such"));
        assert_eq!(parse(texts(&["-c"])).unwrap_err(), "argument expected for the -c option");
        assert!(Cli::try_parse_from(["wasyncio", "python"]).is_err());
    }
}
