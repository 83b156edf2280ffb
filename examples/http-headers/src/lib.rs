//! Printing HTTP headers, from the asyncio documents, for `http` addresses.
//!
//! ```text
//! wasyncio run dist/examples/http-headers.wasm --allow-connect example.com:80 -- http://example.com/path/page.html
//! ```
//!
//! ```python
//! async def print_http_headers(url):
//!     url = urllib.parse.urlsplit(url)
//!     reader, writer = await asyncio.open_connection(url.hostname, 80)
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
use wasyncio_client::{Error, open_connection};

async fn print_http_headers(host: &str, port: u16, path: &str) -> Result<(), Error> {
    let (reader, writer) = open_connection(host, port).await?;

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

/// Host, port and path of an `http` address.
fn split(url: &str) -> Result<(&str, u16, &str), String> {
    if url.starts_with("https:") {
        return Err("https needs TLS, which wasyncio does not have yet: give an http:// address".into());
    }
    let rest = url.strip_prefix("http://").ok_or_else(|| format!("'{url}' is no http:// address"))?;
    let (authority, path) = rest.find('/').map_or((rest, "/"), |at| rest.split_at(at));
    match authority.rsplit_once(':') {
        None => Ok((authority, 80, path)),
        Some((host, port)) => {
            let port = port.parse().map_err(|_| format!("'{port}' in '{url}' is no port"))?;
            Ok((host, port, path))
        }
    }
}

async fn run() -> Result<(), String> {
    let url = console::arguments().into_iter().next().ok_or("usage: http-headers URL")?;
    let (host, port, path) = split(&url)?;
    print_http_headers(host, port, path).await.map_err(|error| error.to_string())
}

struct HttpHeaders;

impl wasip3::exports::cli::run::Guest for HttpHeaders {
    async fn run() -> Result<(), ()> {
        run().await.map_err(|error| eprintln(format!("http-headers: {error}")))
    }
}

wasip3::cli::command::export!(HttpHeaders with_types_in wasyncio_client::command);
