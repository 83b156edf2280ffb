//! What the model test of a server has found, and `serve_forever`: one behaviour each.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use wasyncio_core::address::SocketAddress;
use wasyncio_core::extra_info::Addresses;
use wasyncio_core::scripted::{ListeningSocket, Manner, ScriptedRuntime, Wire};
use wasyncio_core::transport::Capabilities;
use wasyncio_core::{Error, OsError, OsErrorKind, Server};

#[derive(Default)]
struct Sleeper(AtomicBool);

impl Wake for Sleeper {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Sleeper {
    fn is_woken(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>, sleeper: &Arc<Sleeper>) -> Poll<F::Output> {
    sleeper.0.store(false, Ordering::Relaxed);
    future.poll(&mut Context::from_waker(&Waker::from(sleeper.clone())))
}

fn bound() -> (&'static ScriptedRuntime, ListeningSocket, Server) {
    let runtime = ScriptedRuntime::leaked();
    let address = SocketAddress::Ip(SocketAddr::from(([127, 0, 0, 1], 80)));
    let (socket, listener) = ListeningSocket::new(runtime, address);
    (runtime, socket, Server::new(runtime, vec![listener], 1 << 16))
}

fn connects(runtime: &'static ScriptedRuntime, socket: &ListeningSocket) -> Wire {
    let (wire, halves) = Wire::new(runtime, Manner::default(), Capabilities::default(), Addresses::default());
    socket.connects(halves);
    wire
}

fn is_closed(error: &Error) -> bool {
    *error == Error::Runtime("server <Server sockets=()> is closed".into())
}

#[test]
fn everybody_who_starts_a_server_goes_on_when_it_listens() {
    let (_, socket, server) = bound();
    socket.holds_listen(true);
    let (first, second) = (Arc::default(), Arc::default());
    let (mut one, mut other) = (pin!(server.start_serving()), pin!(server.start_serving()));
    assert!(poll(one.as_mut(), &first).is_pending() && poll(other.as_mut(), &second).is_pending());
    socket.holds_listen(false);
    assert!(first.is_woken());
    assert_eq!(poll(one, &first), Poll::Ready(Ok(())));
    assert!(second.is_woken());
    assert_eq!(poll(other, &second), Poll::Ready(Ok(())));
}

#[test]
fn closing_ends_a_start_that_waits() {
    let (_, socket, server) = bound();
    socket.holds_listen(true);
    let sleeper = Arc::default();
    let mut start = pin!(server.start_serving());
    assert!(poll(start.as_mut(), &sleeper).is_pending());
    server.close();
    assert!(sleeper.is_woken());
    assert!(matches!(poll(start, &sleeper), Poll::Ready(Err(error)) if is_closed(&error)));
}

#[test]
fn a_start_does_not_wait_for_who_accepts() {
    let (_, socket, server) = bound();
    socket.holds_listen(true);
    let (first, second) = (Arc::default(), Arc::default());
    let (mut accept, mut start) = (pin!(server.accept()), pin!(server.start_serving()));
    assert!(poll(accept.as_mut(), &first).is_pending() && poll(start.as_mut(), &second).is_pending());
    socket.holds_listen(false);
    assert!(first.is_woken());
    assert!(poll(accept.as_mut(), &first).is_pending(), "nobody connects");
    assert!(second.is_woken());
    assert_eq!(poll(start, &second), Poll::Ready(Ok(())));
}

#[test]
fn a_closed_socket_knows_nobody_who_accepts() {
    let (runtime, socket, server) = bound();
    socket.holds_close(true);
    let sleeper = Arc::default();
    let mut accept = pin!(server.accept());
    assert!(poll(accept.as_mut(), &sleeper).is_pending());
    server.close();
    assert!(sleeper.is_woken());
    assert!(matches!(poll(accept, &sleeper), Poll::Ready(Err(error)) if is_closed(&error)));
    assert_eq!((socket.registered(), socket.is_dropped()), (0, false));
    runtime.rest();
    socket.holds_close(false);
    runtime.rest();
    assert!(socket.is_dropped());
}

#[test]
fn a_server_that_cannot_listen_can_be_asked_again() {
    let (runtime, socket, server) = bound();
    let refusal = Error::from(OsError::new(OsErrorKind::AddressInUse, "Address already in use"));
    socket.refuses(Some(refusal.clone()));
    let sleeper = Arc::default();
    // CPython 3.13: the OSError of `listen` leaves `serve_forever`, and the server is not closed.
    let served = poll(pin!(server.serve_forever(|_, _| async {})), &sleeper);
    assert_eq!(served, Poll::Ready(Err(refusal)));
    socket.refuses(None);
    let mut serving = pin!(server.serve_forever(|_, _| async {}));
    assert!(poll(serving.as_mut(), &sleeper).is_pending());
    assert!(server.is_serving());
    server.close();
    runtime.rest();
    assert_eq!(poll(serving, &sleeper), Poll::Ready(Ok(())));
}

#[test]
fn serving_runs_a_handler_for_each_and_ends_when_all_are_gone() {
    let (runtime, socket, server) = bound();
    let server = Rc::new(server);
    let served = Rc::new(Cell::new(0));
    let wires = [connects(runtime, &socket), connects(runtime, &socket)];
    let sleeper = Arc::default();
    let count = served.clone();
    let mut serving = pin!(server.serve_forever(move |reader, writer| {
        let count = count.clone();
        async move {
            let line = reader.readline().await.expect("a line");
            writer.write(line).expect("the end was not written");
            count.set(count.get() + 1);
        }
    }));
    assert!(poll(serving.as_mut(), &sleeper).is_pending());
    let again = poll(pin!(server.serve_until_closed()), &sleeper);
    assert!(matches!(again, Poll::Ready(Err(Error::Runtime(text))) if text.contains("already")));
    runtime.rest();
    wires[0].peer_sends(b"one\n");
    runtime.rest();
    assert_eq!((served.get(), wires[0].taken_from(0)), (1, b"one\n".to_vec()));
    assert!(wires[0].is_let_go() && !wires[1].is_let_go());
    server.close();
    assert!(sleeper.is_woken());
    assert!(poll(serving.as_mut(), &sleeper).is_pending(), "one connection is there");
    wires[1].peer_sends(b"two\n");
    runtime.rest();
    assert!(sleeper.is_woken());
    assert_eq!(poll(serving, &sleeper), Poll::Ready(Ok(())));
    assert_eq!((served.get(), runtime.tasks()), (2, 0));
}

#[test]
fn leaving_serve_forever_closes_the_server() {
    let (_, socket, server) = bound();
    let sleeper = Arc::default();
    {
        let mut serving = pin!(server.serve_until_closed());
        assert!(poll(serving.as_mut(), &sleeper).is_pending());
        assert!(socket.is_listening());
    }
    assert!(!socket.is_listening() && !server.is_serving() && server.sockets().is_empty());
}
