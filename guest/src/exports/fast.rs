//! The fast interface: synchronous calls, and the queue of what is ready.

use std::cell::RefCell;
use std::rc::Rc;

use wit_bindgen::rt::async_support::StreamReader as TokenStream;

use super::Component;
use super::bindings::wit_stream::{self, StreamPayload};
use super::bindings::{fast, server, streams, types};
use super::resources::split;
use crate::connect::ByteStream;
use crate::semantics::read_operations::{Read, ReadExactly, ReadLine, ReadUntil};
use crate::semantics::separators::Separators;
use crate::transport::background;
use crate::transport::ready::ReadyQueue;
use crate::{Server, StreamReader, StreamWriter};

/// Bytes from which on words are faster: copying them byte by byte between components costs more than the detour.
const LONG: usize = 256;

/// A queue, with its reading end until it is taken.
pub(super) struct Ready {
    queue: Rc<ReadyQueue>,
    tokens: RefCell<Option<TokenStream<u32>>>,
}

impl fast::GuestReadyQueue for Ready {
    fn new() -> Self {
        let (sending, tokens) = wit_stream::new::<u32>();
        let queue = ReadyQueue::new(sending, <u32 as StreamPayload>::VTABLE);
        Self { queue, tokens: RefCell::new(Some(tokens)) }
    }

    fn tokens(&self) -> Option<TokenStream<u32>> {
        self.tokens.take()
    }

    fn watch_reader(&self, reader: streams::StreamReaderBorrow<'_>, token: u32) {
        reader.get::<StreamReader>().watch(self.queue.waker(token));
    }

    fn watch_server(&self, server: server::ServerBorrow<'_>, token: u32) {
        server.get::<Server>().watch(self.queue.waker(token));
    }
}

impl fast::Guest for Component {
    type ReadyQueue = Ready;

    fn try_read(reader: streams::StreamReaderBorrow<'_>, n: u64) -> Result<Option<fast::Chunk>, types::Error> {
        ask(reader.get(), fast::Request::Read(n))
    }

    fn try_readline(reader: streams::StreamReaderBorrow<'_>) -> Result<Option<fast::Chunk>, types::Error> {
        ask(reader.get(), fast::Request::Readline)
    }

    fn try_readexactly(reader: streams::StreamReaderBorrow<'_>, n: i64) -> Result<Option<fast::Chunk>, types::Error> {
        ask(reader.get(), fast::Request::Readexactly(n))
    }

    fn try_readuntil(
        reader: streams::StreamReaderBorrow<'_>,
        separators: Vec<Vec<u8>>,
    ) -> Result<Option<fast::Chunk>, types::Error> {
        let operation = ReadUntil::new(Separators::new(&separators)?);
        Ok(reader.get::<StreamReader>().try_run(operation)?.map(chunk))
    }

    fn try_readlines(reader: streams::StreamReaderBorrow<'_>) -> Result<Option<fast::Chunk>, types::Error> {
        ask(reader.get(), fast::Request::Readlines)
    }

    fn exchange(
        reader: streams::StreamReaderBorrow<'_>,
        data: fast::Chunk,
        request: fast::Request,
    ) -> Result<fast::Exchanged, types::Error> {
        let reader = reader.get::<StreamReader>();
        let (answer, wants_drain) = with_bytes(&data, |data| reader.exchange(data, || ask(reader, request)))?;
        Ok(fast::Exchanged { answer: answer?, wants_drain })
    }

    fn unread(reader: streams::StreamReaderBorrow<'_>, data: fast::Chunk) {
        with_bytes(&data, |data| reader.get::<StreamReader>().unread(data));
    }

    fn try_accept(
        server: server::ServerBorrow<'_>,
    ) -> Result<Option<(streams::StreamReader, streams::StreamWriter)>, types::Error> {
        Ok(server.get::<Server>().try_accept()?.map(split))
    }

    fn write(writer: streams::StreamWriterBorrow<'_>, data: fast::Chunk) -> Result<bool, types::Error> {
        let writer = writer.get::<StreamWriter>();
        with_bytes(&data, |data| writer.write(data))?;
        Ok(writer.transport().connection().wants_drain())
    }

    fn detach(reader: streams::StreamReaderBorrow<'_>) -> Result<(fast::Chunk, ByteStream), types::Error> {
        background::stay();
        let (buffered, stream) = reader.get::<StreamReader>().detach()?;
        Ok((chunk(buffered), stream))
    }
}

/// Reads as far as it goes without waiting. One function for all calls: each has enough code of its own.
#[inline(never)]
fn ask(reader: &StreamReader, request: fast::Request) -> Result<Option<fast::Chunk>, types::Error> {
    let answer = match request {
        fast::Request::Read(n) => reader.try_run(Read::new(usize::try_from(n).unwrap_or(usize::MAX))),
        fast::Request::Readline => reader.try_run_with(ReadLine::again),
        fast::Request::Readlines => reader.try_run_with(ReadLine::many),
        fast::Request::Readexactly(n) => ReadExactly::new(n).and_then(|operation| reader.try_run(operation)),
    };
    Ok(answer?.map(chunk))
}

/// Calls `f` with the bytes of a chunk.
fn with_bytes<R>(chunk: &fast::Chunk, f: impl FnOnce(&[u8]) -> R) -> R {
    match chunk {
        fast::Chunk::Short(data) => f(data),
        fast::Chunk::Long((length, words)) => f(bytes(*length, words)),
    }
}

/// Bytes as they are best sent to another component.
fn chunk(bytes: Vec<u8>) -> fast::Chunk {
    if bytes.len() < LONG {
        return fast::Chunk::Short(bytes);
    }
    let mut words = vec![0u64; bytes.len().div_ceil(8)];
    let room: &mut [u8] = bytemuck::cast_slice_mut(&mut words);
    // The room is at least as long.
    if let Some(room) = room.get_mut(..bytes.len()) {
        room.copy_from_slice(&bytes);
    }
    fast::Chunk::Long((bytes.len() as u64, words))
}

/// The bytes that came as words; a length that does not fit the words is cut to them.
fn bytes(length: u64, words: &[u64]) -> &[u8] {
    let bytes: &[u8] = bytemuck::cast_slice(words);
    bytes.get(..usize::try_from(length).unwrap_or(usize::MAX)).unwrap_or(bytes)
}
