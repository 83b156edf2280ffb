//! `start_server` where not every address can be bound.

use asyncio::{Error, Server, ServerOptions, open_connection, start_server_with};

use crate::transcript::{say, told};

async fn start(hosts: &[&str]) -> Result<Server, Error> {
    start_server_with(hosts, 0, ServerOptions::default()).await
}

/// Prints where a server of these hosts listens, in the order of the text, and that it can be reached there.
async fn serves(hosts: &[&str]) -> Result<(), Error> {
    let server = match start(hosts).await {
        Ok(server) => server,
        Err(error) => {
            say(told(&error));
            return Ok(());
        }
    };
    let mut addresses: Vec<_> = server.sockets().iter().map(|address| (address.host(), address.port())).collect();
    addresses.sort();
    for (host, port) in addresses {
        let reached = match host.as_str() {
            "0.0.0.0" => "127.0.0.1",
            "::" => "::1",
            host => host,
        };
        let (reader, writer) = open_connection(reached, port).await?;
        let (_, accepted) = server.accept().await?;
        accepted.write(b"hello\n")?;
        accepted.drain().await?;
        let line = reader.readline().await?;
        say(format!("{host} {}", String::from_utf8_lossy(&line).trim_end()));
        writer.close();
    }
    Ok(())
}

pub(crate) async fn the_first_address_is_lacking() -> Result<(), Error> {
    serves(&["203.0.113.1", "127.0.0.1"]).await
}

pub(crate) async fn the_only_address_is_lacking() -> Result<(), Error> {
    serves(&["203.0.113.1"]).await
}

/// The test runs this where there is no `::1`.
pub(crate) async fn one_family_cannot_be_bound() -> Result<(), Error> {
    serves(&["::1", "127.0.0.1"]).await?;
    serves(&["::1"]).await
}

/// The test runs this where the system has no IPv6.
pub(crate) async fn one_family_does_not_exist() -> Result<(), Error> {
    serves(&["::1", "127.0.0.1"]).await?;
    serves(&[]).await?;
    serves(&["::1"]).await
}
