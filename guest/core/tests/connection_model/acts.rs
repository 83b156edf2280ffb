//! What each step does, and what is known of it at once.

use std::rc::Rc;

use wasyncio_core::address::SocketAddress;
use wasyncio_core::extra_info::ExtraInfo;
use wasyncio_core::transport::Failure;
use wasyncio_core::{Error, OsError, Result, Transport};

use crate::steps::{ReadCall, Step};
use crate::waiter::{Answer, Call, Waiter, taking};
use crate::world::{PEER, World, bytes};

impl World {
    /// One thing happens.
    pub(crate) fn step(&mut self, step: &Step) {
        self.steps_since_rest += 1;
        match step {
            Step::Write(count) => self.write(&[*count], |transport, chunks| transport.write(&chunks[0])),
            Step::WriteOwned(count) => self.write(&[*count], |transport, chunks| transport.write(chunks[0].clone())),
            Step::WriteLines(counts) => self.write(counts, Transport::writelines),
            Step::WriteEof => self.write_eof(),
            Step::Drain => {
                if let Some(writer) = self.writer.clone() {
                    self.start(Waiter::new(Call::Drain, async move { Answer::Nothing(writer.drain().await) }));
                }
            }
            Step::WaitClosed => {
                if let Some(writer) = self.writer.clone() {
                    self.start(Waiter::new(
                        Call::WaitClosed,
                        async move { Answer::Nothing(writer.wait_closed().await) },
                    ));
                }
            }
            Step::Close => {
                if let Some(writer) = &self.writer {
                    writer.close();
                    self.closes();
                }
            }
            Step::TransportClose => {
                if let Some(transport) = &self.transport {
                    transport.close();
                    self.closes();
                }
            }
            Step::Abort => {
                if let Some(transport) = &self.transport {
                    transport.abort();
                    self.aborted |= !self.is_lost() || self.cause.is_none();
                }
            }
            Step::DropWriter => {
                self.cancel_where(Self::is_on_writer);
                if self.writer.take().is_some() {
                    self.closes();
                }
            }
            Step::DropReader => {
                self.cancel_where(Self::is_on_reader);
                self.reader = None;
            }
            Step::DropTransport => self.transport = None,
            Step::Start(call) => self.read(call),
            Step::PauseReading | Step::ResumeReading => self.pause(matches!(step, Step::PauseReading)),
            Step::SetWriteBufferLimits(high, low) => self.set_limits(*high, *low),
            Step::GetWriteBufferSize => self.buffer_size(),
            Step::GetExtraInfo => {
                if let Some(transport) = self.handle() {
                    let info = transport.get_extra_info("peername");
                    let address = info.as_ref().and_then(ExtraInfo::as_address).map(SocketAddress::to_endpoint);
                    assert_eq!(address.as_deref(), Some(PEER));
                }
            }
            Step::Cancel(number) => {
                // The first is the server's.
                if number + 1 < self.waiters.len() {
                    let waiter = self.waiters.remove(number + 1);
                    let was_take = matches!(waiter.call, Call::Take);
                    self.gone.push(waiter.end());
                    if was_take {
                        self.closes();
                        self.writes_dropped = false;
                    }
                }
            }
            Step::Take => self.take(),
            Step::CloseClients => {
                self.server.close_clients();
                self.closes();
            }
            Step::AbortClients => {
                self.server.abort_clients();
                self.aborted |= !self.is_lost() || self.cause.is_none();
            }
            Step::PeerSends(_)
            | Step::PeerSendsLine(_)
            | Step::PeerEnds
            | Step::PeerResets(_)
            | Step::SystemTakes(_)
            | Step::SystemTakesAll
            | Step::SystemBlocks
            | Step::SendingBreaks(_)
            | Step::OutcomeIsHeld(_) => self.outside(step),
        }
        self.notice_eof();
    }

    /// Over some transports the peer's end closes.
    pub(crate) fn notice_eof(&mut self) {
        if self.wire.eof_told() && !self.capabilities.open_after_eof && !self.closing {
            self.closes();
        }
    }

    /// What the peer and the system do.
    fn outside(&mut self, step: &Step) {
        match step {
            Step::PeerSends(count) | Step::PeerSendsLine(count) if !self.peer_done => {
                let mut sent = bytes(self.sent_by_peer.len(), *count);
                if matches!(step, Step::PeerSendsLine(_)) {
                    sent.push(b'\n');
                }
                self.wire.peer_sends(&sent);
                self.sent_by_peer.extend(sent);
            }
            Step::PeerEnds => {
                self.peer_done = true;
                self.wire.peer_ends();
            }
            Step::PeerResets(kind) => {
                self.peer_done = true;
                self.errors.push(OsError::from(Failure::from(*kind)).at(PEER).into());
                self.wire.peer_resets((*kind).into());
            }
            Step::SystemTakes(count) => self.wire.takes(*count),
            Step::SystemTakesAll => self.wire.takes(usize::MAX),
            Step::SystemBlocks => self.wire.blocks(),
            Step::SendingBreaks(kind) => {
                self.errors.push(
                    kind.map_or_else(Error::connection_lost, |kind| OsError::from(Failure::from(kind)).at(PEER).into()),
                );
                self.wire.sending_breaks(kind.map_or(Ok(()), |kind| Err(kind.into())));
            }
            Step::OutcomeIsHeld(held) => self.wire.holds_outcome(*held),
            _ => {}
        }
    }

    fn write(&mut self, counts: &[usize], write: impl FnOnce(&Transport, &[Vec<u8>]) -> Result<()>) {
        let Some(transport) = self.handle() else { return };
        let mut chunks = Vec::new();
        let mut at = self.written.len();
        for count in counts {
            chunks.push(bytes(at, *count));
            at += count;
        }
        let is_lost = transport.is_closing() && !self.closing;
        if !(self.aborted || self.writes_dropped || self.is_lost() || is_lost || self.eof_written) {
            self.written.extend(chunks.iter().flatten());
        }
        assert_eq!(write(&transport, &chunks).is_err(), self.eof_written, "writes fail after write_eof and only then");
    }

    fn write_eof(&mut self) {
        let Some(transport) = self.handle() else { return };
        let takes_effect = self.capabilities.can_write_eof && !transport.is_closing();
        assert_eq!(transport.write_eof().is_ok(), self.capabilities.can_write_eof);
        self.eof_written |= takes_effect;
    }

    fn read(&mut self, call: &ReadCall) {
        let Some(reader) = self.reader.clone() else { return };
        // Two reads at once confuse each other, as in CPython: a line goes on where it was although another task has read, and a
        // read to the end keeps what it has taken.
        let confused = |waiter: &Waiter| match &waiter.call {
            Call::Read(ReadCall::ReadLine | ReadCall::ReadUntil(_) | ReadCall::Read(-1)) => true,
            Call::Read(_) => matches!(call, ReadCall::Read(-1)),
            _ => false,
        };
        if self.waiters.iter().any(confused) {
            return;
        }
        match call {
            ReadCall::ReadExactly(count) => self.asked_for = self.asked_for.max(*count as usize),
            ReadCall::Read(-1) => self.asked_for = usize::MAX / 2,
            _ => {}
        }
        self.may_receive = true;
        self.reads_since_rest += 1;
        let stored = reader.exception();
        let started = call.clone();
        let future = async move {
            Answer::Bytes(match started {
                ReadCall::Read(count) => reader.read(count).await,
                ReadCall::ReadLine => reader.readline().await,
                ReadCall::ReadExactly(count) => reader.readexactly(count).await,
                ReadCall::ReadUntil(separators) => reader.readuntil(separators).await,
            })
        };
        let waiting = self.waiters.len();
        self.start(Waiter::new(Call::Read(call.clone()), future));
        if let Some(stored) = stored {
            assert!(self.errors.contains(&stored), "the reader has {stored:?}");
            assert_eq!(self.waiters.len(), waiting, "a read waits although an exception is stored");
        }
    }

    fn pause(&mut self, pause: bool) {
        let Some(transport) = self.handle() else { return };
        let closing = transport.is_closing();
        if pause {
            transport.pause_reading();
        } else {
            transport.resume_reading();
        }
        if !closing {
            self.reading_paused = pause;
            assert_eq!(transport.is_reading(), !pause);
        }
    }

    fn set_limits(&mut self, high: Option<u64>, low: Option<u64>) {
        let Some(transport) = self.handle() else { return };
        let new_high = high.unwrap_or(low.map_or(65_536, |low| 4 * low));
        let new_low = low.unwrap_or(new_high / 4);
        let set = transport.set_write_buffer_limits(high, low);
        assert_eq!(set.is_ok(), new_high >= new_low);
        if set.is_ok() {
            self.marks = (new_low, new_high);
        }
        // Taking has marks of its own until it has ended.
        if !self.take_tried {
            assert_eq!(transport.get_write_buffer_limits(), self.marks);
        }
    }

    fn buffer_size(&self) {
        let Some(transport) = self.handle() else { return };
        let size = transport.get_write_buffer_size();
        if !transport.is_closing() && !self.wire.is_broken() {
            assert_eq!(size, self.unsent() as u64, "get_write_buffer_size");
        }
    }

    fn take(&mut self) {
        let busy = |call: &Call| Self::is_on_reader(call) || Self::is_on_writer(call);
        if self.reader.is_none() || self.writer.is_none() || self.waiters.iter().any(|waiter| busy(&waiter.call)) {
            return;
        }
        let (Some(reader), Some(writer)) = (self.reader.take(), self.writer.take()) else { return };
        let (Ok(reader), Ok(writer)) = (Rc::try_unwrap(reader), Rc::try_unwrap(writer)) else {
            panic!("somebody keeps the reader or the writer")
        };
        self.may_receive = true;
        self.take_tried = true;
        self.start(Waiter::new(Call::Take, taking(self.runtime, reader, writer)));
    }
}
