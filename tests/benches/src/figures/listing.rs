//! The newest of many runs, in a local store and in object storage.

use std::fs;
use std::path::Path;
use std::process::Command;

use longshore_protocol::Timestamp;
use longshore_protocol::id::RunId;
use longshore_tests::servers;
use serde_json::Value;

use crate::programs::{Programs, run};
use crate::storage::{Objects, over};
use crate::table::{Table, medians};

const ROUNDS: usize = 20;
const RUNS: u32 = 100_000;
/// Object storage answers in pages of a thousand; more of them take the server minutes to be given.
const RUNS_OF_S3: u32 = 10_000;
const NEWEST: u32 = 20;
const GOAL_MS: f64 = 200.0;
/// The day of all runs, in the folder of their tenant.
const DAY: &str = "21000101";

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    let store = programs.folder.path().join("many/store");
    let cli = || {
        let mut cli = programs.cli();
        cli.env("LONGSHORE_STORE", &store);
        cli
    };
    run_once(programs, cli());
    let model = Model::in_folder(&store.join("runs/default"));
    let day = store.join("runs/default").join(DAY);
    for (id, records) in model.runs(RUNS) {
        let folder = day.join(&id);
        fs::create_dir_all(&folder).unwrap();
        for (name, content) in records {
            fs::write(folder.join(name), content).unwrap();
        }
    }
    let mut ours = || list(cli());
    let mut bare = || assert!(fs::read_dir(&day).unwrap().count() >= RUNS as usize);
    let [ours, bare] = medians(ROUNDS, [&mut ours, &mut bare]);
    table.bounded("list the 20 newest of 100,000 runs", ours.as_secs_f64() * 1e3, GOAL_MS, "ms");
    table.times("list the 20 newest of 100,000 runs / bare read_dir", ours, bare, 8.0);
}

/// The same in object storage, against one bare listing of the day.
pub(crate) fn measure_s3(programs: &Programs, table: &mut Table) {
    let bucket = servers::s3().bucket();
    let objects = Objects::of(&bucket);
    let local = programs.folder.path().join("model/store");
    let mut cli = programs.cli();
    cli.env("LONGSHORE_STORE", &local);
    run_once(programs, cli);
    let model = Model::in_folder(&local.join("runs/default"));
    let day = format!("tests/runs/default/{DAY}");
    let runs = model.runs(RUNS_OF_S3).flat_map(|(id, records)| {
        let key = format!("{day}/{id}");
        let least = records.is_empty().then(|| ("params.bin", String::new()));
        let records = records.into_iter().chain(least);
        records.map(move |(name, content)| (format!("{key}/{name}"), content))
    });
    objects.put_all(runs);
    let mut ours = || list(over(programs.cli(), &bucket));
    let mut bare = || assert_eq!(objects.folders(&day), RUNS_OF_S3 as usize);
    let [ours, bare] = medians(ROUNDS, [&mut ours, &mut bare]);
    table.times("list the 20 newest of 10,000 runs, S3 / bare listing", ours, bare, 2.0);
}

fn run_once(programs: &Programs, mut cli: Command) {
    let flows = programs.guest("flows");
    run(cli.args(["run", flows.to_str().unwrap(), "add_one", "-p", "n=1"]));
}

fn list(mut cli: Command) {
    let listed: Value =
        serde_json::from_slice(&run(cli.args(["list", "--format", "json"]))).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), NEWEST as usize);
}

/// The records of a run that has ended.
struct Model {
    order: Value,
    outcome: Value,
    job: Value,
}

impl Model {
    /// The only run of a tenant.
    fn in_folder(tenant: &Path) -> Self {
        let only = |folder: &Path| fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
        let run = only(&only(tenant));
        let record = |name: &str| -> Value {
            serde_json::from_slice(&fs::read(run.join(name)).unwrap()).unwrap()
        };
        Self {
            order: record("order.json"),
            outcome: record("outcome.json"),
            job: record("job.json"),
        }
    }

    /// Many runs of one day, with their records as far as somebody will read them: those of the newest.
    fn runs(&self, count: u32) -> impl Iterator<Item = (String, Vec<(&'static str, String)>)> {
        let noon: Timestamp = "2100-01-01T12:00:00Z".parse().unwrap();
        (0..count).map(move |n| {
            let at = Timestamp::from_millisecond(noon.as_millisecond() + i64::from(n)).unwrap();
            let mut random = [0; 10];
            random[..4].copy_from_slice(&n.to_be_bytes());
            let id = RunId::new(at, random).to_string();
            let records = if n >= count - NEWEST { self.records(&id) } else { vec![] };
            (id, records)
        })
    }

    fn records(&self, id: &str) -> Vec<(&'static str, String)> {
        let named = |record: &Value| {
            let mut record = record.clone();
            record["run"] = id.into();
            record.to_string()
        };
        vec![
            ("order.json", named(&self.order)),
            ("outcome.json", named(&self.outcome)),
            ("job.json", self.job.to_string()),
        ]
    }
}
