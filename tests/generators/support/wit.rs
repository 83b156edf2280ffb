//! `wit/` and the world of the programs.

use wit_bindgen_core::wit_parser::{PackageId, Resolve, WorldId};

use crate::{here, root};

/// The world in `program.wit`.
pub const WORLD: &str = "program";

/// The parsed WIT of the programs and of everything that they import.
pub struct Wit {
    /// All packages.
    pub resolve: Resolve,
    /// `wasyncio:streams`.
    pub streams: PackageId,
    /// The package of the programs.
    pub programs: PackageId,
    /// Their world.
    pub world: WorldId,
}

impl Wit {
    /// Parses it.
    ///
    /// # Panics
    /// If it is wrong.
    pub fn parse() -> Self {
        let mut resolve = Resolve::default();
        let (streams, _) = resolve.push_dir(root().join("wit")).unwrap_or_else(|error| panic!("wit/: {error:#}"));
        let programs = resolve.push_file(here().join("program.wit"));
        let programs = programs.unwrap_or_else(|error| panic!("program.wit: {error:#}"));
        let world = resolve.select_world(&[programs], Some(WORLD)).expect("the world is in the file");
        Self { resolve, streams, programs, world }
    }

    /// One file with all packages, as generators take it instead of a folder.
    ///
    /// # Panics
    /// If it cannot be encoded.
    pub fn encoded(&self) -> Vec<u8> {
        wit_component::encode(&self.resolve, self.programs, false).expect("a WIT package can be encoded")
    }
}
