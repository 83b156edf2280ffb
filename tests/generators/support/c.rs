//! From C to a component: wit-bindgen's generator as a library, clang and wasm-ld.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use wit_bindgen_core::Files;
use wit_component::ComponentEncoder;

use crate::{Tools, Wit, finish, here};

/// How long the compiler and the linker may take, each time.
const DEADLINE: Duration = Duration::from_secs(120);
/// The test's sources, in `programs/c`. A C library of its own, so that no other has to be installed.
const SOURCES: [&str; 2] = ["app.c", "libc/libc.c"];

/// Makes the component of the C program in `folder`.
///
/// # Panics
/// If any step fails.
pub fn component(tools: &Tools, folder: &Path) -> PathBuf {
    let generated = generate(folder);
    let programs = here().join("programs/c");
    let mut objects = vec![generated.join("program_component_type.o")];
    let sources = SOURCES.map(|source| programs.join(source));
    for source in sources.iter().chain([&generated.join("program.c")]) {
        let object = folder.join(source.file_name().expect("it is a file")).with_extension("o");
        let mut clang = Command::new(tools.program("clang"));
        // Nothing is expected of the compiler's own installation but stdint.h and its like.
        clang.args(["--target=wasm32-unknown-unknown", "-std=c11", "-O1", "-ffreestanding", "-nostdlibinc"]);
        if source.starts_with(&programs) {
            clang.args(["-Wall", "-Wextra", "-Werror"]);
        }
        clang.arg("-I").arg(programs.join("libc")).arg("-I").arg(&generated);
        clang.arg("-c").arg(source).arg("-o").arg(&object);
        finish(&mut clang, DEADLINE, folder);
        objects.push(object);
    }
    let module = folder.join("module.wasm");
    // It may be `rust-lld`, which is every linker.
    let mut linker = Command::new(tools.program("wasm-ld"));
    linker.args(["-flavor", "wasm", "--no-entry", "--fatal-warnings", "-o"]).arg(&module).args(&objects);
    finish(&mut linker, DEADLINE, folder);
    let module = fs::read(module).expect("the linker wrote it");
    let component = ComponentEncoder::default().validate(true).module(&module).and_then(|encoder| encoder.encode());
    let out = folder.join("c.wasm");
    fs::write(&out, component.unwrap_or_else(|error| panic!("no component: {error:#}"))).expect("a temporary folder");
    out
}

/// Generates the bindings: `program.c`, `program.h` and an object with the component's type.
fn generate(folder: &Path) -> PathBuf {
    let mut wit = Wit::parse();
    let options = wit_bindgen_c::Opts { generate_async_helpers: true, ..Default::default() };
    let mut files = Files::default();
    options
        .build()
        .generate(&mut wit.resolve, wit.world, &mut files)
        .unwrap_or_else(|error| panic!("wit-bindgen cannot generate C: {error:#}"));
    let generated = folder.join("generated");
    fs::create_dir(&generated).expect("a temporary folder");
    for (name, content) in files.iter() {
        fs::write(generated.join(name), content).expect("a temporary folder");
    }
    generated
}
