//! What must hold for files that the launchers read, whatever is in them.
//!
//! A property takes any bytes and panics when it does not hold. libFuzzer hunts for such bytes (`tests/fuzz.sh`); an
//! ordinary test, `launchers/tests/fuzzed.rs`, puts every kept input before the same properties.
//!
//! **Invariant:** nothing here knows libFuzzer: that test includes this file, and builds on stable Rust alone.

use longshore_launchers::pool::edit::{Edit, edited};
use longshore_launchers::pool::{Layer, Layers, Source};
use longshore_launchers::{Error, chain};

/// A property by the name of its fuzz target, and of the folder of its seeds.
type Property = (&'static str, fn(&[u8]));

/// All of them.
pub const PROPERTIES: [Property; 1] = [("pools", pools_are_understood_or_refused)];

/// Puts `input` before the property `name`.
///
/// # Panics
/// Where the property does not hold.
pub fn check(name: &str, input: &[u8]) {
    let (_, property) =
        PROPERTIES.iter().find(|(known, _)| *known == name).expect("a target names its property");
    property(input);
}

/// A file of settings is refused, or each of its pools is described or refused; and one that an edit has changed can be
/// read, says what the edit said, and nothing else.
fn pools_are_understood_or_refused(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let layer = match read(text) {
        Ok(layer) => layer,
        Err(error) => return check_refusal(&error, text),
    };
    let layers = Layers(vec![layer]);
    let names: Vec<String> = layers.names().into_iter().map(str::to_owned).collect();
    for name in names.iter().map(|name| Some(name.as_str())).chain([None]) {
        let settings = layers.pool(name).and_then(|pool| pool.job_settings());
        if let Err(error) = settings {
            check_refusal(&error, text);
        }
    }
    for name in names.iter().map(String::as_str).chain(["new"]) {
        check_edit(text, name, &names);
    }
}

fn check_edit(text: &str, name: &str, names: &[String]) {
    let after = match edited(text, &[Edit::set(name, "description", "said by the edit")]) {
        Ok(after) => after,
        Err(error) => return check_refusal(&error, text),
    };
    let layer = read(&after).unwrap_or_else(|error| panic!("{}\n{after}", chain(&error)));
    assert!(after.contains("said by the edit"), "{after}");
    let layers = Layers(vec![layer]);
    let mut expected: Vec<&str> = names.iter().map(String::as_str).collect();
    if !expected.contains(&name) {
        expected.push(name);
    }
    let mut found = layers.names();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!(found, expected, "{after}");
    // What was there before comes back when the edit is taken back.
    if !names.iter().any(|known| known == name) {
        let back = edited(&after, &[Edit::delete(name)]);
        let back = back.unwrap_or_else(|error| panic!("{}\n{after}", chain(&error)));
        let layers = Layers(vec![read(&back).expect("it was readable before")]);
        assert_eq!(layers.names().len(), names.len(), "{back}");
    }
}

fn read(text: &str) -> Result<Layer, Error> {
    Layer::parse(Source::User, "/home/user/config.toml", text)
}

/// A refusal says something, and no more than the line that is wrong with a mark below it.
fn check_refusal(error: &Error, text: &str) {
    let said = chain(error);
    assert!(!said.is_empty(), "a refusal says nothing");
    assert!(said.len() < 5_000 + 4 * text.len(), "a refusal of {} bytes", said.len());
}
