//! What watches a connection for being idle ends with it.

use std::net::TcpListener;
use std::time::Duration;

use tokio::runtime::Handle;
use wasyncio_host::embed::StreamResult;
use wasyncio_host::{Host, Limits, Policy};

#[tokio::test]
async fn nothing_watches_a_connection_that_is_closed() {
    assert!(wasyncio_host::embedded().is_some(), "there are no streams in this build: run `cargo xtask build` first");
    let host = Host::builder().cache(true).build().unwrap();
    let mut limits = Limits::default();
    limits.idle_timeout = Some(Duration::from_secs(3600));
    let local = Policy::new().allow_connect("127.0.0.1:*".parse().unwrap());
    let mut streams = host.streams().unwrap().policy(local).limits(limits).start().await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let before = Handle::current().metrics().num_alive_tasks();
    let work = streams.run(async |asyncio| {
        for _ in 0..50 {
            let (_reader, writer) = asyncio.open_connection("127.0.0.1", port, None).await?;
            drop(listener.accept().unwrap());
            writer.close().await?;
            writer.wait_closed().await?;
        }
        StreamResult::Ok(())
    });
    work.await.unwrap().unwrap();
    drop(streams);
    // Those that are ended are gone when their runtime has had its turn.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let after = Handle::current().metrics().num_alive_tasks();
    assert!(after <= before + 1, "{before} tasks became {after}");
}
