//! What a user meets first: a component that was never compiled, and a scaffolded crate.

use std::process::Command;

use crate::programs::{Programs, run};
use crate::table::{Table, medians, timed};

const ROUNDS: usize = 7;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    let large = programs.guest("large");
    let bytes = std::fs::metadata(&large).unwrap().len();
    let mut bare = || drop(run(Command::new(&programs.bare).arg("compile").arg(&large)));
    let mut round = 0;
    let mut ours = || {
        round += 1;
        let cache = programs.folder.path().join(format!("cache-{round}"));
        let mut command = programs.cli();
        command.env("LONGSHORE_CACHE", cache).arg("run").arg(&large).args([
            "-p",
            "pattern=a+",
            "-p",
            "text=caat",
        ]);
        assert_eq!(run(&mut command), b"1\n");
    };
    let [bare, ours] = medians(ROUNDS, [&mut bare, &mut ours]);
    let what = format!("first run of a {:.1} MB component / Component::new", bytes as f64 / 1e6);
    table.times(&what, ours, bare, 1.15);
    scaffold(programs, table);
}

fn scaffold(programs: &Programs, table: &mut Table) {
    let folder = programs.folder.path().join("fresh");
    let cargo = |command: &mut Command| {
        // The registry of the machine; the target folder is the crate's own, and empty.
        for (name, value) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().contains("_HOME"))
        {
            command.env(name, value);
        }
        if let Some(home) = std::env::home_dir() {
            command.env("CARGO_HOME", home.join(".cargo")).env("RUSTUP_HOME", home.join(".rustup"));
        }
        run(command);
    };
    let took = timed(|| {
        cargo(programs.cli().arg("new").arg(&folder));
        cargo(programs.cli().arg("run").arg(&folder).args(["-p", "name=World"]));
    });
    table.bounded(
        "longshore new to the first result, empty target folder",
        took.as_secs_f64(),
        60.0,
        "s",
    );
    let component = folder.join("target/wasm32-wasip2/release/fresh.wasm");
    let kib = std::fs::metadata(component).unwrap().len() as f64 / 1024.0;
    table.bounded("the scaffolded hello as a component", kib, 100.0, "KiB");
}
