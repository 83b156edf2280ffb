//! A listener whose connections have shaken hands.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use wasyncio_core::Result;
use wasyncio_core::address::SocketAddress;
use wasyncio_core::runtime::Task;
use wasyncio_core::transport::{Halves, Listener};
use wasyncio_transport::runtime;

use super::tls::Settings;

/// How many connections may be in their handshake at once, or have ended it and wait to be accepted. The host bounds them, too; here
/// they cost the program's memory.
const MOST: usize = 1024;

/// What accepts, and shakes hands. Handshakes are tasks of their own: a peer that is slow at it holds up nobody.
pub(crate) struct TlsListener {
    listener: Box<dyn Listener>,
    settings: Settings,
    shared: Rc<Shared>,
    ended: bool,
}

#[derive(Default)]
struct Shared {
    /// How many are in their handshake.
    shaking: Cell<usize>,
    shaken: RefCell<VecDeque<Halves>>,
    /// Who waits for them.
    waker: RefCell<Option<Waker>>,
    /// Those in their handshake, to be told of the end.
    wakers: RefCell<Vec<Waker>>,
    closed: Cell<bool>,
}

impl TlsListener {
    pub(crate) fn new(listener: Box<dyn Listener>, settings: Settings) -> Self {
        Self { listener, settings, shared: Rc::default(), ended: false }
    }

    fn shake(&self, halves: Halves) {
        let (shared, settings) = (self.shared.clone(), self.settings.clone());
        shared.shaking.set(shared.shaking.get() + 1);
        runtime::spawn(Box::pin(async move {
            let secured = {
                let mut securing = pin!(settings.secure(halves, Vec::new()));
                std::future::poll_fn(|cx| {
                    if shared.closed.get() {
                        return Poll::Ready(None);
                    }
                    let secured = securing.as_mut().poll(cx).map(Result::ok);
                    if secured.is_pending() {
                        shared.note(cx.waker());
                    }
                    secured
                })
                .await
            };
            shared.shaking.set(shared.shaking.get() - 1);
            // One that failed is nobody's business, as in asyncio.
            if let Some(halves) = secured.filter(|_| !shared.closed.get()) {
                shared.shaken.borrow_mut().push_back(halves);
            }
            shared.wake();
        }));
    }
}

impl Shared {
    fn wake(&self) {
        let waker = self.waker.take();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Has a task in its handshake be told of the end. Each is noted again when it is polled.
    fn note(&self, waker: &Waker) {
        let mut wakers = self.wakers.borrow_mut();
        if !wakers.iter().any(|noted| noted.will_wake(waker)) {
            if wakers.len() > 2 * self.shaking.get() {
                wakers.clear();
            }
            wakers.push(waker.clone());
        }
    }
}

impl Listener for TlsListener {
    fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.listener.poll_listen(cx)
    }

    fn addresses(&self) -> Vec<SocketAddress> {
        self.listener.addresses()
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Halves>> {
        while !self.ended && self.shared.shaking.get() + self.shared.shaken.borrow().len() < MOST {
            match self.listener.poll_accept(cx) {
                Poll::Ready(Some(halves)) => self.shake(halves),
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => break,
            }
        }
        if let Some(halves) = self.shared.shaken.borrow_mut().pop_front() {
            return Poll::Ready(Some(halves));
        }
        if self.ended && self.shared.shaking.get() == 0 {
            return Poll::Ready(None);
        }
        self.shared.waker.replace(Some(cx.waker().clone()));
        Poll::Pending
    }

    fn withdraw(&mut self) {
        self.shared.waker.take();
        self.listener.withdraw();
    }

    fn close(self: Box<Self>) -> Option<Task> {
        self.shared.closed.set(true);
        self.shared.wakers.take().into_iter().for_each(Waker::wake);
        self.shared.shaken.take();
        self.listener.close()
    }
}
