//! Runs the conformance test's programs on our readers, compiled three times: as `conformance-linked` on the crate `wasyncio`, as
//! `conformance-composed` on `bindings/rust`, and as `conformance-plain` on the methods of `wit/` as generated. Each has the crate
//! under the name `asyncio`.
//!
//! ```text
//! wasyncio run dist/tests/conformance-linked.wasm -- fed < programs > reports
//! ```

mod exceptions;

use asyncio::{ConnectionOptions, StreamReader, StreamWriter, open_connection_with};
use conformance_programs::{Connection, Exception, Fed, Reader, number};
use exceptions::told;

struct Ours(StreamReader);

impl Reader for Ours {
    async fn read(&self, n: i64) -> Result<Vec<u8>, Exception> {
        self.0.read(number(n)).await.map_err(told)
    }

    async fn readline(&self) -> Result<Vec<u8>, Exception> {
        self.0.readline().await.map_err(told)
    }

    async fn readexactly(&self, n: i64) -> Result<Vec<u8>, Exception> {
        self.0.readexactly(number(n)).await.map_err(told)
    }

    async fn readuntil(&self, separators: Vec<Vec<u8>>) -> Result<Vec<u8>, Exception> {
        self.0.readuntil(&separators).await.map_err(told)
    }

    fn exception(&self) -> Option<Exception> {
        self.0.exception().map(told)
    }

    fn at_eof(&self) -> bool {
        self.0.at_eof()
    }
}

impl Fed for Ours {
    fn new(limit: Option<i64>) -> Result<Self, Exception> {
        StreamReader::new(limit.map(number)).map(Self).map_err(told)
    }

    fn feed_data(&self, data: &[u8]) -> Result<(), Exception> {
        self.0.feed_data(data).map_err(told)
    }

    fn feed_eof(&self) {
        self.0.feed_eof();
    }

    fn set_exception(&self, exception: Exception) -> Result<(), String> {
        self.0.set_exception(exceptions::made(exception)?);
        Ok(())
    }
}

struct Opened(StreamWriter);

impl Connection for Opened {
    type Reader = Ours;

    async fn open(port: u16, limit: Option<i64>) -> Result<(Ours, Self), Exception> {
        let options = ConnectionOptions { limit: limit.map(number), ..Default::default() };
        let (reader, writer) = open_connection_with(Some("127.0.0.1"), Some(port), options).await.map_err(told)?;
        Ok((Ours(reader), Self(writer)))
    }

    fn write(&self, data: &[u8]) -> Result<(), Exception> {
        self.0.write(data).map_err(told)
    }

    fn close(&self) {
        self.0.close();
    }
}

async fn run() -> Result<(), String> {
    match console::arguments().split_first() {
        Some((what, [])) if what == "fed" => conformance_programs::run_fed::<Ours>().await,
        Some((what, ports)) if what == "connected" => conformance_programs::run_connected::<Opened>(ports).await,
        _ => Err("the arguments are `fed`, or `connected` and two ports".to_owned()),
    }
}

struct Conformance;

impl wasip3::exports::cli::run::Guest for Conformance {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| console::eprintln(format!("{}: {error}", env!("CARGO_PKG_NAME"))))
    }
}

wasip3::cli::command::export!(Conformance);
