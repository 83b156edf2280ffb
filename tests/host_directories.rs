//! Directories: what a program may do with those it was given, and that there are no others.

use std::fs;
use std::path::Path;
use std::process::Command;

use wasyncio_tests::{command, dist, finish};

/// What the program prints, line by line.
fn files(flags: &[&str], operations: &[&str]) -> Vec<String> {
    let mut run = Command::new(command());
    let finished = finish(run.arg("run").args(flags).arg(dist("tests/files.wasm")).arg("--").args(operations));
    assert!(finished.status.success(), "{}", finished.stderr);
    finished.stdout.lines().map(str::to_owned).collect()
}

/// A folder `shared` with a file in it, and a secret beside it.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::create_dir(folder.path().join("shared")).expect("the folder is ours");
    fs::write(folder.path().join("shared/note"), "hello").expect("the folder is ours");
    fs::write(folder.path().join("secret"), "secret").expect("the folder is ours");
    folder
}

fn grant(folder: &Path, rest: &str) -> String {
    format!("{}{rest}", folder.join("shared").display())
}

#[test]
fn without_a_grant_there_is_no_directory() {
    assert_eq!(
        files(&[], &["list", "read", "/", "etc/passwd"]),
        ["list: ", "read / etc/passwd: there is no such directory"]
    );
}

#[test]
fn a_directory_is_read_under_the_name_it_was_given() {
    let folder = folder();
    let printed = files(&["--dir", &grant(folder.path(), "::/data")], &["list", "read", "/data", "note"]);
    assert_eq!(printed, ["list: /data", "read /data note: hello"]);
}

#[test]
fn a_directory_to_read_is_not_written() {
    let folder = folder();
    let printed = files(
        &["--dir", &grant(folder.path(), "::/data")],
        &["write", "/data", "new", "write", "/data", "note", "read", "/data", "note"],
    );
    assert!(printed[0].starts_with("write /data new: ErrorCode::"), "{printed:?}");
    assert!(printed[1].starts_with("write /data note: ErrorCode::"), "{printed:?}");
    assert_eq!(printed[2], "read /data note: hello");
    assert!(!folder.path().join("shared/new").exists());
}

#[test]
fn a_directory_to_write_is_written() {
    let folder = folder();
    let printed = files(&["--dir", &grant(folder.path(), "::/data:rw")], &["write", "/data", "new"]);
    assert_eq!(printed, ["write /data new: written"]);
    assert_eq!(fs::read_to_string(folder.path().join("shared/new")).expect("it is there"), "written");
}

#[test]
fn a_directory_is_listed_as_it_is() {
    let folder = folder();
    let shared = folder.path().join("shared");
    fs::create_dir(shared.join("below")).expect("the folder is ours");
    // More than are read at once.
    (0..200).for_each(|number| fs::write(shared.join(format!("file{number:03}")), "").expect("the folder is ours"));
    #[cfg(unix)]
    std::os::unix::fs::symlink("note", shared.join("link")).expect("the folder is ours");
    let printed = files(&["--dir", &grant(folder.path(), "::/data")], &["entries", "/data", "."]).remove(0);
    let numbered: Vec<_> = (0..200).map(|number| format!("file{number:03} DescriptorType::RegularFile")).collect();
    let link = if cfg!(unix) { "link DescriptorType::SymbolicLink, " } else { "" };
    let expected = format!(
        "entries /data .: below DescriptorType::Directory, {}, {link}note DescriptorType::RegularFile",
        numbered.join(", ")
    );
    assert_eq!(printed, expected);
}

#[test]
fn open_files_are_descriptors_of_the_program() {
    let folder = folder();
    let flags = ["--dir", &grant(folder.path(), "::/data"), "--max-descriptors", "5"];
    let printed = files(&flags, &["open", "/data", "100", "open", "/data", "5"]);
    assert_eq!(printed[0], "open /data 100: 5 open, then ErrorCode::InsufficientMemory");
    assert_eq!(printed[1], "open /data 5: 5 open", "the others were closed");
}

#[test]
fn nothing_leads_out_of_a_directory() {
    let folder = folder();
    #[cfg(unix)]
    std::os::unix::fs::symlink("../secret", folder.path().join("shared/link")).expect("the folder is ours");
    let flags = ["--dir", &grant(folder.path(), "::/data:rw")];
    let secret = folder.path().join("secret").display().to_string();
    let outside = ["../secret", secret.as_str(), "link"];
    for file in outside {
        let printed = files(&flags, &["read", "/data", file, "write", "/data", file]);
        assert!(printed.iter().all(|line| line.contains("ErrorCode::")), "{printed:?}");
    }
    assert_eq!(fs::read_to_string(folder.path().join("secret")).expect("it is there"), "secret");
}

#[test]
fn a_policy_file_grants_a_directory_beside_it() {
    let folder = folder();
    let policy = folder.path().join("policy.toml");
    fs::write(&policy, "dir = ['shared::/data']").expect("the folder is ours");
    let printed = files(&["--policy", &policy.display().to_string()], &["read", "/data", "note"]);
    assert_eq!(printed, ["read /data note: hello"]);
}
