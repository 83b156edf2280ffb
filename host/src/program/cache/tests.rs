//! The cache as a whole, with real components.

use std::cell::Cell;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::time::{Duration, SystemTime};

use super::*;
use crate::testing::importing;

/// A cache in a folder of its own.
struct Fixture {
    folder: tempfile::TempDir,
    engine: Engine,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), engine: Engine::default() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cache")
    }

    fn cache(&self, size: u64) -> Cache {
        Cache::open(&self.path(), size).unwrap()
    }

    fn key(&self, name: &str) -> EntryKey {
        EntryKey::new(&self.engine, Input::Component(&bytes(name)))
    }

    /// Asks for the component that imports `name`; whether it had to be compiled.
    fn compiles(&self, cache: &Cache, name: &str) -> bool {
        let compiled = Cell::new(false);
        let component = cache.component(&self.engine, &self.key(name), || {
            compiled.set(true);
            Ok(Component::from_binary(&self.engine, &bytes(name)).unwrap())
        });
        let component = component.unwrap();
        let ty = component.component_type();
        let imports: Vec<_> = ty.imports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        assert_eq!(imports, [name]);
        compiled.get()
    }

    fn entry(&self, name: &str) -> PathBuf {
        self.path().join(self.key(name).file_name())
    }

    fn names(&self) -> Vec<String> {
        let files = fs::read_dir(self.path()).unwrap();
        let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn bytes(name: &str) -> Vec<u8> {
    importing(name)
}

const ONE: &str = "a:b/one@1.0.0";
const TWO: &str = "a:b/two@1.0.0";
const THREE: &str = "a:b/three@1.0.0";

fn refusal(path: &Path) -> String {
    match Cache::open(path, DEFAULT_CACHE_SIZE) {
        Ok(_) => panic!("{} must be refused", path.display()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_was_compiled_once_is_not_compiled_again() {
    let fixture = Fixture::new();
    let cache = fixture.cache(DEFAULT_CACHE_SIZE);
    assert!(fixture.compiles(&cache, ONE));
    assert!(!fixture.compiles(&cache, ONE));
    assert!(fixture.compiles(&cache, TWO));
    // Another process.
    assert!(!fixture.compiles(&fixture.cache(DEFAULT_CACHE_SIZE), ONE));
}

#[test]
fn a_flipped_bit_anywhere_has_the_entry_deleted_and_made_again() {
    let fixture = Fixture::new();
    let cache = fixture.cache(DEFAULT_CACHE_SIZE);
    fixture.compiles(&cache, ONE);
    let good = fs::read(fixture.entry(ONE)).unwrap();
    // All of the trailer, and places all over the code.
    let trailer = (good.len() - TRAILER) * 8;
    let places = (trailer..good.len() * 8).chain((0..trailer).step_by(good.len() / 40 * 8 + 3));
    for bit in places {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        fs::write(fixture.entry(ONE), &bad).unwrap();
        assert!(cache.find(&fixture.engine, &fixture.key(ONE)).is_none(), "bit {bit}");
        assert!(!fixture.entry(ONE).exists(), "bit {bit}");
    }
    for length in [0, 1, TRAILER - 1, TRAILER, good.len() / 2, good.len() - 1] {
        fs::write(fixture.entry(ONE), &good[..length]).unwrap();
        assert!(fixture.compiles(&cache, ONE), "length {length}");
        assert_eq!(fs::read(fixture.entry(ONE)).unwrap().len(), good.len());
        assert!(!fixture.compiles(&cache, ONE));
    }
    fs::write(fixture.entry(ONE), [good.as_slice(), b"more"].concat()).unwrap();
    assert!(fixture.compiles(&cache, ONE));
}

#[test]
fn an_entry_of_another_component_or_another_cache_is_not_used() {
    let fixture = Fixture::new();
    let cache = fixture.cache(DEFAULT_CACHE_SIZE);
    fixture.compiles(&cache, ONE);
    fs::copy(fixture.entry(ONE), fixture.entry(TWO)).unwrap();
    assert!(fixture.compiles(&cache, TWO));

    let other = Fixture::new();
    let others = other.cache(DEFAULT_CACHE_SIZE);
    fs::copy(fixture.entry(ONE), other.entry(ONE)).unwrap();
    assert!(other.compiles(&others, ONE));
}

#[test]
fn an_entry_that_others_can_write_or_that_is_a_link_is_not_used() {
    let fixture = Fixture::new();
    let cache = fixture.cache(DEFAULT_CACHE_SIZE);
    fixture.compiles(&cache, ONE);
    fs::set_permissions(fixture.entry(ONE), PermissionsExt::from_mode(0o622)).unwrap();
    assert!(fixture.compiles(&cache, ONE));

    let elsewhere = fixture.folder.path().join("elsewhere");
    fs::rename(fixture.entry(ONE), &elsewhere).unwrap();
    symlink(&elsewhere, fixture.entry(ONE)).unwrap();
    assert!(fixture.compiles(&cache, ONE));
    assert!(fs::symlink_metadata(fixture.entry(ONE)).unwrap().is_file());
}

#[test]
fn the_directory_is_for_its_owner_alone() {
    let fixture = Fixture::new();
    fixture.compiles(&fixture.cache(DEFAULT_CACHE_SIZE), ONE);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&fixture.path()), 0o700);
    assert_eq!(mode(&fixture.path().join("key")), 0o600);
    assert_eq!(mode(&fixture.entry(ONE)), 0o600);
    assert_eq!(fixture.names().len(), 2, "{:?}", fixture.names());

    for mode in [0o720, 0o702, 0o777] {
        fs::set_permissions(fixture.path(), PermissionsExt::from_mode(mode)).unwrap();
        let text = refusal(&fixture.path());
        assert!(text.contains(&format!("others can write there (mode {mode:o})")), "{text}");
    }
    fs::set_permissions(fixture.path(), PermissionsExt::from_mode(0o755)).unwrap();
    assert!(!fixture.compiles(&fixture.cache(DEFAULT_CACHE_SIZE), ONE));

    let link = fixture.folder.path().join("link");
    symlink(fixture.path(), &link).unwrap();
    for path in [link.clone(), link.join("")] {
        let text = refusal(&path);
        assert!(text.ends_with("it is a symbolic link; name the directory itself"), "{text}");
    }
    // A path through a file.
    assert!(refusal(&fixture.path().join("key/below")).contains("cannot keep compiled code in "));
}

#[test]
fn a_directory_of_somebody_else_is_refused() {
    // Only root can make one.
    if rustix::process::geteuid().is_root() {
        let fixture = Fixture::new();
        fixture.cache(DEFAULT_CACHE_SIZE);
        std::os::unix::fs::chown(fixture.path(), Some(12345), None).unwrap();
        assert!(refusal(&fixture.path()).contains("it belongs to user 12345"));
    }
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused() {
    let fixture = Fixture::new();
    fixture.cache(DEFAULT_CACHE_SIZE);
    let key = fixture.path().join("key");
    fs::set_permissions(&key, PermissionsExt::from_mode(0o640)).unwrap();
    assert!(refusal(&fixture.path()).contains("can be read by others"));
    fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    fs::write(&key, "something of the user's").unwrap();
    assert!(refusal(&fixture.path()).contains("is not a key"));
    assert_eq!(fs::read(&key).unwrap(), b"something of the user's");
}

#[test]
fn all_who_make_the_key_at_once_have_the_same() {
    for _ in 0..20 {
        let fixture = Fixture::new();
        let start = std::sync::Barrier::new(8);
        let secrets: Vec<_> = std::thread::scope(|scope| {
            let open = || {
                start.wait();
                fixture.cache(DEFAULT_CACHE_SIZE).secret
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0] && *secret != [0; 32]));
        assert_eq!(fixture.names(), ["key"]);
    }
}

#[test]
fn the_least_used_entries_make_room() {
    let fixture = Fixture::new();
    let all = fixture.cache(DEFAULT_CACHE_SIZE);
    fixture.compiles(&all, ONE);
    fixture.compiles(&all, TWO);
    let size = fs::metadata(fixture.entry(ONE)).unwrap().len();
    let ago = |hours: u64| SystemTime::now() - Duration::from_secs(hours * 3600);
    let age = |path: &Path, hours| File::options().write(true).open(path).unwrap().set_modified(ago(hours)).unwrap();
    age(&fixture.entry(ONE), 5);
    age(&fixture.entry(TWO), 3);
    // It is used: now the other one is older.
    assert!(!fixture.compiles(&all, ONE));
    fs::write(fixture.path().join("notes"), vec![0; 100_000]).unwrap();
    fs::write(fixture.path().join(".aside-dead"), "").unwrap();
    fs::write(fixture.path().join(".aside-alive"), "").unwrap();
    age(&fixture.path().join(".aside-dead"), 2);

    // Room for two, and a little for that they differ in size.
    assert!(fixture.compiles(&fixture.cache(size * 5 / 2), THREE));
    assert!(fixture.entry(ONE).exists() && !fixture.entry(TWO).exists() && fixture.entry(THREE).exists());
    assert!(fixture.path().join("notes").exists() && fixture.path().join(".aside-alive").exists());
    assert!(!fixture.path().join(".aside-dead").exists());

    // What is larger than all room is not kept, and costs nobody his.
    assert!(fixture.compiles(&fixture.cache(size / 2), TWO));
    assert!(fixture.entry(ONE).exists() && !fixture.entry(TWO).exists());
}

#[test]
fn a_full_disk_costs_the_entry_and_not_the_program() {
    let fixture = Fixture::new();
    let cache = fixture.cache(DEFAULT_CACHE_SIZE);
    // The directory is gone: nothing can be written.
    fs::remove_dir_all(fixture.path()).unwrap();
    assert!(fixture.compiles(&cache, ONE));
    assert!(fixture.compiles(&cache, ONE));
}
