//! What can go wrong, by stage: reading, recognising, composing, compiling, linking, running.
//!
//! Messages are one line, name the file or the import that is meant, and say what to do where that is known.
//! The cause stays reachable through [`source`](std::error::Error::source), kept as a boxed standard error because
//! [`wasmtime::Error`] is none itself.

use std::fmt;

use crate::{GrantError, Limit};

/// The cause of an [`Error`], as the layer below reported it.
pub type Source = Box<dyn std::error::Error + Send + Sync>;

/// The crate's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a program could not be loaded or did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Setting up: wasmtime refused the configuration, or this machine lacks what it needs.
    #[error("cannot set up wasmtime: {}", one_line(source))]
    Engine {
        /// What wasmtime reported.
        source: Source,
    },

    /// Reading: the file could not be read.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file.
        file: String,
        /// What the operating system reported.
        source: std::io::Error,
    },

    /// Recognising: the file is something else than a component.
    #[error("{file} is not a WebAssembly component: {found}")]
    NotComponent {
        /// The file.
        file: String,
        /// What it is instead.
        found: NotComponent,
    },

    /// Recognising: the file starts like a component but is not a valid one.
    #[error("{file} is not a valid WebAssembly component: {}", one_line(source))]
    Invalid {
        /// The file.
        file: String,
        /// What is wrong, and where.
        source: Source,
    },

    /// Setting up: what the policy says of TLS cannot be used.
    #[error("cannot use {what}: {reason}")]
    Tls {
        /// The identity or the authorities.
        what: String,
        /// What is wrong, on one line.
        reason: String,
    },

    /// Composing: the program needs `wasyncio:streams`, and there is no component to provide it.
    #[error(
        "{file} imports {import}, and this build of wasyncio has no component that provides it; \
         run `cargo xtask build`, or give one"
    )]
    NoStreams {
        /// The program.
        file: String,
        /// The first such import.
        import: String,
    },

    /// Composing: the streams component lacks an interface that the program imports, or has it in another form.
    #[error(
        "{file} imports {import}, which the streams component does not provide in that form; \
         build the program against the WIT of this version of wasyncio"
    )]
    StreamsMismatch {
        /// The program.
        file: String,
        /// The import.
        import: String,
    },

    /// Composing: the two components do not fit together.
    #[error("cannot compose {file} with the streams component: {}", one_line(source))]
    Compose {
        /// The program.
        file: String,
        /// What does not fit.
        source: Source,
    },

    /// Composing: the result would need more than the stock wasmtime command has.
    #[error("{file} imports {import}, which the stock wasmtime command does not provide{}", in_that_form(source))]
    NotStock {
        /// The program.
        file: String,
        /// The import's full name.
        import: String,
        /// Which part differs, if the command has it in another form.
        source: Option<Source>,
    },

    /// Compiling: wasmtime refused the component.
    #[error("cannot compile {file}: {}", one_line(source))]
    Compile {
        /// The program.
        file: String,
        /// What wasmtime reported.
        source: Source,
    },

    /// Loading: the directory for compiled code cannot be used.
    #[error("cannot keep compiled code in {directory}: {reason}")]
    Cache {
        /// The directory.
        directory: String,
        /// Why, on one line.
        reason: String,
    },

    /// Loading: the file is compiled code, and nobody said that it is to be trusted.
    #[error("{file} is compiled code, not a component: nothing limits what it does, so it is run only on request")]
    CompiledCode {
        /// The file.
        file: String,
    },

    /// Loading: the file is no compiled code that this version can run.
    #[error("cannot run the compiled code in {file}: {reason}")]
    NotCompiledCode {
        /// The file.
        file: String,
        /// Why, on one line.
        reason: String,
    },

    /// Linking: the program exports nothing that could be run.
    #[error(
        "{file} exports no wasi:cli/run, so there is nothing to run; \
         a program is a component of the world wasi:cli/command"
    )]
    NotProgram {
        /// The file.
        file: String,
    },

    /// Linking: the program imports what this host does not have.
    #[error("{file} imports {import}, which this host does not provide")]
    UnknownImport {
        /// The program.
        file: String,
        /// The import's full name.
        import: String,
        /// What wasmtime reported.
        source: Source,
    },

    /// Linking: this host has the import, but not in the form that the program wants.
    #[error("{file} imports {import} in a form that this host does not provide: {}", one_line(source))]
    IncompatibleImport {
        /// The program.
        file: String,
        /// The import's full name.
        import: String,
        /// Which part differs.
        source: Source,
    },

    /// Policy: a grant could not be understood.
    #[error(transparent)]
    Grant(#[from] GrantError),

    /// Policy: the policy file says something that is not understood.
    #[error("cannot use {file}, line {line}: {reason}")]
    PolicyFile {
        /// The file.
        file: String,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong, on one line.
        reason: String,
    },

    /// Policy: a name in a grant for addresses of this machine does not stand for one.
    #[error("cannot use the name {name} in a grant: {reason}")]
    Name {
        /// The name.
        name: String,
        /// What is wrong, on one line.
        reason: String,
    },

    /// Policy: a directory that is granted cannot be opened.
    #[error("cannot let the program use {directory}: {}", one_line(source))]
    Directory {
        /// The directory on this machine.
        directory: String,
        /// What the operating system reported.
        source: Source,
    },

    /// Policy: a directory is granted for writing in which there is what decides about the program.
    #[error("{directory} cannot be granted for writing: with {path} in it, the program could change what runs here")]
    ExposedPath {
        /// The directory that is granted.
        directory: String,
        /// The program, the policy, or the directory of compiled code.
        path: String,
    },

    /// Policy: a directory is granted in which the key of a TLS identity is.
    #[error("the program may not have the directory {directory}, in which {key} is, the key of a TLS identity")]
    ExposedKey {
        /// The directory that is granted.
        directory: String,
        /// The file with the key.
        key: String,
    },

    /// Policy: TCP sockets of WASI 0.2 are granted together with what does not reach them.
    #[error("a program that may use TCP sockets of WASI 0.2 cannot have {conflict}: nothing of that reaches them")]
    Wasi02Sockets {
        /// With what.
        conflict: Wasi02Conflict,
    },

    /// Instantiating: the program could not be started.
    #[error("cannot start {file}: {}", one_line(source))]
    Instantiate {
        /// The program.
        file: String,
        /// What wasmtime reported.
        source: Source,
    },

    /// Running: the program trapped, or the host had to stop it.
    #[error("{file} trapped: {reason}")]
    Trap {
        /// The program.
        file: String,
        /// The reason on one line; the backtrace of the program is in `source`.
        reason: String,
        /// What wasmtime reported, with the backtrace of the program.
        source: Source,
    },

    /// Running: the program reached a limit and was ended.
    #[error("{file} was ended: {limit}")]
    Limit {
        /// The program.
        file: String,
        /// The limit.
        limit: Limit,
    },

    /// Running: this host panicked, or a callback that it was given. The program is ended.
    #[error("the host failed while it ran {file}, which is a fault of its own: {reason}")]
    Panic {
        /// The program.
        file: String,
        /// What the panic said.
        reason: String,
    },

    /// Service: more workers were asked for than there can be.
    #[error("{count} workers are too many: there can be {most}")]
    Workers {
        /// How many were asked for.
        count: usize,
        /// How many there can be.
        most: usize,
    },

    /// Service: a worker failed again and again, and no other served.
    #[error("{file} failed {failures} times in a row, and nothing serves any more; the last time: {last}")]
    CrashLoop {
        /// The program.
        file: String,
        /// How many times.
        failures: u32,
        /// Why, the last time.
        last: Box<Self>,
    },

    /// Running: the program itself said that it failed (see
    /// [`ExitStatus::into_result`](crate::ExitStatus::into_result)).
    #[error("the program ended with exit code {code}")]
    Failed {
        /// The program's exit code, not 0.
        code: i32,
    },
}

/// What does not reach TCP sockets of WASI 0.2, which are wasmtime-wasi's and know nothing of this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wasi02Conflict {
    /// Listening sockets that several workers share.
    Workers,
    /// A time for connections to end in.
    Grace,
    /// [`Limits`](crate::Limits) of connections.
    Limits,
}

impl fmt::Display for Wasi02Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Workers => "workers, whose listening sockets are shared",
            Self::Grace => "a grace period",
            Self::Limits => "limits of connections",
        })
    }
}

/// What a file is that is no component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NotComponent {
    /// The file is empty.
    Empty,
    /// The file is a core WebAssembly module.
    CoreModule,
    /// The file does not start with WebAssembly's header.
    NotWasm,
}

impl NotComponent {
    /// Looks at the header of `bytes`; `None` if it is that of a component.
    pub(crate) fn find(bytes: &[u8]) -> Option<Self> {
        const MAGIC: &[u8] = b"\0asm";
        // The half-word after the version tells a component (1) from a core module (0).
        match bytes {
            [] => Some(Self::Empty),
            [magic @ .., _, _, 1, 0] if magic == MAGIC => None,
            _ if bytes.len() > 8 => Self::find(&bytes[..8]),
            [magic @ .., _, _, 0, 0] if magic == MAGIC => Some(Self::CoreModule),
            _ => Some(Self::NotWasm),
        }
    }
}

impl fmt::Display for NotComponent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "it is empty",
            Self::CoreModule => "it is a core module, which `wasm-tools component new` can turn into one",
            Self::NotWasm => "it does not start with the WebAssembly header",
        })
    }
}

/// What [`Error::NotStock`] says about the form of an import.
fn in_that_form(difference: &Option<Source>) -> String {
    difference.as_ref().map_or_else(String::new, |source| format!(" in that form: {}", one_line(source)))
}

/// The innermost cause of `error`, on one line.
///
/// wasmtime's outer contexts carry backtraces over many lines; the reason is at the bottom.
pub(crate) fn one_line(error: &Source) -> String {
    let mut cause: &dyn std::error::Error = error.as_ref();
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    let mut words = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = words.next().unwrap_or("no reason given").to_owned();
    words.fold(first, |line, next| line + "; " + next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_tells_component_from_module_from_anything_else() {
        assert_eq!(NotComponent::find(b""), Some(NotComponent::Empty));
        assert_eq!(NotComponent::find(b"\0asm\x0d\0\x01\0"), None);
        assert_eq!(NotComponent::find(b"\0asm\x0d\0\x01\0more"), None);
        assert_eq!(NotComponent::find(b"\0asm\x01\0\0\0more"), Some(NotComponent::CoreModule));
        assert_eq!(NotComponent::find(b"\0asm"), Some(NotComponent::NotWasm));
        assert_eq!(NotComponent::find(b"#!/bin/sh\n"), Some(NotComponent::NotWasm));
    }

    #[test]
    fn one_line_takes_the_innermost_cause_and_joins_its_lines() {
        let error = wasmtime::Error::msg("bad thing\n  at offset 3\n").context("long\nbacktrace");
        assert_eq!(one_line(&error.into()), "bad thing; at offset 3");
    }

    #[test]
    fn messages_name_the_file_the_import_and_the_remedy() {
        let error = Error::NoStreams { file: "app.wasm".into(), import: "wasyncio:streams/server@0.1.0".into() };
        assert_eq!(
            error.to_string(),
            "app.wasm imports wasyncio:streams/server@0.1.0, and this build of wasyncio has no component \
             that provides it; run `cargo xtask build`, or give one"
        );
        let error = Error::NotComponent { file: "app.wasm".into(), found: NotComponent::CoreModule };
        assert_eq!(
            error.to_string(),
            "app.wasm is not a WebAssembly component: it is a core module, which \
             `wasm-tools component new` can turn into one"
        );
    }
}
