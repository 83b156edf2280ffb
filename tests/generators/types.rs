//! What JavaScript gets of `wit/`: the types that jco generates for a program.
//!
//! No program in JavaScript runs here. It would need `componentize-qjs` 0.5, which needs a newer Rust than this workspace: 0.4, which
//! npm has, refuses asynchronous imports. Running a transpiled component needs a newer Node. So this looks at the
//! types, as text, since it has no TypeScript: every function of the WIT is there in its class, asynchronous where it
//! is in the WIT, and nothing is a `bigint`.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use wasyncio_generator_tests::{WORLD, Wit, finish, here, tools};
use wit_bindgen_core::wit_parser::{Function, FunctionKind};

/// How long generating may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// Some declarations as they are, with the type of each thing that a program gives and gets.
const DECLARATIONS: [(&str, &str); 7] = [
    ("streams", "static create(limit: number | undefined): StreamReader;"),
    ("streams", "read(n: number): Promise<Uint8Array>;"),
    ("streams", "readuntil(separators: Array<Uint8Array>): Promise<Uint8Array>;"),
    ("streams", "getWriteBufferLimits(): [number, number];"),
    ("types", "export interface ErrorIncompleteReadError {"),
    ("types", "expected?: number,"),
    ("server", "accept(): Promise<[StreamReader, StreamWriter]>;"),
];

#[test]
fn javascript_by_jco() {
    let Some(tools) = tools("javascript") else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let wit = Wit::parse();
    let file = folder.path().join("wit.wasm");
    fs::write(&file, wit.encoded()).expect("a temporary folder");
    let mut node = Command::new("node");
    node.current_dir(tools.folder()).arg(here().join("programs/types.mjs"));
    node.arg(&file).arg(WORLD).arg(folder.path());
    finish(&mut node, DEADLINE, folder.path());

    let mut functions = 0;
    for (interface, id) in &wit.resolve.packages[wit.streams].interfaces {
        let types = read(folder.path(), interface);
        assert!(!types.contains("bigint"), "{interface}: a bigint in\n{types}");
        for function in wit.resolve.interfaces[*id].functions.values() {
            let class = function.kind.resource().and_then(|resource| wit.resolve.types[resource].name.as_deref());
            let declared = declaration(&types, class, function)
                .unwrap_or_else(|| panic!("{interface}: no {} in\n{types}", function.name));
            assert_eq!(declared.contains("): Promise<"), function.kind.is_async(), "{declared}");
            functions += 1;
        }
    }
    assert!(functions > 60, "only {functions} functions were looked for");
    for (interface, declared) in DECLARATIONS {
        let types = read(folder.path(), interface);
        assert!(types.lines().any(|line| line.trim() == declared), "no line '{declared}' in\n{types}");
    }
}

fn read(folder: &Path, interface: &str) -> String {
    let file = folder.join(format!("interfaces/wasyncio-streams-{interface}.d.ts"));
    fs::read_to_string(&file).unwrap_or_else(|error| panic!("no {}: {error}", file.display()))
}

/// The line that declares a function, in its class if it has one.
fn declaration<'a>(types: &'a str, class: Option<&str>, function: &Function) -> Option<&'a str> {
    let name = camel_case(function.item_name());
    let (part, begins) = match class {
        None => (types, format!("export function {name}(")),
        Some(class) => {
            let mut class = camel_case(class);
            class[..1].make_ascii_uppercase();
            let (_, part) = types.split_once(&format!("export class {class} "))?;
            let begins = match function.kind {
                FunctionKind::Constructor(_) => "constructor(".to_owned(),
                FunctionKind::Static(_) | FunctionKind::AsyncStatic(_) => format!("static {name}("),
                _ => format!("{name}("),
            };
            (part.split_once("export class ").map_or(part, |(part, _)| part), begins)
        }
    };
    part.lines().map(str::trim).find(|line| line.starts_with(&begins))
}

/// `get-extra-info` as `getExtraInfo`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('-');
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(1);
        camel.push_str(&first.to_ascii_uppercase());
        camel.push_str(rest);
    }
    camel
}
