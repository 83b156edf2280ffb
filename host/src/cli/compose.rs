//! `wasyncio compose`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use wasyncio_host::Result;

use super::{Streams, read};
use crate::say;

/// Write a program and wasyncio:streams as one component, which needs only WASI
///
/// The result runs on any runtime with WASI 0.3 sockets.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio compose app.wasm -o complete.wasm")]
pub(super) struct Compose {
    /// The program: a WebAssembly component that imports wasyncio:streams
    #[arg(value_name = "APP.wasm")]
    app: PathBuf,

    /// Where to write the result
    #[arg(short, long, value_name = "OUT.wasm")]
    output: PathBuf,

    #[command(flatten)]
    streams: Streams,
}

impl Compose {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let host = self.streams.host()?;
        let bytes = read(&self.app)?;
        let name = self.app.display().to_string();
        let composed = host.compose(&name, &bytes)?;
        if matches!(composed, std::borrow::Cow::Borrowed(_)) {
            say(&format_args!("{name} does not import wasyncio:streams, so there is nothing to compose"));
            return Ok(ExitCode::FAILURE);
        }
        if let Err(error) = std::fs::write(&self.output, composed) {
            say(&format_args!("cannot write {}: {error}", self.output.display()));
            return Ok(ExitCode::FAILURE);
        }
        Ok(ExitCode::SUCCESS)
    }
}
