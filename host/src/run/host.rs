//! What all programs of a process share: the compiler, the imports on offer, the streams component.

use std::borrow::Cow;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use wasmtime::component::{Component, Linker};
use wasmtime::{Cache, CacheConfig, Config, Engine};

use crate::embed::StreamsBuilder;
use crate::program::compose::{compose_named, first_of_streams};
use crate::program::stock;
use crate::program::{Program, instance_of};
use crate::run::state::State;
use crate::run::ticker::Ticker;
use crate::wasi::{binds02, lookup, sockets02, tcp};
use crate::{Error, Result, embedded};

/// Loads programs. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Host {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    ticker: Arc<Ticker>,
    linker: Linker<State>,
    streams: Option<Cow<'static, [u8]>>,
}

/// Settings of a [`Host`].
#[derive(Debug, Default)]
pub struct HostBuilder {
    streams: Option<Vec<u8>>,
    cache: bool,
}

impl HostBuilder {
    /// Composes programs with this component instead of the [embedded](crate::embedded()) one.
    #[must_use]
    pub fn streams(mut self, component: impl Into<Vec<u8>>) -> Self {
        self.streams = Some(component.into());
        self
    }

    /// Keeps compiled code in wasmtime's cache in the user's cache directory, so that a program starts faster
    /// the second time. Off by default.
    ///
    /// Without such a directory, or one that cannot be written, everything works as with the cache off. Whoever can
    /// write there decides what code runs: it must be as trusted as this program's own file.
    #[must_use]
    pub fn cache(mut self, enabled: bool) -> Self {
        self.cache = enabled;
        self
    }

    /// Builds the host.
    ///
    /// # Errors
    /// [`Error::Engine`] if wasmtime cannot run on this machine.
    pub fn build(self) -> Result<Host> {
        let failed = |error: wasmtime::Error| Error::Engine { source: error.into() };
        let mut config = Config::new();
        config.wasm_component_model_async(true);
        config.epoch_interruption(true);
        if self.cache {
            config.cache(user_cache());
        }
        let engine = Engine::new(&config).map_err(failed)?;
        let ticker = Ticker::start(&engine).map_err(|error| Error::Engine { source: error.into() })?;
        let linker = linker(&engine).map_err(failed)?;
        let streams = self.streams.map(Cow::Owned);
        Ok(Host {
            shared: Arc::new(Shared {
                engine,
                ticker: Arc::new(ticker),
                linker,
                streams: streams.or_else(|| embedded().map(Cow::Borrowed)),
            }),
        })
    }
}

impl Host {
    /// Starts with the default settings: the embedded streams component, no cache.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }

    /// Loads a program from a file. See [`load`](Self::load).
    ///
    /// # Errors
    /// [`Error::Read`] if the file cannot be read, and those of [`load`](Self::load).
    pub fn load_file(&self, path: impl AsRef<Path>) -> Result<Program> {
        let path = path.as_ref();
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|source| Error::Read { file: file.clone(), source })?;
        self.load(file, bytes)
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
    /// [`Error::IncompatibleImport`] if it imports what this host does not have.
    pub fn load(&self, name: impl Into<String>, bytes: impl AsRef<[u8]>) -> Result<Program> {
        let file = name.into();
        let bytes = self.composed(&file, bytes.as_ref())?;
        let component = Component::from_binary(&self.shared.engine, &bytes)
            .map_err(|error| Error::Compile { file: file.clone(), source: error.into() })?;
        Program::link(file, &component, &self.shared.linker, &self.shared.ticker)
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
        first_of_streams(name, bytes)?;
        let component = Component::from_binary(&self.shared.engine, bytes)
            .map_err(|error| Error::Compile { file: name.to_owned(), source: error.into() })?;
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
        let Some(streams) = &self.shared.streams else {
            return Err(Error::NoStreams { file, import: "wasyncio:streams".to_owned() });
        };
        let component = Component::from_binary(&self.shared.engine, streams)
            .map_err(|error| Error::Compile { file: file.clone(), source: error.into() })?;
        let instance = instance_of(file, &component, &self.shared.linker)?;
        Ok(StreamsBuilder::new(instance, &self.shared.ticker))
    }

    fn composed<'a>(&self, file: &str, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>> {
        let Some(import) = first_of_streams(file, bytes)? else {
            return Ok(Cow::Borrowed(bytes));
        };
        let Some(streams) = &self.shared.streams else {
            return Err(Error::NoStreams { file: file.to_owned(), import });
        };
        compose_named(file, bytes, streams).map(Cow::Owned)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host").finish_non_exhaustive()
    }
}

/// Everything that programs may import: WASI 0.3, and 0.2 for programs that have not moved yet.
fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    // As `wasmtime_wasi::p3::add_to_linker`, but for the sockets. Were its own there too, a program that names the same
    // version of WASI as it does would get those.
    wasmtime_wasi::p3::cli::add_to_linker(&mut linker)?;
    wasmtime_wasi::p3::clocks::add_to_linker(&mut linker)?;
    wasmtime_wasi::p3::filesystem::add_to_linker(&mut linker)?;
    wasmtime_wasi::p3::random::add_to_linker(&mut linker)?;
    tcp::add_to_linker(&mut linker)?;
    lookup::add_to_linker(&mut linker)?;
    sockets02::add_to_linker(&mut linker)?;
    binds02::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// The cache in the user's cache directory, if there can be one.
fn user_cache() -> Option<Cache> {
    Cache::new(CacheConfig::new()).inspect_err(|error| tracing::debug!("compiled code is not cached: {error:#}")).ok()
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
