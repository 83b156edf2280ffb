//! Rules that keep `wit/` usable from every language, whatever its generator.

use wasyncio_generator_tests::Wit;
use wit_bindgen_core::wit_parser::{Function, FunctionKind, PackageId, Resolve, Type, TypeDefKind};

#[test]
fn the_wit_keeps_the_rules() {
    let wit = Wit::parse();
    let mut names = wit.resolve.packages[wit.streams].interfaces.keys().map(String::as_str).collect::<Vec<_>>();
    names.sort_unstable();
    assert_eq!(names, ["connect", "raw", "server", "sockets", "streams", "types", "unix"], "what was looked at");
    assert_eq!(faults(&wit.resolve, wit.streams), [""; 0]);
}

#[test]
fn what_breaks_a_rule_is_found() {
    let mut resolve = Resolve::default();
    let package = resolve
        .push_str(
            "faults.wit",
            "package test:faults;
            interface faults {
              record sizes { small: list<u32>, large: option<tuple<u8, s64>> }
              type alias = sizes;
              resource reader {
                constructor(limit: u32) -> result<reader>;
                length: func() -> result<_, u64>;
                /// # Cancelling
                /// Loses nothing.
                read: async func() -> list<u8>;
                readline: async func();
                readexactly: static async func(n: u32);
              }
              resource good { constructor(limit: u32); }
              bytes: func(of: stream<u64>);
              /// Cancelling is not a heading here.
              connect: async func();
            }",
        )
        .expect("it is WIT");
    let mut found = faults(&resolve, package);
    found.sort();
    let expected = [
        "alias: a 64-bit integer",
        "bytes: a 64-bit integer",
        "connect: asynchronous, without '# Cancelling'",
        "[constructor]reader: a constructor that may fail",
        "[method]reader.length: a 64-bit integer",
        "[method]reader.readline: asynchronous, without '# Cancelling'",
        "sizes: a 64-bit integer",
        "[static]reader.readexactly: asynchronous, without '# Cancelling'",
    ];
    let mut expected = expected.map(|fault| format!("faults.{fault}"));
    expected.sort();
    assert_eq!(found, expected);
}

/// What in the package breaks a rule:
///
/// - A constructor gives its resource and nothing else: what componentize-py makes of one that may fail cannot be called.
/// - No integer has 64 bits: in JavaScript it would be a BigInt, which does not mix with numbers.
/// - Every asynchronous function says under a heading of its own what cancelling does.
fn faults(resolve: &Resolve, package: PackageId) -> Vec<String> {
    let mut faults = Vec::new();
    for (interface, id) in &resolve.packages[package].interfaces {
        let interface_types = &resolve.interfaces[*id].types;
        let wide = interface_types.iter().filter(|(_, id)| has_64_bits(resolve, &Type::Id(**id)));
        faults.extend(wide.map(|(name, _)| format!("{interface}.{name}: a 64-bit integer")));
        for function in resolve.interfaces[*id].functions.values() {
            let found = faults_of(resolve, function);
            faults.extend(found.into_iter().map(|fault| format!("{interface}.{}: {fault}", function.name)));
        }
    }
    faults
}

fn faults_of(resolve: &Resolve, function: &Function) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if matches!(function.kind, FunctionKind::Constructor(_)) && !function.is_constructor_shorthand(resolve) {
        faults.push("a constructor that may fail");
    }
    if function.parameter_and_result_types().any(|part| has_64_bits(resolve, &part)) {
        faults.push("a 64-bit integer");
    }
    let documents = function.docs.contents.as_deref().unwrap_or_default();
    if function.kind.is_async() && !documents.lines().any(|line| line.trim() == "# Cancelling") {
        faults.push("asynchronous, without '# Cancelling'");
    }
    faults
}

/// Whether a value of this type carries a 64-bit integer. The methods of a resource are looked at for themselves.
fn has_64_bits(resolve: &Resolve, whole: &Type) -> bool {
    let id = match whole {
        Type::U64 | Type::S64 => return true,
        Type::Id(id) => *id,
        _ => return false,
    };
    let has = |part: &Type| has_64_bits(resolve, part);
    let may_have = |part: &Option<Type>| part.as_ref().is_some_and(has);
    match &resolve.types[id].kind {
        TypeDefKind::Record(record) => record.fields.iter().any(|field| has(&field.ty)),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().any(has),
        TypeDefKind::Variant(variant) => variant.cases.iter().any(|case| may_have(&case.ty)),
        TypeDefKind::Option(part) | TypeDefKind::List(part) | TypeDefKind::FixedLengthList(part, _) => has(part),
        TypeDefKind::Type(part) => has(part),
        TypeDefKind::Map(key, value) => has(key) || has(value),
        TypeDefKind::Result(result) => may_have(&result.ok) || may_have(&result.err),
        TypeDefKind::Future(part) | TypeDefKind::Stream(part) => may_have(part),
        TypeDefKind::Resource | TypeDefKind::Handle(_) | TypeDefKind::Flags(_) | TypeDefKind::Enum(_) => false,
        TypeDefKind::Unknown => unreachable!("only while parsing"),
    }
}
