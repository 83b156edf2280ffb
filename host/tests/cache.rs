//! The cache and compiled code, as an embedder has them.

mod support;

use std::fs;
use std::path::Path;

use wasyncio_host::{Error, Host, Policy, Runner};

use support::component;

/// A folder with a program in it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("app.wasm"), component("i32.const 0")).unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    folder
}

fn writable(directory: &Path) -> Policy {
    Policy::new().allow_directory(format!("{}::/data:rw", directory.display()).parse().unwrap())
}

#[tokio::test]
#[cfg(unix)]
async fn a_program_that_could_change_its_file_or_the_cache_is_not_run() {
    let folder = folder();
    let elsewhere = tempfile::tempdir().unwrap();
    let cache = elsewhere.path().join("cache");
    let host = Host::builder().cache_directory(&cache).build().unwrap();
    assert_eq!(host.cache(), Some(cache.as_path()));
    let program = host.load_file(folder.path().join("app.wasm")).unwrap();
    for exposed in [folder.path(), elsewhere.path(), &cache] {
        let error = Runner::new(&program).policy(writable(exposed)).run().await.expect_err("it is refused");
        assert!(matches!(error, Error::ExposedPath { .. }), "{error}");
    }
    let harmless = writable(&folder.path().join("data"));
    assert!(Runner::new(&program).policy(harmless).run().await.unwrap().success());
}

#[tokio::test]
async fn a_program_compiled_ahead_of_time_runs_by_its_own_function_alone() {
    let folder = folder();
    let host = Host::builder().build().unwrap();
    let code = host.precompile("app.wasm", &component("i32.const 0")).unwrap();
    assert!(matches!(host.load("app.cwasm", &code), Err(Error::CompiledCode { .. })));
    let file = folder.path().join("app.cwasm");
    fs::write(&file, &code).unwrap();
    assert!(matches!(host.load_file(&file), Err(Error::CompiledCode { .. })));

    // SAFETY: the file was made by this process and is in a folder of its own.
    #[expect(unsafe_code, reason = "it is what is tested")]
    let program = unsafe { host.load_precompiled_file(&file) }.unwrap();
    assert!(Runner::new(&program).run().await.unwrap().success());

    // SAFETY: as above; it has no code in it at all.
    #[expect(unsafe_code, reason = "it is what is tested")]
    let component = unsafe { host.load_precompiled_file(folder.path().join("app.wasm")) };
    let error = component.expect_err("it is a component");
    assert!(error.to_string().ends_with("it was not made by this version's `compile`"), "{error}");
}
