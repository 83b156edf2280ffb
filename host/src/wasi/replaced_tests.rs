//! What is replaced of wasmtime-wasi is there under the name that it is replaced by. Under another, say of the next version, the
//! linker would take ours as well, and programs would get wasmtime-wasi's. And whatever wasmtime-wasi adds is looked at by somebody.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use wasmtime::component::{Linker, ResourceType};
use wasmtime::{Config, Engine};

use super::{binds02, calls, filesystem, sockets02};
use crate::run::state::State;

/// An interface of wasmtime-wasi of which this host replaces some functions by name.
struct Replaced {
    interface: &'static str,
    /// The file in wasmtime-wasi with its text.
    wit: &'static str,
    ours: &'static [&'static str],
    our_resources: &'static [&'static str],
    /// These are wasmtime-wasi's, because nothing has to be granted, bounded or counted for them.
    theirs: &'static [&'static str],
}

const REPLACED: &[Replaced] = &[
    Replaced {
        interface: sockets02::TCP,
        wit: "p2/wit/deps/sockets.wit",
        ours: &["[method]tcp-socket.accept", "[method]tcp-socket.start-bind", "[method]tcp-socket.start-connect"],
        our_resources: &["tcp-socket"],
        theirs: &[
            "[method]tcp-socket.address-family",
            "[method]tcp-socket.finish-bind",
            "[method]tcp-socket.finish-connect",
            "[method]tcp-socket.finish-listen",
            "[method]tcp-socket.hop-limit",
            "[method]tcp-socket.is-listening",
            "[method]tcp-socket.keep-alive-count",
            "[method]tcp-socket.keep-alive-enabled",
            "[method]tcp-socket.keep-alive-idle-time",
            "[method]tcp-socket.keep-alive-interval",
            "[method]tcp-socket.local-address",
            "[method]tcp-socket.receive-buffer-size",
            "[method]tcp-socket.remote-address",
            "[method]tcp-socket.send-buffer-size",
            "[method]tcp-socket.set-hop-limit",
            "[method]tcp-socket.set-keep-alive-count",
            "[method]tcp-socket.set-keep-alive-enabled",
            "[method]tcp-socket.set-keep-alive-idle-time",
            "[method]tcp-socket.set-keep-alive-interval",
            "[method]tcp-socket.set-listen-backlog-size",
            "[method]tcp-socket.set-receive-buffer-size",
            "[method]tcp-socket.set-send-buffer-size",
            "[method]tcp-socket.shutdown",
            // A socket listens where it is bound, which was asked about.
            "[method]tcp-socket.start-listen",
            "[method]tcp-socket.subscribe",
        ],
    },
    Replaced {
        interface: filesystem::TYPES02,
        wit: "p2/wit/deps/filesystem.wit",
        ours: &[
            "[method]descriptor.open-at",
            "[method]descriptor.read-directory",
            "[method]directory-entry-stream.read-directory-entry",
        ],
        our_resources: &["directory-entry-stream"],
        // A call is the only one of its program.
        theirs: &[
            "[method]descriptor.advise",
            "[method]descriptor.append-via-stream",
            "[method]descriptor.create-directory-at",
            "[method]descriptor.get-flags",
            "[method]descriptor.get-type",
            "[method]descriptor.is-same-object",
            "[method]descriptor.link-at",
            "[method]descriptor.metadata-hash",
            "[method]descriptor.metadata-hash-at",
            "[method]descriptor.read",
            "[method]descriptor.read-via-stream",
            "[method]descriptor.readlink-at",
            "[method]descriptor.remove-directory-at",
            "[method]descriptor.rename-at",
            "[method]descriptor.set-size",
            "[method]descriptor.set-times",
            "[method]descriptor.set-times-at",
            "[method]descriptor.stat",
            "[method]descriptor.stat-at",
            "[method]descriptor.symlink-at",
            "[method]descriptor.sync",
            "[method]descriptor.sync-data",
            "[method]descriptor.unlink-file-at",
            "[method]descriptor.write",
            "[method]descriptor.write-via-stream",
            "filesystem-error-code",
        ],
    },
    Replaced {
        interface: filesystem::TYPES03,
        wit: "p3/wit/deps/filesystem.wit",
        ours: &[
            "[method]descriptor.advise",
            "[method]descriptor.create-directory-at",
            "[method]descriptor.get-flags",
            "[method]descriptor.get-type",
            "[method]descriptor.is-same-object",
            "[method]descriptor.link-at",
            "[method]descriptor.metadata-hash",
            "[method]descriptor.metadata-hash-at",
            "[method]descriptor.open-at",
            "[method]descriptor.read-directory",
            "[method]descriptor.readlink-at",
            "[method]descriptor.remove-directory-at",
            "[method]descriptor.rename-at",
            "[method]descriptor.set-size",
            "[method]descriptor.set-times",
            "[method]descriptor.set-times-at",
            "[method]descriptor.stat",
            "[method]descriptor.stat-at",
            "[method]descriptor.symlink-at",
            "[method]descriptor.sync",
            "[method]descriptor.sync-data",
            "[method]descriptor.unlink-file-at",
        ],
        our_resources: &[],
        // They answer at once, by streams and futures, which are handles.
        theirs: &[
            "[method]descriptor.append-via-stream",
            "[method]descriptor.read-via-stream",
            "[method]descriptor.write-via-stream",
        ],
    },
    Replaced {
        interface: calls::CLOCK,
        wit: "p3/wit/deps/clocks.wit",
        ours: &["wait-for", "wait-until"],
        our_resources: &[],
        theirs: &["get-resolution", "now"],
    },
];

/// wasmtime-wasi's functions, and nothing of ours.
fn theirs() -> Linker<State> {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let mut linker = Linker::new(&Engine::new(&config).expect("a machine that runs wasmtime"));
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).expect("WASI 0.2");
    wasmtime_wasi::p3::add_to_linker(&mut linker).expect("WASI 0.3");
    linker
}

/// Whether a function of this name is there. If not, it is afterwards.
fn has(linker: &mut Linker<State>, interface: &str, function: &str) -> bool {
    let mut instance = linker.instance(interface).expect("it is a name");
    instance.func_wrap(function, |_store, ()| Ok(())).is_err()
}

#[test]
fn what_is_replaced_is_there_under_that_name() {
    let mut linker = theirs();
    assert!(!has(&mut linker, "wasi:sockets/tcp@0.2.99", "[method]tcp-socket.accept"), "nobody has that version");
    assert_eq!(binds02::TCP, sockets02::TCP);
    for Replaced { interface, ours, our_resources, .. } in REPLACED {
        for function in *ours {
            assert!(has(&mut linker, interface, function), "wasmtime-wasi has no {function} in {interface} any more");
        }
        for name in *our_resources {
            let mut instance = linker.instance(interface).expect("it is a name");
            let added = instance.resource(name, ResourceType::host::<()>(), |_, _| Ok(()));
            assert!(added.is_err(), "wasmtime-wasi has no resource {name} in {interface} any more");
        }
    }
}

#[test]
fn somebody_has_looked_at_every_function() {
    for Replaced { interface, wit, ours, theirs, .. } in REPLACED {
        let (package, rest) = interface.split_once('/').expect("a package and an interface");
        let (name, version) = rest.split_once('@').expect("a version");
        let text = wit_of_wasmtime_wasi(wit);
        assert!(text.contains(&format!("package {package}@{version};")), "{wit} has another version than {interface}");
        let found: BTreeSet<_> = functions(&text, name).into_iter().map(|(function, _)| function).collect();
        let known: BTreeSet<_> = ours.iter().chain(*theirs).map(|function| (*function).to_owned()).collect();
        assert_eq!(found, known, "found and known of {interface}: does what was added need a grant or a bound?");
    }
}

#[test]
fn every_call_that_can_be_pending_is_ours() {
    // Of the sockets and look-ups of WASI 0.3 all are; those of the command line are exports.
    for package in ["clocks", "filesystem", "random"] {
        let text = wit_of_wasmtime_wasi(&format!("p3/wit/deps/{package}.wit"));
        let interfaces = text.lines().filter_map(|line| line.strip_prefix("interface ")?.split_whitespace().next());
        for name in interfaces {
            for (function, _) in functions(&text, name).into_iter().filter(|(_, is_async)| *is_async) {
                let is_ours = |replaced: &&Replaced| {
                    replaced.interface.starts_with(&format!("wasi:{package}/{name}@0.3."))
                        && replaced.ours.contains(&function.as_str())
                };
                assert!(
                    REPLACED.iter().any(|replaced| is_ours(&replaced)),
                    "{function} of {package}/{name} has no bound"
                );
            }
        }
    }
}

/// The functions of an interface, by the names that a linker has for them, and whether they are async.
fn functions(wit: &str, interface: &str) -> Vec<(String, bool)> {
    let mut found = Vec::new();
    let mut resource = None;
    let begin = format!("interface {interface} {{");
    let lines =
        wit.lines().skip_while(|line| !line.starts_with(&begin)).skip(1).take_while(|line| !line.starts_with('}'));
    for line in lines {
        let line = line.trim();
        if let Some(name) = line.strip_prefix("resource ").and_then(|rest| rest.strip_suffix(" {")) {
            resource = Some(name.trim());
        } else if line == "}" {
            resource = None;
        } else if let Some((name, ty)) = line.split_once(": ")
            && !line.starts_with("//")
            && let Some(kind) = ["func(", "async func(", "static func("].iter().find(|kind| ty.starts_with(**kind))
        {
            let kind_of_function = if *kind == "static func(" { "static" } else { "method" };
            let name = match resource {
                Some(resource) => format!("[{kind_of_function}]{resource}.{name}"),
                None => name.to_owned(),
            };
            found.push((name, kind.starts_with("async")));
        }
    }
    found
}

/// A file of the WIT that wasmtime-wasi makes its bindings from.
fn wit_of_wasmtime_wasi(file: &str) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--offline", "--format-version", "1", "--manifest-path"]);
    let output = cargo.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).output().expect("cargo runs");
    let metadata = String::from_utf8(output.stdout).expect("it is JSON");
    let manifests = metadata.split("\"manifest_path\":\"").skip(1).filter_map(|rest| rest.split('"').next());
    let is_wasmtime_wasi = |path: &&str| {
        let version = path.rsplit('/').nth(1).and_then(|folder| folder.strip_prefix("wasmtime-wasi-"));
        version.is_some_and(|version| version.starts_with(|letter: char| letter.is_ascii_digit()))
    };
    let manifest = manifests.into_iter().find(is_wasmtime_wasi).expect("it is a dependency");
    let file = PathBuf::from(manifest).with_file_name("src").join(file);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}
