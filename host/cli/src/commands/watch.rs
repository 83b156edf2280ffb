//! What an operator sees of a running program: metrics and health over HTTP, and a status line.
//!
//! Both have a thread of their own, so that they tell also about programs that compute without pause.

use std::convert::Infallible;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::CONTENT_TYPE;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use wasyncio_host::{Metrics, Snapshot};

use super::address::{Listener, MetricsAddress, Stream};
use super::health::Health;

/// How long the status line stands.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long one request may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// How many connections there are at once.
const CONNECTIONS: usize = 16;

/// Starts to serve metrics and health on `address`, and to show the status line if standard error is a terminal.
///
/// # Errors
/// What to tell the operator.
pub(super) fn start(
    metrics: &Metrics,
    health: Health,
    address: Option<&MetricsAddress>,
    status: bool,
) -> Result<(), String> {
    let status = status && io::stderr().is_terminal();
    if address.is_none() && !status {
        return Ok(());
    }
    let failed = |error: io::Error| format!("cannot watch the program: {error}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    let listener = match address {
        Some(address) => {
            let listening = runtime.block_on(address.listen());
            let (listener, place) = listening.map_err(|error| format!("cannot serve metrics on {address}: {error}"))?;
            crate::say::info(&format_args!("metrics are on {place}"));
            Some(listener)
        }
        None => None,
    };
    let metrics = metrics.clone();
    let watch = move || {
        runtime.block_on(async {
            tokio::join!(
                async {
                    if let Some(listener) = listener {
                        serve(listener, &metrics, &health).await;
                    }
                },
                async {
                    if status {
                        show(&metrics).await;
                    }
                },
            )
        });
    };
    std::thread::Builder::new().name("watch".to_owned()).spawn(watch).map_err(failed)?;
    Ok(())
}

async fn serve(listener: Listener, metrics: &Metrics, health: &Health) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let permit = Arc::clone(&permits).acquire_owned().await;
        match listener.accept().await {
            Ok(stream) => {
                let answer = tokio::time::timeout(DEADLINE, answer(stream, metrics.clone(), health.clone()));
                tokio::spawn(async {
                    _ = answer.await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!("a request for metrics was not accepted: {error}");
                // Out of descriptors, most likely: others have to end first.
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }
}

async fn answer(stream: Box<dyn Stream>, metrics: Metrics, health: Health) {
    let respond = service_fn(|request: Request<_>| {
        let (metrics, health) = (metrics.clone(), health.clone());
        async move { Ok::<_, Infallible>(response(request.uri().path(), &metrics, &health).await) }
    });
    let mut connection = hyper::server::conn::http1::Builder::new();
    connection.keep_alive(false);
    if let Err(error) = connection.serve_connection(TokioIo::new(stream), respond).await {
        tracing::debug!("a request for metrics failed: {error}");
    }
}

async fn response(path: &str, metrics: &Metrics, health: &Health) -> Response<Full<Bytes>> {
    let (code, text) = match path {
        "/" | "/metrics" => (StatusCode::OK, metrics.render()),
        "/livez" if health.is_live().await => (StatusCode::OK, "ok\n".to_owned()),
        "/livez" => (StatusCode::SERVICE_UNAVAILABLE, "the event loop does not turn\n".to_owned()),
        "/readyz" => match health.is_ready() {
            Ok(()) => (StatusCode::OK, "ok\n".to_owned()),
            Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
        },
        _ => (StatusCode::NOT_FOUND, "there are /metrics, /livez and /readyz\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = code;
    let kind = hyper::header::HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

async fn show(metrics: &Metrics) {
    let mut interval = tokio::time::interval(INTERVAL);
    let mut before = metrics.snapshot();
    loop {
        interval.tick().await;
        let now = metrics.snapshot();
        // Erases the line before, and leaves the cursor at its start for whoever prints next.
        _ = write!(io::stderr(), "\r\x1b[K{}\r", line(before, now));
        before = now;
    }
}

/// The status after one interval.
fn line(before: Snapshot, now: Snapshot) -> String {
    let rate = |before: u64, now: u64| bytesize::ByteSize(now.saturating_sub(before)).display().iec();
    format!(
        "{} connections open, {} accepted; {}/s in, {}/s out",
        now.open_connections,
        now.accepted_connections,
        rate(before.received_bytes, now.received_bytes),
        rate(before.sent_bytes, now.sent_bytes),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_the_throughput_of_the_last_interval() {
        let metrics = Metrics::new();
        let now = metrics.snapshot();
        assert_eq!(line(now, now), "0 connections open, 0 accepted; 0 B/s in, 0 B/s out");
    }
}
