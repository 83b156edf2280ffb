//! What a component imports and exports, without compiling it.

use wac_graph::CompositionGraph;
use wac_graph::types::ItemKind;

use crate::Result;
use crate::program::compose::{needed_by, register};

/// The face of a component.
///
/// # Examples
///
/// ```
/// let empty = b"\0asm\x0d\0\x01\0";
/// let inspection = wasyncio_host::Inspection::of("empty.wasm", empty)?;
/// assert!(inspection.imports.is_empty() && inspection.exports.is_empty());
/// # Ok::<(), wasyncio_host::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Inspection {
    /// What it imports, in its order.
    pub imports: Vec<String>,
    /// What it exports, in its order.
    pub exports: Vec<String>,
    /// The first import of `wasyncio:streams` that somebody has to provide: the component is not composed yet.
    pub needs_streams: Option<String>,
}

impl Inspection {
    /// Looks at a component, which messages call `name`.
    ///
    /// # Errors
    /// [`Error::NotComponent`](crate::Error::NotComponent) or [`Error::Invalid`](crate::Error::Invalid) if `bytes` are
    /// no component.
    pub fn of(name: &str, bytes: &[u8]) -> Result<Self> {
        let mut graph = CompositionGraph::new();
        let id = register(&mut graph, name, bytes)?;
        let world = &graph.types()[graph[id].ty()];
        // An import or export of a type is only a name for it.
        let shown = |(name, kind): (&String, &ItemKind)| match kind {
            ItemKind::Type(_) => None,
            _ => Some(name.clone()),
        };
        Ok(Self {
            imports: world.imports.iter().filter_map(shown).collect(),
            exports: world.exports.iter().filter_map(shown).collect(),
            needs_streams: needed_by(&graph, id).map(|needed| needed.import),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::importing;

    #[test]
    fn a_component_that_is_not_composed_is_told_from_one_that_is() {
        let app = Inspection::of("app.wasm", &importing("wasyncio:streams/server@0.1.0")).unwrap();
        assert_eq!(app.needs_streams.as_deref(), Some("wasyncio:streams/server@0.1.0"));
        let composed = Inspection::of("app.wasm", &importing("wasi:sockets/types@0.3.2")).unwrap();
        assert_eq!(composed.needs_streams, None);
        assert_eq!(composed.imports, ["wasi:sockets/types@0.3.2"]);
    }
}
