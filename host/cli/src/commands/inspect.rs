//! `wasyncio inspect`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use wasyncio_host::{Inspection, Result};

use super::read;

/// Show what a component imports, which grants that means, and what it exports
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio inspect app.wasm")]
pub(super) struct Inspect {
    /// The component
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
}

/// What an interface of WASI is for, and which flags of `wasyncio run` are about it.
const MEANINGS: &[(&str, &str)] = &[
    ("wasi:sockets/types", "TCP: --allow-listen, --allow-connect, --allow-source (UDP is always refused)"),
    (
        "wasi:sockets/ip-name-lookup",
        "look-ups of the names in --allow-connect, and of this machine's in --allow-listen; --resolve",
    ),
    ("wasi:sockets/udp", "UDP: always refused"),
    ("wasi:sockets/tcp", "TCP of WASI 0.2: --allow-wasi02-sockets, besides --allow-listen, --allow-connect"),
    ("wasi:sockets/", "TCP: --allow-listen, --allow-connect"),
    ("wasi:filesystem/", "directories: --dir"),
    ("wasi:cli/environment", "arguments: after `--`; variables: --env"),
    ("wasi:cli/stdin", "standard input: --stdio"),
    ("wasi:cli/stdout", "standard output: --stdio"),
    ("wasi:cli/stderr", "standard error: --stdio"),
    ("wasi:cli/", "always there"),
    ("wasi:clocks/", "always there"),
    ("wasi:random/", "always there"),
    ("wasi:io/", "always there"),
    ("wasyncio:streams/connect", "TCP: --allow-connect"),
    ("wasyncio:streams/server", "TCP: --allow-listen"),
    ("wasyncio:streams/unix", "Unix sockets: --allow-unix, --allow-unix-listen"),
    ("wasyncio:host/unix", "Unix sockets: --allow-unix, --allow-unix-listen (this host has them, not every one)"),
    ("wasyncio:streams/", "composed with the program as it is loaded"),
];

impl Inspect {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let name = self.file.display().to_string();
        let inspection = Inspection::of(&name, &read(&self.file)?)?;
        // Whoever closed standard output has seen enough.
        _ = std::io::stdout().write_all(report(&name, &inspection).as_bytes());
        Ok(ExitCode::SUCCESS)
    }
}

fn report(name: &str, inspection: &Inspection) -> String {
    let program = inspection.exports.iter().any(|export| export.starts_with("wasi:cli/run@"));
    let kind = if program { "a program: `wasyncio run` can run it" } else { "no program: it exports no wasi:cli/run" };
    let composed = match &inspection.needs_streams {
        Some(import) => format!("no: it needs {import}, which `wasyncio run` and `compose` add"),
        None => "it needs no wasyncio:streams from outside".to_owned(),
    };
    let mut text = format!("{name} is {kind}\ncomposed: {composed}\n");
    let width = inspection.imports.iter().map(String::len).max().unwrap_or(0);
    text += if inspection.imports.is_empty() { "imports: nothing\n" } else { "imports:\n" };
    for import in &inspection.imports {
        text += &format!("  {import:width$}  {}\n", meaning(import));
    }
    text += if inspection.exports.is_empty() { "exports: nothing\n" } else { "exports:\n" };
    for export in &inspection.exports {
        text += &format!("  {export}\n");
    }
    text
}

fn meaning(import: &str) -> &'static str {
    let known = MEANINGS.iter().find(|(prefix, _)| import.starts_with(prefix));
    known.map_or("not known to this host, which will refuse to run it", |(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_means_its_most_exact_entry() {
        assert!(meaning("wasi:sockets/types@0.3.2").contains("--allow-listen"));
        assert!(meaning("wasi:cli/environment@0.3.2").contains("--env"));
        assert_eq!(meaning("wasi:cli/exit@0.3.2"), "always there");
        assert!(meaning("wasyncio:streams/server@0.1.0").contains("--allow-listen"));
        assert!(meaning("wasyncio:streams/unix@0.1.0").contains("--allow-unix-listen"));
        assert!(meaning("wasyncio:host/unix@0.1.0").contains("--allow-unix"));
        assert!(meaning("foo:bar/baz").contains("refuse"));
    }
}
