//! Runs the conformance test's programs on the crate `wasyncio`, linked: no boundary between the programs and the reader.
//!
//! ```text
//! wasyncio run dist/tests/conformance-linked.wasm < programs > reports
//! ```

mod exceptions;

use conformance_programs::{Exception, Reader};
use wasyncio::StreamReader;

struct Linked(StreamReader);

impl Reader for Linked {
    fn new(limit: Option<u64>) -> Result<Self, Exception> {
        StreamReader::new(limit).map(Self).map_err(exceptions::told)
    }

    async fn read(&self, n: i64) -> Result<Vec<u8>, Exception> {
        self.0.read(n).await.map_err(exceptions::told)
    }

    async fn readline(&self) -> Result<Vec<u8>, Exception> {
        self.0.readline().await.map_err(exceptions::told)
    }

    async fn readexactly(&self, n: i64) -> Result<Vec<u8>, Exception> {
        self.0.readexactly(n).await.map_err(exceptions::told)
    }

    async fn readuntil(&self, separators: Vec<Vec<u8>>) -> Result<Vec<u8>, Exception> {
        self.0.readuntil(&separators).await.map_err(exceptions::told)
    }

    fn feed_data(&self, data: &[u8]) -> Result<(), Exception> {
        self.0.feed_data(data).map_err(exceptions::told)
    }

    fn feed_eof(&self) {
        self.0.feed_eof();
    }

    fn set_exception(&self, exception: Exception) -> Result<(), String> {
        self.0.set_exception(exceptions::made(exception)?);
        Ok(())
    }

    fn exception(&self) -> Option<Exception> {
        self.0.exception().map(exceptions::told)
    }

    fn at_eof(&self) -> bool {
        self.0.at_eof()
    }
}

struct Conformance;

impl wasip3::exports::cli::run::Guest for Conformance {
    async fn run() -> Result<(), ()> {
        let run = conformance_programs::run::<Linked>().await;
        run.map_err(|error| console::eprintln(format!("conformance-linked: {error}")))
    }
}

wasip3::cli::command::export!(Conformance);
