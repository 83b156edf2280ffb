//! The native module of `python.wasm` knows the layout of what it is given by hand (`bindings/python/native/src/abi.rs`, which holds
//! its structures to the same numbers). The names and the types of its imports are checked as it is linked.

use wasyncio_generator_tests::Wit;
use wit_bindgen_core::wit_parser::{Int, InterfaceId, PackageId, Resolve, SizeAlign, Type, TypeDefKind, TypeId};

fn interface(resolve: &Resolve, package: PackageId, name: &str) -> InterfaceId {
    *resolve.packages[package].interfaces.get(name).unwrap_or_else(|| panic!("there is no interface {name}"))
}

fn named(resolve: &Resolve, interface: InterfaceId, name: &str) -> TypeId {
    let mut id = *resolve.interfaces[interface].types.get(name).unwrap_or_else(|| panic!("there is no type {name}"));
    while let TypeDefKind::Type(Type::Id(other)) = resolve.types[id].kind {
        id = other;
    }
    id
}

/// Where the payload of a `result` is, whose cases have these types.
fn payload(sizes: &SizeAlign, cases: [Option<&Type>; 2]) -> usize {
    sizes.payload_offset(Int::U8, cases).size_wasm32()
}

#[test]
fn layouts_are_those_that_the_native_module_has() {
    let wit = Wit::parse();
    let resolve = &wit.resolve;
    let mut sizes = SizeAlign::default();
    sizes.fill(resolve).expect("a parsed package has a layout");
    let raw = interface(resolve, wit.streams, "raw");
    let error = Type::Id(named(resolve, raw, "error"));
    let directions = named(resolve, raw, "directions");

    let TypeDefKind::Record(record) = &resolve.types[directions].kind else { panic!("directions is a record") };
    let names: Vec<_> = record.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["read-ahead", "incoming", "received", "sent"]);
    let begin = payload(&sizes, [Some(&Type::Id(directions)), Some(&error)]);
    let offsets = sizes.field_offsets(record.fields.iter().map(|field| &field.ty));
    let offsets: Vec<_> = offsets.iter().map(|(offset, _)| begin + offset.size_wasm32()).collect();
    assert_eq!(offsets, [4, 12, 16, 20]);
    // The structures have room for an error, too.
    let largest = begin + sizes.size(&error).size_wasm32().max(sizes.size(&Type::Id(directions)).size_wasm32());
    assert!(largest <= 12 + 64, "{largest}");

    let code = named(resolve, raw, "error-code");
    let TypeDefKind::Variant(variant) = &resolve.types[code].kind else { panic!("error-code is a variant") };
    let names: Vec<_> = variant.cases.iter().map(|case| case.name.as_str()).collect();
    // In the order of `_CODES` in bindings/python/src/wasyncio/errors.py.
    let expected = [
        "access-denied",
        "not-supported",
        "invalid-argument",
        "out-of-memory",
        "timeout",
        "invalid-state",
        "address-not-bindable",
        "address-in-use",
        "remote-unreachable",
        "connection-refused",
        "connection-broken",
        "connection-reset",
        "connection-aborted",
        "datagram-too-large",
        "other",
    ];
    assert_eq!(names, expected);
    let begin = payload(&sizes, [None, Some(&Type::Id(code))]);
    let text = sizes.payload_offset(Int::U8, variant.cases.iter().map(|case| case.ty.as_ref())).size_wasm32();
    assert_eq!((begin, begin + text, begin + sizes.size(&Type::Id(code)).size_wasm32()), (4, 8, 20));
}
