//! Ends connections at their limits of time. Each connection has one task for all of them, which sleeps until the first may
//! be reached: reading and writing arm no timer.

use std::sync::Weak;
use std::time::Duration;

use tokio::time::Instant;

use super::connection::{Connection, HostEnd};
use super::pace::Judgement;

/// As good as never, and what a clock can count.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Ends the connection once it has reached a limit.
pub(super) async fn watch(connection: Weak<Connection>) {
    loop {
        // Nothing is held while it sleeps.
        let next = match connection.upgrade() {
            None => return,
            Some(connection) => match look(&connection, Instant::now()) {
                Ok(next) => next,
                Err(why) => return connection.end(why),
            },
        };
        tokio::time::sleep_until(next).await;
    }
}

/// When to look again, or the limit that is reached.
fn look(connection: &Connection, now: Instant) -> Result<Instant, HostEnd> {
    let network = connection.network();
    let lifetime = network.max_lifetime.map(|time| (connection.opened, time, HostEnd::Lifetime));
    let idle = network.idle_timeout.map(|time| (connection.last_moved(), time, HostEnd::Idle));
    let mut next = now + FAR;
    for (since, time, limit) in [lifetime, idle].into_iter().flatten() {
        let end = since + time.min(FAR);
        if end <= now {
            return Err(limit);
        }
        next = next.min(end);
    }
    if let Some((rate, window)) = network.min_rate {
        match connection.judge_pace(now.saturating_duration_since(connection.opened), rate, window) {
            Judgement::TooSlow => return Err(HostEnd::Rate),
            Judgement::TooEarly { left } => next = next.min(now + left.min(FAR)),
        }
    }
    Ok(next)
}
