//! The resources: readers, writers, servers.

use super::bindings::{server, streams, types};
use super::convert::narrow;
use crate::{Server, StreamReader, StreamReaderProtocol, StreamWriter, Transport};

/// A pair of ours as a pair of the boundary's.
pub(super) fn split((reader, writer): (StreamReader, StreamWriter)) -> (streams::StreamReader, streams::StreamWriter) {
    (streams::StreamReader::new(reader), streams::StreamWriter::new(writer))
}

impl streams::GuestStreamReader for StreamReader {
    async fn read(&self, n: i32) -> Result<Vec<u8>, types::Error> {
        Ok(Self::read(self, n.into()).await?)
    }

    async fn readline(&self) -> Result<Vec<u8>, types::Error> {
        Ok(Self::readline(self).await?)
    }

    async fn readexactly(&self, n: i32) -> Result<Vec<u8>, types::Error> {
        Ok(Self::readexactly(self, n.into()).await?)
    }

    async fn readuntil(&self, separators: Vec<Vec<u8>>) -> Result<Vec<u8>, types::Error> {
        Ok(Self::readuntil(self, &separators).await?)
    }

    fn at_eof(&self) -> bool {
        Self::at_eof(self)
    }

    fn create(limit: Option<u32>) -> Result<streams::StreamReader, types::Error> {
        Ok(streams::StreamReader::new(Self::new(limit.map(Into::into))?))
    }

    fn exception(&self) -> Option<types::Error> {
        Self::exception(self).map(Into::into)
    }

    fn set_exception(&self, exc: types::Error) {
        Self::set_exception(self, exc.into());
    }

    fn feed_data(&self, data: Vec<u8>) -> Result<(), types::Error> {
        Ok(Self::feed_data(self, &data)?)
    }

    fn feed_eof(&self) {
        Self::feed_eof(self);
    }

    fn set_transport(&self, transport: streams::TransportBorrow<'_>) -> Result<(), types::Error> {
        Ok(Self::set_transport(self, transport.get::<Transport>())?)
    }
}

impl streams::GuestStreamWriter for StreamWriter {
    fn write(&self, data: Vec<u8>) -> Result<(), types::Error> {
        Ok(Self::write(self, data)?)
    }

    fn writelines(&self, data: Vec<Vec<u8>>) -> Result<(), types::Error> {
        Ok(Self::writelines(self, &data)?)
    }

    async fn drain(&self) -> Result<(), types::Error> {
        Ok(Self::drain(self).await?)
    }

    fn can_write_eof(&self) -> bool {
        Self::can_write_eof(self)
    }

    fn write_eof(&self) -> Result<(), types::Error> {
        Ok(Self::write_eof(self)?)
    }

    fn close(&self) {
        Self::close(self);
    }

    fn is_closing(&self) -> bool {
        Self::is_closing(self)
    }

    async fn wait_closed(&self) -> Result<(), types::Error> {
        Ok(Self::wait_closed(self).await?)
    }

    fn get_extra_info(&self, name: String) -> Option<types::ExtraInfo> {
        Self::get_extra_info(self, &name).map(Into::into)
    }

    fn transport(&self) -> streams::Transport {
        streams::Transport::new(Self::transport(self))
    }
}

impl streams::GuestTransport for Transport {
    fn abort(&self) {
        Self::abort(self);
    }

    fn close(&self) {
        Self::close(self);
    }

    fn is_closing(&self) -> bool {
        Self::is_closing(self)
    }

    fn get_write_buffer_size(&self) -> u32 {
        narrow(Self::get_write_buffer_size(self))
    }

    fn get_write_buffer_limits(&self) -> (u32, u32) {
        let (low, high) = Self::get_write_buffer_limits(self);
        (narrow(low), narrow(high))
    }

    fn set_write_buffer_limits(&self, high: Option<u32>, low: Option<u32>) -> Result<(), types::Error> {
        Ok(Self::set_write_buffer_limits(self, high.map(Into::into), low.map(Into::into))?)
    }

    fn pause_reading(&self) {
        Self::pause_reading(self);
    }

    fn resume_reading(&self) {
        Self::resume_reading(self);
    }

    fn is_reading(&self) -> bool {
        Self::is_reading(self)
    }

    fn write(&self, data: Vec<u8>) -> Result<(), types::Error> {
        Ok(Self::write(self, data)?)
    }

    fn writelines(&self, data: Vec<Vec<u8>>) -> Result<(), types::Error> {
        Ok(Self::writelines(self, &data)?)
    }

    fn can_write_eof(&self) -> bool {
        Self::can_write_eof(self)
    }

    fn write_eof(&self) -> Result<(), types::Error> {
        Ok(Self::write_eof(self)?)
    }

    fn get_extra_info(&self, name: String) -> Option<types::ExtraInfo> {
        Self::get_extra_info(self, &name).map(Into::into)
    }
}

impl streams::GuestStreamReaderProtocol for StreamReaderProtocol {
    fn new(reader: streams::StreamReaderBorrow<'_>) -> Self {
        Self::new(reader.get::<StreamReader>())
    }

    fn connection_made(&self, transport: streams::TransportBorrow<'_>) -> Result<(), types::Error> {
        Ok(Self::connection_made(self, transport.get::<Transport>())?)
    }

    fn data_received(&self, data: Vec<u8>) -> Result<(), types::Error> {
        Ok(Self::data_received(self, &data)?)
    }

    fn eof_received(&self) -> bool {
        Self::eof_received(self)
    }

    fn connection_lost(&self, exc: Option<types::Error>) {
        Self::connection_lost(self, exc.map(Into::into));
    }

    fn pause_writing(&self) -> Result<(), types::Error> {
        Ok(Self::pause_writing(self)?)
    }

    fn resume_writing(&self) -> Result<(), types::Error> {
        Ok(Self::resume_writing(self)?)
    }

    async fn drain(&self) -> Result<(), types::Error> {
        Ok(Self::drain(self).await?)
    }

    async fn wait_closed(&self) -> Result<(), types::Error> {
        Ok(Self::wait_closed(self).await?)
    }
}

impl server::GuestServer for Server {
    async fn accept(&self) -> Result<(streams::StreamReader, streams::StreamWriter), types::Error> {
        Ok(split(Self::accept(self).await?))
    }

    async fn start_serving(&self) -> Result<(), types::Error> {
        Ok(Self::start_serving(self).await?)
    }

    async fn serve_forever(&self) -> Result<(), types::Error> {
        Ok(Self::serve_until_closed(self).await?)
    }

    fn is_serving(&self) -> bool {
        Self::is_serving(self)
    }

    fn close_clients(&self) {
        Self::close_clients(self);
    }

    fn abort_clients(&self) {
        Self::abort_clients(self);
    }

    fn sockets(&self) -> Vec<types::SocketAddress> {
        Self::sockets(self).into_iter().map(Into::into).collect()
    }

    fn close(&self) {
        Self::close(self);
    }

    async fn wait_closed(&self) -> Result<(), types::Error> {
        Self::wait_closed(self).await;
        Ok(())
    }
}
