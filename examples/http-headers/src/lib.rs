//! Printing HTTP headers, from the asyncio documents.
//!
//! ```text
//! wasyncio run dist/examples/http-headers.wasm --allow-connect example.com:443 -- https://example.com/path/page.html
//! wasyncio run dist/examples/http-headers.wasm --allow-connect db.internal:443 --tls-trust internal=ca.pem \
//!          -- https://db.internal/ internal
//! ```
//!
//! A second argument is the name of a trust that the operator grants: it certifies the server in the place of the system's
//! authorities.
//!
//! ```python
//! async def print_http_headers(url):
//!     url = urllib.parse.urlsplit(url)
//!     if url.scheme == 'https':
//!         reader, writer = await asyncio.open_connection(
//!             url.hostname, 443, ssl=True)
//!     else:
//!         reader, writer = await asyncio.open_connection(
//!             url.hostname, 80)
//!
//!     query = (
//!         f"HEAD {url.path or '/'} HTTP/1.0\r\n"
//!         f"Host: {url.hostname}\r\n"
//!         f"\r\n"
//!     )
//!
//!     writer.write(query.encode('latin-1'))
//!     while True:
//!         line = await reader.readline()
//!         if not line:
//!             break
//!
//!         line = line.decode('latin1').rstrip()
//!         if line:
//!             print(f'HTTP header> {line}')
//!
//!     # Ignore the body, close the socket
//!     writer.close()
//!     await writer.wait_closed()
//! ```

use console::{eprintln, println};
use wasyncio_client::{ConnectionOptions, Error, SslOptions, open_connection_with};

/// Where a URL leads.
struct Target<'a> {
    host: &'a str,
    port: u16,
    path: &'a str,
    /// Whether it is `https`.
    secure: bool,
}

async fn print_http_headers(target: &Target<'_>, trust: Option<String>) -> Result<(), Error> {
    let Target { host, port, path, secure } = *target;
    let ssl = secure.then(|| SslOptions { trust, ..SslOptions::default() });
    let options = ConnectionOptions { ssl, ..ConnectionOptions::default() };
    let (reader, writer) = open_connection_with(Some(host), Some(port), options).await?;

    let query = format!("HEAD {path} HTTP/1.0\r\nHost: {host}\r\n\r\n");
    writer.write(query.as_bytes())?;
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            break;
        }
        // Latin-1: every byte is the character of that number.
        let line: String = line.into_iter().map(char::from).collect();
        let line = line.trim_end();
        if !line.is_empty() {
            println(format!("HTTP header> {line}"));
        }
    }

    // Ignore the body, close the socket
    writer.close();
    writer.wait_closed().await
}

/// What an `http` or `https` address says.
fn split(url: &str) -> Result<Target<'_>, String> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let (secure, default) = match scheme {
        "https" => (true, 443),
        "http" => (false, 80),
        _ => return Err(format!("'{url}' is no http:// or https:// address")),
    };
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    let (host, port) = match authority.rsplit_once(':') {
        None => (authority, default),
        Some((host, port)) => (host, port.parse().map_err(|_| format!("'{port}' in '{url}' is no port"))?),
    };
    Ok(Target { host, port, path, secure })
}

async fn run() -> Result<(), String> {
    let mut arguments = console::arguments().into_iter();
    let url = arguments.next().ok_or("usage: http-headers URL [TRUST]")?;
    let target = split(&url)?;
    print_http_headers(&target, arguments.next()).await.map_err(|error| error.to_string())
}

struct HttpHeaders;

impl wasip3::exports::cli::run::Guest for HttpHeaders {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln(format!("http-headers: {error}")))
    }
}

wasip3::cli::command::export!(HttpHeaders with_types_in wasyncio_client::command);
