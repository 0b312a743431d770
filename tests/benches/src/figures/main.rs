//! Prints every figure that the project promises. Medians; each against a baseline of the same run, because machines
//! are shared and noisy.
//!
//! `tests/bench.sh` builds what is measured and starts this.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a bench, not a product")]

mod docker;
mod first_run;
mod kubernetes;
mod limits;
mod listing;
mod payload;
mod process;
mod programs;
mod storage;
mod table;
mod warm;

use programs::Programs;
use table::Table;

fn main() {
    // `cargo bench` passes `--bench`; a word besides it picks the groups to measure.
    let picked = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let is_wanted = |group: &str| picked.as_ref().is_none_or(|picked| picked == group);
    let programs = Programs::build();
    let mut table = Table::default();
    if is_wanted("process") {
        process::measure(&programs, &mut table);
    }
    if is_wanted("warm") {
        warm::measure(&programs, &mut table);
    }
    if is_wanted("limits") {
        limits::measure(&programs, &mut table);
    }
    if is_wanted("payload") {
        payload::measure(&programs, &mut table);
    }
    if is_wanted("listing") {
        listing::measure(&programs, &mut table);
    }
    if is_wanted("storage") {
        storage::measure(&programs, &mut table);
    }
    if is_wanted("docker") {
        docker::measure(&programs, &mut table);
    }
    if is_wanted("kubernetes") {
        kubernetes::measure(&programs, &mut table);
    }
    if is_wanted("first-run") {
        first_run::measure(&programs, &mut table);
    }
    println!("{table}");
}
