//! What systemd is told of a service of `Type=notify`, and the sockets that it hands in. Without systemd there is nothing to
//! tell, and there are no sockets.

use std::io;
use std::time::Duration;

use sd_notify::NotifyState;
use wasyncio_host::SharedListeners;

/// The program serves.
pub(super) fn ready(status: &str) {
    tell(&[NotifyState::Ready, NotifyState::Status(status)]);
}

/// The program is about to be loaded again; [`ready`] follows, whatever comes of it.
pub(super) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!("systemd is not told of the reload: {error}"),
    }
}

/// The program is being stopped.
pub(super) fn stopping() {
    tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
}

/// The event loop turns.
pub(super) fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// How often [`alive`] has to be told: twice as often as systemd asks for. `None` if it does not.
pub(super) fn watchdog() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| (limit / 2).max(Duration::from_millis(1)))
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("systemd is not told of {states:?}: {error}");
    }
}

/// Hands the sockets that systemd has opened to `listeners`.
///
/// # Errors
/// If one of them is no TCP socket.
pub(super) fn hand_in(listeners: &SharedListeners) -> io::Result<()> {
    let mut sockets = listenfd::ListenFd::from_env();
    for index in 0..sockets.len() {
        if let Some(socket) = sockets.take_tcp_listener(index)? {
            let address = listeners.hand_in(socket)?;
            tracing::info!("{address} was handed in");
        }
    }
    Ok(())
}
