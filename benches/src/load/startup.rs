//! From nothing to the first echo.

use std::time::Instant;

use bench_protocol::Mode;

use super::connections::Connection;
use crate::Result;
use crate::places::Places;
use crate::server::Server;
use crate::statistics::Sample;
use crate::subjects::Subject;

/// Starts a server, has one line echoed and ends it.
pub(crate) async fn measure(subject: Subject, places: &Places) -> Result<Vec<Sample>> {
    let begin = Instant::now();
    let server = Server::start(subject, Mode::Echo, places).await?;
    let mut connection = Connection::open(server.tcp(), 0).await?;
    let mut lines = connection.lines(1, 64);
    connection.exchange(&mut lines).await?;
    let milliseconds = begin.elapsed().as_secs_f64() * 1000.0;
    server.stop().await;
    Ok(vec![Sample::of(milliseconds)])
}
