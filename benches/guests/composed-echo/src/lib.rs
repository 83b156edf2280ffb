//! The benchmark's server on `bindings/rust`: synchronous calls to another component, and the ready queue. Told so, it takes the
//! raw stream out of the reader for bulk data: what the host receives then goes past the other component.

use bench_protocol::{DETACHED, Mode, Received, SERVING};
use console::{eprintln, println};
use wasyncio_client::{Error, StreamReader, StreamWriter, serve_forever, start_server};
use wit_bindgen::StreamResult;

/// How much is taken from a raw stream at once, in bytes.
const CHUNK: usize = 256 * 1024;

async fn echo(reader: &StreamReader, writer: &StreamWriter) -> Result<(), Error> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            return Ok(());
        }
        writer.write(line)?;
        writer.drain().await?;
    }
}

async fn sink(reader: &StreamReader, writer: &StreamWriter) -> Result<(), Error> {
    let mut received = Received::default();
    loop {
        let data = reader.read(65536).await?;
        if data.is_empty() {
            break;
        }
        received.take(&data);
    }
    report(received, writer).await
}

async fn sink_detached(reader: StreamReader, writer: &StreamWriter) -> Result<(), Error> {
    let mut received = Received::default();
    let (buffered, mut stream) = reader.detach()?;
    received.take(&buffered);
    let mut chunk = Vec::with_capacity(CHUNK);
    loop {
        let result;
        (result, chunk) = stream.read(chunk).await;
        received.take(&chunk);
        chunk.clear();
        if result == StreamResult::Dropped {
            return report(received, writer).await;
        }
    }
}

async fn report(received: Received, writer: &StreamWriter) -> Result<(), Error> {
    writer.write(received.report().as_bytes())?;
    writer.drain().await
}

async fn serve(mode: Mode, detached: bool, reader: StreamReader, writer: StreamWriter) {
    let served = match mode {
        Mode::Echo => echo(&reader, &writer).await,
        Mode::Sink if detached => sink_detached(reader, &writer).await,
        Mode::Sink => sink(&reader, &writer).await,
    };
    writer.close();
    // A client that ends a measurement resets its connections; every other failure it notices itself.
    let _ = served.and(writer.wait_closed().await);
}

async fn run() -> Result<(), String> {
    let mut arguments = console::arguments();
    let detached = arguments.pop_if(|last| last == DETACHED).is_some();
    let (address, mode) = bench_protocol::parse(&arguments)?;
    let server = start_server(&address.ip().to_string(), address.port()).await.map_err(|error| error.message())?;
    for socket in server.sockets() {
        println(format!("{SERVING}{socket}"));
    }
    let served = serve_forever(&server, move |reader, writer| serve(mode, detached, reader, writer));
    served.await.map_err(|error| error.message())
}

struct ComposedEcho;

impl wasip3::exports::cli::run::Guest for ComposedEcho {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln(format!("composed-echo: {error}")))
    }
}

wasip3::cli::command::export!(ComposedEcho with_types_in wasyncio_client::command);
