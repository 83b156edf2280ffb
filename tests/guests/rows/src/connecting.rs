//! Cases of `open_connection`. The names resolve to addresses that the test chose with `--resolve`.

use std::time::Duration;

use asyncio::{AddressFamily, ConnectionOptions, Error, OsErrorKind, open_connection, open_connection_with};
use wasip3::clocks::monotonic_clock::now;
use wit_bindgen::spawn_local;

use crate::helpers::{Outcome, expect, holds, port, server, sleep};

async fn peer_of(name: &str, options: ConnectionOptions) -> Result<String, Error> {
    let (_reader, writer) = open_connection_with(Some(name), Some(port()), options).await?;
    let info = writer.get_extra_info("peername");
    Ok(info.as_ref().and_then(|info| info.as_address()).map(|address| address.host()).unwrap_or_default())
}

fn racing(milliseconds: u64) -> ConnectionOptions {
    let delay = Duration::from_millis(milliseconds);
    ConnectionOptions { happy_eyeballs_delay: Some(delay), ..ConnectionOptions::default() }
}

// refusing.test: 127.0.0.2 refuses, 127.0.0.3 accepts.
pub(crate) async fn the_next_address_is_tried_when_one_refuses() -> Outcome {
    expect("one after the other", peer_of("refusing.test", ConnectionOptions::default()).await?, "127.0.0.3".into())?;
    let start = now();
    // A failure starts the next attempt at once, however long the delay.
    expect("racing", peer_of("refusing.test", racing(60_000)).await?, "127.0.0.3".into())?;
    holds("the failure did not start the next attempt at once", now() - start < 20_000_000_000)
}

// silent.test: 127.0.0.4 never answers, 127.0.0.3 accepts.
pub(crate) async fn a_silent_address_is_overtaken() -> Outcome {
    let start = now();
    expect("racing", peer_of("silent.test", racing(100)).await?, "127.0.0.3".into())?;
    let took = now() - start;
    holds("the second attempt started too early", took >= 90_000_000)?;
    holds("the silent address was waited for", took < 20_000_000_000)
}

// both.test: ::1 accepts, then 127.0.0.2 refuses, then 127.0.0.3 accepts.
// mixed.test: 127.0.0.2 refuses, then 127.0.0.3 accepts, then ::1 accepts.
pub(crate) async fn families_are_raced() -> Outcome {
    expect("in order", peer_of("both.test", ConnectionOptions::default()).await?, "::1".into())?;
    let family = |family| ConnectionOptions { family: Some(family), ..ConnectionOptions::default() };
    expect("IPv4 only", peer_of("both.test", family(AddressFamily::Inet)).await?, "127.0.0.3".into())?;
    expect("IPv6 only", peer_of("both.test", family(AddressFamily::Inet6)).await?, "::1".into())?;
    // Whoever connects shows the order: one after the one that refuses.
    for (interleave, second) in [(None, "127.0.0.3"), (Some(0), "127.0.0.3"), (Some(1), "::1"), (Some(2), "127.0.0.3")]
    {
        let options = ConnectionOptions { interleave, ..ConnectionOptions::default() };
        expect(&format!("interleave {interleave:?}"), peer_of("mixed.test", options).await?, second.into())?;
    }
    expect("racing interleaves", peer_of("mixed.test", racing(60_000)).await?, "::1".into())?;
    let in_order = ConnectionOptions { interleave: Some(0), ..racing(60_000) };
    expect("racing in order", peer_of("mixed.test", in_order).await?, "127.0.0.3".into())
}

// failing.test: 127.0.0.2 and 127.0.0.5 refuse.
pub(crate) async fn all_failures_are_told() -> Outcome {
    let port = port();
    let text = |host: &str| format!("Connect call failed ('{host}', {port}): connection refused");
    for options in [ConnectionOptions::default(), racing(10)] {
        match peer_of("failing.test", options).await {
            Err(Error::Os(error)) => {
                expect("kind", error.kind, OsErrorKind::Other)?;
                let both = format!("Multiple exceptions: {}, {}", text("127.0.0.2"), text("127.0.0.5"));
                expect("message", error.message, both)?;
            }
            other => return holds(&format!("not an os-error: {other:?}"), false),
        }
    }
    let all = ConnectionOptions { all_errors: true, ..ConnectionOptions::default() };
    match peer_of("failing.test", all).await {
        Err(Error::Group(errors)) => {
            let texts: Vec<_> = errors.into_iter().map(|error| error.message).collect();
            expect("all errors", texts, vec![text("127.0.0.2"), text("127.0.0.5")])
        }
        other => holds(&format!("not a group: {other:?}"), false),
    }
}

// 127.0.0.4 never answers. The test counts the descriptors of the process.
pub(crate) async fn a_cancelled_connect_leaves_nothing() -> Outcome {
    let port = port();
    console::println("begin");
    for _ in 0..100 {
        let mut task = spawn_local(async move { open_connection("127.0.0.4", port).await.map(|_| ()) });
        sleep(0).await;
        task.cancel();
        sleep(0).await;
    }
    expect(
        "a connection that is not cancelled",
        peer_of("127.0.0.3", ConnectionOptions::default()).await?,
        "127.0.0.3".into(),
    )?;
    console::println("end");
    // The test looks, and then kills this.
    sleep(20_000).await;
    Ok(())
}

// silent.test: 127.0.0.4 loses every race. The test counts the descriptors of the process.
pub(crate) async fn the_losers_of_a_race_are_closed() -> Outcome {
    console::println("begin");
    for _ in 0..50 {
        let (_reader, writer) = open_connection_with(Some("silent.test"), Some(port()), racing(2)).await?;
        writer.close();
        writer.wait_closed().await?;
    }
    console::println("end");
    // The test looks, and then kills this.
    sleep(20_000).await;
    Ok(())
}

pub(crate) async fn unsupported_options_are_named() -> Outcome {
    let cases = [
        ("flags", ConnectionOptions { flags: Some(1), ..ConnectionOptions::default() }),
        ("proto", ConnectionOptions { proto: Some(17), ..ConnectionOptions::default() }),
        ("family", ConnectionOptions { family: Some(AddressFamily::Unix), ..ConnectionOptions::default() }),
    ];
    for (name, options) in cases {
        match peer_of("127.0.0.3", options).await {
            Err(Error::NotImplemented(text)) => holds(&format!("'{text}' does not name {name}"), text.contains(name))?,
            other => return holds(&format!("{name}: {other:?}"), false),
        }
    }
    let supported = ConnectionOptions { flags: Some(0), proto: Some(6), ..ConnectionOptions::default() };
    expect("what is supported", peer_of("127.0.0.3", supported).await?, "127.0.0.3".into())
}

pub(crate) async fn unresolved_and_denied_names_are_told_apart() -> Outcome {
    let cases = [
        ("denied.test", OsErrorKind::AccessDenied, "denied.test"),
        ("192.0.2.7", OsErrorKind::AccessDenied, "('192.0.2.7', "),
    ];
    for (name, kind, says) in cases {
        match peer_of(name, ConnectionOptions::default()).await {
            Err(Error::Os(error)) => {
                expect(name, error.kind, kind)?;
                holds(&format!("'{}' does not say {says}", error.message), error.message.contains(says))?;
            }
            other => return holds(&format!("{name}: {other:?}"), false),
        }
    }
    Ok(())
}

pub(crate) async fn a_local_address_without_a_host_is_this_machine() -> Outcome {
    let (_server, address) = server().await?;
    let options = ConnectionOptions { local_addr: Some((None, 0)), ..ConnectionOptions::default() };
    let (_reader, writer) = open_connection_with(Some(&address.host()), Some(address.port()), options).await?;
    let info = writer.get_extra_info("sockname");
    let host = info.as_ref().and_then(|info| info.as_address()).map(|address| address.host());
    expect("our end", host.as_deref(), Some("127.0.0.1"))
}
