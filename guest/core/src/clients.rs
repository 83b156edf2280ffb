//! The connections that a server has accepted and that are alive.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use slab::Slab;

use crate::waiters::Waiters;

/// An accepted connection, for the server that counts it.
pub trait Client {
    /// `Server.close_clients`.
    fn close(self: Rc<Self>);

    /// `Server.abort_clients`.
    fn abort(self: Rc<Self>);
}

/// Those that are alive.
#[derive(Default)]
pub(crate) struct Clients {
    alive: RefCell<Slab<Weak<dyn Client>>>,
    gone: Waiters,
}

impl Clients {
    /// Counts a connection as long as its membership lives.
    pub(crate) fn join(self: &Rc<Self>, client: Weak<dyn Client>) -> Membership {
        Membership { clients: Rc::downgrade(self), number: self.alive.borrow_mut().insert(client) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.alive.borrow().is_empty()
    }

    /// Woken when one is gone.
    pub(crate) fn gone(&self) -> &Waiters {
        &self.gone
    }

    /// Those that are alive now. One that ends leaves the list, so `act` is not called under a borrow.
    pub(crate) fn each(&self, act: impl Fn(Rc<dyn Client>)) {
        let clients: Vec<_> = self.alive.borrow().iter().filter_map(|(_, client)| client.upgrade()).collect();
        clients.into_iter().for_each(act);
    }
}

/// A server counts a connection as alive until this is dropped.
pub struct Membership {
    clients: Weak<Clients>,
    number: usize,
}

impl Membership {
    /// From now on `client` is asked for the connection: it has gone to somebody else.
    pub fn pass_on(&self, client: Weak<dyn Client>) {
        if let Some(clients) = self.clients.upgrade()
            && let Some(before) = clients.alive.borrow_mut().get_mut(self.number)
        {
            *before = client;
        }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        if let Some(clients) = self.clients.upgrade() {
            clients.alive.borrow_mut().try_remove(self.number);
            clients.gone.wake();
        }
    }
}
