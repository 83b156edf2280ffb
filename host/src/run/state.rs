//! What the store of a running program holds.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

use crate::policy::check::Check;
use crate::run::descriptors::Descriptor;
use crate::run::meter::Meter;
use crate::run::stdio::stream::ProgramOutput;
use crate::sockets::Network;

/// What the store of a running program holds. Functions that an embedder adds by
/// [`HostBuilder::linker`](crate::HostBuilder::linker) get it; its [`WasiView`] is what they can use of it.
pub struct State {
    pub(crate) wasi: WasiCtx,
    pub(crate) table: ResourceTable,
    /// Standard output and error.
    pub(crate) output: [ProgramOutput; 2],
    pub(crate) check: Arc<Check>,
    pub(crate) network: Arc<Network>,
    /// The descriptors of TCP sockets of WASI 0.2, by the number of their resource, if the program may have such sockets.
    pub(crate) sockets02: Option<HashMap<u32, Descriptor>>,
    pub(crate) meter: Meter,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").finish_non_exhaustive()
    }
}
