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

use generated::wasyncio::streams::fast::{self, Chunk, ReadyQueue};
use generated::wasyncio::streams::streams::StreamReader;

/// Before the first asynchronous call and after it the component ends the token's way to the program in other tasks.
pub(crate) async fn a_queue_is_dropped_with_tokens_on_their_way() -> Outcome {
    for _ in 0..3 {
        let queue = ReadyQueue::new();
        let tokens = queue.tokens();
        holds("the tokens are there once", tokens.is_some() && queue.tokens().is_none())?;
        let reader = StreamReader::new(None).map_err(wrong)?;
        queue.watch_reader(&reader, 1);
        expect("nothing was fed", fast::try_readline(&reader).map_err(wrong)?, None)?;
        reader.feed_data(b"line\n").map_err(wrong)?;
        drop(queue);
        expect("what was fed", fast::try_readline(&reader).map_err(wrong)?, Some(Chunk::Short(b"line\n".to_vec())))?;
        drop(tokens);
        let _first_asynchronous_call = server().await?;
        sleep(0).await;
    }
    Ok(())
}

fn wrong(error: generated::wasyncio::streams::types::Error) -> crate::helpers::Wrong {
    crate::helpers::Wrong(format!("unexpected error: {error:?}"))
}
