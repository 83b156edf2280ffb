//! The flags about compiled code.

use std::path::PathBuf;

use clap::Args;
use wasyncio_host::HostBuilder;

#[derive(Debug, Args)]
pub(super) struct CacheFlags {
    /// Keep compiled code in this directory, which must be this user's alone [default: wasyncio in the user's caches]
    ///
    /// It is made if it is not there. What was damaged there is deleted and compiled again. When there is more than
    /// 1 GiB, what was not used for the longest time is deleted.
    #[arg(long, value_name = "DIR", help_heading = "Compiled code", conflicts_with = "no_cache")]
    cache: Option<PathBuf>,

    /// Compile every time, and keep nothing
    #[arg(long, help_heading = "Compiled code")]
    no_cache: bool,
}

impl CacheFlags {
    pub(super) fn apply(&self, builder: HostBuilder) -> HostBuilder {
        match &self.cache {
            _ if self.no_cache => builder.cache(false),
            Some(directory) => builder.cache_directory(directory),
            None => builder.cache(true),
        }
    }

    /// The directory, as far as there can be one.
    pub(super) fn directory(&self) -> Option<PathBuf> {
        if self.no_cache { None } else { self.cache.clone().or_else(wasyncio_host::user_cache_directory) }
    }
}
