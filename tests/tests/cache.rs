//! Compiled artefacts: made once, believed only where this user wrote them, and never loaded when damaged.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use longshore_tests::{Answer, Home};
use serde_json::Value;

/// The only file below `folder` that ends with `ending`.
#[track_caller]
fn only_file(folder: &Path, ending: &str) -> PathBuf {
    let mut found = files(folder);
    found.retain(|path| path.to_str().unwrap().ends_with(ending));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = |path: PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(|entry| below(entry.path())).collect()
}

#[track_caller]
fn runs(home: &Home) -> Answer {
    home.run("add_one").param("n", 1).succeeds().prints("2\n")
}

/// Where the code of the newest run came from.
fn code(home: &Home) -> Value {
    let newest = home.runs().into_iter().max().unwrap();
    home.run_named(&newest).outcome()["runtime"]["code"].clone()
}

/// A home that has run once, and whose store has lost the artefact: the cache decides.
fn with_cache_only() -> Home {
    let home = Home::cold();
    runs(&home).says("compiling the component");
    fs::remove_dir_all(home.store().join("compiled")).unwrap();
    home
}

#[test]
fn an_artefact_in_the_cache_is_used() {
    let home = with_cache_only();
    runs(&home).keeps_quiet_of("compiling");
    assert_eq!(code(&home), "precompiled");
}

#[test]
fn a_damaged_artefact_in_the_cache_is_compiled_again() {
    let home = with_cache_only();
    let file = only_file(&home.cache().join("compiled"), ".cwasm");
    let mut content = fs::read(&file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&file, content).unwrap();
    runs(&home).says("compiling the component");
    assert_eq!(code(&home), "precompiled");
    runs(&home).keeps_quiet_of("compiling");
}

#[test]
fn half_an_artefact_in_the_cache_is_compiled_again() {
    let home = with_cache_only();
    let file = only_file(&home.cache().join("compiled"), ".cwasm");
    let content = fs::read(&file).unwrap();
    fs::write(&file, &content[..content.len() / 2]).unwrap();
    runs(&home).says("compiling the component");
}

#[test]
fn a_damaged_index_is_made_again() {
    let home = Home::cold();
    runs(&home);
    fs::write(only_file(&home.cache().join("compiled"), ".json"), "{").unwrap();
    runs(&home).says("compiling the component");
    runs(&home).keeps_quiet_of("compiling");
}

#[test]
fn an_index_of_another_user_is_not_believed() {
    let home = Home::cold();
    runs(&home);
    chown(only_file(&home.cache().join("compiled"), ".json"), Some(12_345), None)
        .expect("this test gives a file away, which needs root (CAP_CHOWN)");
    runs(&home).says("compiling the component");
}

#[test]
fn an_index_that_others_may_write_is_not_believed() {
    for mode in [0o620, 0o602] {
        let home = Home::cold();
        runs(&home);
        let file = only_file(&home.cache().join("compiled"), ".json");
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
        runs(&home).says("compiling the component");
    }
}

#[test]
fn an_artefact_of_another_user_is_not_believed() {
    let home = with_cache_only();
    chown(only_file(&home.cache().join("compiled"), ".cwasm"), Some(12_345), None)
        .expect("this test gives a file away, which needs root (CAP_CHOWN)");
    runs(&home).says("compiling the component");
}

#[test]
fn the_cache_is_for_this_user_alone() {
    let home = Home::cold();
    runs(&home);
    for file in files(home.cache()) {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o022, 0, "{} has the mode {mode:o}", file.display());
        assert!(!file.to_str().unwrap().contains("tmp."), "{} is left", file.display());
    }
    let mode = fs::metadata(home.cache()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_damaged_artefact_in_the_store_is_never_loaded_and_healed() {
    let home = Home::new();
    runs(&home);
    let file = only_file(&home.store().join("compiled"), ".cwasm");
    let mut content = fs::read(&file).unwrap();
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&file, content).unwrap();
    runs(&home).says("the runtime compiled the component itself: the artefact is not in the store, or is damaged");
    assert_eq!(
        code(&home)["compiled_here"]["because"],
        "the artefact is not in the store, or is damaged"
    );
    runs(&home).keeps_quiet_of("the runtime compiled");
    assert_eq!(code(&home), "precompiled");
}

#[test]
fn half_an_artefact_in_the_store_is_uploaded_again() {
    let home = Home::new();
    runs(&home);
    let file = only_file(&home.store().join("compiled"), ".cwasm");
    let content = fs::read(&file).unwrap();
    fs::write(&file, &content[..content.len() / 2]).unwrap();
    runs(&home).keeps_quiet_of("compiling");
    assert_eq!(code(&home), "precompiled");
    assert_eq!(fs::read(&file).unwrap(), content);
}

#[test]
fn a_cache_that_cannot_be_written_is_named() {
    let home = Home::cold();
    home.file("cache", "a file");
    let call = home.run("add_one").param("n", 1).env("LONGSHORE_CACHE", home.path("cache"));
    let answer = call.answer().exits(longshore_protocol::exit::INFRASTRUCTURE).prints("");
    answer
        .says("error: could not write ")
        .says("hint: set LONGSHORE_CACHE to a directory that you may write");
    assert_eq!(home.runs(), Vec::<String>::new());
}

/// A home whose pool makes machine code for these processors.
fn home_for(target: &str) -> Home {
    let home = Home::new();
    home.file("longshore.toml", format!("[pools.local]\ntarget = \"{target}\"\n"));
    home
}

#[test]
#[cfg(target_arch = "x86_64")]
fn code_for_any_processor_of_the_kind_is_loaded_as_it_was_shipped() {
    let native = Home::new();
    runs(&native);
    let home = home_for("x86_64");
    runs(&home);
    assert_eq!(code(&home), "precompiled");
    let engine = |home: &Home| home.only_run().outcome()["runtime"]["engine"].clone();
    assert_ne!(engine(&home), engine(&native));
}

#[test]
#[cfg(target_arch = "x86_64")]
fn code_for_other_processors_is_made_here_and_not_used_there() {
    let home = home_for("aarch64");
    runs(&home);
    let because = code(&home)["compiled_here"]["because"].to_string();
    assert!(because.contains("the artefact was made by engine wasmtime48-aarch64-"), "{because}");
    let artefact = only_file(&home.store().join("compiled"), ".cwasm");
    // It is an ELF file; its machine is number 183.
    assert_eq!(fs::read(artefact).unwrap()[18..20], 183_u16.to_le_bytes());
}
