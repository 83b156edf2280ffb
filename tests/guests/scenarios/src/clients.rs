//! Scenarios of a client; the peer listens.

use asyncio::{ConnectionOptions, Error, open_connection_with};
use wit_bindgen::spawn_local;

use crate::transcript::{Repr, attempt, class, connect, connect_with, port, say, sleep, told};

pub(crate) async fn half_close() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    say(format!("can_write_eof {}", writer.can_write_eof().repr()));
    writer.write(b"first ")?;
    writer.writelines(&[b"second ".to_vec(), b"third".to_vec()])?;
    writer.write_eof()?;
    attempt("write", writer.write(b"more"));
    attempt("write nothing", writer.write(b""));
    attempt("read", reader.read(-1).await);
    say(format!("at_eof {}", reader.at_eof().repr()));
    attempt("read at the end", reader.read(10).await);
    attempt("readexactly at the end", reader.readexactly(10).await);
    say(format!("is_closing {}", writer.is_closing().repr()));
    writer.close();
    say(format!("is_closing {}", writer.is_closing().repr()));
    attempt("wait_closed", writer.wait_closed().await);
    Ok(())
}

pub(crate) async fn reset_while_reading() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    attempt("readline", reader.readline().await);
    attempt("read of a stored exception", reader.read(0).await);
    attempt("readexactly of a stored exception", reader.readexactly(0).await);
    say(format!("exception {}", reader.exception().as_ref().map(told).unwrap_or_default()));
    attempt("drain", writer.drain().await);
    say(format!("is_closing {}", writer.is_closing().repr()));
    attempt("write", writer.write(b"x"));
    attempt("wait_closed", writer.wait_closed().await);
    Ok(())
}

pub(crate) async fn reset_while_writing() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    let write = async {
        for _ in 0..2000 {
            writer.write(&[b'x'; 1000])?;
            writer.drain().await?;
            sleep(1).await;
        }
        Ok(())
    };
    match write.await {
        Ok(()) => say("no error"),
        Err(error) => say(format!("write {}", class(&error))),
    }
    attempt("wait_closed", writer.wait_closed().await);
    say(format!("is_closing {}", writer.is_closing().repr()));
    attempt("read", reader.read(1).await);
    Ok(())
}

pub(crate) async fn write_after_close() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    writer.close();
    say(format!("is_closing {}", writer.is_closing().repr()));
    attempt("write", writer.write(b"x"));
    attempt("drain", writer.drain().await);
    attempt("wait_closed", writer.wait_closed().await);
    attempt("read", reader.read(10).await);
    say(format!("at_eof {}", reader.at_eof().repr()));
    Ok(())
}

pub(crate) async fn second_waiter() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    let waiting = reader.clone();
    let first = spawn_local(async move { waiting.read(10).await });
    sleep(0).await;
    attempt("read", reader.read(1).await);
    attempt("readline", reader.readline().await);
    attempt("readexactly", reader.readexactly(1).await);
    attempt("read nothing", reader.read(0).await);
    say("waiting");
    attempt("first", first.await.unwrap_or_else(cancelled));
    writer.close();
    Ok(())
}

fn cancelled<T>() -> Result<T, Error> {
    Err(Error::Other("cancelled".into()))
}

pub(crate) async fn cancelled_read() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    let waiting = reader.clone();
    let mut task = spawn_local(async move { waiting.readexactly(6).await });
    sleep(0).await;
    say("waiting");
    sleep(50).await;
    task.cancel();
    sleep(0).await;
    say("cancelled");
    attempt("readexactly", reader.readexactly(6).await);
    for _ in 0..100 {
        let waiting = reader.clone();
        let mut task = spawn_local(async move { waiting.readline().await });
        sleep(0).await;
        task.cancel();
        sleep(0).await;
    }
    say("cancelled often");
    attempt("readline", reader.readline().await);
    writer.close();
    Ok(())
}

pub(crate) async fn slow_reader() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    let transport = writer.transport();
    let data: Vec<u8> = (0..=255).cycle().take(256 * 32768).collect();
    writer.write(&data)?;
    say(format!("size above the high mark {}", (transport.get_write_buffer_size() > 65536).repr()));
    say("draining");
    attempt("drain", writer.drain().await);
    say(format!("size at the low mark {}", (transport.get_write_buffer_size() <= 16384).repr()));
    writer.write_eof()?;
    attempt("read", reader.read(-1).await);
    writer.close();
    attempt("wait_closed", writer.wait_closed().await);
    Ok(())
}

pub(crate) async fn cancelled_drain() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    writer.write(vec![b'z'; 8_000_000])?;
    let draining = writer.clone();
    let done = std::rc::Rc::new(std::cell::Cell::new(false));
    let finished = done.clone();
    let mut task = spawn_local(async move {
        let result = draining.drain().await;
        finished.set(true);
        result
    });
    sleep(50).await;
    say(format!("done {}", done.get().repr()));
    task.cancel();
    sleep(0).await;
    say("cancelled");
    let also = writer.clone();
    let other = spawn_local(async move { also.drain().await });
    let one = writer.drain().await;
    match one.and(other.await.unwrap_or_else(cancelled)) {
        Ok(()) => say("two drains [None, None]"),
        Err(error) => say(format!("two drains {}", told(&error))),
    }
    writer.write_eof()?;
    attempt("read", reader.read(-1).await);
    writer.close();
    Ok(())
}

pub(crate) async fn close_with_unsent_data() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    writer.write(vec![b'y'; 8_000_000])?;
    writer.close();
    say("closing");
    attempt("wait_closed", writer.wait_closed().await);
    attempt("read", reader.read(10).await);
    Ok(())
}

pub(crate) async fn close_ends_a_waiting_read() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    let waiting = reader.clone();
    let task = spawn_local(async move { waiting.readline().await });
    sleep(20).await;
    writer.close();
    attempt("readline", task.await.unwrap_or_else(cancelled));
    attempt("wait_closed", writer.wait_closed().await);
    say(format!("at_eof {}", reader.at_eof().repr()));
    Ok(())
}

pub(crate) async fn abort_drops_unsent_data() -> Result<(), Error> {
    let (_reader, writer) = connect().await?;
    writer.write(vec![b'y'; 8_000_000])?;
    let transport = writer.transport();
    transport.abort();
    say(format!("is_closing {}", transport.is_closing().repr()));
    attempt("wait_closed", writer.wait_closed().await);
    attempt("drain", writer.drain().await);
    say("aborted");
    Ok(())
}

pub(crate) async fn flood_without_newline() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    if let Err(error) = reader.readline().await {
        let words = told(&error).replace("found, but chunk is longer than", "F");
        say(format!("readline {}", words.replace("not found, and chunk exceed", "F")));
    }
    if let Err(Error::LimitOverrun { consumed, .. }) = reader.readuntil(&["@@"]).await {
        say(format!("readuntil LimitOverrunError {}", (consumed > 65536).repr()));
    }
    while !reader.read(65536).await?.is_empty() {}
    say(format!("at_eof {}", reader.at_eof().repr()));
    writer.close();
    Ok(())
}

pub(crate) async fn larger_than_the_limit() -> Result<(), Error> {
    let (reader, writer) = connect_with(Some(10)).await?;
    attempt("readexactly", reader.readexactly(25).await);
    attempt("readline", reader.readline().await);
    attempt("readline", reader.readline().await);
    attempt("readuntil", reader.readuntil(&["--"]).await);
    attempt("read", reader.read(-1).await);
    writer.close();
    Ok(())
}

pub(crate) async fn pause_reading() -> Result<(), Error> {
    let (reader, writer) = connect().await?;
    let transport = writer.transport();
    say(format!("is_reading {}", transport.is_reading().repr()));
    transport.pause_reading();
    transport.pause_reading();
    say(format!("is_reading {}", transport.is_reading().repr()));
    let done = std::rc::Rc::new(std::cell::Cell::new(false));
    let (waiting, finished) = (reader.clone(), done.clone());
    let task = spawn_local(async move {
        let line = waiting.readline().await;
        finished.set(true);
        line
    });
    sleep(0).await;
    say("paused");
    sleep(50).await;
    say(format!("done {}", done.get().repr()));
    transport.resume_reading();
    say(format!("is_reading {}", transport.is_reading().repr()));
    attempt("readline", task.await.unwrap_or_else(cancelled));
    writer.close();
    say(format!("is_reading {}", transport.is_reading().repr()));
    Ok(())
}

pub(crate) async fn water_marks() -> Result<(), Error> {
    let (_reader, writer) = connect().await?;
    let transport = writer.transport();
    let limits = || {
        let (low, high) = transport.get_write_buffer_limits();
        say(format!("limits ({low}, {high})"));
    };
    limits();
    attempt("high", transport.set_write_buffer_limits(Some(1000), None));
    limits();
    attempt("low", transport.set_write_buffer_limits(None, Some(1000)));
    limits();
    attempt("both", transport.set_write_buffer_limits(Some(0), Some(0)));
    limits();
    attempt("wrong", transport.set_write_buffer_limits(Some(1), Some(2)));
    attempt("neither", transport.set_write_buffer_limits(None, None));
    limits();
    say(format!("size {}", transport.get_write_buffer_size()));
    let (of_writer, of_transport) = (writer.get_extra_info("peername"), transport.get_extra_info("peername"));
    if let (Some(one), Some(other)) = (
        of_writer.as_ref().and_then(|info| info.as_address()),
        of_transport.as_ref().and_then(|info| info.as_address()),
    ) {
        say(format!("peername {} {}", one.host(), (other.port() == port()).repr()));
    }
    if let Some(name) = writer.get_extra_info("sockname").as_ref().and_then(|info| info.as_address()) {
        say(format!("sockname {}", name.host()));
    }
    say(format!("nothing {}", if writer.get_extra_info("nothing").is_some() { "something" } else { "None" }));
    writer.close();
    Ok(())
}

pub(crate) async fn refused() -> Result<(), Error> {
    let host = Some("127.0.0.1");
    let port = Some(port());
    let open = |host, port, options| async move { open_connection_with(host, port, options).await.map(|_| ()) };
    attempt("open_connection", open(host, port, ConnectionOptions::default()).await);
    attempt("neither", open(None, None, ConnectionOptions::default()).await);
    attempt("limit", open(host, port, ConnectionOptions { limit: Some(0), ..ConnectionOptions::default() }).await);
    let local =
        |host: &str| ConnectionOptions { local_addr: Some((Some(host.into()), 0)), ..ConnectionOptions::default() };
    attempt("local_addr", open(host, port, local("192.0.2.1")).await);
    attempt("family", open(host, port, local("::1")).await);
    Ok(())
}
