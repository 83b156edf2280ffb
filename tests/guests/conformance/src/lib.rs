//! Runs the conformance test's programs on the readers that `wasyncio-client` has: with the argument `plain` on asyncio's
//! asynchronous methods as they cross the boundary, with `fast` on `bindings/rust`, which asks by synchronous calls first.
//!
//! ```text
//! wasyncio run dist/tests/conformance.wasm -- fast < programs > reports
//! ```

mod exceptions;

use conformance_programs::{Exception, Reader};

/// The two have the same methods; a trait of their own is all that they lack.
macro_rules! reader {
    ($name:ident of $reader:ty) => {
        struct $name($reader);

        impl Reader for $name {
            fn new(limit: Option<u64>) -> Result<Self, Exception> {
                <$reader>::new(limit).map(Self).map_err(exceptions::told)
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
                self.0.readuntil(separators).await.map_err(exceptions::told)
            }

            fn feed_data(&self, data: &[u8]) -> Result<(), Exception> {
                self.0.feed_data(data).map_err(exceptions::told)
            }

            fn feed_eof(&self) {
                self.0.feed_eof();
            }

            fn set_exception(&self, exception: Exception) -> Result<(), String> {
                self.0.set_exception(&exceptions::made(exception)?);
                Ok(())
            }

            fn exception(&self) -> Option<Exception> {
                self.0.exception().map(exceptions::told)
            }

            fn at_eof(&self) -> bool {
                self.0.at_eof()
            }
        }
    };
}

reader!(Plain of wasyncio_client::plain::StreamReader);
reader!(Fast of wasyncio_client::StreamReader);

async fn run() -> Result<(), String> {
    match console::arguments().as_slice() {
        [mode] if mode == "plain" => conformance_programs::run::<Plain>().await,
        [mode] if mode == "fast" => conformance_programs::run::<Fast>().await,
        _ => Err("the argument is plain or fast".to_owned()),
    }
}

struct Conformance;

impl wasip3::exports::cli::run::Guest for Conformance {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| console::eprintln(format!("conformance: {error}")))
    }
}

wasip3::cli::command::export!(Conformance);
