//! The generators' test in Rust, as `tests/generators/programs.rs` describes it.

mod bindings;

use bindings::connect::open_connection;
use bindings::server::{Server, start_server};
use bindings::streams::StreamReader;
use bindings::types::Error;

async fn echo_a_line(server: &Server) -> Result<(), Error> {
    let (reader, writer) = server.accept().await?;
    writer.write(&reader.readline().await?)?;
    writer.drain().await?;
    writer.close();
    writer.wait_closed().await
}

/// A reader that was fed everything.
fn fed_reader(limit: Option<u32>, data: &[u8]) -> Result<StreamReader, Error> {
    let reader = StreamReader::create(limit)?;
    reader.feed_data(data)?;
    reader.feed_eof();
    Ok(reader)
}

async fn lines_fed_by_hand() -> Result<String, Error> {
    let reader = fed_reader(None, b"one\ntwo")?;
    let mut report = "readline:".to_owned();
    for _ in 0..3 {
        report.push_str(&format!(" [{}]", String::from_utf8_lossy(&reader.readline().await?)));
    }
    Ok(report)
}

fn limit_of_zero() -> String {
    match StreamReader::create(Some(0)) {
        Err(Error::ValueError(message)) => format!("create: value-error: {message}"),
        other => format!("create: {other:?}"),
    }
}

async fn more_than_there_is() -> Result<String, Error> {
    let reader = fed_reader(Some(u32::MAX), b"345")?;
    Ok(match reader.readexactly(i32::MAX).await {
        Err(Error::IncompleteReadError(found)) => {
            let partial = String::from_utf8_lossy(&found.partial);
            let expected = found.expected.unwrap_or_default();
            format!("readexactly: incomplete-read-error: [{partial}] of {expected}")
        }
        other => format!("readexactly: {other:?}"),
    })
}

async fn run(port: u16) -> Result<(), Error> {
    let (_, report) = open_connection(Some("127.0.0.1".to_owned()), Some(port), None).await?;
    let server = start_server(vec!["127.0.0.1".to_owned()], 0, None).await?;
    for socket in server.sockets() {
        report.write(format!("{}\n", socket.port).as_bytes())?;
    }
    echo_a_line(&server).await?;
    for part in [lines_fed_by_hand().await?, limit_of_zero(), more_than_there_is().await?] {
        report.write(format!("{part}\n").as_bytes())?;
    }
    report.close();
    report.wait_closed().await
}

struct Generated;

impl wasip3::exports::cli::run::Guest for Generated {
    async fn run() -> Result<(), ()> {
        let arguments = wasip3::cli::environment::get_arguments();
        let port = arguments.last().and_then(|port| port.parse().ok()).ok_or(())?;
        run(port).await.map_err(drop)
    }
}

wasip3::cli::command::export!(Generated);
