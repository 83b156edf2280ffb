//! Listening sockets.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use super::runtime::ScriptedRuntime;
use crate::address::SocketAddress;
use crate::error::{Error, Result};
use crate::runtime::Task;
use crate::transport::{Halves, Listener};

/// A listening socket as peers and the system see it. Clones are the same socket.
#[derive(Clone)]
pub struct ListeningSocket(Rc<RefCell<State>>);

struct State {
    runtime: &'static ScriptedRuntime,
    address: SocketAddress,
    queue: VecDeque<Halves>,
    /// There will be no more.
    ended: bool,
    /// To listen takes until somebody says so.
    listen_held: bool,
    refusal: Option<Error>,
    listening: bool,
    listen_waker: Option<Waker>,
    in_flight: bool,
    waker: Option<Waker>,
    closed: bool,
    /// What is in flight at the end takes until somebody says so.
    close_held: bool,
    close_waker: Option<Waker>,
    asked: usize,
    dropped: bool,
}

impl ListeningSocket {
    /// A bound socket, and the listener for a server.
    pub fn new(runtime: &'static ScriptedRuntime, address: SocketAddress) -> (Self, Box<dyn Listener>) {
        let socket = Self(Rc::new(RefCell::new(State {
            runtime,
            address,
            queue: VecDeque::new(),
            ended: false,
            listen_held: false,
            refusal: None,
            listening: false,
            listen_waker: None,
            in_flight: false,
            waker: None,
            closed: false,
            close_held: false,
            close_waker: None,
            asked: 0,
            dropped: false,
        })));
        (socket.clone(), Box::new(ScriptedListener(socket)))
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let wakers = {
            let mut state = self.0.borrow_mut();
            change(&mut state);
            let news = state.in_flight && (!state.queue.is_empty() || state.ended);
            let accept = if news { state.waker.take() } else { None };
            let listen = if state.listen_held { None } else { state.listen_waker.take() };
            let close = if state.close_held { None } else { state.close_waker.take() };
            [accept, listen, close]
        };
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// A peer connects.
    pub fn connects(&self, halves: Halves) {
        self.change(|state| state.queue.push_back(halves));
    }

    /// There will be no more connections.
    pub fn ends(&self) {
        self.change(|state| state.ended = true);
    }

    /// Whether to listen has to wait.
    pub fn holds_listen(&self, held: bool) {
        self.change(|state| state.listen_held = held);
    }

    /// To listen fails.
    pub fn refuses(&self, refusal: Option<Error>) {
        self.change(|state| state.refusal = refusal);
    }

    /// Whether the end of what is in flight has to wait.
    pub fn holds_close(&self, held: bool) {
        self.change(|state| state.close_held = held);
    }

    /// How many connections wait.
    pub fn waiting(&self) -> usize {
        self.0.borrow().queue.len()
    }

    /// How often it was asked for a connection.
    pub fn asked(&self) -> usize {
        self.0.borrow().asked
    }

    /// Whether it listens.
    pub fn is_listening(&self) -> bool {
        let state = self.0.borrow();
        state.listening && !state.closed
    }

    /// How many wakers are registered.
    pub fn registered(&self) -> usize {
        let state = self.0.borrow();
        [&state.waker, &state.listen_waker, &state.close_waker].into_iter().flatten().count()
    }

    /// Whether the server has let go of it.
    pub fn is_dropped(&self) -> bool {
        self.0.borrow().dropped
    }
}

struct ScriptedListener(ListeningSocket);

impl Listener for ScriptedListener {
    fn poll_listen(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let mut state = self.0.0.borrow_mut();
        assert!(!state.closed, "a closed listener listens");
        if state.listening {
            return Poll::Ready(Ok(()));
        }
        if state.listen_held {
            state.listen_waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        state.listen_waker = None;
        if let Some(refusal) = &state.refusal {
            return Poll::Ready(Err(refusal.clone()));
        }
        state.listening = true;
        Poll::Ready(Ok(()))
    }

    fn addresses(&self) -> Vec<SocketAddress> {
        vec![self.0.0.borrow().address.clone()]
    }

    fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Option<Halves>> {
        let mut state = self.0.0.borrow_mut();
        assert!(state.listening && !state.closed, "a socket that does not listen is asked for a connection");
        state.asked += 1;
        if let Some(halves) = state.queue.pop_front() {
            (state.in_flight, state.waker) = (false, None);
            return Poll::Ready(Some(halves));
        }
        if state.ended {
            (state.in_flight, state.waker) = (false, None);
            return Poll::Ready(None);
        }
        (state.in_flight, state.waker) = (true, Some(cx.waker().clone()));
        Poll::Pending
    }

    fn withdraw(&mut self) {
        let mut state = self.0.0.borrow_mut();
        let wakers = (state.waker.take(), state.listen_waker.take());
        drop(state);
        drop(wakers);
    }

    fn close(self: Box<Self>) -> Option<Task> {
        let in_flight = {
            let mut state = self.0.0.borrow_mut();
            state.closed = true;
            state.in_flight
        };
        in_flight.then(|| -> Task { Box::pin(poll_fn(move |cx| self.poll_closed(cx))) })
    }
}

impl ScriptedListener {
    /// Ends what is in flight.
    fn poll_closed(&self, cx: &Context<'_>) -> Poll<()> {
        let mut state = self.0.0.borrow_mut();
        assert!(state.runtime.in_task(), "an accept is cancelled in a call of the program");
        if state.close_held {
            state.close_waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        (state.in_flight, state.waker, state.close_waker) = (false, None, None);
        Poll::Ready(())
    }
}

impl Drop for ScriptedListener {
    fn drop(&mut self) {
        let mut state = self.0.0.borrow_mut();
        assert!(
            std::thread::panicking() || !state.in_flight || state.runtime.is_resetting(),
            "a listener is dropped with an accept in flight"
        );
        state.dropped = true;
        let left = (state.waker.take(), state.listen_waker.take(), std::mem::take(&mut state.queue));
        drop(state);
        drop(left);
    }
}
