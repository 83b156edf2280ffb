//! Connections by TLS, against peers that the tests run: `COMMAND ADDRESS [KEY=VALUE]...`. Each prints what it sees. An address is HOST:PORT,
//! or the path of a Unix socket.

use std::time::Duration;

use asyncio::{
    ConnectionOptions, Error, ExtraInfo, Server, ServerOptions, SslOptions, StartTls, StreamReader, StreamWriter,
    TlsVersion, UnixConnectionOptions, UnixServerOptions, VerifyMode, open_connection_with, open_unix_connection_with,
    start_server_with, start_unix_server_with,
};
use console::println;

/// What the command line says.
#[derive(Clone)]
struct Arguments {
    host: String,
    /// None: the host is the path of a Unix socket.
    port: Option<u16>,
    ssl: SslOptions,
    /// How many connections a client makes, one after the other.
    count: u32,
    /// Bytes of one message.
    size: usize,
}

impl Arguments {
    fn parse(address: &str, options: &[String]) -> Self {
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) => (host.to_owned(), Some(port.parse().expect("a port"))),
            None => (address.to_owned(), None),
        };
        let mut arguments = Self { host, port, ssl: SslOptions::default(), count: 1, size: 0 };
        for option in options {
            let (key, value) = option.split_once('=').expect("KEY=VALUE");
            let seconds = || Duration::from_secs_f64(value.parse().expect("seconds"));
            let ssl = &mut arguments.ssl;
            match key {
                "identity" => ssl.identity = Some(value.to_owned()),
                "trust" => ssl.trust = Some(value.to_owned()),
                "verify" => {
                    ssl.verify_mode = Some(match value {
                        "none" => VerifyMode::None,
                        "optional" => VerifyMode::Optional,
                        _ => VerifyMode::Required,
                    });
                }
                "check" => ssl.check_hostname = Some(value == "yes"),
                "hostname" => ssl.server_hostname = Some(value.to_owned()),
                "alpn" => ssl.alpn_protocols = value.split(',').map(str::to_owned).collect(),
                "minimum" => {
                    ssl.minimum_version = Some(if value == "1.3" { TlsVersion::Tls13 } else { TlsVersion::Tls12 })
                }
                "handshake" => ssl.ssl_handshake_timeout = Some(seconds()),
                "shutdown" => ssl.ssl_shutdown_timeout = Some(seconds()),
                "count" => arguments.count = value.parse().expect("a number"),
                "size" => arguments.size = value.parse().expect("a number"),
                other => panic!("{other} is no option"),
            }
        }
        arguments
    }
}

impl Arguments {
    /// A connection to the address, by TLS if there is `ssl`.
    async fn connect(&self, ssl: Option<SslOptions>) -> Result<(StreamReader, StreamWriter), Error> {
        if self.port.is_none() {
            let options = UnixConnectionOptions { ssl, ..UnixConnectionOptions::default() };
            return open_unix_connection_with(&self.host, options).await;
        }
        let options = ConnectionOptions { ssl, ..ConnectionOptions::default() };
        open_connection_with(Some(&self.host), self.port, options).await
    }

    /// A server at the address, by TLS if there is `ssl`, which has said where it serves.
    async fn listen(&self, ssl: Option<SslOptions>) -> Result<Server, Error> {
        let server = match self.port {
            Some(port) => {
                let options = ServerOptions { ssl, ..ServerOptions::default() };
                start_server_with(&[&self.host], port, options).await?
            }
            None => {
                let options = UnixServerOptions { ssl, ..UnixServerOptions::default() };
                start_unix_server_with(&self.host, options).await?
            }
        };
        for socket in server.sockets() {
            println(format!("Serving on {socket}"));
        }
        Ok(server)
    }
}

/// An error as the tests compare it: Python's class, and its text.
fn told(error: &Error) -> String {
    match error {
        Error::Ssl { message, reason: Some(reason) } if reason == "UNEXPECTED_EOF_WHILE_READING" => {
            format!("SSLEOFError: {message}")
        }
        Error::Ssl { message, .. } => format!("SSLError: {message}"),
        Error::SslCertVerification { message, verify_code, .. } => {
            format!("SSLCertVerificationError: {message} ({verify_code})")
        }
        Error::Value(text) => format!("ValueError: {text}"),
        Error::Runtime(text) => format!("RuntimeError: {text}"),
        Error::NotImplemented(text) => format!("NotImplementedError: {text}"),
        Error::Os(error) => format!("OSError {:?}: {}", error.kind, error.message),
        other => format!("{other:?}"),
    }
}

/// What is known of the session, on one line.
fn known(writer: &StreamWriter) -> String {
    let Some(ExtraInfo::Ssl(ssl)) = writer.get_extra_info("ssl_object") else { return "no session".into() };
    let Some(ExtraInfo::Cipher(cipher)) = writer.get_extra_info("cipher") else { return "no cipher".into() };
    let certificate = |info| matches!(info, Some(ExtraInfo::Bytes(der)) if !der.is_empty());
    format!(
        "version={} cipher={}/{}/{} alpn={} reused={} server={} hostname={} peercert={} shown={} compression={} eof={}",
        ssl.version.unwrap_or_default(),
        cipher.name,
        cipher.protocol,
        cipher.bits,
        ssl.alpn_protocol.unwrap_or_default(),
        ssl.session_reused,
        ssl.server_side,
        ssl.server_hostname.unwrap_or_default(),
        certificate(writer.get_extra_info("peercert")),
        ssl.peercert.is_some(),
        writer.get_extra_info("compression").is_some(),
        writer.can_write_eof(),
    )
}

/// Sends lines back until the end, and closes.
async fn echo(reader: &StreamReader, writer: &StreamWriter) -> Result<usize, Error> {
    let mut count = 0;
    loop {
        let line = reader.read(65_536).await?;
        if line.is_empty() {
            break;
        }
        count += line.len();
        writer.write(&line)?;
        writer.drain().await?;
    }
    writer.close();
    writer.wait_closed().await?;
    Ok(count)
}

async fn serve(reader: StreamReader, writer: StreamWriter) {
    println(format!("connected {}", known(&writer)));
    match echo(&reader, &writer).await {
        Ok(count) => println(format!("closed after {count}")),
        Err(error) => println(format!("failed {}", told(&error))),
    }
}

/// `server`: an echo by TLS.
async fn server(arguments: &Arguments) -> Result<(), Error> {
    arguments.listen(Some(arguments.ssl.clone())).await?.serve_forever(serve).await
}

/// `client`: a message there and back, as often as it is said.
async fn client(arguments: &Arguments) -> Result<(), Error> {
    for _ in 0..arguments.count {
        let (reader, writer) = arguments.connect(Some(arguments.ssl.clone())).await?;
        println(format!("connected {}", known(&writer)));
        let message = if arguments.size == 0 { b"hello\n".to_vec() } else { vec![b'x'; arguments.size] };
        let length = message.len();
        writer.write(message)?;
        let answer = reader.readexactly(length as i64).await?;
        println(format!("answered {}", answer.len()));
        writer.close();
        writer.wait_closed().await?;
        println("closed");
    }
    Ok(())
}

/// `listener`: says nothing, and tells how reading ends.
async fn listener(arguments: &Arguments) -> Result<(), Error> {
    let (reader, writer) = arguments.connect(Some(arguments.ssl.clone())).await?;
    let read = reader.read(-1).await?;
    println(format!("read {}", read.len()));
    writer.close();
    writer.wait_closed().await
}

/// One connection of the server of `starttls` and `proxy`: what comes before the handshake, then an echo.
async fn upgraded(reader: StreamReader, writer: StreamWriter, ssl: SslOptions, answers: bool) {
    let upgrading = async {
        let line = reader.readline().await?;
        println(format!("plain {:?}", String::from_utf8_lossy(&line)));
        if answers {
            writer.write(b"go on\n")?;
        }
        writer.start_tls(ssl).await?;
        Ok::<_, Error>(())
    };
    match upgrading.await {
        Ok(()) => serve(reader, writer).await,
        Err(error) => println(format!("failed {}", told(&error))),
    }
}

/// `starttls`, `proxy`: a server whose connections begin in plain text, and with an answer to that or without.
async fn upgrading(arguments: &Arguments, answers: bool) -> Result<(), Error> {
    let server = arguments.listen(None).await?;
    let ssl = arguments.ssl.clone();
    server.serve_forever(move |reader, writer| upgraded(reader, writer, ssl.clone(), answers)).await
}

/// `starttls-client`: begins in plain text.
async fn starttls_client(arguments: &Arguments) -> Result<(), Error> {
    let (reader, writer) = arguments.connect(None).await?;
    writer.write(b"STARTTLS\n")?;
    let line = reader.readline().await?;
    println(format!("plain {:?}", String::from_utf8_lossy(&line)));
    writer.start_tls(arguments.ssl.clone()).await?;
    println(format!("connected {}", known(&writer)));
    writer.write(b"hello\n")?;
    let line = reader.readline().await?;
    println(format!("answered {:?}", String::from_utf8_lossy(&line)));
    writer.close();
    writer.wait_closed().await?;
    println("closed");
    Ok(())
}

async fn run() -> Result<(), Error> {
    let arguments = console::arguments();
    let [command, address, options @ ..] = arguments.as_slice() else { panic!("COMMAND ADDRESS [KEY=VALUE]...") };
    let arguments = Arguments::parse(address, options);
    match command.as_str() {
        "server" => server(&arguments).await,
        "client" => client(&arguments).await,
        "listener" => listener(&arguments).await,
        "starttls" => upgrading(&arguments, true).await,
        "proxy" => upgrading(&arguments, false).await,
        "starttls-client" => starttls_client(&arguments).await,
        other => panic!("{other} is no command"),
    }
}

struct Tls;

impl wasip3::exports::cli::run::Guest for Tls {
    async fn run() -> Result<(), ()> {
        if let Err(error) = run().await {
            println(format!("failed {}", told(&error)));
        }
        Ok(())
    }
}

wasip3::cli::command::export!(Tls with_types_in asyncio::command);
