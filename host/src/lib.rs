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

mod address_kind;
mod answers;
mod attentive;
mod compose;
mod denial;
mod directory;
pub mod embed;
mod embedded;
mod endpoint;
mod error;
mod gate;
mod grant;
mod host;
mod host_entry;
mod inspect;
mod limits;
mod lookup;
mod meter;
mod metrics;
mod policy;
mod policy_file;
mod program;
mod runner;
mod sockets02;
mod state;
mod status;
mod stdio;
mod stock;
mod tcp;
#[cfg(test)]
mod testing;
mod ticker;
mod workers;

pub use compose::{compose, imports, needs_streams};
pub use denial::Denial;
pub use directory::{DirectoryGrant, DirectoryGrantError};
pub use embedded::embedded;
pub use endpoint::GrantError;
pub use error::{Error, NotComponent, Result, Source};
pub use grant::{ConnectGrant, ListenGrant};
pub use host::{Host, HostBuilder};
pub use host_entry::{HostEntry, HostEntryError};
pub use inspect::Inspection;
pub use limits::{Limit, Limits};
pub use metrics::{Metrics, Snapshot};
pub use policy::Policy;
pub use policy_file::PolicyFile;
pub use program::Program;
pub use runner::{DEFAULT_LINGER, Outcome, Runner};
pub use status::ExitStatus;
pub use stdio::{Stdio, StdioError};
pub use tcp::SharedListeners;
pub use workers::{Control, Workers};
