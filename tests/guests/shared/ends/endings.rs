//! Ends of a connection that the peer brings about while somebody waits.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use asyncio::{Error, StreamReader, StreamWriter, start_server};
use wit_bindgen::rt::async_support::JoinHandle;
use wit_bindgen::spawn_local;

use crate::transcript::{address, attempt, number, outcome, say, serve, serving, settled, told, turn};

/// More than the system buffers for a peer that does not read.
const MUCH: usize = 8_000_000;

/// Arguments: how many connections, and how many bytes to write.
pub(crate) async fn reset_while_closing() -> Result<(), Error> {
    async fn handle(of: usize, _reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; number(1)])?;
        writer.close();
        say(format!("closing {of}"));
        attempt(&format!("wait_closed {of}"), writer.wait_closed()).await;
        Ok(())
    }
    serve(number(0), handle).await
}

pub(crate) async fn reset_while_draining() -> Result<(), Error> {
    async fn handle(of: usize, _reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; MUCH])?;
        say(format!("draining {of}"));
        attempt(&format!("drain {of}"), writer.drain()).await;
        say(format!("is_closing {of} {}", writer.is_closing()));
        attempt(&format!("drain again {of}"), writer.drain()).await;
        writer.close();
        attempt(&format!("wait_closed {of}"), writer.wait_closed()).await;
        Ok(())
    }
    serve(number(0), handle).await
}

/// Three tasks that drain and three that wait for the end.
fn waiters(writer: &Rc<StreamWriter>) -> Vec<(&'static str, JoinHandle<String>)> {
    let mut waiters = Vec::new();
    for _ in 0..3 {
        let (draining, closing) = (writer.clone(), writer.clone());
        waiters.push(("drain", spawn_local(async move { outcome(draining.drain()).await })));
        waiters.push(("wait_closed", spawn_local(async move { outcome(closing.wait_closed()).await })));
    }
    waiters
}

async fn say_all(of: usize, waiters: Vec<(&'static str, JoinHandle<String>)>) {
    turn().await;
    say(format!("waiting {of}"));
    for (name, waiter) in waiters {
        say(format!("{name} {}", waiter.await.unwrap_or_else(|| "was cancelled".into())));
    }
}

pub(crate) async fn reset_wakes_every_waiter() -> Result<(), Error> {
    async fn handle(of: usize, _reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; MUCH])?;
        say_all(of, waiters(&Rc::new(writer))).await;
        Ok(())
    }
    serve(number(0), handle).await
}

pub(crate) async fn reset_wakes_a_read_too() -> Result<(), Error> {
    async fn handle(of: usize, reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; MUCH])?;
        let writer = Rc::new(writer);
        let mut waiters = waiters(&writer);
        let read = async move { outcome(async { reader.read(1).await.map(|_| ()) }).await };
        waiters.push(("read", spawn_local(read)));
        say_all(of, waiters).await;
        Ok(())
    }
    serve(number(0), handle).await
}

pub(crate) async fn reset_while_write_eof_is_pending() -> Result<(), Error> {
    async fn handle(of: usize, _reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; MUCH])?;
        writer.write_eof()?;
        say(format!("ending {of}"));
        attempt("drain", writer.drain()).await;
        attempt("wait_closed", writer.wait_closed()).await;
        Ok(())
    }
    serve(1, handle).await
}

pub(crate) async fn reset_while_write_eof_and_close_are_pending() -> Result<(), Error> {
    async fn handle(of: usize, _reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; MUCH])?;
        writer.write_eof()?;
        writer.close();
        say(format!("closing {of}"));
        attempt("wait_closed", writer.wait_closed()).await;
        Ok(())
    }
    serve(1, handle).await
}

pub(crate) async fn reset_after_close_while_a_send_is_awaited() -> Result<(), Error> {
    async fn handle(of: usize, _reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; MUCH])?;
        let writer = Rc::new(writer);
        let draining = writer.clone();
        let drain = spawn_local(async move { outcome(draining.drain()).await });
        turn().await;
        writer.close();
        say(format!("closing {of}"));
        say(format!("drain {}", drain.await.unwrap_or_else(|| "was cancelled".into())));
        attempt("wait_closed", writer.wait_closed()).await;
        Ok(())
    }
    serve(1, handle).await
}

/// Nobody but the server waits.
pub(crate) async fn reset_after_all_was_dropped() -> Result<(), Error> {
    async fn handle(of: usize, _reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; MUCH])?;
        drop(writer);
        say(format!("dropped {of}"));
        Ok(())
    }
    serve(number(0), handle).await
}

/// The peer does nothing.
pub(crate) async fn abort_while_closing() -> Result<(), Error> {
    async fn handle(of: usize, _reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        writer.write(vec![b'x'; MUCH])?;
        let writer = Rc::new(writer);
        let (draining, closing) = (writer.clone(), writer.clone());
        let drain = spawn_local(async move { outcome(draining.drain()).await });
        settled().await;
        writer.close();
        let closed = spawn_local(async move { outcome(closing.wait_closed()).await });
        settled().await;
        say(format!("closing {of}"));
        writer.transport().abort();
        for (name, waiter) in [("drain", drain), ("wait_closed", closed)] {
            say(format!("{name} {}", waiter.await.unwrap_or_else(|| "was cancelled".into())));
        }
        Ok(())
    }
    serve(1, handle).await
}

pub(crate) async fn reset_while_reading() -> Result<(), Error> {
    async fn handle(of: usize, reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        say(format!("reading {of}"));
        attempt(&format!("read {of}"), async { reader.read(1).await.map(|_| ()) }).await;
        attempt(&format!("read again {of}"), async { reader.read(1).await.map(|_| ()) }).await;
        writer.close();
        attempt(&format!("wait_closed {of}"), writer.wait_closed()).await;
        Ok(())
    }
    serve(number(0), handle).await
}

fn name_of_peer(writer: &StreamWriter) -> String {
    address(writer, "peername").map_or("None".into(), |address| address.to_string())
}

/// The peer has reset after it was accepted, before anybody looked.
pub(crate) async fn peername_after_reset() -> Result<(), Error> {
    async fn handle(of: usize, reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        say(format!("accepted {of}"));
        // However the two end: that is another case.
        let _ = outcome(async { reader.read(1).await.map(|_| ()) }).await;
        say(format!("peername {of} {}", name_of_peer(&writer)));
        writer.close();
        say(format!("peername closing {of} {}", name_of_peer(&writer)));
        let _ = outcome(writer.wait_closed()).await;
        say(format!("peername closed {of} {}", name_of_peer(&writer)));
        Ok(())
    }
    serve(number(0), handle).await
}

/// The first connection tells when the others have come and gone.
pub(crate) async fn peername_of_a_peer_gone_before_accept() -> Result<(), Error> {
    let server = start_server("127.0.0.1", 0).await?;
    serving(&server);
    let (begins, _writer) = server.accept().await?;
    begins.readline().await?;
    for of in 1..=number(0) {
        let (_reader, writer) = server.accept().await?;
        say(format!("peername {of} {}", name_of_peer(&writer)));
        writer.close();
        say(format!("peername closing {of} {}", name_of_peer(&writer)));
    }
    Ok(())
}

/// Waits in `drain` again and again, each time until something else is ready first, which is at once. The peer never reads; it
/// tells when it has measured the memory.
pub(crate) async fn given_up_drains_leave_nothing() -> Result<(), Error> {
    async fn handle(_: usize, reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
        let writer = Rc::new(writer);
        fill(&writer).await?;
        if !give_up(&writer, number::<usize>(0) / 10).await {
            return Ok(());
        }
        say("begin");
        reader.readline().await?;
        if give_up(&writer, number(0)).await {
            say("end");
            reader.readline().await?;
        }
        Ok(())
    }
    serve(1, handle).await
}

/// Writes until the system takes no more. Not at once: the memory that this would free hides what is lost later.
async fn fill(writer: &StreamWriter) -> Result<(), Error> {
    loop {
        writer.write(vec![b'x'; 32 * 1024])?;
        let (mut drain, mut settled) = (pin!(writer.drain()), pin!(settled()));
        let drained = poll_fn(|cx| match drain.as_mut().poll(cx) {
            Poll::Ready(drained) => Poll::Ready(Some(drained)),
            Poll::Pending => settled.as_mut().poll(cx).map(|()| None),
        });
        match drained.await {
            Some(drained) => drained?,
            None => return Ok(()),
        }
    }
}

/// False, which is printed, if a `drain` did not wait.
async fn give_up(writer: &Rc<StreamWriter>, rounds: usize) -> bool {
    for _ in 0..rounds {
        let mut drain = pin!(writer.drain());
        let mut other = pin!(wit_bindgen::yield_async());
        let ended = poll_fn(|cx| {
            // As a set of futures does it: each has a waker of its own.
            let own = Waker::from(Arc::new(Own(cx.waker().clone())));
            match drain.as_mut().poll(&mut Context::from_waker(&own)) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending => other.as_mut().poll(cx).map(|()| None),
            }
        });
        if let Some(ended) = ended.await {
            say(format!("drain has ended: {:?}", ended.map_err(|error| told(&error))));
            return false;
        }
    }
    // And each in a task of its own, which is cancelled.
    for _ in 0..rounds / 10 {
        let draining = writer.clone();
        let mut task = spawn_local(async move { draining.drain().await.is_ok() });
        wit_bindgen::yield_async().await;
        task.cancel();
        wit_bindgen::yield_async().await;
    }
    true
}

/// Wakes whom another wakes.
struct Own(Waker);

impl Wake for Own {
    fn wake(self: Arc<Self>) {
        self.0.wake_by_ref();
    }
}
