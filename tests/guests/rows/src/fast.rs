//! Cases of the interface `fast` as other bindings than `wasyncio-client` may use it.

use crate::helpers::{Outcome, expect, holds, server, sleep};

#[allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::allow_attributes_without_reason,
    clippy::undocumented_unsafe_blocks,
    clippy::use_self,
    dead_code,
    reason = "generated"
)]
mod generated {
    wit_bindgen::generate!({
        path: "../../../wit",
        world: "wasyncio:streams/bindings",
        generate_all,
        additional_derives: [PartialEq],
    });
}

use generated::wasyncio::streams::fast::{self, Chunk, ReadyQueue, Request};
use generated::wasyncio::streams::streams::StreamReader;
use generated::wit_stream;

/// Before the first asynchronous call and after it the component ends the token's way to the program in other tasks.
pub(crate) async fn a_queue_is_dropped_with_tokens_on_their_way() -> Outcome {
    for _ in 0..3 {
        let queue = ReadyQueue::new();
        let tokens = queue.tokens();
        holds("the tokens are there once", tokens.is_some() && queue.tokens().is_none())?;
        let reader = StreamReader::new(None).map_err(wrong)?;
        queue.watch_reader(&reader, 1);
        expect("nothing was fed", fast::try_read(&reader, Request::Readline).map_err(wrong)?, None)?;
        reader.feed_data(b"line\n").map_err(wrong)?;
        drop(queue);
        expect(
            "what was fed",
            fast::try_read(&reader, Request::Readline).map_err(wrong)?,
            Some(Chunk::Short(b"line\n".to_vec())),
        )?;
        drop(tokens);
        let _first_asynchronous_call = server().await?;
        sleep(0).await;
    }
    Ok(())
}

pub(crate) async fn streamed_bytes_that_nobody_writes_are_refused() -> Outcome {
    let reader = StreamReader::new(None).map_err(wrong)?;
    let ask = |queue: &ReadyQueue, data| queue.exchange_one(&reader, &data, Request::Readline);
    let queue = ReadyQueue::new();
    holds("there are no streams", ask(&queue, Chunk::Streamed(10_000)).is_err())?;
    let (_given, written) = wit_stream::new::<u8>();
    let _taken = queue.streams(written);
    let (_, written) = wit_stream::new::<u8>();
    holds("they are connected once", queue.streams(written).is_none())?;
    for length in [10_000, u64::MAX, 1] {
        holds("nothing is written", ask(&queue, Chunk::Streamed(length)).is_err())?;
    }
    reader.feed_data(b"line\n").map_err(wrong)?;
    let answer = ask(&queue, Chunk::Short(Vec::new())).map_err(wrong)?.answer;
    expect("all else goes on", answer, Some(Chunk::Short(b"line\n".to_vec())))
}

pub(crate) async fn an_answer_that_is_left_in_its_stream_is_not_overtaken() -> Outcome {
    let queue = ReadyQueue::new();
    let (_given, written) = wit_stream::new::<u8>();
    let Some(mut taken) = queue.streams(written) else { return holds("there are streams", false) };
    let reader = StreamReader::new(None).map_err(wrong)?;
    let line = |byte: u8| [vec![byte; 20_000], vec![b'\n']].concat();
    let ask = |byte| {
        let asked = reader.feed_data(&line(byte));
        let asked = asked.and_then(|()| queue.exchange_one(&reader, &Chunk::Short(Vec::new()), Request::Readline));
        asked.map(|exchanged| exchanged.answer).map_err(wrong)
    };
    expect("much comes in the stream", ask(b'a')?, Some(Chunk::Streamed(20_001)))?;
    let second = ask(b'b')?;
    holds("more comes otherwise", matches!(second, Some(Chunk::Long((20_001, _)))))?;
    let (_, bytes) = taken.read(Vec::with_capacity(20_001)).await;
    expect("the first is still there", bytes, line(b'a'))?;
    expect("the next comes in the stream again", ask(b'c')?, Some(Chunk::Streamed(20_001)))?;
    // With what nobody has read.
    drop(queue);
    sleep(0).await;
    Ok(())
}

fn wrong(error: generated::wasyncio::streams::types::Error) -> crate::helpers::Wrong {
    crate::helpers::Wrong(format!("unexpected error: {error:?}"))
}
