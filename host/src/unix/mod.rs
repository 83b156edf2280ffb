//! Unix sockets: `wasyncio:host/unix`.
//!
//! A program names a path; what counts is where it really leads. So the file, or the folder in which one is to be made, is opened first
//! (`O_PATH`), the path of what is open is compared with the grants, and the system call then gets the open file by
//! `/proc/self/fd/N`: whoever changes links meanwhile changes nothing. Whatever fails before that is `access-denied`, unless the path
//! that was asked for is granted: a program learns nothing of paths that are not.
//!
//! That takes Linux. Elsewhere there are no such sockets, and programs are told so.

mod address;
mod bindings;
#[cfg(not(target_os = "linux"))]
mod elsewhere;
mod host;
#[cfg(target_os = "linux")]
mod linux;
mod socket;

#[cfg(not(target_os = "linux"))]
use elsewhere as system;
#[cfg(target_os = "linux")]
use linux as system;

#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub use system::UnixListener;

pub(crate) use host::add_to_linker;
