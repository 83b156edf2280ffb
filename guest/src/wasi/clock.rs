//! Time.

use std::time::Duration;

use super::bindings::wasi::clocks::monotonic_clock;

/// Waits.
///
/// # Cancel safety
/// Yes.
pub(crate) async fn sleep(time: Duration) {
    monotonic_clock::wait_for(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)).await;
}
