//! Unix sockets on Linux.

mod connect;
mod error;
mod file;
mod listen;
mod place;

use std::sync::Arc;

pub(super) use connect::connect;
#[expect(unreachable_pub, reason = "generated bindings re-export it")]
pub use listen::UnixListener;
pub(super) use listen::bind;

use crate::sockets::Network;

/// What `work` returns, which makes system calls about files: they may wait for a disk or for another machine. Few are at work at once.
async fn blocking<T: Send + 'static>(network: &Arc<Network>, work: impl FnOnce() -> T + Send + 'static) -> T {
    let permit = Arc::clone(&network.file_calls).acquire_owned().await.expect("the semaphore is never closed");
    let done = tokio::task::spawn_blocking(move || {
        let done = work();
        drop(permit);
        done
    });
    match done.await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending, and so is the program.
            Err(_) => std::future::pending().await,
        },
    }
}
