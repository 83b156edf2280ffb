//! Whether the stock `wasmtime` command can run a complete program, and with which of its options.
//!
//! That command and this host are of one family, so its imports are not looked up in a list but linked: what the
//! program imports of WASI is compared, function by function, with what wasmtime-wasi provides.

use wasmtime::component::{Component, Linker};

use crate::program::{Entry, WASI_PACKAGES, instance_of};
use crate::run::state::State;
use crate::{Error, Result};

/// Packages of WASI that the command has beside those of wasmtime-wasi, each with its option of `-S`. They are compared
/// by name alone: their code is not part of this host.
const OPTIONAL: &[&str] = &["config", "http", "keyvalue", "nn", "tls"];

/// Checks that the command can run `component`, called `file` in messages, and gives the options of `-S` for that.
pub(crate) fn options(file: &str, component: &Component) -> Result<Vec<&'static str>> {
    let engine = component.engine();
    let ty = component.component_type();
    let names = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect::<Vec<_>>();
    let imports = names(ty.imports(engine).map(|(name, _)| name).collect());
    let exports = names(ty.exports(engine).map(|(name, _)| name).collect());
    if !exports.iter().any(|name| Entry::of_export(name).is_some()) {
        return Err(Error::NotProgram { file: file.to_owned() });
    }
    let optional: Vec<_> =
        OPTIONAL.iter().copied().filter(|package| imports.iter().any(|i| is_of(i, package))).collect();
    link(file, component, &imports, !optional.is_empty())?;

    let uses = |prefix: &str| imports.iter().any(|name| name.starts_with(prefix));
    let is_03 = |name: &String| name.starts_with("wasi:") && name.contains("@0.3.");
    let options = [
        (imports.iter().chain(&exports).any(is_03), "p3"),
        (uses("wasi:sockets/"), "inherit-network"),
        (uses("wasi:sockets/ip-name-lookup@"), "allow-ip-name-lookup"),
    ];
    Ok(options.into_iter().filter_map(|(used, option)| used.then_some(option)).chain(optional).collect())
}

fn link(file: &str, component: &Component, imports: &[String], optional: bool) -> Result<()> {
    let failed = |error: wasmtime::Error| Error::Engine { source: error.into() };
    let mut linker = Linker::<State>::new(component.engine());
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(failed)?;
    wasmtime_wasi::p3::add_to_linker(&mut linker).map_err(failed)?;
    if optional {
        let known = |name: &str| OPTIONAL.iter().chain(WASI_PACKAGES).any(|package| is_of(name, package));
        if let Some(import) = imports.iter().find(|name| !known(name)) {
            return Err(Error::NotStock { file: file.to_owned(), import: import.clone(), source: None });
        }
        linker.define_unknown_imports_as_traps(component).map_err(failed)?;
    }
    instance_of(file.to_owned(), component, &linker).map(drop).map_err(|error| match error {
        Error::UnknownImport { file, import, .. } => Error::NotStock { file, import, source: None },
        Error::IncompatibleImport { file, import, source } => Error::NotStock { file, import, source: Some(source) },
        other => other,
    })
}

/// Whether an import is of this package of WASI.
fn is_of(import: &str, package: &str) -> bool {
    import.strip_prefix("wasi:").and_then(|rest| rest.strip_prefix(package)).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs, and imports a function `f` of an interface.
    fn program(import: &str) -> Vec<u8> {
        let text = format!(
            r#"(component
                (import "{import}" (instance (export "f" (func))))
                (core module $m (func (export "run") (result i32) i32.const 0))
                (core instance $i (instantiate $m))
                (func $run (result (result)) (canon lift (core func $i "run")))
                (instance $face (export "run" (func $run)))
                (export "wasi:cli/run@0.2.0" (instance $face)))"#
        );
        wat::parse_str(text).unwrap()
    }

    fn options_of(import: &str) -> Result<Vec<&'static str>> {
        crate::Host::builder().build().unwrap().stock_options("app.wasm", &program(import))
    }

    #[test]
    fn an_import_that_the_command_lacks_is_named() {
        let error = options_of("foo:bar/baz@1.0.0").expect_err("nobody has it");
        assert_eq!(
            error.to_string(),
            "app.wasm imports foo:bar/baz@1.0.0, which the stock wasmtime command does not provide"
        );
        let error = options_of("wasi:clocks/monotonic-clock@0.2.0").expect_err("there is no `f` in it");
        assert!(
            error.to_string().starts_with(
                "app.wasm imports wasi:clocks/monotonic-clock@0.2.0, which the stock wasmtime command does not provide \
                 in that form: "
            ),
            "{error}"
        );
    }

    #[test]
    fn a_package_with_an_option_of_its_own_is_asked_for() {
        assert_eq!(options_of("wasi:http/types@0.2.0").unwrap(), ["http"]);
    }

    #[test]
    fn what_is_no_program_is_told() {
        let host = crate::Host::builder().build().unwrap();
        let error = host.stock_options("app.wasm", crate::testing::EMPTY).expect_err("it exports nothing");
        assert!(matches!(error, Error::NotProgram { .. }), "{error}");
    }

    #[test]
    fn a_package_is_more_than_a_prefix() {
        assert!(is_of("wasi:http/types@0.2.0", "http"));
        assert!(!is_of("wasi:https/types@0.2.0", "http"));
        assert!(!is_of("foo:http/types@0.2.0", "http"));
    }
}
