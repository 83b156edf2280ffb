//! How much memory readers and writers take: wasyncio linked in, so that the memory measured is the one it uses.
//!
//! Arguments: `flood` or `stuck`, and the port of a peer that floods or never reads. Prints the growth in bytes.

use wasyncio::{Error, open_connection};

/// The size of this component's memory in bytes.
fn memory() -> usize {
    #[cfg(target_arch = "wasm32")]
    let pages = core::arch::wasm32::memory_size(0);
    // Only for the checks of code that is not run.
    #[cfg(not(target_arch = "wasm32"))]
    let pages = 0;
    pages << 16
}

/// Reads lines from a peer that never sends the end of one, until it has sent all.
async fn flood(port: u16) -> Result<(), Error> {
    let (reader, _writer) = open_connection("127.0.0.1", port).await?;
    let before = memory();
    let mut overruns = 0;
    loop {
        match reader.readuntil(&[b"\n"]).await {
            Err(Error::LimitOverrun { consumed, .. }) => {
                overruns += 1;
                reader.readexactly(consumed as i64).await?;
            }
            Err(Error::IncompleteRead { .. }) => break,
            other => {
                other?;
            }
        }
    }
    console::println(format!("grown {} after {overruns} overruns", memory() - before));
    Ok(())
}

/// Writes to a peer that never reads, draining as one should.
async fn stuck(port: u16) -> Result<(), Error> {
    let (_reader, writer) = open_connection("127.0.0.1", port).await?;
    let before = memory();
    console::println("writing");
    let written = async {
        for _ in 0..4096 {
            writer.write(&[b'x'; 16384])?;
            writer.drain().await?;
        }
        Ok::<_, Error>(())
    };
    let gave_up = wasip3::clocks::monotonic_clock::wait_for(2_000_000_000);
    let (mut written, mut gave_up) = (std::pin::pin!(written), std::pin::pin!(gave_up));
    let finished = std::future::poll_fn(|cx| {
        if written.as_mut().poll(cx).is_ready() {
            return std::task::Poll::Ready(true);
        }
        gave_up.as_mut().poll(cx).map(|()| false)
    })
    .await;
    let size = writer.transport().get_write_buffer_size();
    console::println(format!("grown {} with {size} buffered, finished: {finished}", memory() - before));
    writer.transport().abort();
    Ok(())
}

struct Memory;

impl wasip3::exports::cli::run::Guest for Memory {
    async fn run() -> Result<(), ()> {
        let arguments = console::arguments();
        let port = arguments.get(1).and_then(|port| port.parse().ok()).unwrap_or_default();
        let result = match arguments.first().map(String::as_str) {
            Some("flood") => flood(port).await,
            _ => stuck(port).await,
        };
        result.map_err(|error| console::eprintln(error.to_string()))
    }
}

wasip3::cli::command::export!(Memory);
