//! Landlock: from here on the process opens no files but these.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};

use super::{Files, real};

/// The rights that are asked about: those of Linux 6.10. Older kernels know fewer. Unix sockets that a path leads to, of
/// resolvers and service managers, are not among them.
const RIGHTS: ABI = ABI::V5;

/// Read by the system's resolver, whose modules are libraries, and by the C library.
///
/// Of `/etc` all is needed, because `resolv.conf` and `hosts` are replaced by files of the same name, and a rule is for
/// the file that was there.
const SYSTEM: &[&str] = &[
    "/etc",
    "/run/systemd/resolve",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/lib",
    "/lib64",
    "/usr/lib",
    "/usr/lib64",
    "/proc/self",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/fs/cgroup",
    "/dev/urandom",
];

/// Restricts this thread, and those that it starts.
///
/// # Errors
/// Why it is not restricted.
pub(super) fn restrict(files: &Files) -> Result<(), String> {
    match rules(files) {
        Ok(RulesetStatus::NotEnforced) => Err("this kernel has no landlock".to_owned()),
        Ok(RulesetStatus::PartiallyEnforced) => {
            tracing::debug!("this kernel's landlock does not know all that files are locked down by");
            Ok(())
        }
        Ok(RulesetStatus::FullyEnforced) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

fn rules(files: &Files) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let (writable, readable): (Vec<_>, Vec<_>) = files.granted.iter().partition(|grant| grant.is_writable());
    let system = SYSTEM.iter().map(PathBuf::from).chain(libraries()).chain(resolver());
    let loaded = files.loaded.iter().flat_map(|file| with_folder(file));
    let sockets =
        files.sockets.iter().filter_map(|socket| Some(std::path::absolute(socket).ok()?.parent()?.to_owned()));
    let appended = files.appended.iter().flat_map(|file| with_folder(file));
    let ruleset = Ruleset::default().handle_access(AccessFs::from_all(RIGHTS))?.scope(Scope::Signal)?.create()?;
    let status = ruleset
        .add_rules(path_beneath_rules(system.chain(loaded), read))?
        .add_rules(path_beneath_rules(readable.iter().map(|grant| grant.host()), read))?
        .add_rules(path_beneath_rules(writable.iter().map(|grant| grant.host()), program_writes()))?
        .add_rules(path_beneath_rules(&files.written, own_writes()))?
        .add_rules(path_beneath_rules(appended, AccessFs::WriteFile | AccessFs::MakeReg))?
        .add_rules(path_beneath_rules(
            sockets.chain(files.unix.iter().cloned()),
            AccessFs::MakeSock | AccessFs::RemoveFile,
        ))?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// What a program may do in a directory that it may write: all that WASI has words for.
fn program_writes() -> BitFlags<AccessFs> {
    own_writes() | AccessFs::MakeDir | AccessFs::MakeSym | AccessFs::RemoveDir | AccessFs::Refer
}

/// What the command does in a directory that it writes.
fn own_writes() -> BitFlags<AccessFs> {
    AccessFs::ReadFile
        | AccessFs::ReadDir
        | AccessFs::WriteFile
        | AccessFs::Truncate
        | AccessFs::MakeReg
        | AccessFs::RemoveFile
}

/// A file with the folder it is in, and the one that a link leads to; the file alone if the folder has everything.
fn with_folder(file: &Path) -> Vec<PathBuf> {
    let folder = |file: &Path| std::path::absolute(file).ok()?.parent().map(real);
    let folders = [folder(file), folder(&real(file))].into_iter().flatten().filter(|folder| !is_broad(folder));
    folders.chain([file.to_owned()]).collect()
}

/// Whether a folder has much besides: the root, a home or above one, the folder for temporary files.
fn is_broad(folder: &Path) -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    folder.parent().is_none() || real(&home).starts_with(folder) || real(&std::env::temp_dir()).starts_with(folder)
}

/// The folders of libraries that this process has: a resolver's modules lie beside them.
fn libraries() -> BTreeSet<PathBuf> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let libraries = maps.lines().filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])));
    let libraries = libraries.filter(|file| file.to_string_lossy().contains(".so"));
    libraries.filter_map(Path::parent).filter(|folder| !is_broad(folder)).map(Path::to_owned).collect()
}

/// Where the resolver's configuration really is.
fn resolver() -> Option<PathBuf> {
    let folder = real(Path::new("/etc/resolv.conf")).parent()?.to_owned();
    (!is_broad(&folder)).then_some(folder)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::process::Command;

    use super::*;

    /// Runs a test in a thread of its own, which is all that is restricted.
    fn restricted(files: Files, test: impl FnOnce() + Send) {
        std::thread::scope(|scope| {
            scope.spawn(move || {
                if let Err(reason) = restrict(&files) {
                    // Only a kernel without it may do without the test.
                    assert_eq!(reason, "this kernel has no landlock");
                    eprintln!("NOT RUN: {reason}");
                    return;
                }
                test();
            });
        });
    }

    #[test]
    fn only_what_was_granted_is_opened() {
        let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR").to_owned() + "/../../target").unwrap();
        let at = |path: &str| folder.path().join(path);
        for name in ["program", "read", "write", "cache", "logs", "other"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("file"), "text").unwrap();
        }
        let grant = |path: &str, access| format!("{}::/x{access}", at(path).display()).parse().unwrap();
        let files = Files {
            loaded: vec![at("program/file")],
            written: vec![at("cache")],
            appended: vec![at("logs/log")],
            sockets: Vec::new(),
            granted: vec![grant("read", ""), grant("write", ":rw")],
            unix: vec![at("other")],
        };
        restricted(files, || {
            let denied = |result: std::io::Result<()>| result.unwrap_err().kind() == ErrorKind::PermissionDenied;
            let read = |path: &str| fs::read(at(path)).map(drop);
            for name in ["program/file", "read/file", "write/file", "cache/file"] {
                read(name).unwrap();
            }
            assert!(denied(read("other/file")));
            assert!(
                denied(fs::read("/usr/share/dict/words").map(drop)) || !Path::new("/usr/share/dict/words").exists()
            );
            assert!(denied(fs::read_dir("/root").map(drop)) || !Path::new("/root").exists());
            // A log is made again where it was, and nothing is read, replaced or removed there.
            let append = |path: &str| fs::OpenOptions::new().append(true).create(true).open(at(path)).map(drop);
            append("logs/log").unwrap();
            append("logs/log").unwrap();
            assert!(denied(read("logs/file")) && denied(fs::remove_file(at("logs/file"))));
            assert!(denied(fs::write(at("logs/file"), "")) && denied(fs::create_dir(at("logs/folder"))));
            for name in ["write/new", "cache/new"] {
                fs::write(at(name), "new").unwrap();
                fs::rename(at(name), at(name).with_extension("renamed")).unwrap();
            }
            fs::create_dir(at("write/folder")).unwrap();
            for name in ["program/file", "read/file", "other/file", "new"] {
                assert!(denied(fs::write(at(name), "new")), "{name}");
            }
            assert!(denied(fs::remove_file(at("program/file"))));
            // Threads that are started later are in it too.
            let inherited = std::thread::scope(|scope| scope.spawn(|| denied(read("other/file"))).join());
            assert!(inherited.unwrap());
            // What a resolver reads.
            fs::read("/etc/hosts").unwrap();
            // No right to execute was given.
            let spawned = Command::new("/bin/true").status();
            assert_eq!(spawned.unwrap_err().kind(), ErrorKind::PermissionDenied);
        });
    }

    #[test]
    fn a_folder_with_everything_is_not_taken_for_one_file() {
        assert!(is_broad(Path::new("/")));
        assert!(is_broad(&real(&std::env::temp_dir())));
        assert!(!is_broad(Path::new("/srv/app")));
    }
}
