//! The languages that a program can be begun in: each has a folder of templates.

use clap::ValueEnum;

/// A file of a new program, and its template.
type File = (&'static str, &'static str);

/// What a template says in two braces is put in.
macro_rules! template {
    ($path:literal) => {
        include_str!(concat!("../../../templates/", $path))
    };
}

const RUST: &[File] = &[
    ("Cargo.toml", template!("rust/Cargo.toml.template")),
    ("README.md", template!("rust/README.md.template")),
    (".gitignore", template!("rust/gitignore.template")),
    ("src/lib.rs", template!("rust/src/lib.rs")),
];

const PYTHON: &[File] =
    &[("README.md", template!("python/README.md.template")), ("main.py", template!("python/main.py"))];

const JS: &[File] = &[
    ("README.md", template!("js/README.md.template")),
    (".gitignore", template!("js/gitignore.template")),
    (".npmrc", template!("js/npmrc.template")),
    ("package.json", template!("js/package.json.template")),
    ("src/main.js", template!("js/src/main.js")),
];

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// A library that cargo makes a component of
    Rust,
    /// A script for `wasyncio python`
    Python,
    /// A module that componentize-qjs makes a component of
    Js,
}

/// A package of a checkout of wasyncio, which the program needs: none are published yet.
pub(super) struct Package {
    pub(super) name: &'static str,
    /// In the checkout.
    pub(super) folder: &'static str,
    /// What is in the folder if it is that.
    pub(super) manifest: &'static str,
    /// How it gets there, if it is no source.
    pub(super) made_by: Option<&'static str>,
}

impl Language {
    pub(super) fn files(self) -> &'static [File] {
        match self {
            Self::Rust => RUST,
            Self::Python => PYTHON,
            Self::Js => JS,
        }
    }

    /// What the program needs, linked or `composed`.
    pub(super) fn package(self, composed: bool) -> Option<Package> {
        let source = |name, folder| Package { name, folder, manifest: "Cargo.toml", made_by: None };
        match (self, composed) {
            (Self::Rust, false) => Some(source("wasyncio", "guest")),
            (Self::Rust, true) => Some(source("wasyncio-client", "bindings/rust")),
            (Self::Python, _) => None,
            (Self::Js, _) => Some(Package {
                name: "wasyncio",
                folder: "dist/js",
                manifest: "package.json",
                made_by: Some("cargo xtask js"),
            }),
        }
    }

    /// Whether the streams can be linked into its programs.
    pub(super) fn links(self) -> bool {
        self == Self::Rust
    }
}
