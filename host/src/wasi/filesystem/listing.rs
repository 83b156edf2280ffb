//! Reading directories, some entries at a time.
//!
//! wasmtime-wasi's listing of WASI 0.2 holds all entries at once, and that of 0.3 a thread until the program has read the last
//! one: with many listings, one directory with many files takes the host's memory, and all threads of the runtime's pool.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rustix::fs::{AtFlags, Dir, FileType, Mode, OFlags, openat, statat};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wasmtime::StoreContextMut;
use wasmtime::component::{
    Destination, FutureReader, LinkerInstance, Resource, ResourceType, StreamProducer, StreamReader, StreamResult,
};
use wasmtime::error::Result as WasmResult;
use wasmtime_wasi::filesystem::Descriptor as Opened;
use wasmtime_wasi::p2::ReaddirIterator;
use wasmtime_wasi::p2::bindings::filesystem::types as p2;
use wasmtime_wasi::p3::bindings::filesystem::types as p3;

use super::take;
use crate::run::descriptors::Descriptor;
use crate::run::state::State;

/// How many entries are read at once.
const BATCH: usize = 64;

/// A directory that is being read.
struct Listing {
    directory: Arc<std::fs::File>,
    /// None while a thread reads it.
    entries: Option<Dir>,
    read: VecDeque<Entry>,
    reading: Option<JoinHandle<(Dir, VecDeque<Entry>)>>,
    ended: bool,
    _descriptor: Descriptor,
}

type Entry = Result<(FileType, String), EntryError>;

enum EntryError {
    System(io::Error),
    /// Its name is no UTF-8, as WASI wants it.
    Name,
}

impl From<EntryError> for p2::ErrorCode {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::System(error) => error.into(),
            EntryError::Name => Self::IllegalByteSequence,
        }
    }
}

impl From<EntryError> for p3::ErrorCode {
    fn from(error: EntryError) -> Self {
        match error {
            EntryError::System(error) => error.into(),
            EntryError::Name => Self::IllegalByteSequence,
        }
    }
}

impl Listing {
    /// `Ok(None)` if the program has no descriptor for it.
    fn open(state: &State, directory: Arc<std::fs::File>) -> io::Result<Option<Self>> {
        let Some(descriptor) = take(state) else { return Ok(None) };
        // Of its own: what was granted may be open for its path alone, and has one position for all.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let entries = Some(Dir::new(openat(&directory, c".", flags, Mode::empty())?)?);
        Ok(Some(Self {
            directory,
            entries,
            read: VecDeque::new(),
            reading: None,
            ended: false,
            _descriptor: descriptor,
        }))
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Entry>> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                return Poll::Ready(Some(entry));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            if let Some(mut entries) = self.entries.take() {
                let directory = Arc::clone(&self.directory);
                self.reading = Some(tokio::task::spawn_blocking(move || {
                    let batch =
                        entries.by_ref().map(|entry| read(&directory, entry)).filter(is_shown).take(BATCH).collect();
                    (entries, batch)
                }));
            }
            let Some(reading) = &mut self.reading else { return Poll::Ready(None) };
            // It fails if the runtime is shut down.
            let done = ready!(Pin::new(reading).poll(context));
            self.reading = None;
            match done {
                Ok((entries, batch)) => {
                    self.ended = batch.is_empty();
                    self.entries = Some(entries);
                    self.read = batch;
                }
                Err(_) => self.ended = true,
            }
        }
    }
}

fn read(directory: &std::fs::File, entry: rustix::io::Result<rustix::fs::DirEntry>) -> Entry {
    let entry = entry.map_err(|error| EntryError::System(error.into()))?;
    let kind = match entry.file_type() {
        // Some file systems do not tell.
        FileType::Unknown => {
            let stat = statat(directory, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW);
            FileType::from_raw_mode(stat.map_err(|error| EntryError::System(error.into()))?.st_mode)
        }
        kind => kind,
    };
    let name = entry.file_name().to_str().map_err(|_| EntryError::Name)?;
    Ok((kind, name.to_owned()))
}

fn is_shown(entry: &Entry) -> bool {
    !matches!(entry, Ok((_, name)) if name == "." || name == "..")
}

fn entry02((kind, name): (FileType, String)) -> p2::DirectoryEntry {
    let type_ = match kind {
        FileType::RegularFile => p2::DescriptorType::RegularFile,
        FileType::Directory => p2::DescriptorType::Directory,
        FileType::Symlink => p2::DescriptorType::SymbolicLink,
        FileType::BlockDevice => p2::DescriptorType::BlockDevice,
        FileType::CharacterDevice => p2::DescriptorType::CharacterDevice,
        _ => p2::DescriptorType::Unknown,
    };
    p2::DirectoryEntry { type_, name }
}

fn entry03((kind, name): (FileType, String)) -> p3::DirectoryEntry {
    let type_ = match kind {
        FileType::RegularFile => p3::DescriptorType::RegularFile,
        FileType::Directory => p3::DescriptorType::Directory,
        FileType::Symlink => p3::DescriptorType::SymbolicLink,
        FileType::BlockDevice => p3::DescriptorType::BlockDevice,
        FileType::CharacterDevice => p3::DescriptorType::CharacterDevice,
        _ => p3::DescriptorType::Other(None),
    };
    p3::DirectoryEntry { type_, name }
}

/// The directory that `opened` is.
fn directory(state: &State, opened: &Resource<Opened>) -> WasmResult<Option<Arc<std::fs::File>>> {
    Ok(match state.table.get(opened)? {
        Opened::Dir(directory) => Some(Arc::clone(&directory.dir)),
        Opened::File(_) => None,
    })
}

/// Replaces the functions of a listing of WASI 0.2.
pub(super) fn add_to_linker02(types: &mut LinkerInstance<'_, State>) -> WasmResult<()> {
    type Stream = Resource<ReaddirIterator>;
    types.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, State>, (opened,): (Resource<Opened>,)| {
            let state = store.data_mut();
            let Some(directory) = directory(state, &opened)? else {
                return Ok((Err(p2::ErrorCode::NotDirectory),));
            };
            Ok((match Listing::open(state, directory) {
                Ok(Some(listing)) => Ok(Stream::new_own(state.table.push(listing)?.rep())),
                Ok(None) => Err(p2::ErrorCode::InsufficientMemory),
                Err(error) => Err(error.into()),
            },))
        },
    )?;
    types.func_wrap_async(
        "[method]directory-entry-stream.read-directory-entry",
        |mut store: StoreContextMut<'_, State>, (stream,): (Stream,)| {
            Box::new(async move {
                let listing = store.data_mut().table.get_mut(&Resource::<Listing>::new_borrow(stream.rep()))?;
                let next = poll_fn(|context| listing.poll_next(context)).await;
                Ok((next.transpose().map(|entry| entry.map(entry02)).map_err(p2::ErrorCode::from),))
            })
        },
    )?;
    types.resource("directory-entry-stream", ResourceType::host::<ReaddirIterator>(), |mut store, index| {
        store.data_mut().table.delete(Resource::<Listing>::new_own(index))?;
        Ok(())
    })
}

/// A listing of WASI 0.3, and whom its end is told.
struct Producer {
    listing: Option<Listing>,
    result: Option<oneshot::Sender<Result<(), p3::ErrorCode>>>,
}

impl Producer {
    fn end(&mut self, result: Result<(), p3::ErrorCode>) {
        self.listing = None;
        if let Some(sender) = self.result.take() {
            // Fails if the program does not want to know.
            _ = sender.send(result);
        }
    }
}

impl Drop for Producer {
    fn drop(&mut self) {
        self.end(Ok(()));
    }
}

impl StreamProducer<State> for Producer {
    type Item = p3::DirectoryEntry;
    type Buffer = Option<Self::Item>;

    fn poll_produce<'a>(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut store: StoreContextMut<'a, State>,
        mut destination: Destination<'a, Self::Item, Self::Buffer>,
        finish: bool,
    ) -> Poll<WasmResult<StreamResult>> {
        if destination.remaining(&mut store) == Some(0) {
            return Poll::Ready(Ok(StreamResult::Completed));
        }
        let Some(listing) = &mut self.listing else { return Poll::Ready(Ok(StreamResult::Dropped)) };
        Poll::Ready(Ok(match listing.poll_next(context) {
            Poll::Ready(Some(Ok(entry))) => {
                destination.set_buffer(Some(entry03(entry)));
                StreamResult::Completed
            }
            Poll::Ready(Some(Err(error))) => {
                self.end(Err(error.into()));
                StreamResult::Dropped
            }
            Poll::Ready(None) => {
                self.end(Ok(()));
                StreamResult::Dropped
            }
            Poll::Pending if finish => StreamResult::Cancelled,
            Poll::Pending => return Poll::Pending,
        }))
    }
}

/// Replaces the function that reads a directory in WASI 0.3.
pub(super) fn add_to_linker03(types: &mut LinkerInstance<'_, State>) -> WasmResult<()> {
    types.func_wrap(
        "[method]descriptor.read-directory",
        |mut store: StoreContextMut<'_, State>, (opened,): (Resource<Opened>,)| {
            let (sender, result) = oneshot::channel();
            let state = store.data_mut();
            let listing = match directory(state, &opened)? {
                None => Err(p3::ErrorCode::NotDirectory),
                Some(directory) => match Listing::open(state, directory) {
                    Ok(Some(listing)) => Ok(listing),
                    Ok(None) => Err(p3::ErrorCode::InsufficientMemory),
                    Err(error) => Err(error.into()),
                },
            };
            let mut producer = Producer { listing: None, result: Some(sender) };
            match listing {
                Ok(listing) => producer.listing = Some(listing),
                Err(code) => producer.end(Err(code)),
            }
            let stream = StreamReader::new(&mut store, producer)?;
            Ok(((stream, FutureReader::new(&mut store, result)?),))
        },
    )
}
