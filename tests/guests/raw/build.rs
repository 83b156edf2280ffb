//! Has `wit/deps` filled before the bindings are generated: cargo builds the build dependency that does it only for a
//! crate with a build script.

fn main() {
    println!("cargo::rerun-if-changed=../../../wit");
}
