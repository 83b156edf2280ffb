//! WASI 0.3 streams and sockets, and the work that goes on between calls. Nothing here knows asyncio's rules.
//!
//! A stream operation that was started must not be given up before it has ended, because the host reads or writes our
//! memory meanwhile. So the operations belong to the connection, and whoever waits only lends its task to them: see
//! [`waitable`].

pub(crate) mod background;
pub(crate) mod bindings;
#[cfg(feature = "component")]
pub(crate) mod byte_streams;
pub(crate) mod clock;
pub(crate) mod inbound;
pub(crate) mod listener;
#[cfg(feature = "component")]
mod lookout;
pub(crate) mod outbound;
pub(crate) mod pipe;
pub(crate) mod progress;
#[cfg(feature = "component")]
pub(crate) mod ready;
pub(crate) mod task;
pub(crate) mod tcp;
pub(crate) mod waitable;
pub(crate) mod waiters;
