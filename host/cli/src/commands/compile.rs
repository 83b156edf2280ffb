//! `wasyncio compile`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use wasyncio_host::Result;

use super::cache::CacheFlags;
use super::{Streams, read, write};

/// Compile a program ahead of time, for this version of wasyncio and processors like this one
///
/// The result starts at once, without a cache. It is native code: nothing limits what it does, so `wasyncio run` takes
/// it only with --allow-precompiled. Keep it where nobody else can write.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wasyncio compile app.wasm -o app.cwasm
  wasyncio run --allow-precompiled app.cwasm")]
pub(super) struct Compile {
    /// The program: a WebAssembly component
    #[arg(value_name = "APP.wasm")]
    app: PathBuf,

    /// Where to write the result
    #[arg(short, long, value_name = "APP.cwasm")]
    output: PathBuf,

    #[command(flatten)]
    streams: Streams,

    #[command(flatten)]
    cache: CacheFlags,
}

impl Compile {
    pub(super) fn execute(self) -> Result<ExitCode> {
        let host = self.streams.host(&self.cache, None)?;
        let code = host.precompile(&self.app.display().to_string(), &read(&self.app)?)?;
        Ok(write(&self.output, &code))
    }
}
