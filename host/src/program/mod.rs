//! A program that is ready to run.

pub(crate) mod cache;
pub(crate) mod compose;
pub(crate) mod embedded;
pub(crate) mod inspect;
pub(crate) mod precompiled;
pub(crate) mod stock;
pub(crate) mod streams;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wasmtime::component::{Component, InstancePre, Linker};

use crate::program::cache::Digest;
use crate::run::state::State;
use crate::run::ticker::Ticker;
use crate::{Error, Result};

/// The packages of WASI that this host has.
pub(crate) const WASI_PACKAGES: &[&str] = &["cli", "clocks", "filesystem", "io", "random", "sockets"];

/// A compiled program whose imports are all there. Cheap to clone, and can be run any number of times.
#[derive(Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

struct Inner {
    file: String,
    instance: InstancePre<State>,
    entry: Entry,
    ticker: Arc<Ticker>,
    protected: Vec<PathBuf>,
    /// Of the bytes that it was loaded from, unless they were compiled code.
    digest: Option<Digest>,
}

/// How a program is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// `wasi:cli/run` of WASI 0.2: a function that blocks.
    Run02,
    /// `wasi:cli/run` of WASI 0.3: an async function.
    Run03,
}

impl Program {
    /// Checks imports and exports of a compiled component.
    pub(crate) fn link(
        file: String,
        component: &Component,
        linker: &Linker<State>,
        ticker: &Arc<Ticker>,
        protected: Vec<PathBuf>,
        digest: Option<Digest>,
    ) -> Result<Self> {
        let instance = instance_of(file.clone(), component, linker)?;
        let ty = component.component_type();
        let mut exports = ty.exports(component.engine()).map(|(name, _)| name);
        match exports.find_map(Entry::of_export) {
            Some(entry) => {
                let ticker = Arc::clone(ticker);
                Ok(Self { inner: Arc::new(Inner { file, instance, entry, ticker, protected, digest }) })
            }
            None => Err(Error::NotProgram { file }),
        }
    }

    /// What the program is called in messages: the path of its file, or the name given to [`load`](crate::Host::load).
    pub fn name(&self) -> &str {
        &self.inner.file
    }

    /// Whether `other`, of the same [`Host`](crate::Host), was loaded from the same bytes under the same name. Of compiled code
    /// that is not known, and told as false.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.name() == other.name() && self.inner.digest.is_some() && self.inner.digest == other.inner.digest
    }

    /// The program's argument 0: the last part of its name.
    pub(crate) fn argument0(&self) -> String {
        let name = Path::new(self.name()).file_name();
        name.map_or_else(|| self.name().to_owned(), |name| name.to_string_lossy().into_owned())
    }

    pub(crate) fn instance(&self) -> &InstancePre<State> {
        &self.inner.instance
    }

    pub(crate) fn ticker(&self) -> &Ticker {
        &self.inner.ticker
    }

    /// Files and directories that decide about the program: it must not write there.
    pub(crate) fn protected(&self) -> &[PathBuf] {
        &self.inner.protected
    }

    pub(crate) fn entry(&self) -> Entry {
        self.inner.entry
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("name", &self.name()).finish_non_exhaustive()
    }
}

impl Entry {
    pub(crate) fn of_export(name: &str) -> Option<Self> {
        let version = name.strip_prefix("wasi:cli/run@")?;
        if version.starts_with("0.2.") {
            Some(Self::Run02)
        } else if version.starts_with("0.3.") {
            Some(Self::Run03)
        } else {
            None
        }
    }
}

/// Checks the imports of a compiled component.
pub(crate) fn instance_of(file: String, component: &Component, linker: &Linker<State>) -> Result<InstancePre<State>> {
    linker.instantiate_pre(component).map_err(|error| missing_import(file, component, error))
}

/// Finds the import that `error`, from linking `component`, is about.
fn missing_import(file: String, component: &Component, error: wasmtime::Error) -> Error {
    let ty = component.component_type();
    let text = format!("{error:#}");
    // wasmtime stops at the first import that fails, and quotes its name.
    let import = ty.imports(component.engine()).map(|(name, _)| name).find(|name| text.contains(&format!("`{name}`")));
    let source = error.into();
    match import.map(str::to_owned) {
        Some(import) if is_wasi(&import) => Error::IncompatibleImport { file, import, source },
        Some(import) => Error::UnknownImport { file, import, source },
        None => Error::Instantiate { file, source },
    }
}

/// Whether `import` is of a package and version of WASI that this host has, at least in part.
fn is_wasi(import: &str) -> bool {
    let known = |rest: &str| {
        let (package, interface) = rest.split_once('/')?;
        let (_, version) = interface.split_once('@')?;
        let version = version.starts_with("0.2.") || version.starts_with("0.3.");
        Some(version && WASI_PACKAGES.contains(&package))
    };
    import.strip_prefix("wasi:").and_then(known).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_is_found_in_both_versions() {
        assert_eq!(Entry::of_export("wasi:cli/run@0.2.6"), Some(Entry::Run02));
        assert_eq!(Entry::of_export("wasi:cli/run@0.3.2"), Some(Entry::Run03));
        assert_eq!(Entry::of_export("wasi:cli/run@1.0.0"), None);
        assert_eq!(Entry::of_export("wasi:http/handler@0.3.0"), None);
    }

    #[test]
    fn wasi_is_told_from_the_unknown() {
        assert!(is_wasi("wasi:sockets/types@0.3.9"));
        assert!(is_wasi("wasi:io/poll@0.2.0"));
        assert!(!is_wasi("wasi:http/types@0.2.0"));
        assert!(!is_wasi("wasi:sockets/types@0.4.0"));
        assert!(!is_wasi("foo:bar/baz"));
    }
}
