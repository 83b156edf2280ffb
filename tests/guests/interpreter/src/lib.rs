//! Stands in for the Python interpreter: tells what it was given, and tries what it may do with that.
//!
//! Prints its arguments, environment and directories, a line each. Of the arguments, `read FILE` and `write FILE` try to do
//! that with the path of a file, `input` reads the standard input, `wait` waits for an hour, `listen` waits until it is told to stop,
//! `exit CODE` ends the program.

use wasip3::cli::{environment, exit, stdin, stdout};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::filesystem::preopens::get_directories;
use wasip3::filesystem::types::{DescriptorFlags, ErrorCode, OpenFlags, PathFlags};
use wasip3::sockets::types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket};

async fn println(line: String) {
    let (mut writer, reader) = wasip3::wit_stream::new();
    let written = stdout::write_via_stream(reader);
    writer.write_all(format!("{line}\n").into_bytes()).await;
    drop(writer);
    // Nobody is left to be told.
    let _ = written.await;
}

/// Opens a file by the directory whose name its path begins with, as a C library does, and uses it.
async fn open(path: &str, flags: DescriptorFlags) -> String {
    let within = |name: &str| Some(path.strip_prefix(name)?.strip_prefix('/')?.to_owned());
    let found = get_directories().into_iter().find_map(|(directory, name)| Some((directory, within(&name)?)));
    let Some((directory, file)) = found else { return "in no directory".to_owned() };
    let create = if flags.contains(DescriptorFlags::WRITE) { OpenFlags::CREATE } else { OpenFlags::empty() };
    let used: Result<String, ErrorCode> = async {
        let file = directory.open_at(PathFlags::SYMLINK_FOLLOW, file, create, flags).await?;
        if flags.contains(DescriptorFlags::WRITE) {
            return Ok("opened".to_owned());
        }
        let (stream, ended) = file.read_via_stream(0);
        let bytes = stream.collect().await;
        ended.await?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
    .await;
    used.unwrap_or_else(|error| format!("{error:?}"))
}

/// Listens until the host ends that, which is how it stops a program.
async fn listen() -> String {
    let listened = async {
        let socket = TcpSocket::create(IpAddressFamily::Ipv4)?;
        socket.bind(IpSocketAddress::Ipv4(Ipv4SocketAddress { port: 0, address: (127, 0, 0, 1) }))?;
        let mut connections = socket.listen()?;
        println("waits".to_owned()).await;
        while connections.next().await.is_some() {}
        Ok::<_, wasip3::sockets::types::ErrorCode>("stopped".to_owned())
    };
    listened.await.unwrap_or_else(|error| format!("{error:?}"))
}

struct Interpreter;

impl wasip3::exports::cli::run::Guest for Interpreter {
    async fn run() -> Result<(), ()> {
        let arguments: Vec<_> = environment::get_arguments().into_iter().skip(1).collect();
        println(format!("arguments: {arguments:?}")).await;
        println(format!("environment: {:?}", environment::get_environment())).await;
        let names: Vec<_> = get_directories().into_iter().map(|(_, name)| name).collect();
        println(format!("directories: {names:?}")).await;
        let mut words = arguments.into_iter();
        while let Some(word) = words.next() {
            let outcome = match word.as_str() {
                "read" => open(&words.next().unwrap_or_default(), DescriptorFlags::READ).await,
                "write" => open(&words.next().unwrap_or_default(), DescriptorFlags::WRITE).await,
                "input" => {
                    let (stream, ended) = stdin::read_via_stream();
                    let bytes = stream.collect().await;
                    ended.await.map(|()| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
                }
                "wait" => {
                    println("waits".to_owned()).await;
                    // Not a future without end: a task without anything to wait for traps.
                    wait_for(3_600_000_000_000).await;
                    "an hour".to_owned()
                }
                "listen" => listen().await,
                "exit" => {
                    exit::exit_with_code(words.next().and_then(|code| code.parse().ok()).unwrap_or_default());
                    continue;
                }
                _ => continue,
            };
            println(format!("{word}: {outcome}")).await;
        }
        Ok(())
    }
}

wasip3::cli::command::export!(Interpreter);
