//! Whole processes: the CLI, the runtime alone, and a bare one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use longshore_protocol::id::Digest;

use crate::programs::{Programs, run};
use crate::table::{Table, medians};

const ROUNDS: usize = 40;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    let flows = programs.guest("flows");
    let flows = flows.to_str().unwrap();
    let arguments = ["run", flows, "add_one", "-p", "n=1"];
    // The first run compiles; what is measured are the others.
    assert_eq!(run(programs.cli().args(arguments)), b"2\n");
    let order = Ordered::newest(programs);
    let mut bare = || drop(run(Command::new(&programs.bare).arg("call").arg(&programs.artefact)));
    let mut cli = || drop(run(programs.cli().args(arguments)));
    let mut runtime = || drop(run(Command::new(&programs.runtime).args(order.again())));
    let [bare, cli, runtime] = medians(ROUNDS, [&mut bare, &mut cli, &mut runtime]);
    table.bounded("longshore run, start to result", cli.as_secs_f64() * 1e3, 15.0, "ms");
    table.times("longshore run / bare process", cli, bare, 6.0);
    table.times("runtime process / bare process", runtime, bare, 2.0);

    // All kinds of infrastructure are in it.
    let mut starts = || drop(run(programs.cli().arg("--version")));
    let [starts] = medians(ROUNDS, [&mut starts]);
    table.bounded("longshore --version, start to end", starts.as_secs_f64() * 1e3, 10.0, "ms");
    let size = fs::metadata(&programs.longshore).unwrap().len() as f64;
    table.bounded("program of the CLI", size / f64::from(1 << 20), 45.0, "MiB");

    let runtime_arguments = order.again();
    let runtime_arguments: Vec<_> = runtime_arguments.iter().map(String::as_str).collect();
    let runtime = programs.peak_mib(&programs.runtime, &runtime_arguments);
    let cli = programs.peak_mib(&programs.longshore, &arguments);
    table.bounded("runtime process, peak memory", runtime, 16.0, "MiB");
    // What the operating system reports for the CLI is the larger of it and the runtime it waits for, if any: the sum
    // is an upper bound.
    table.bounded("CLI and runtime together, peak memory", cli + runtime, 40.0, "MiB");
}

/// A run that can be executed again and again.
pub(crate) struct Ordered {
    folder: PathBuf,
    arguments: Vec<String>,
}

impl Ordered {
    /// The run that was ordered last.
    pub(crate) fn newest(programs: &Programs) -> Self {
        let store = programs.folder.path().join(".local/share/longshore/store");
        // Days and ids sort by time.
        let folder = last(&last(&store.join("runs/default")));
        let order = Digest::of(&fs::read(folder.join("order.json")).unwrap()).to_string();
        let run = folder.file_name().unwrap().to_str().unwrap();
        let arguments = [
            "execute",
            "--store",
            store.to_str().unwrap(),
            "--tenant",
            "default",
            "--run",
            run,
            "--order-sha256",
            &order,
        ]
        .map(str::to_owned)
        .to_vec();
        Self { folder, arguments }
    }

    /// Undoes the last execution and returns the arguments of the next.
    pub(crate) fn again(&self) -> Vec<String> {
        fs::remove_file(self.folder.join("outcome.json")).unwrap();
        fs::remove_dir_all(self.folder.join("attempts")).unwrap();
        self.arguments.clone()
    }
}

fn last(folder: &Path) -> PathBuf {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap()
}
