//! Joins a program and the component that provides `wasyncio:streams` into one component.
//!
//! wac's `plug` passes over an import whose type does not fit and leaves it an import of the result. Here that is
//! an error that names the import, because no host could satisfy it later.

use wac_graph::types::{ItemKind, Package, Type, Types};
use wac_graph::{CompositionGraph, EncodeOptions, NodeKind, PackageId, plug};

use crate::error::{NotComponent, Source};
use crate::program::streams::is_full;
use crate::{Error, Result};

/// What the names of all interfaces of `wasyncio:streams` start with.
const PREFIX: &str = "wasyncio:streams/";

/// Composes a program with the component that provides `wasyncio:streams` to it.
///
/// The result has the exports of `app`. Imports that both have in common, such as `wasi:sockets`, become one; if they
/// name different versions of WASI 0.3, the higher one.
///
/// # Errors
/// [`Error::NotComponent`] and [`Error::Invalid`] if one of them is no component, [`Error::StreamsMismatch`] if
/// `streams` lacks what `app` imports, [`Error::Compose`] if they do not fit otherwise. `app` is called "the program"
/// in messages.
pub fn compose(app: &[u8], streams: &[u8]) -> Result<Vec<u8>> {
    compose_named("the program", app, streams)
}

/// The names of the imports of a component, in its order.
///
/// # Errors
/// [`Error::NotComponent`] or [`Error::Invalid`] if `bytes` are no component.
pub fn imports(bytes: &[u8]) -> Result<Vec<String>> {
    let mut graph = CompositionGraph::new();
    let id = register(&mut graph, "the component", bytes)?;
    let world = &graph.types()[graph[id].ty()];
    Ok(world.imports.keys().cloned().collect())
}

/// Whether a component has to be composed before it can run: it imports something of `wasyncio:streams` that somebody
/// has to provide. An interface that only defines types of values is not that.
///
/// # Errors
/// [`Error::NotComponent`] or [`Error::Invalid`] if `bytes` are no component.
pub fn needs_streams(bytes: &[u8]) -> Result<bool> {
    needed("the component", bytes).map(|needed| needed.is_some())
}

/// What a component needs that imports something of `wasyncio:streams`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Needed {
    /// The first import that somebody has to provide.
    pub(crate) import: String,
    /// Whether only the full component has all of them.
    pub(crate) full: bool,
}

/// What makes [`needs_streams`] true, calling the component `file` in messages.
pub(crate) fn needed(file: &str, bytes: &[u8]) -> Result<Option<Needed>> {
    let mut graph = CompositionGraph::new();
    let id = register(&mut graph, file, bytes)?;
    Ok(needed_by(&graph, id))
}

/// The same of a component in a graph.
pub(crate) fn needed_by(graph: &CompositionGraph, app: PackageId) -> Option<Needed> {
    let import = first_needed(graph, app, &[])?;
    let full = graph.types()[graph[app].ty()].imports.keys().any(|import| is_full(import));
    Some(Needed { import, full })
}

/// As [`compose`], calling the program `file` in messages.
pub(crate) fn compose_named(file: &str, app: &[u8], streams: &[u8]) -> Result<Vec<u8>> {
    let failed = |source: Source| Error::Compose { file: file.to_owned(), source };
    let mut graph = CompositionGraph::new();
    let app = register(&mut graph, file, app)?;
    let streams = register(&mut graph, "the streams component", streams)?;

    let plugged = plug(&mut graph, vec![streams], app);
    if let Some(import) = unsatisfied(&graph, app) {
        return Err(Error::StreamsMismatch { file: file.to_owned(), import });
    }
    plugged.map_err(|error| failed(error.into()))?;
    graph.encode(EncodeOptions::default()).map_err(|error| failed(error.into()))
}

/// Parses and validates a component into `graph`.
pub(crate) fn register(graph: &mut CompositionGraph, file: &str, bytes: &[u8]) -> Result<PackageId> {
    if let Some(found) = NotComponent::find(bytes) {
        return Err(Error::NotComponent { file: file.to_owned(), found });
    }
    let invalid = |source: Source| Error::Invalid { file: file.to_owned(), source };
    // Packages of a graph need names that differ; these are seen nowhere else.
    let name = format!("wasyncio:part{}", graph.packages().count());
    let package = Package::from_bytes(&name, None, bytes, graph.types_mut()).map_err(|error| invalid(error.into()))?;
    graph.register_package(package).map_err(|error| invalid(error.into()))
}

/// The first import of `wasyncio:streams` that the instance of `app` in `graph` was not given.
fn unsatisfied(graph: &CompositionGraph, app: PackageId) -> Option<String> {
    let instance = graph.node_ids().find(|id| {
        let node = &graph[*id];
        matches!(node.kind(), NodeKind::Instantiation(_)) && node.package() == Some(app)
    })?;
    let given: Vec<&str> = graph.get_instantiation_arguments(instance).map(|(name, _)| name).collect();
    first_needed(graph, app, &given)
}

/// The first import of `wasyncio:streams` that `app` needs besides those that are `given`.
fn first_needed(graph: &CompositionGraph, app: PackageId, given: &[&str]) -> Option<String> {
    let types = graph.types();
    let mut imports = types[graph[app].ty()].imports.iter();
    let missing = imports.find(|(name, kind)| {
        name.starts_with(PREFIX) && !given.contains(&name.as_str()) && needs_provider(types, **kind)
    });
    missing.map(|(name, _)| name.clone())
}

/// Whether somebody has to provide what is imported: not so for an interface that only defines types of values.
fn needs_provider(types: &Types, import: ItemKind) -> bool {
    let ItemKind::Instance(interface) = import else {
        return true;
    };
    let mut items = types[interface].exports.values();
    items.any(|item| !matches!(item, ItemKind::Type(ty) if !matches!(ty, Type::Resource(_))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{EMPTY, importing};

    #[test]
    fn imports_are_listed_by_name() {
        let names = imports(&importing("foo:bar/baz@1.0.0")).unwrap();
        assert_eq!(names, ["foo:bar/baz@1.0.0"]);
        assert!(imports(EMPTY).unwrap().is_empty());
    }

    #[test]
    fn only_a_program_that_imports_streams_needs_them() {
        assert!(needs_streams(&importing("wasyncio:streams/server@0.1.0")).unwrap());
        assert!(!needs_streams(&importing("foo:bar/baz@1.0.0")).unwrap());
        assert!(!needs_streams(EMPTY).unwrap());
    }

    #[test]
    fn an_import_that_streams_lacks_is_named() {
        let app = importing("wasyncio:streams/server@0.1.0");
        let error = compose(&app, EMPTY).expect_err("the streams component exports nothing");
        assert_eq!(
            error.to_string(),
            "the program imports wasyncio:streams/server@0.1.0, which the streams component does not provide in \
             that form; build the program against the WIT of this version of wasyncio"
        );
    }

    #[test]
    fn a_truncated_component_is_invalid() {
        let mut bytes = importing("foo:bar/baz@1.0.0");
        bytes.truncate(bytes.len() - 3);
        let error = imports(&bytes).expect_err("it ends too early");
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }
}
