//! The functions that a program imports: to the socket and back, nothing else.

use std::sync::Arc;

use wasmtime::component::{Access, Accessor, FutureReader, HasData, Linker, Resource, StreamReader};

use super::bindings::unix::{
    self, Credentials, HostUnixListener, HostUnixListenerWithStore, HostUnixSocket, HostUnixSocketWithStore,
    HostWithStore, ListenOptions, PathError,
};
use super::socket::UnixSocket;
use super::system::{self, UnixListener};
use crate::policy::check::Check;
use crate::run::state::State;
use crate::sockets::Network;
use crate::sockets::streams::{receive, send};
use crate::wasi::tcp::bindings::types::ErrorCode;

/// Adds `wasyncio:host/unix`.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    unix::add_to_linker::<State, Unix>(linker, |state| UnixView(state))
}

struct Unix;

impl HasData for Unix {
    type Data<'a> = UnixView<'a>;
}

struct UnixView<'a>(&'a mut State);

/// What every call needs of the running program.
fn of_program(store: &Accessor<State, Unix>) -> (Arc<Network>, Arc<Check>) {
    store.with(|mut access| {
        let state = access.get().0;
        (Arc::clone(&state.network), Arc::clone(&state.check))
    })
}

/// A resource of what was made.
fn pushed<T: Send + 'static>(
    store: &Accessor<State, Unix>,
    made: Result<T, PathError>,
) -> wasmtime::Result<Result<Resource<T>, PathError>> {
    Ok(match made {
        Ok(made) => Ok(store.with(|mut access| access.get().0.table.push(made))?),
        Err(error) => Err(error),
    })
}

impl unix::Host for UnixView<'_> {}

impl HostWithStore<State> for Unix {
    async fn connect(
        store: &Accessor<State, Self>,
        path: Vec<u8>,
    ) -> wasmtime::Result<Result<Resource<UnixSocket>, PathError>> {
        let (network, check) = of_program(store);
        pushed(store, system::connect(&network, &check, path.into()).await)
    }

    async fn bind(
        store: &Accessor<State, Self>,
        path: Vec<u8>,
        options: ListenOptions,
    ) -> wasmtime::Result<Result<Resource<UnixListener>, PathError>> {
        let (network, check) = of_program(store);
        pushed(store, system::bind(&network, &check, path.into(), options).await)
    }
}

impl HostUnixSocketWithStore<State> for Unix {
    fn send(
        mut store: Access<'_, State, Self>,
        socket: Resource<UnixSocket>,
        data: StreamReader<u8>,
    ) -> wasmtime::Result<FutureReader<Result<(), ErrorCode>>> {
        let connection = store.get().0.table.get_mut(&socket)?.take_sending();
        send(store, connection, data)
    }

    fn receive(
        mut store: Access<'_, State, Self>,
        socket: Resource<UnixSocket>,
    ) -> wasmtime::Result<(StreamReader<u8>, FutureReader<Result<(), ErrorCode>>)> {
        let connection = store.get().0.table.get_mut(&socket)?.take_receiving();
        receive(store, connection)
    }
}

impl HostUnixSocket for UnixView<'_> {
    fn get_local_path(&mut self, socket: Resource<UnixSocket>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.0.table.get(&socket)?.local.to_vec())
    }

    fn get_remote_path(&mut self, socket: Resource<UnixSocket>) -> wasmtime::Result<Vec<u8>> {
        Ok(self.0.table.get(&socket)?.remote.to_vec())
    }

    fn get_peer_credentials(&mut self, socket: Resource<UnixSocket>) -> wasmtime::Result<Option<Credentials>> {
        Ok(self.0.table.get(&socket)?.peer_credentials())
    }

    fn drop(&mut self, socket: Resource<UnixSocket>) -> wasmtime::Result<()> {
        self.0.table.delete(socket)?;
        Ok(())
    }
}

impl HostUnixListenerWithStore<State> for Unix {
    fn listen(
        mut store: Access<'_, State, Self>,
        listener: Resource<UnixListener>,
    ) -> wasmtime::Result<Result<StreamReader<Resource<UnixSocket>>, PathError>> {
        let state = store.get().0;
        let check = Arc::clone(&state.check);
        Ok(match state.table.get_mut(&listener)?.listen(&check) {
            Ok(accepting) => Ok(StreamReader::new(store, accepting)?),
            Err(error) => Err(error),
        })
    }
}

impl HostUnixListener for UnixView<'_> {
    fn drop(&mut self, listener: Resource<UnixListener>) -> wasmtime::Result<()> {
        self.0.table.delete(listener)?;
        Ok(())
    }
}
