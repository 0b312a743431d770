//! The newest of many runs, in a local store.

use std::fs;
use std::path::Path;

use longshore_protocol::Timestamp;
use longshore_protocol::id::RunId;
use serde_json::Value;

use crate::programs::{Programs, run};
use crate::table::{Table, medians};

const ROUNDS: usize = 20;
const RUNS: u32 = 100_000;
const NEWEST: u32 = 20;
const GOAL_MS: f64 = 200.0;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    let home = programs.folder.path().join("many");
    let store = home.join("store");
    let cli =
        |arguments: &[&str]| run(programs.cli().env("LONGSHORE_STORE", &store).args(arguments));
    let flows = programs.guest("flows");
    cli(&["run", flows.to_str().unwrap(), "add_one", "-p", "n=1"]);
    let day = fill(&store);
    let mut ours = || {
        let listed: Value = serde_json::from_slice(&cli(&["list", "--format", "json"])).unwrap();
        assert_eq!(listed.as_array().unwrap().len(), NEWEST as usize);
    };
    let mut bare = || assert!(fs::read_dir(&day).unwrap().count() >= RUNS as usize);
    let [ours, bare] = medians(ROUNDS, [&mut ours, &mut bare]);
    table.bounded("list the 20 newest of 100,000 runs", ours.as_secs_f64() * 1e3, GOAL_MS, "ms");
    table.times("list the 20 newest of 100,000 runs / bare read_dir", ours, bare, 8.0);
}

/// Orders many runs in one day, as copies of the one that is there. The newest can be read.
fn fill(store: &Path) -> std::path::PathBuf {
    let only = |folder: &Path| fs::read_dir(folder).unwrap().next().unwrap().unwrap().path();
    let tenant = store.join("runs/default");
    let model = only(&only(&tenant));
    let record = |name: &str| -> Value {
        serde_json::from_slice(&fs::read(model.join(name)).unwrap()).unwrap()
    };
    let (mut order, mut outcome, job) =
        (record("order.json"), record("outcome.json"), record("job.json"));
    let noon: Timestamp = "2100-01-01T12:00:00Z".parse().unwrap();
    let day = tenant.join("21000101");
    for n in 0..RUNS {
        let at = Timestamp::from_millisecond(noon.as_millisecond() + i64::from(n)).unwrap();
        let mut random = [0; 10];
        random[..4].copy_from_slice(&n.to_be_bytes());
        let id = RunId::new(at, random).to_string();
        let folder = day.join(&id);
        fs::create_dir_all(&folder).unwrap();
        if n >= RUNS - NEWEST {
            order["run"] = id.clone().into();
            outcome["run"] = id.into();
            for (name, record) in [("order", &order), ("outcome", &outcome), ("job", &job)] {
                fs::write(folder.join(format!("{name}.json")), record.to_string()).unwrap();
            }
        }
    }
    day
}
