//! The programs under test, and what else has to be built: once for all tests, and again when its source is newer.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use rustix::fs::{FlockOperation, flock};

/// The program `longshore`.
pub fn longshore() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| programs().join("longshore"))
}

/// The program `longshore-runtime`.
pub fn runtime() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| programs().join("longshore-runtime"))
}

/// The program `longshore-runtime` as images have it: static.
pub fn image_runtime() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let (target, triple) = (target(), "x86_64-unknown-linux-musl");
        fresh("image-runtime", &["runtime", "wit", "Cargo.toml", "Cargo.lock"], || {
            let mut cargo = cargo(&target);
            cargo.args(["build", "-p", "longshore-runtime", "--target", triple]);
            cargo.current_dir(repository());
            cargo
        });
        target.join(triple).join("debug/longshore-runtime")
    };
    PATH.get_or_init(|| variable("LONGSHORE_TEST_IMAGE_RUNTIME").map_or_else(build, PathBuf::from))
}

/// The folder with tools that tests need besides Rust itself, where it is known.
pub fn tools() -> Option<PathBuf> {
    variable("LONGSHORE_TEST_TOOLS").map(|folder| PathBuf::from(folder).join("bin"))
}

/// The search path for programs, with a folder before all others.
pub fn path_with(folder: Option<PathBuf>) -> OsString {
    let path = variable("PATH").unwrap_or_default();
    std::env::join_paths(folder.into_iter().chain(std::env::split_paths(&path)))
        .expect("these folders were in a search path before")
}

/// The target folder of crates that tests make, so that their dependencies are built once.
pub fn scaffold_target() -> PathBuf {
    places().join("scaffold")
}

/// The target folder of the examples.
pub fn examples_target() -> PathBuf {
    places().join("examples")
}

/// The crate of the fixtures.
pub fn fixtures_crate() -> PathBuf {
    repository().join("tests/guests/fixtures")
}

/// The target folder of the fixtures.
pub fn fixtures_target() -> PathBuf {
    places().join("guests")
}

/// The fixtures' component, built from its source.
pub(crate) fn fixtures_file() -> PathBuf {
    guest_file("fixtures.wasm")
}

/// A component of the folder `guests`, built from its source.
pub(crate) fn guest_file(name: &str) -> PathBuf {
    let guests = repository().join("tests/guests");
    let target = fixtures_target();
    fresh("guests", &["tests/guests", "guest-sdk", "wit"], || {
        let mut cargo = cargo(&target);
        cargo.args(["build", "--release", "--target", "wasm32-wasip2"]).current_dir(&guests);
        cargo
    });
    target.join("wasm32-wasip2/release").join(name)
}

/// The folder of compiled artefacts that tests share. The fixtures are in it.
pub(crate) fn shared_cache() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let warm = || {
        let (cache, home, fixtures) =
            (places().join("cache"), places().join("home"), fixtures_file());
        let sources = ["tests/guests", "guest-sdk", "wit", "runtime", "launchers", "Cargo.lock"];
        fresh("cache", &sources, || {
            let mut run = Command::new(longshore());
            run.arg("run").arg(fixtures).arg("nothing");
            run.env("HOME", home).env("LONGSHORE_CACHE", &cache);
            run
        });
        cache
    };
    FOLDER.get_or_init(warm).clone()
}

/// The root of the repository.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("the tests are in a folder of the repository").to_owned()
}

/// An environment variable of the test run itself.
#[expect(clippy::disallowed_methods, reason = "the tests' own settings: where programs are")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// `LONGSHORE_TEST_PROGRAMS` names the folder of programs that were built elsewhere, for example a release.
fn programs() -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let build = || {
        let target = target();
        let sources = ["runtime", "launchers", "wit", "Cargo.toml", "Cargo.lock"];
        fresh("programs", &sources, || {
            let mut cargo = cargo(&target);
            // All of it, as `cargo test --workspace` does: another choice of packages would be another choice of
            // their dependencies' features, and wasmtime would be built twice.
            cargo.args(["build", "--workspace", "--bins", "--tests"]);
            cargo.current_dir(repository());
            cargo
        });
        target.join("debug")
    };
    FOLDER
        .get_or_init(|| variable("LONGSHORE_TEST_PROGRAMS").map_or_else(build, PathBuf::from))
        .clone()
}

/// The target folder in which this test was built.
fn target() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own program");
    let folder = test.ancestors().nth(3).expect("it is in <target>/<profile>/deps");
    folder.to_owned()
}

/// Where tests keep what they share.
fn places() -> PathBuf {
    target().join("longshore-tests")
}

fn cargo(target: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.env("CARGO_TARGET_DIR", target).env_remove("RUSTFLAGS").arg("--quiet");
    // Cargo tells the tests about their own crate; another crate's build must not see it. Some are built again for each
    // change of such a variable, and all that stands on them.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        let is_of_tests = ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|own| name.starts_with(own));
        if is_of_tests || name == "OUT_DIR" {
            cargo.env_remove(name);
        }
    }
    cargo
}

/// Runs the command, unless it was run since the newest of the sources was written.
fn fresh(name: &str, sources: &[&str], command: impl FnOnce() -> Command) {
    let places = places();
    fs::create_dir_all(&places).expect("the target folder can be written");
    let stamp = places.join(format!("{name}.stamp"));
    let lock = File::create(places.join(format!("{name}.lock"))).expect("the lock can be made");
    // Tests are threads of one process or processes of their own; this holds for both.
    flock(&lock, FlockOperation::LockExclusive).expect("the lock can be taken");
    let newest = sources.iter().map(|source| newest(&repository().join(source))).max();
    if modified(&stamp) > newest.flatten() {
        return;
    }
    // Made before: what is written while the command runs is newer than the stamp.
    let began = File::create(places.join(format!("{name}.began"))).expect("the stamp can be made");
    drop(began);
    let output = command().output().expect("cargo can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "could not build the {name}:\n{said}");
    fs::rename(places.join(format!("{name}.began")), &stamp).expect("the stamp can be written");
}

fn newest(path: &Path) -> Option<SystemTime> {
    if path.file_name().is_some_and(|name| name == "target") {
        return None;
    }
    let Ok(entries) = fs::read_dir(path) else { return modified(path) };
    entries.flatten().filter_map(|entry| newest(&entry.path())).max()
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|meta| meta.modified()).ok()
}
