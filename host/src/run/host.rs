//! What all programs of a process share: the compiler, the imports on offer, the streams component.

use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::{Component, Linker};

use crate::embed::StreamsBuilder;
use crate::program::cache::{Cache, Digest, EntryKey, Input};
use crate::program::compose::{compose_named, needed};
use crate::program::streams::StreamsComponents;
use crate::program::{Program, instance_of, precompiled, stock};
use crate::run::host_builder::HostBuilder;
use crate::run::state::State;
use crate::run::ticker::Ticker;
use crate::{Error, Result};

/// Loads programs. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

pub(super) struct Shared {
    pub(super) engine: Engine,
    pub(super) ticker: Arc<Ticker>,
    pub(super) linker: Linker<State>,
    pub(super) streams: StreamsComponents,
    pub(super) cache: Option<Cache>,
}

impl Host {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Starts with the default settings: the embedded streams component, no cache.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// The directory of compiled code, if there is one. No program may write there.
    pub fn cache(&self) -> Option<&Path> {
        self.shared.cache.as_ref().map(Cache::path)
    }

    /// Loads a program from a file. See [`load`](Self::load). A run of it that may write to the file is refused.
    ///
    /// # Errors
    /// [`Error::Read`] if the file cannot be read, and those of [`load`](Self::load).
    pub fn load_file(&self, path: impl AsRef<Path>) -> Result<Program> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let unread = |source| Error::Read { file: file.clone(), source };
        let (component, digest) = match self.kept_program(path).map_err(unread)? {
            Some(kept) => kept,
            // Read again, as a whole: what is compiled is what the new entry is found by.
            None => self.compiled_program(&file, &std::fs::read(path).map_err(unread)?)?,
        };
        self.linked(file, &component, Some(path), Some(digest))
    }

    /// Loads a program that [`precompile`](Self::precompile) has compiled.
    ///
    /// # Safety
    /// The file is native code, which runs with all rights of this process: it must come from
    /// [`precompile`](Self::precompile), by way of people who are trusted like the author of this program. A digest
    /// finds damage, not malice.
    ///
    /// # Errors
    /// [`Error::Read`] if the file cannot be read, [`Error::NotCompiledCode`] if it is none, is damaged, or was made by
    /// another version or for another machine; those of [`load`](Self::load) about imports and exports.
    #[expect(unsafe_code, reason = "the caller vouches for native code")]
    pub unsafe fn load_precompiled_file(&self, path: impl AsRef<Path>) -> Result<Program> {
        let path = path.as_ref();
        let component = precompiled::load(&self.shared.engine, path)?;
        self.linked(path.display().to_string(), &component, Some(path), None)
    }

    /// Compiles a program ahead of time, for [`load_precompiled_file`](Self::load_precompiled_file): composed if it
    /// imports `wasyncio:streams`, for this version of this crate, and for processors that can do what this one can.
    ///
    /// `name` stands for the program in messages. Compiling takes from milliseconds to seconds and blocks the thread.
    ///
    /// # Errors
    /// Those of [`load`](Self::load), and [`Error::Compile`].
    pub fn precompile(&self, name: &str, bytes: &[u8]) -> Result<Vec<u8>> {
        let (component, _) = self.compiled_program(name, bytes)?;
        self.linked(name.to_owned(), &component, None, None)?;
        let code = component.serialize();
        let code = code.map_err(|error| Error::Compile { file: name.to_owned(), source: error.into() })?;
        Ok(precompiled::file_of(&code))
    }

    /// Loads a program: composes it if it imports `wasyncio:streams`, compiles it, and checks that this host has all
    /// it imports.
    ///
    /// `name` stands for the program in messages, and is its argument 0. Compiling takes from milliseconds to seconds
    /// and blocks the thread.
    ///
    /// # Errors
    /// [`Error::NotComponent`] or [`Error::Invalid`] if `bytes` are no component; [`Error::NoStreams`],
    /// [`Error::StreamsMismatch`] or [`Error::Compose`] if it cannot be composed; [`Error::Compile`];
    /// [`Error::NotProgram`] if it exports no `wasi:cli/run`; [`Error::UnknownImport`] or
    /// [`Error::IncompatibleImport`] if it imports what this host does not have; [`Error::CompiledCode`] if it is
    /// compiled already, which is never run by this function.
    pub fn load(&self, name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Result<Program> {
        let file = name.into();
        let (component, digest) = self.compiled_program(&file, bytes.as_ref())?;
        self.linked(file, &component, None, Some(digest))
    }

    /// Takes the program of a file from the cache, if it is there.
    fn kept_program(&self, path: &Path) -> std::io::Result<Option<(Component, Digest)>> {
        let Some(cache) = &self.shared.cache else {
            return Ok(None);
        };
        let file = File::open(path)?;
        // A pipe can be read once.
        if !file.metadata()?.is_file() {
            return Ok(None);
        }
        let app = Digest::of_file(&file)?;
        let input = Input::Program { app, streams: self.shared.streams.all() };
        let kept = cache.find(&self.shared.engine, &EntryKey::new(&self.shared.engine, input));
        Ok(kept.map(|component| (component, app)))
    }

    /// Composes and compiles a program, or takes it from the cache.
    fn compiled_program(&self, file: &str, app: &[u8]) -> Result<(Component, Digest)> {
        if precompiled::is_compiled(app) {
            return Err(Error::CompiledCode { file: file.to_owned() });
        }
        let digest = Digest::of(app);
        let input = Input::Program { app: digest, streams: self.shared.streams.all() };
        let component = self.compiled(file, input, || self.composed(file, app))?;
        Ok((component, digest))
    }

    /// Compiles what `bytes` makes of `input`, or takes it from the cache.
    fn compiled<'a>(
        &self,
        file: &str,
        input: Input<'_>,
        bytes: impl FnOnce() -> Result<Cow<'a, [u8]>>,
    ) -> Result<Component> {
        let engine = &self.shared.engine;
        let compile = || {
            let component = Component::from_binary(engine, &bytes()?);
            component.map_err(|error| Error::Compile { file: file.to_owned(), source: error.into() })
        };
        match &self.shared.cache {
            None => compile(),
            Some(cache) => cache.component(engine, &EntryKey::new(engine, input), compile),
        }
    }

    /// Checks imports and exports of a program, which is in the file `path`.
    fn linked(
        &self,
        file: String,
        component: &Component,
        path: Option<&Path>,
        digest: Option<Digest>,
    ) -> Result<Program> {
        let protected = path.into_iter().chain(self.cache()).map(Path::to_owned).collect();
        Program::link(file, component, &self.shared.linker, &self.shared.ticker, protected, digest)
    }

    /// As [`load_file`](Self::load_file), on a thread where blocking is acceptable. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Yes: the program is lost, and compiled to the end nevertheless.
    pub async fn load_file_async(&self, path: impl AsRef<Path>) -> Result<Program> {
        let (host, path) = (self.clone(), path.as_ref().to_owned());
        off_the_event_loop(move || host.load_file(path)).await
    }

    /// As [`load`](Self::load), on a thread where blocking is acceptable. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Yes: the program is lost, and compiled to the end nevertheless.
    pub async fn load_async(
        &self,
        name: impl Into<String>,
        bytes: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<Program> {
        let (host, name) = (self.clone(), name.into());
        off_the_event_loop(move || host.load(name, bytes)).await
    }

    /// As [`streams`](Self::streams), on a thread where blocking is acceptable. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Yes: what was prepared is lost.
    pub async fn streams_async(&self) -> Result<StreamsBuilder> {
        let host = self.clone();
        off_the_event_loop(move || host.streams()).await
    }

    /// Composes a program that imports `wasyncio:streams`, and returns any other as it is.
    ///
    /// `name` stands for the program in messages.
    ///
    /// # Errors
    /// [`Error::NotComponent`] or [`Error::Invalid`] if `bytes` are no component; [`Error::NoStreams`],
    /// [`Error::StreamsMismatch`] or [`Error::Compose`] if it cannot be composed.
    pub fn compose<'a>(&self, name: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        self.composed(name, bytes)
    }

    /// Checks that the stock `wasmtime` command, from version 48 on, can run a composed program, and gives the options
    /// of its `-S` for that, such as `p3`. Compiling takes from milliseconds to seconds and blocks the thread.
    ///
    /// `name` stands for the program in messages.
    ///
    /// # Errors
    /// [`Error::NotStock`] if the program imports what that command lacks; [`Error::NotProgram`] if it exports no
    /// `wasi:cli/run`; [`Error::NotComponent`], [`Error::Invalid`] or [`Error::Compile`].
    pub fn stock_options(&self, name: &str, bytes: &[u8]) -> Result<Vec<&'static str>> {
        // Tells what is no component better than the compiler does.
        needed(name, bytes)?;
        let component = self.compiled(name, Input::Component(bytes), || Ok(Cow::Borrowed(bytes)))?;
        stock::options(name, &component)
    }

    /// Prepares an instance of the streams component, for this program itself to use. Compiling takes from milliseconds
    /// to seconds and blocks the thread.
    ///
    /// # Errors
    /// [`Error::NoStreams`] if this build of the crate has no such component; [`Error::Compile`],
    /// [`Error::UnknownImport`] or [`Error::IncompatibleImport`] for one given by [`HostBuilder::streams`].
    pub fn streams(&self) -> Result<StreamsBuilder> {
        let file = "the streams component".to_owned();
        let Some(streams) = self.shared.streams.fullest() else {
            return Err(Error::NoStreams { file, import: "wasyncio:streams".to_owned() });
        };
        let component = self.compiled(&file, Input::Component(streams), || Ok(Cow::Borrowed(streams)))?;
        let instance = instance_of(file, &component, &self.shared.linker)?;
        Ok(StreamsBuilder::new(instance, &self.shared.ticker))
    }

    fn composed<'a>(&self, file: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let Some(needed) = needed(file, bytes)? else {
            return Ok(Cow::Borrowed(bytes));
        };
        let Some(streams) = self.shared.streams.of(needed.full) else {
            return Err(Error::NoStreams { file: file.to_owned(), import: needed.import });
        };
        compose_named(file, bytes, streams).map(Cow::Owned)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

/// What `work` returns, which computes for long.
async fn off_the_event_loop<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending.
            Err(error) => Err(Error::Engine { source: error.into() }),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NotComponent;
    use crate::testing::{EMPTY, importing};

    fn refusal(bytes: &[u8]) -> Error {
        let host = Host::builder().build().unwrap();
        host.load("app.wasm", bytes).expect_err("it must be refused")
    }

    #[test]
    fn what_is_no_component_is_refused() {
        let module = refusal(b"\0asm\x01\0\0\0");
        let found = NotComponent::CoreModule;
        assert!(matches!(module, Error::NotComponent { found: f, .. } if f == found));
        let text = refusal(b"hello, world");
        let found = NotComponent::NotWasm;
        assert!(matches!(text, Error::NotComponent { found: f, .. } if f == found));
    }

    #[test]
    fn a_missing_file_is_named() {
        let host = Host::builder().build().unwrap();
        let error = host.load_file("no/such.wasm").expect_err("it is missing");
        let text = error.to_string();
        assert!(text.starts_with("cannot read no/such.wasm: "), "{text}");
    }

    #[test]
    fn a_component_without_run_is_no_program() {
        assert!(matches!(refusal(EMPTY), Error::NotProgram { .. }));
    }

    #[test]
    fn an_unknown_import_is_named() {
        let error = refusal(&importing("foo:bar/baz@1.0.0"));
        assert_eq!(error.to_string(), "app.wasm imports foo:bar/baz@1.0.0, which this host does not provide");
    }

    #[test]
    fn a_streams_component_given_is_used() {
        let host = Host::builder().streams(EMPTY).build().unwrap();
        let app = importing("wasyncio:streams/server@0.1.0");
        let error = host.load("app.wasm", app).expect_err("streams is empty");
        assert!(matches!(error, Error::StreamsMismatch { .. }), "{error}");
    }
}
