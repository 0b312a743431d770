//! The hostile suite: guests that try to break out, to starve their host or to lie to it, and what becomes of each.
//!
//! A test has the name of its guest and says the verdict; the guest itself asserts what it can see. Guests are flows of
//! `guests/hostile`, texts in `guests/raw`, or made by their tests. `guests/README.md` lists them all.
//!
//! **Invariant:** a guest without a test does not compile. `build.rs` lists the guests of each theme, and the module of
//! the theme includes the list.
//! **Invariant:** whatever a guest does, its run ends with one outcome, nothing of it runs on, and nothing that was kept
//! from it is in the store. [`guest::Guest`] sees to that for each.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod artefacts;
mod bombs;
mod children;
mod components;
mod ends;
mod files;
mod floods;
mod guest;
mod hoards;
mod loops;
mod made;
mod memory;
mod orders;
mod raw;
mod reaches;
mod results;
mod stacks;

use guest::{README, rows};

include!(concat!(env!("OUT_DIR"), "/guests/themes.rs"));

#[test]
fn the_readme_lists_exactly_these_guests() {
    let listed = rows(README);
    let mut expected: Vec<_> = THEMES
        .iter()
        .flat_map(|(theme, guests)| guests.iter().map(|(name, _)| (*theme, *name)))
        .collect();
    let mut found: Vec<_> = listed.iter().map(|row| (row.theme, row.name)).collect();
    expected.sort_unstable();
    found.sort_unstable();
    let missing: Vec<_> = expected.iter().filter(|guest| !found.contains(guest)).collect();
    let strange: Vec<_> = found.iter().filter(|guest| !expected.contains(guest)).collect();
    assert!(missing.is_empty() && strange.is_empty(), "missing: {missing:?}, strange: {strange:?}");
    assert_eq!(found.len(), expected.len(), "a guest is listed twice");
}
