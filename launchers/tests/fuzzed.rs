//! Every input that the fuzz targets start from, and every one that ever broke something, as an ordinary test.
#![expect(
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a failing test names its input"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// What must hold for files of settings; `tests/fuzz.sh` hunts for files for which it does not.
#[path = "../../tests/fuzz/launchers/src/lib.rs"]
pub mod properties;

fn folder(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/launchers").join(kind)
}

/// Puts all kept inputs before their properties; returns how many there are.
fn replay(kind: &str, name: &str) -> usize {
    let Ok(inputs) = fs::read_dir(folder(kind).join(name)) else { return 0 };
    let inputs = inputs.map(|entry| {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        properties::check(name, &fs::read(path).unwrap());
    });
    inputs.count()
}

#[test]
fn every_seed_holds_and_what_was_found_once_stays_mended() {
    for (name, _) in properties::PROPERTIES {
        assert!(folder("fuzz_targets").join(format!("{name}.rs")).is_file(), "{name}");
        assert!(replay("seeds", name) > 0, "{name} has no seeds");
        replay("crashes", name);
    }
}
