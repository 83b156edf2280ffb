//! An echo server: what a client sends comes back, line by line.

use asyncio::{Error, StreamReader, StreamWriter, start_server};

async fn echo(reader: StreamReader, writer: StreamWriter) -> Result<(), Error> {
    loop {
        let line = reader.readline().await?;
        if line.is_empty() {
            break;
        }
        writer.write(&line)?;
        writer.drain().await?;
    }
    writer.close();
    writer.wait_closed().await
}

async fn serve(port: u16) -> Result<(), Error> {
    let server = start_server("127.0.0.1", port).await?;
    for socket in server.sockets() {
        println!("Serving on {socket}");
    }
    let connected = async |reader, writer| {
        if let Err(error) = echo(reader, writer).await {
            eprintln!("a connection failed: {error}");
        }
    };
    server.serve_forever(connected).await
}

struct Program;

impl wasip3::exports::cli::run::Guest for Program {
    async fn run() -> Result<(), ()> {
        let port = wasip3::cli::environment::get_arguments().into_iter().nth(1);
        let Ok(port) = port.as_deref().unwrap_or("8888").parse() else {
            eprintln!("the first argument is the port to listen on");
            return Err(());
        };
        serve(port).await.map_err(|error| eprintln!("{error}"))
    }
}

wasip3::cli::command::export!(Program with_types_in asyncio::command);
