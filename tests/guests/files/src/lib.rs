//! Tries what it may do with the directories it was given.
//!
//! Arguments are operations, done one after the other: `list`, `read DIRECTORY FILE`, `write DIRECTORY FILE`, `entries DIRECTORY .`,
//! `open DIRECTORY COUNT`, where DIRECTORY is one of the names that `list` prints. Each prints one line, what came of it.

use console::println;
use wasip3::filesystem::preopens::get_directories;
use wasip3::filesystem::types::{Descriptor, DescriptorFlags, ErrorCode, OpenFlags, PathFlags};

fn directory(name: &str) -> Option<Descriptor> {
    get_directories().into_iter().find_map(|(directory, guest)| (guest == name).then_some(directory))
}

async fn read(directory: &Descriptor, file: &str) -> Result<String, ErrorCode> {
    let flags = DescriptorFlags::READ;
    let file = directory.open_at(PathFlags::SYMLINK_FOLLOW, file.into(), OpenFlags::empty(), flags).await?;
    let (stream, ended) = file.read_via_stream(0);
    let bytes = stream.collect().await;
    ended.await?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

async fn write(directory: &Descriptor, file: &str) -> Result<String, ErrorCode> {
    let flags = DescriptorFlags::WRITE;
    let file = directory.open_at(PathFlags::SYMLINK_FOLLOW, file.into(), OpenFlags::CREATE, flags).await?;
    let (mut writer, reader) = wasip3::wit_stream::new();
    let ended = file.write_via_stream(reader, 0);
    writer.write_all(b"written".to_vec()).await;
    drop(writer);
    ended.await?;
    Ok("written".into())
}

/// The names in a directory, and what each is.
async fn entries(directory: &Descriptor) -> Result<String, ErrorCode> {
    let (stream, ended) = directory.read_directory();
    let mut entries: Vec<_> =
        stream.collect().await.into_iter().map(|entry| format!("{} {:?}", entry.name, entry.type_)).collect();
    ended.await?;
    entries.sort();
    Ok(entries.join(", "))
}

/// Opens the directory itself until that fails, but no more often than `count`, and keeps all.
async fn open(directory: &Descriptor, count: &str) -> Result<String, ErrorCode> {
    let mut opened = Vec::new();
    while opened.len() < count.parse().unwrap_or(0) {
        let flags = DescriptorFlags::READ;
        match directory.open_at(PathFlags::empty(), ".".into(), OpenFlags::DIRECTORY, flags).await {
            Ok(descriptor) => opened.push(descriptor),
            Err(error) => return Ok(format!("{} open, then {error:?}", opened.len())),
        }
    }
    Ok(format!("{} open", opened.len()))
}

struct Files;

impl wasip3::exports::cli::run::Guest for Files {
    async fn run() -> Result<(), ()> {
        let mut arguments = console::arguments().into_iter();
        while let Some(operation) = arguments.next() {
            if operation == "list" {
                let names: Vec<_> = get_directories().into_iter().map(|(_, name)| name).collect();
                println(format!("list: {}", names.join(" ")));
                continue;
            }
            let (name, file) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
            let outcome = match (directory(&name), operation.as_str()) {
                (None, _) => "there is no such directory".to_owned(),
                (Some(directory), "read") => outcome(read(&directory, &file).await),
                (Some(directory), "entries") => outcome(entries(&directory).await),
                (Some(directory), "open") => outcome(open(&directory, &file).await),
                (Some(directory), _) => outcome(write(&directory, &file).await),
            };
            println(format!("{operation} {name} {file}: {outcome}"));
        }
        Ok(())
    }
}

fn outcome(result: Result<String, ErrorCode>) -> String {
    result.unwrap_or_else(|error| format!("{error:?}"))
}

wasip3::cli::command::export!(Files);
