//! `wasyncio compose`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use wasyncio_host::{Inspection, Result};

use super::cache::CacheFlags;
use super::{Streams, read, write};
use crate::say;

/// Write a program and wasyncio:streams as one component, which needs only WASI
///
/// The result runs on any runtime with WASI 0.3 sockets. A program that imports wasyncio:streams/unix or tls needs more than WASI: what
/// its host must provide is told. With --stock, what it needs is compared with what the wasmtime
/// command has, from version 48 on, and the line that runs it there is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio compose app.wasm -o complete.wasm
  wasyncio compose app.wasm -o complete.wasm --stock   # prints: wasmtime run -S ... complete.wasm")]
pub(super) struct Compose {
    /// The program: a WebAssembly component that imports wasyncio:streams
    #[arg(value_name = "APP.wasm")]
    app: PathBuf,

    /// Where to write the result
    #[arg(short, long, value_name = "OUT.wasm")]
    output: PathBuf,

    /// Check that the wasmtime command can run the result, and print how; nothing is written if it cannot
    ///
    /// That command grants the network as a whole, or not at all.
    #[arg(long)]
    stock: bool,

    #[command(flatten)]
    streams: Streams,

    #[command(flatten)]
    cache: CacheFlags,
}

impl Compose {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let host = self.streams.host(&self.cache, None)?;
        let bytes = read(&self.app)?;
        let name = self.app.display().to_string();
        let composed = host.compose(&name, &bytes)?;
        if matches!(composed, std::borrow::Cow::Borrowed(_)) {
            say::error(&format_args!("{name} does not import wasyncio:streams, so there is nothing to compose"));
            return Ok(ExitCode::FAILURE);
        }
        let options = if self.stock { Some(host.stock_options(&name, &composed)?) } else { None };
        let written = write(&self.output, &composed);
        if written == ExitCode::SUCCESS
            && let Some(import) = beside_wasi(&name, &composed)?
        {
            say::info(&format_args!(
                "{} needs a host that provides {import}, as `wasyncio run` does",
                self.output.display()
            ));
        }
        if let Some(options) = options.filter(|_| written == ExitCode::SUCCESS) {
            // Whoever closed standard output does not want to know.
            _ = writeln!(std::io::stdout(), "{}", stock_line(&options, &self.output));
        }
        Ok(written)
    }
}

/// The first import of a component that is of this project's host and not of WASI.
fn beside_wasi(name: &str, composed: &[u8]) -> Result<Option<String>> {
    let imports = Inspection::of(name, composed)?.imports;
    Ok(imports.into_iter().find(|import| import.starts_with("wasyncio:host/")))
}

/// How the wasmtime command runs `file`, as one types it.
fn stock_line(options: &[&str], file: &Path) -> String {
    let file = file.display().to_string();
    // A path has no NUL, which alone cannot be quoted.
    let file = shlex::try_quote(&file).unwrap_or_default();
    let options = if options.is_empty() { String::new() } else { format!("-S {} ", options.join(",")) };
    format!("wasmtime run {options}{file}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_can_be_pasted_into_a_shell() {
        let line = stock_line(&["p3", "inherit-network"], Path::new("a/b-1.wasm"));
        assert_eq!(line, "wasmtime run -S p3,inherit-network a/b-1.wasm");
        let line = stock_line(&[], Path::new("it's $HOME.wasm"));
        assert_eq!(shlex::split(&line).unwrap(), ["wasmtime", "run", "it's $HOME.wasm"]);
    }
}
