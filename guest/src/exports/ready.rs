//! The queue of what is ready, and exchanges of many.

use std::cell::RefCell;
use std::rc::Rc;

use wit_bindgen::rt::async_support::StreamReader as TokenStream;

use super::bindings::wit_stream::{self, StreamPayload};
use super::bindings::{fast, server, streams, types};
use super::fast::ask;
use super::words;
use crate::connect::ByteStream;
use crate::error::{Error, Result};
use crate::reader_tries::{Tried, Watched};
use crate::transport::byte_streams::ByteStreams;
use crate::transport::outbound::Data;
use crate::transport::ready::ReadyQueue;
use crate::{Server, StreamReader, StreamWriter};

/// Words that an answer has before its last part.
const ANSWER: usize = 8 * 1024;
/// Bytes from which on they cross in a stream.
const STREAMED: usize = 8 * 1024;
/// Readers with larger tokens are told of, but take no part in exchanges.
const LARGEST_TOKEN: u32 = 0xf_ffff;

/// What a part of an answer says beside the length.
mod flags {
    pub(super) const READ: u64 = 1;
    pub(super) const ALONE: u64 = 2;
    pub(super) const WANTS_DRAIN: u64 = 4;
    pub(super) const MORE: u64 = 8;
    pub(super) const REFUSED: u64 = 16;
}

/// A queue, with its reading end until it is taken.
pub(super) struct Ready {
    queue: Rc<ReadyQueue>,
    tokens: RefCell<Option<TokenStream<u32>>>,
    watched: RefCell<WatchedReaders>,
    /// What many bytes cross in, once they are connected.
    streams: RefCell<Option<ByteStreams>>,
}

/// Readers by their tokens.
#[derive(Default)]
struct WatchedReaders {
    readers: Vec<Option<Watched>>,
    /// How many were put in since it was looked which are gone.
    since: usize,
}

impl WatchedReaders {
    fn insert(&mut self, token: u32, reader: Watched) {
        if token > LARGEST_TOKEN {
            return;
        }
        self.since += 1;
        if self.since > self.readers.len() {
            self.since = 0;
            for place in &mut self.readers {
                place.take_if(|reader| reader.is_gone());
            }
        }
        let at = token as usize;
        if at >= self.readers.len() {
            self.readers.resize_with(at + 1, || None);
        }
        if let Some(place) = self.readers.get_mut(at) {
            *place = Some(reader);
        }
    }

    fn get(&self, token: u32) -> Option<StreamReader> {
        self.readers.get(token as usize)?.as_ref()?.upgrade()
    }
}

impl fast::GuestReadyQueue for Ready {
    fn new() -> Self {
        let (sending, tokens) = wit_stream::new::<u32>();
        let queue = ReadyQueue::new(sending, <u32 as StreamPayload>::VTABLE);
        Self { queue, tokens: RefCell::new(Some(tokens)), watched: RefCell::default(), streams: RefCell::default() }
    }

    fn tokens(&self) -> Option<TokenStream<u32>> {
        self.tokens.take()
    }

    fn streams(&self, written: ByteStream) -> Option<ByteStream> {
        let mut streams = self.streams.borrow_mut();
        if streams.is_some() {
            return None;
        }
        let (sending, given) = wit_stream::new::<u8>();
        *streams = Some(ByteStreams::new(<u8 as StreamPayload>::VTABLE, sending, written));
        Some(given)
    }

    fn exchange_one(
        &self,
        reader: streams::StreamReaderBorrow<'_>,
        mut data: fast::Chunk,
        request: fast::Request,
    ) -> Result<fast::Exchanged, types::Error> {
        let reader = reader.get::<StreamReader>();
        let data = self.received(&mut data)?;
        let (tried, wants_drain) = reader.exchange(data, || ask(reader, request, false))?;
        let answer = match tried? {
            Tried::Answer(bytes) => Some(self.sent(bytes)),
            Tried::Waits | Tried::Unsafe => None,
        };
        Ok(fast::Exchanged { answer, wants_drain })
    }

    fn write(&self, writer: streams::StreamWriterBorrow<'_>, mut data: fast::Chunk) -> Result<bool, types::Error> {
        let transport = writer.get::<StreamWriter>().transport();
        let connection = transport.connection();
        connection.write(self.received(&mut data)?)?;
        Ok(connection.wants_drain())
    }

    fn watch_reader(&self, reader: streams::StreamReaderBorrow<'_>, token: u32) {
        let watched = reader.get::<StreamReader>().watch(self.queue.waker(token));
        self.watched.borrow_mut().insert(token, watched);
    }

    fn watch_server(&self, server: server::ServerBorrow<'_>, token: u32) {
        server.get::<Server>().watch(self.queue.waker(token));
    }

    fn exchange(&self, question: Vec<u64>) -> Vec<u64> {
        let mut answer = Vec::with_capacity(question.len());
        let mut rest = question.as_slice();
        while let Some((part, after)) = Part::split(rest) {
            rest = after;
            let at = answer.len();
            answer.push(0);
            let told = self.take(&part, &mut answer);
            if let Some(place) = answer.get_mut(at) {
                *place = told;
            }
        }
        answer
    }
}

/// One reader's part of a question.
struct Part<'a> {
    token: u32,
    written: &'a [u8],
    request: fast::Request,
}

impl<'a> Part<'a> {
    /// The first part, and what follows it.
    fn split(question: &'a [u64]) -> Option<(Self, &'a [u64])> {
        let ([head, wish], rest) = question.split_first_chunk()?;
        let size = usize::try_from(head >> 32).ok()?;
        let (data, rest) = rest.split_at_checked(size.div_ceil(8))?;
        let n = wish >> 2;
        let request = match wish & 3 {
            0 => fast::Request::Read(n),
            1 => fast::Request::Readline,
            2 => fast::Request::Readlines,
            _ => fast::Request::Readexactly(n.cast_signed()),
        };
        let written = words::bytes(data).get(..size).unwrap_or_default();
        Some((Self { token: *head as u32, written, request }, rest))
    }
}

impl Ready {
    /// The bytes of a chunk that was given.
    fn received<'a>(&self, chunk: &'a mut fast::Chunk) -> Result<Data<'a>> {
        let fast::Chunk::Streamed(length) = chunk else { return Ok(words::data_of(chunk)) };
        match &mut *self.streams.borrow_mut() {
            Some(streams) => Ok(words::Came::Streamed(streams.receive(*length)?).into()),
            None => Err(Error::Runtime("a streamed chunk needs the streams of the queue".into())),
        }
    }

    /// Bytes as they are best given.
    fn sent(&self, bytes: Vec<u8>) -> fast::Chunk {
        let length = bytes.len();
        match &mut *self.streams.borrow_mut() {
            Some(streams) if length >= STREAMED => match streams.send(bytes) {
                Ok(()) => fast::Chunk::Streamed(length as u64),
                Err(bytes) => words::chunk(bytes),
            },
            _ => words::chunk(bytes),
        }
    }

    /// Takes a part, adds what was read to the answer, and gives what is to be said before that.
    fn take(&self, part: &Part<'_>, answer: &mut Vec<u64>) -> u64 {
        let Some(reader) = self.watched.borrow().get(part.token) else { return flags::REFUSED };
        let read = || if answer.len() < ANSWER { ask(&reader, part.request, true) } else { Ok(Tried::Unsafe) };
        let Ok((tried, wants_drain)) = reader.exchange(Data::Borrowed(part.written), read) else {
            return flags::REFUSED;
        };
        let mut told = match tried {
            Ok(Tried::Waits) => 0,
            Ok(Tried::Answer(bytes)) => {
                words::push(answer, &bytes);
                // It fits: there is no more memory than that.
                flags::READ | (bytes.len() as u64) << 32
            }
            Ok(Tried::Unsafe) | Err(_) => flags::ALONE,
        };
        if wants_drain {
            told |= flags::WANTS_DRAIN;
        }
        if reader.has_more(matches!(part.request, fast::Request::Readline | fast::Request::Readlines)) {
            told |= flags::MORE;
        }
        told
    }
}
