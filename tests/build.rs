//! Lists the hostile guests for their host tests, so that a guest without a test does not compile.
//!
//! For each theme there is `$OUT_DIR/guests/THEME.rs`, which the module `tests/tests/hostile/THEME.rs` includes: it names
//! a function for each guest of the theme. Where the guests are made by their tests themselves, it names those. Guests
//! that use the network are called by several tests each, which are the runtime's: each is to be called by at least one.

use std::fs;
use std::path::{Path, PathBuf};

/// Files of the suite that have no theme.
const NOT_THEMES: [&str; 6] = ["main", "guest", "made", "lib", "host", "workers"];

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo says where to write"));
    let out = out.join("guests");
    fs::create_dir_all(&out).expect("the folder can be written");
    let mut themes = vec![("raw".to_owned(), raw_guests(Path::new("guests/raw")))];
    themes.extend(listed(Path::new("guests/hostile/src"), "#[flow"));
    for (theme, names) in listed(Path::new("tests/hostile"), "#[test]") {
        if themes.iter().all(|(known, _)| *known != theme) {
            themes.push((theme, names));
        }
    }
    themes.sort();
    for (theme, names) in &themes {
        let guests: String =
            names.iter().map(|name| format!("    (\"{name}\", {name}),\n")).collect();
        let text = format!(
            "/// The guests of this theme, each with its test.\npub(crate) const GUESTS: &[crate::guest::Listed] = &[\n{guests}];\n"
        );
        fs::write(out.join(format!("{theme}.rs")), text).expect("the list can be written");
    }
    let all: String =
        themes.iter().map(|(theme, _)| format!("    (\"{theme}\", {theme}::GUESTS),\n")).collect();
    let text = format!(
        "/// All themes with their guests.\npub(crate) const THEMES: &[(&str, &[guest::Listed])] = &[\n{all}];\n"
    );
    fs::write(out.join("themes.rs"), text).expect("the list can be written");
    check_network_guests();
}

/// # Panics
/// When no test calls one of the guests that use the network.
fn check_network_guests() {
    let tests = files(Path::new("../runtime/tests/network"), "rs").into_iter();
    let tests: String =
        tests.map(|(_, path)| fs::read_to_string(path).expect("a source can be read")).collect();
    let guests = listed(Path::new("guests/net/src"), "#[flow").into_iter();
    let uncalled: Vec<_> = guests
        .flat_map(|(_, names)| names)
        .filter(|name| !tests.contains(&format!("\"{name}\"")))
        .collect();
    assert!(uncalled.is_empty(), "runtime/tests/network has no test that calls {uncalled:?}");
}

/// The guests of a folder of texts: their names are those of the files.
fn raw_guests(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = files(folder, "wat").into_iter().map(|(name, _)| name).collect();
    names.sort();
    names
}

/// The functions below an attribute, by the module that they are in.
fn listed(folder: &Path, attribute: &str) -> Vec<(String, Vec<String>)> {
    let sources = files(folder, "rs").into_iter();
    let themes = sources.filter(|(name, _)| !NOT_THEMES.contains(&name.as_str()));
    themes
        .map(|(theme, path)| {
            let source = fs::read_to_string(path).expect("a source can be read");
            (theme, functions(&source, attribute))
        })
        .collect()
}

fn functions(source: &str, attribute: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_marked = false;
    for line in source.lines() {
        is_marked |= line.starts_with(attribute);
        if is_marked && let Some(rest) = line.trim_start_matches("pub ").strip_prefix("fn ") {
            names.extend(rest.split(['(', '<']).next().map(str::to_owned));
            is_marked = false;
        }
    }
    names
}

fn files(folder: &Path, ending: &str) -> Vec<(String, PathBuf)> {
    println!("cargo::rerun-if-changed={}", folder.display());
    let entries = fs::read_dir(folder).expect("the folders are beside this file");
    let paths = entries.flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| path.extension().is_some_and(|found| found == ending));
    let named = paths.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)));
    let mut files: Vec<_> = named.collect();
    files.sort();
    files
}
