//! The interface `raw`: connections as they are.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use wasyncio_core::transport::{Halves, Info};
use wasyncio_core::{Client, Error, Membership, Server, StreamReader, StreamWriter, Waiters};
use wasyncio_transport::outcome::{Asked, FutureOutcome, OptionalOutcome};
use wasyncio_transport::{Begin, ByteStream, Inbound, Outbound, runtime};
use wit_bindgen::rt::async_support::FutureReader;

use super::Component;
use super::bindings::{raw, server, streams, types, wit_future};
use crate::wasi::tcp::ErrorCode;

impl raw::Guest for Component {
    type Connection = Connection;

    async fn accept(server: server::ServerBorrow<'_>) -> Result<Vec<raw::Connection>, types::Error> {
        let server = server.get::<Server>();
        let accepted = server.accept_halves().await?;
        let connection = |halves| {
            let connection = Connection::new(halves, Vec::new())?;
            connection.0.membership.replace(Some(server.join(connection.client())));
            Ok(raw::Connection::new(connection))
        };
        accepted.into_iter().map(connection).collect()
    }

    async fn take(
        reader: streams::StreamReader,
        writer: streams::StreamWriter,
    ) -> Result<raw::Connection, types::Error> {
        runtime::make_resident();
        let (reader, writer) = (reader.into_inner::<StreamReader>(), writer.into_inner::<StreamWriter>());
        let taken = wasyncio_core::take(reader, writer).await?;
        let connection = Connection::new(taken.halves, taken.read_ahead)?;
        if let Some(membership) = taken.membership {
            membership.pass_on(connection.client());
            connection.0.membership.replace(Some(membership));
        }
        Ok(raw::Connection::new(connection))
    }
}

/// A connection that was accepted or taken.
pub(crate) struct Connection(Rc<Taken>);

struct Taken {
    unopened: RefCell<Option<Unopened>>,
    info: Rc<dyn Info>,
    membership: RefCell<Option<Membership>>,
    /// What the server asks of it.
    asked: Cell<Option<raw::Ending>>,
    asking: Waiters,
}

struct Unopened {
    read_ahead: Vec<u8>,
    incoming: ByteStream,
    received: Ended,
    begin: Box<dyn Begin>,
}

type Ended = FutureReader<Result<(), ErrorCode>>;

/// The future behind an outcome of a socket. One that was read is used up: another one stands for it.
///
/// # Errors
/// The one that it has told; a runtime error if it is not a socket's.
fn ended(outcome: OptionalOutcome) -> Result<Ended, Error> {
    let outcome = outcome.and_then(|outcome| own::<FutureOutcome<Result<(), ErrorCode>>>(outcome));
    match outcome.and_then(|outcome| outcome.into_future()).ok_or_else(not_to_be_taken)? {
        Asked::Unread(future) => Ok(future),
        Asked::Told(Ok(())) => {
            let (writer, future) = wit_future::new(|| Ok(()));
            // Until it is read or dropped: nobody else could write it then.
            runtime::spawn(Box::pin(async move { drop(writer.write(Ok(())).await) }));
            Ok(future)
        }
        Asked::Told(Err(failure)) => Err(Error::of_connection(failure, None)),
    }
}

/// What is behind a trait, if it is this.
fn own<T: 'static>(part: Box<dyn Any>) -> Option<Box<T>> {
    part.downcast().ok()
}

fn not_to_be_taken() -> Error {
    Error::Runtime("the connection was written to, or has no directions that can be taken".into())
}

impl Connection {
    /// # Errors
    /// A runtime error if the halves are none that can be given away.
    pub(super) fn new(halves: Halves, read_ahead: Vec<u8>) -> Result<Self, Error> {
        let inbound = own::<Inbound>(halves.receive).and_then(|inbound| inbound.into_parts());
        let outbound = own::<Outbound>(halves.send).and_then(|outbound| outbound.into_begin());
        let (incoming, received) = inbound.ok_or_else(not_to_be_taken)?;
        let received = ended(received)?;
        let begin = outbound.ok_or_else(not_to_be_taken)?;
        Ok(Self(Rc::new(Taken {
            unopened: RefCell::new(Some(Unopened { read_ahead, incoming, received, begin })),
            info: halves.info,
            membership: RefCell::default(),
            asked: Cell::default(),
            asking: Waiters::default(),
        })))
    }

    /// For its server.
    fn client(&self) -> Weak<dyn Client> {
        let client: Rc<dyn Client> = self.0.clone();
        Rc::downgrade(&client)
    }
}

impl Taken {
    fn ask(&self, ending: raw::Ending) {
        self.asked.set(Some(ending));
        self.asking.wake();
        // Nobody has its directions yet, and nobody needs to be asked.
        self.unopened.take();
    }
}

impl Client for Taken {
    fn close(self: Rc<Self>) {
        self.ask(raw::Ending::Close);
    }

    fn abort(self: Rc<Self>) {
        self.ask(raw::Ending::Abort);
    }
}

impl raw::GuestConnection for Connection {
    fn open(&self, outgoing: ByteStream) -> Result<raw::Directions, types::Error> {
        let unopened = self.0.unopened.take();
        let Unopened { read_ahead, incoming, received, begin } = unopened
            .ok_or_else(|| Error::Runtime("the connection was opened before, or its server has ended it".into()))?;
        let sent = ended(Some(begin.begin(outgoing)))?;
        Ok(raw::Directions { read_ahead, incoming, received, sent })
    }

    fn get_extra_info(&self, name: String) -> Option<types::ExtraInfo> {
        self.0.info.get(&name).map(Into::into)
    }

    fn finished(&self) {
        self.0.membership.take();
    }

    async fn ending(&self) -> raw::Ending {
        let taken = self.0.clone();
        taken.asking.wait(|| taken.asked.get()).await
    }
}
