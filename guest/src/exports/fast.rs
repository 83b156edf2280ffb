//! The functions of the fast interface.

use super::Component;
use super::bindings::{fast, server, streams, types};
use super::ready::Ready;
use super::resources::split;
use super::words::{chunk, with_bytes};
use crate::connect::ByteStream;
use crate::error::Result;
use crate::reader_tries::Tried;
use crate::semantics::read_operations::{Read, ReadExactly, ReadLine, ReadUntil};
use crate::semantics::separators::Separators;
use crate::transport::background;
use crate::{Server, StreamReader};

impl fast::Guest for Component {
    type ReadyQueue = Ready;

    fn try_read(
        reader: streams::StreamReaderBorrow<'_>,
        request: fast::Request,
    ) -> Result<Option<fast::Chunk>, types::Error> {
        Ok(chunk_of(ask(reader.get(), request, false)?))
    }

    fn try_readuntil(
        reader: streams::StreamReaderBorrow<'_>,
        separators: Vec<Vec<u8>>,
    ) -> Result<Option<fast::Chunk>, types::Error> {
        let operation = ReadUntil::new(Separators::new(&separators)?);
        Ok(chunk_of(reader.get::<StreamReader>().try_run(operation, false)?))
    }

    fn unread(reader: streams::StreamReaderBorrow<'_>, data: fast::Chunk) {
        with_bytes(&data, |data| reader.get::<StreamReader>().unread(data));
    }

    fn try_accept(
        server: server::ServerBorrow<'_>,
    ) -> Result<Option<(streams::StreamReader, streams::StreamWriter)>, types::Error> {
        Ok(server.get::<Server>().try_accept()?.map(split))
    }

    fn detach(reader: streams::StreamReaderBorrow<'_>) -> Result<(fast::Chunk, ByteStream), types::Error> {
        background::stay();
        let (buffered, stream) = reader.get::<StreamReader>().detach()?;
        Ok((chunk(buffered), stream))
    }
}

/// Reads as far as it goes without waiting. One function for all calls: each has enough code of its own.
#[inline(never)]
pub(super) fn ask(reader: &StreamReader, request: fast::Request, safely: bool) -> Result<Tried> {
    match request {
        fast::Request::Read(n) => reader.try_run(Read::new(usize::try_from(n).unwrap_or(usize::MAX)), safely),
        fast::Request::Readline => reader.try_run(reader.prepare(ReadLine::again), safely),
        fast::Request::Readlines => reader.try_run(reader.prepare(ReadLine::many), safely),
        fast::Request::Readexactly(n) => reader.try_run(ReadExactly::new(n)?, safely),
    }
}

fn chunk_of(tried: Tried) -> Option<fast::Chunk> {
    match tried {
        Tried::Answer(answer) => Some(chunk(answer)),
        Tried::Waits | Tried::Unsafe => None,
    }
}
