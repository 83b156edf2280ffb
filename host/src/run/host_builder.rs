//! How a [`Host`] is made: the engine, the cache, and everything that programs may import.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use wasmtime::component::Linker;
use wasmtime::{Config, Engine};

use crate::program::cache::{Cache, DEFAULT_CACHE_SIZE};
use crate::program::streams::StreamsComponents;
use crate::run::engine::{check_interrupts, default_config, engine_of};
use crate::run::host::{Host, Shared};
use crate::run::state::State;
use crate::run::ticker::Ticker;
use crate::tls;
use crate::wasi::{binds02, calls, filesystem, lookup, sockets02, tcp};
use crate::{Error, Result, unix};

/// Settings of a [`Host`].
#[derive(Default)]
pub struct HostBuilder {
    streams: Option<Vec<u8>>,
    cache: CacheIn,
    cache_size: Option<u64>,
    config: Option<Config>,
    engine: Option<Engine>,
    linker: Vec<AddToLinker>,
}

/// Where compiled code is kept.
#[derive(Debug, Default)]
enum CacheIn {
    #[default]
    Nowhere,
    UserDirectory,
    Directory(PathBuf),
}

/// Adds to what programs may import.
type AddToLinker = Box<dyn FnOnce(&mut Linker<State>) -> wasmtime::Result<()> + Send>;

impl HostBuilder {
    /// Composes programs with this component instead of the embedded ones: [`embedded`](crate::embedded()), and for programs that use
    /// Unix sockets [`embedded_full`](crate::embedded_full()).
    #[must_use]
    pub fn streams(mut self, component: impl Into<Vec<u8>>) -> Self {
        self.streams = Some(component.into());
        self
    }

    /// Keeps compiled code in this user's cache directory (`wasyncio` in `$XDG_CACHE_HOME` or `~/.cache`), so that a
    /// program starts faster the second time. Off by default. The last call of this and
    /// [`cache_directory`](Self::cache_directory) counts.
    ///
    /// Without such a directory, or one that cannot be written, everything works as with the cache off; so it does,
    /// with a warning in the log, with one that others can write.
    #[must_use]
    pub fn cache(mut self, enabled: bool) -> Self {
        self.cache = if enabled { CacheIn::UserDirectory } else { CacheIn::Nowhere };
        self
    }

    /// Keeps compiled code in this directory, which is made if it is not there.
    ///
    /// It must belong to this user, be no symbolic link, and nobody else may write there. Entries are authenticated by a
    /// key that is made there: what was damaged is deleted and compiled again. Several processes may share it.
    #[must_use]
    pub fn cache_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.cache = CacheIn::Directory(directory.into());
        self
    }

    /// Sets how many bytes of compiled code are kept. The default is [`DEFAULT_CACHE_SIZE`]. What was not used for the
    /// longest time is deleted first; what is larger alone is not kept.
    #[must_use]
    pub fn cache_size(mut self, bytes: u64) -> Self {
        self.cache_size = Some(bytes);
        self
    }

    /// Starts from these settings of wasmtime instead of its default ones with 64 MiB of stack for a program. The host switches on
    /// what it rests on: asynchronous components, and interruption by epochs.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = Some(config);
        self
    }

    /// Uses this engine, so that it can be shared, instead of one that it makes. [`config`](Self::config) and
    /// [`cache`](Self::cache) have no meaning then. It must interrupt by epochs; while programs of the host compute, its epoch
    /// advances every 10 milliseconds.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = Some(engine);
        self
    }

    /// Adds functions of the embedder's to what programs may import. One that is there already is an error, unless the linker is
    /// told to allow that. How long they work is not held against [`Limits::max_compute`](crate::Limits::max_compute).
    ///
    /// # Examples
    /// ```
    /// use wasyncio_host::Host;
    ///
    /// let host = Host::builder()
    ///     .linker(|linker| {
    ///         let mut numbers = linker.instance("example:numbers/fixed")?;
    ///         numbers.func_wrap("answer", |_store, ()| Ok((42_u32,)))
    ///     })
    ///     .build()?;
    /// # Ok::<(), wasyncio_host::Error>(())
    /// ```
    #[must_use]
    pub fn linker(mut self, add: impl FnOnce(&mut Linker<State>) -> wasmtime::Result<()> + Send + 'static) -> Self {
        self.linker.push(Box::new(add));
        self
    }

    /// Builds the host.
    ///
    /// # Errors
    /// [`Error::Engine`] if wasmtime cannot run on this machine, an [`engine`](Self::engine) cannot be used, or a
    /// [`linker`](Self::linker) function fails; [`Error::Cache`] if the [`cache_directory`](Self::cache_directory) cannot be used.
    pub fn build(self) -> Result<Host> {
        let failed = |error: wasmtime::Error| Error::Engine { source: error.into() };
        let size = self.cache_size.unwrap_or(DEFAULT_CACHE_SIZE);
        let cache = match self.cache {
            CacheIn::Nowhere => None,
            CacheIn::UserDirectory => Cache::of_user(size),
            CacheIn::Directory(path) => Some(Cache::open(&path, size)?),
        };
        let engine = match self.engine {
            Some(engine) => {
                check_interrupts(&engine)?;
                engine
            }
            None => engine_of(self.config.unwrap_or_else(default_config))?,
        };
        let ticker = Ticker::start(&engine).map_err(|error| Error::Engine { source: error.into() })?;
        let mut linker = linker(&engine).map_err(failed)?;
        for add in self.linker {
            add(&mut linker).map_err(failed)?;
        }
        Ok(Host::new(Shared {
            engine,
            ticker: Arc::new(ticker),
            linker,
            streams: StreamsComponents::new(self.streams),
            cache,
        }))
    }
}

impl fmt::Debug for HostBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuilder").field("cache", &self.cache).finish_non_exhaustive()
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
    tls::add_to_linker(&mut linker)?;
    lookup::add_to_linker(&mut linker)?;
    calls::add_to_linker(&mut linker)?;
    sockets02::add_to_linker(&mut linker)?;
    filesystem::add_to_linker(&mut linker)?;
    binds02::add_to_linker(&mut linker)?;
    unix::add_to_linker(&mut linker)?;
    Ok(linker)
}
