//! Runs WebAssembly components on wasmtime, in a sandbox that denies by default.
//!
//! A program is a component that exports `wasi:cli/run`. One that imports `wasyncio:streams` is composed with the
//! component that provides it, which is embedded in this crate. What the program may do on the network is what a
//! [`Policy`] grants, and nothing else.
//!
//! The crate creates no tokio runtime: [`Runner::run`] is called inside the caller's, with I/O and time enabled.
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
#[cfg(test)]
mod testing;
mod wasi;

pub use error::{Error, NotComponent, Result, Source};
pub use policy::Policy;
pub use policy::denial::Denial;
pub use policy::directory::{DirectoryGrant, DirectoryGrantError};
pub use policy::endpoint::GrantError;
pub use policy::file::PolicyFile;
pub use policy::grant::{ConnectGrant, ListenGrant};
pub use policy::host_entry::{HostEntry, HostEntryError};
pub use program::Program;
pub use program::compose::{compose, imports, needs_streams};
pub use program::embedded::embedded;
pub use program::inspect::Inspection;
pub use run::host::{Host, HostBuilder};
pub use run::limits::{Limit, LimitEntry, Limits};
pub use run::runner::{DEFAULT_LINGER, Outcome, Runner};
pub use run::status::ExitStatus;
pub use run::stdio::{Stdio, StdioError};
pub use service::event::{ServiceEvent, ServiceStatus};
pub use service::generation::Configure;
pub use service::metrics::{Metrics, Snapshot};
pub use service::workers::{Control, DEFAULT_MAX_RESTARTS, Workers};
pub use wasi::tcp::SharedListeners;
