//! Runs WebAssembly components on wasmtime, in a sandbox that denies by default.
//!
//! A program is a component that exports `wasi:cli/run`. One that imports `wasyncio:streams` is composed with the
//! component that provides it, which is embedded in this crate. What the program may do on the network is what a
//! [`Policy`] grants, and nothing else.
//!
//! [`Runner::run`] and [`embed`] work inside the caller's tokio runtime, with I/O and time enabled. [`Workers`] start a thread with a
//! runtime of its own for each worker, and a [`Host`] a thread that is the clock of its programs.
//!
//! # Examples
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use wasyncio_host::{Host, Policy, Runner};
//!
//! let host = Host::builder().build()?;
//! let program = host.load_file("echo-server.wasm")?;
//! let policy = Policy::new().allow_listen("127.0.0.1:8888".parse()?);
//! let status = Runner::new(&program)
//!     .policy(policy)
//!     .inherit_stdio()
//!     .run()
//!     .await?;
//! assert!(status.success());
//! # Ok(())
//! # }
//! ```

pub mod embed;
mod error;
mod policy;
mod program;
mod run;
mod service;
mod sockets;
#[cfg(test)]
mod testing;
mod tls;
mod unix;
mod wasi;

pub use error::{Error, NotComponent, Result, Source, Wasi02Conflict};
pub use policy::Policy;
pub use policy::change::PolicyChange;
pub use policy::decide::{Decision, Request};
pub use policy::denial::Denial;
pub use policy::deny::DenyRule;
pub use policy::directory::{DirectoryGrant, DirectoryGrantError};
pub use policy::file::PolicyFile;
pub use policy::grant::{ConnectGrant, ListenGrant};
pub use policy::grant_error::GrantError;
pub use policy::host_entry::{HostEntry, HostEntryError};
pub use policy::risk::Risk;
pub use policy::source::SourceGrant;
pub use policy::unix::{UnixAddress, UnixGrant, UnixGrantError};
pub use program::Program;
pub use program::cache::{DEFAULT_CACHE_SIZE, user_cache_directory};
pub use program::compose::{compose, imports, needs_streams};
pub use program::embedded::{embedded, embedded_full};
pub use program::inspect::Inspection;
pub use run::host::Host;
pub use run::host_builder::HostBuilder;
pub use run::limit_table::LimitEntry;
pub use run::limits::{
    DEFAULT_MAX_CALL, DEFAULT_MAX_HANDLES, DEFAULT_MAX_HANDSHAKES, DEFAULT_MAX_LOOKUPS, DEFAULT_MAX_RANDOM,
    DEFAULT_MIN_RATE_TIME, Limit, Limits,
};
pub use run::observer::{ConnectionRecord, DecisionRecord, Observer};
pub use run::runner::{DEFAULT_LINGER, Outcome, Runner};
pub use run::state::State;
pub use run::status::ExitStatus;
pub use run::stdio::output::{Output, OutputLine};
pub use run::stdio::selection::{Stdio, StdioError};
pub use service::event::{ServiceEvent, ServiceStatus};
pub use service::generation::Configure;
pub use service::handle::WorkersHandle;
pub use service::metrics::{Metrics, Snapshot};
pub use service::status::{WorkerEnd, WorkerEndKind, WorkerState, WorkerStatus, WorkersStatus};
pub use service::workers::{Control, DEFAULT_MAX_RESTARTS, Workers};
pub use sockets::address::ConnectionAddress;
pub use sockets::shared::SharedListeners;
pub use tls::grants::{TlsGrantError, TlsUnverified};
pub use tls::identity::TlsIdentity;
pub use tls::trust::TlsTrust;

// What of these crates is part of the interface, in the version that it is of.
pub use {prometheus, wasmtime};
