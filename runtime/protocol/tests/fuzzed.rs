//! Every input that the fuzz targets start from, and every one that ever broke something, as an ordinary test.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "helpers of tests, which clippy does not recognise as such; a failing test names its input"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What must hold for bytes from outside; `tests/fuzz.sh` hunts for bytes for which it does not.
#[path = "../../../tests/fuzz/src/lib.rs"]
pub mod properties;

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{folder:?}: {error}"));
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fuzz").join(kind)
}

/// The names of the files or folders in `folder`, without their endings.
fn names(folder: &Path) -> BTreeSet<String> {
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    entries(folder).into_iter().map(stem).collect()
}

fn replay(kind: &str) {
    for target in entries(&folder(kind)) {
        let name = target.file_name().unwrap().to_string_lossy().into_owned();
        for file in entries(&target) {
            println!("{}", file.display());
            properties::check(&name, &fs::read(&file).unwrap());
        }
    }
}

#[test]
fn what_was_found_once_stays_mended() {
    replay("crashes");
}

#[test]
fn every_seed_holds() {
    replay("seeds");
}

#[test]
fn every_property_has_a_target_and_seeds() {
    let properties: BTreeSet<String> =
        properties::PROPERTIES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("fuzz_targets")), properties);
    assert_eq!(names(&folder("seeds")), properties);
    let manifest = fs::read_to_string(folder("Cargo.toml")).unwrap();
    for name in &properties {
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
    assert!(names(&folder("crashes")).is_subset(&properties));
}
