//! Nothing to call: the build script of this crate lays the WASI 0.3 WIT packages into `wit/deps`. A crate that generates
//! bindings from `wit/` names it under `[build-dependencies]`.
