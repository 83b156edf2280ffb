//! `cargo xtask wit`: the interface as others take it, in `dist/wit/`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use wit_bindgen_core::wit_parser::{PackageId, Resolve};
use wit_component::WitPrinter;

use crate::Result;
use crate::workspace::{Workspace, announce, run};

/// The package with all that it uses in one file, which registries and most generators take. Of what it uses the documentation is not
/// in it.
const ENCODED: &str = "wasyncio-streams.wasm";
/// The same as text: our package in one file, and a file in `deps/` for each package that it uses.
const FLAT: &str = "wasyncio-streams";

/// Writes both forms of `wit/`.
pub(crate) fn write(workspace: &Workspace) -> Result<()> {
    let mut lay = workspace.cargo("build");
    lay.args(["--release", "--locked", "--package", "wasyncio-wit-deps"]);
    run("laying the packages that wit/ uses", &mut lay)?;
    let folder = workspace.dist().join("wit");
    write_to(&workspace.root().join("wit"), &folder)?;
    for name in [ENCODED, FLAT] {
        announce(&format!("wrote {}", workspace.shown(&folder.join(name))));
    }
    Ok(())
}

/// Writes both forms of the package in a folder to another.
fn write_to(source: &Path, folder: &Path) -> Result<()> {
    let mut resolve = Resolve::default();
    let (main, _) = resolve.push_dir(source).map_err(|error| format!("{}: {error:#}", source.display()))?;
    let encoded = wit_component::encode(&resolve, main, false).map_err(|error| format!("cannot encode: {error:#}"))?;
    let flat = folder.join(FLAT);
    let cannot = |error| format!("cannot write to {}: {error}", folder.display());
    // A package that is used no more is not to stay there.
    if flat.exists() {
        fs::remove_dir_all(&flat).map_err(cannot)?;
    }
    fs::create_dir_all(flat.join("deps")).map_err(cannot)?;
    fs::write(folder.join(ENCODED), encoded).map_err(cannot)?;
    for (name, text) in texts(&resolve)? {
        let place = if name == file_name(&resolve, main) { flat.join(name) } else { flat.join("deps").join(name) };
        fs::write(place, text).map_err(cannot)?;
    }
    Ok(())
}

/// Every package as text, with its documentation, by the name of its file.
fn texts(resolve: &Resolve) -> Result<BTreeMap<String, String>> {
    let mut texts = BTreeMap::new();
    for (id, package) in resolve.packages.iter() {
        let mut printer = WitPrinter::default();
        printer.print(resolve, id, &[]).map_err(|error| format!("cannot print {}: {error:#}", package.name))?;
        texts.insert(file_name(resolve, id), printer.output.to_string());
    }
    Ok(texts)
}

fn file_name(resolve: &Resolve, package: PackageId) -> String {
    let name = &resolve.packages[package].name;
    format!("{}-{}.wit", name.namespace, name.name)
}

#[cfg(test)]
mod tests {
    use wit_bindgen_core::wit_parser::decoding::decode;

    use super::*;

    #[test]
    fn both_forms_are_read_back_as_they_were_written() {
        let workspace = Workspace::locate();
        let source = workspace.root().join("wit");
        assert!(source.join("deps").is_dir(), "wit/deps is not there: run `cargo xtask wit`");
        let folder = std::env::temp_dir().join(format!("xtask-wit-{}", std::process::id()));
        write_to(&source, &folder).unwrap();
        // What is there is replaced.
        fs::write(folder.join(FLAT).join("deps/left-over.wit"), "package left:over;").unwrap();
        write_to(&source, &folder).unwrap();

        let read = |place: &Path| {
            let mut resolve = Resolve::default();
            let (main, _) = resolve.push_dir(place).unwrap();
            (resolve, main)
        };
        let written = texts(&read(&source).0).unwrap();
        assert!(written["wasyncio-streams.wit"].contains("open-connection: async func"));
        let (flat, main) = read(&folder.join(FLAT));
        assert_eq!(texts(&flat).unwrap(), written);
        // As the format is, only the package itself keeps its documentation; the rest is compared as it is
        // read back from what both make.
        let bytes = fs::read(folder.join(ENCODED)).unwrap();
        let encoded = texts(decode(&bytes).unwrap().resolve()).unwrap();
        let again = wit_component::encode(&flat, main, false).unwrap();
        assert_eq!(texts(decode(&again).unwrap().resolve()).unwrap(), encoded);
        assert_eq!(encoded["wasyncio-streams.wit"], written["wasyncio-streams.wit"]);
        fs::remove_dir_all(folder).unwrap();
    }
}
