//! Systems without Unix sockets, or without a way to use one by what is open.

use std::iter::Empty;
use std::sync::Arc;

use wasmtime::component::Resource;

use super::bindings::unix::{ListenOptions, PathError};
use super::socket::UnixSocket;
use crate::policy::check::Check;
use crate::sockets::Network;

/// There is none.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub enum UnixListener {}

impl UnixListener {
    pub(super) fn listen(&mut self, _: &Check) -> Result<Empty<Resource<UnixSocket>>, PathError> {
        match *self {}
    }
}

pub(super) async fn connect(_: &Arc<Network>, _: &Check, _: Arc<[u8]>) -> Result<UnixSocket, PathError> {
    Err(PathError::NotSupported)
}

pub(super) async fn bind(
    _: &Arc<Network>,
    _: &Check,
    _: Arc<[u8]>,
    _: ListenOptions,
) -> Result<UnixListener, PathError> {
    Err(PathError::NotSupported)
}
