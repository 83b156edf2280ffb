//! Dependencies point one way: every module names only modules that are before it in the lists here, and the core names neither
//! WASI nor a transport.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The modules of this crate, each naming only those before it.
const CORE: &[&str] = &[
    "address",
    "extra_info",
    "options",
    "failure",
    "error",
    "semantics",
    "runtime",
    "transport",
    "waiters",
    "clients",
    "reader_state",
    "connection",
    "transport_handle",
    "writer",
    "reader",
    "parts",
    "protocol",
    "server",
    "scripted",
];

/// The modules of `semantics`, likewise.
const SEMANTICS: &[&str] = &[
    "buffer",
    "limits",
    "reader_core",
    "room",
    "separators",
    "water_marks",
    "read_operations",
    "read_operations_tests",
];

/// What the core does not know: anything of WASI, of wit-bindgen, of an executor.
const FOREIGN_TO_CORE: &[&str] =
    &["wasi", "wasip2", "wasip3", "wit_bindgen", "wasyncio", "wasyncio_transport", "tokio", "futures"];

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The code of a file without comments.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let lines = text.lines().map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// The words that follow `prefix`, where that stands by itself: `crate::a` and `crate::{a, b::c}` both name `a`.
fn named_after(code: &str, prefix: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(is_word) {
            continue;
        }
        let rest = &code[at + prefix.len()..];
        match rest.strip_prefix('{') {
            None => {
                named.insert(rest.chars().take_while(|character| is_word(*character)).collect());
            }
            Some(group) => {
                let mut depth = 0;
                let mut word = Some(String::new());
                for character in group.chars() {
                    match character {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => named.extend(word.replace(String::new())),
                        character if depth == 0 && is_word(character) => {
                            if let Some(word) = &mut word {
                                word.push(character);
                            }
                        }
                        // The word has ended; what follows, `::d` or ` as e`, is not wanted.
                        character if depth == 0 && (!character.is_whitespace() || word != Some(String::new())) => {
                            named.extend(word.take());
                        }
                        _ => {}
                    }
                }
                named.extend(word);
            }
        }
    }
    named.retain(|word| !word.is_empty());
    named
}

/// The module of a file below `root`: its first folder, or its name.
fn module_of(root: &Path, path: &Path) -> String {
    let below = path.strip_prefix(root).expect("it was found there");
    below.iter().next().map(Path::new).and_then(Path::file_stem).expect("a name").to_string_lossy().into_owned()
}

/// What goes against `order` in the files below `root`; `prefix` begins a path from there.
fn upward(root: &Path, order: &[&str], prefix: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for path in sources(root) {
        let module = module_of(root, &path);
        if module == "lib" || module == "mod" {
            continue;
        }
        let Some(place) = order.iter().position(|name| *name == module) else {
            wrong.push(format!("{module} is not in the list: say where it belongs"));
            continue;
        };
        for named in named_after(&code(&path), prefix) {
            // What is no module is named at the root: the modules say where it is.
            match order.iter().position(|name| *name == named) {
                Some(other) if other <= place => {}
                Some(_) => wrong.push(format!("{} names {named}, which is above it", path.display())),
                None => wrong.push(format!("{} names {prefix}{named}, which is no module", path.display())),
            }
        }
    }
    wrong
}

fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

#[test]
fn paths_are_found_in_every_form() {
    let code = "use crate::a;\nuse crate::{b, c::{d, e}, f as g};\nlet x = crate::h::i(mycrate::j);";
    let named: Vec<_> = named_after(code, "crate::").into_iter().collect();
    assert_eq!(named, ["a", "b", "c", "f", "h"].map(String::from));
}

#[test]
fn modules_of_the_core_name_only_those_below_them() {
    assert_eq!(upward(&folder("src"), CORE, "crate::"), [] as [String; 0]);
}

#[test]
fn rules_name_only_rules_below_them() {
    let folder = folder("src/semantics");
    // Of the rest of the crate only the errors.
    let known = ["error", "semantics"];
    for path in sources(&folder) {
        for named in named_after(&code(&path), "crate::") {
            assert!(known.contains(&named.as_str()), "{} names {named}", path.display());
        }
    }
    let mut wrong = upward(&folder, SEMANTICS, "crate::semantics::");
    // The tests of a module are below it in the tree, and name what is in it by `super`.
    let tests = |line: &String| line.contains("read_operations_tests");
    wrong.extend(upward(&folder, SEMANTICS, "super::").into_iter().filter(|line| !tests(line)));
    wrong.retain(|line| !line.contains("super::*") && !line.ends_with("super::, which is no module"));
    assert_eq!(wrong, [] as [String; 0]);
}

#[test]
fn the_core_knows_no_wasi() {
    for path in sources(&folder("src")) {
        let code = code(&path);
        for foreign in FOREIGN_TO_CORE {
            let named = code.match_indices(&format!("{foreign}::")).any(|(at, _)| !code[..at].ends_with(is_word));
            assert!(!named, "{} names {foreign}", path.display());
        }
    }
    let manifest = fs::read_to_string(folder("Cargo.toml")).expect("it is there");
    let dependencies = manifest.split("[dependencies]").nth(1).and_then(|rest| rest.split("\n[").next());
    let names: Vec<_> = dependencies
        .expect("it has some")
        .lines()
        .filter_map(|line| line.split(['.', ' ', '=']).next().filter(|name| !name.is_empty() && !name.starts_with('#')))
        .collect();
    assert_eq!(names, ["bytes", "memchr", "slab", "thiserror"], "a new dependency: is it free of I/O?");
}

/// The other crates of the guest's side: what they stand on does not know them.
#[test]
fn nothing_but_the_front_names_the_exports() {
    let guest = folder("../src");
    for path in sources(&guest) {
        let module = module_of(&guest, &path);
        if module == "exports" || module == "lib" {
            continue;
        }
        let named = named_after(&code(&path), "crate::");
        assert!(!named.contains("exports"), "{} names exports", path.display());
    }
    for path in sources(&folder("../transport/src")) {
        let code = code(&path);
        let named = code.match_indices("wasyncio::").any(|(at, _)| !code[..at].ends_with(is_word));
        assert!(!named, "{} names the crate that stands on it", path.display());
    }
}
