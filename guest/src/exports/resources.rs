//! The resources: readers, writers, servers.

use super::bindings::{server, streams, types};
use super::convert;
use crate::{Server, StreamReader, StreamWriter};

/// A pair of ours as a pair of the boundary's.
pub(super) fn split((reader, writer): (StreamReader, StreamWriter)) -> (streams::StreamReader, streams::StreamWriter) {
    (streams::StreamReader::new(reader), streams::StreamWriter::new(writer))
}

impl streams::GuestStreamReader for StreamReader {
    async fn read(&self, n: i64) -> Result<Vec<u8>, types::Error> {
        Ok(Self::read(self, n).await?)
    }

    async fn readline(&self) -> Result<Vec<u8>, types::Error> {
        Ok(Self::readline(self).await?)
    }

    async fn readexactly(&self, n: i64) -> Result<Vec<u8>, types::Error> {
        Ok(Self::readexactly(self, n).await?)
    }

    async fn readuntil(&self, separators: Vec<Vec<u8>>) -> Result<Vec<u8>, types::Error> {
        Ok(Self::readuntil(self, &separators).await?)
    }

    fn at_eof(&self) -> bool {
        Self::at_eof(self)
    }
}

impl streams::GuestStreamWriter for StreamWriter {
    fn write(&self, data: Vec<u8>) -> Result<(), types::Error> {
        Ok(Self::write(self, &data)?)
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
        convert::extra_info(self.socket_info(), &name)
    }
}

impl server::GuestServer for Server {
    async fn accept(&self) -> Result<(streams::StreamReader, streams::StreamWriter), types::Error> {
        Ok(split(Self::accept(self).await?))
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
