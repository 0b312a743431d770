//! What limits cost, and how fast they work.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use longshore_benches::Unlimited;
use longshore_protocol::id::RunId;
use longshore_protocol::limits::Limits;
use longshore_protocol::record::{CancelRequest, FormatVersion, Record as _};
use longshore_runtime::engine::{Allocation, Engine, EngineSettings};
use longshore_runtime::sandbox::Program;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::programs::{Programs, run};
use crate::table::{Table, medians, timed};
use crate::warm::{CALLS, ROUNDS, call};

const CANCELS: usize = 9;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    cost(programs, table);
    fuel(programs, table);
    let cancelled = cancel(programs);
    table.bounded("cancel a spinning guest, seen to outcome", millis(cancelled), 100.0, "ms");
    let bomb = ["run", &programs.flows(), "bomb", "--memory", "256MiB"].map(str::to_owned);
    let used = programs.usage_of_runtime(&bomb);
    table.bounded("a memory bomb of 256 MiB, peak of the runtime", used.peak_mib, 288.0, "MiB");
    let flood = ["run", &programs.flows(), "flood", "-p", "bytes=1073741824"].map(str::to_owned);
    let used = programs.usage_of_runtime(&flood);
    table.bounded("a log flood of 1 GiB, processor time", millis(used.cpu), 1_000.0, "ms");
}

/// The same call with all limits and with none, in the same kind of engine.
fn cost(programs: &Programs, table: &mut Table) {
    for (name, allocation) in
        [("pooled", Allocation::Pooled { slots: 16 }), ("on demand", Allocation::OnDemand)]
    {
        let component = programs.component("flows");
        let unlimited = Unlimited::link(&component, allocation).unwrap();
        let engine =
            Engine::new(EngineSettings { allocation, ..EngineSettings::default() }).unwrap();
        let loaded = engine.load(&engine.compile(&component).unwrap()).unwrap();
        let program = Program::link(&engine, &loaded).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let call = call(&engine, "add_one", Limits::default());
        let mut without = || {
            (0..CALLS).for_each(|_| {
                let result = runtime.block_on(unlimited.call("add_one", &[2]));
                assert_eq!(result.unwrap(), [4]);
            });
        };
        let mut with = || {
            (0..CALLS).for_each(|_| {
                let ended = runtime.block_on(program.call(&call, &[2]));
                assert_eq!(ended.result.unwrap(), [4]);
            });
        };
        let [without, with] = medians(ROUNDS, [&mut without, &mut with]);
        let what = format!("a warm run ({name}), all limits / none");
        table.times(&what, with / CALLS, without / CALLS, 1.1);
    }
}

/// A computation that counts its instructions, and the same one that does not.
fn fuel(programs: &Programs, table: &mut Table) {
    const STEPS: u64 = 2_000_000;
    let params = postcard::to_allocvec(&STEPS).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let prepare = |limits: Limits| {
        let engine = Engine::new(EngineSettings::of(&limits, Allocation::OnDemand)).unwrap();
        let compiled = engine.compile(&programs.component("flows")).unwrap();
        let program = Program::link(&engine, &engine.load(&compiled).unwrap()).unwrap();
        (program, call(&engine, "hash", limits))
    };
    let (plain, plain_call) = prepare(Limits::default());
    let (counting, counting_call) = prepare(Limits { fuel: Some(u64::MAX), ..Limits::default() });
    let mut without = || {
        assert!(runtime.block_on(plain.call(&plain_call, &params)).result.is_ok());
    };
    let mut with = || {
        let ended = runtime.block_on(counting.call(&counting_call, &params));
        assert!(ended.fuel.unwrap() > STEPS);
    };
    let [without, with] = medians(ROUNDS, [&mut without, &mut with]);
    table.times("a tight loop, counting fuel / not", with, without, 2.0);
}

/// From the moment when the runtime learns of the request to the outcome in the store.
fn cancel(programs: &Programs) -> Duration {
    let mut times: Vec<_> = (0..CANCELS).map(|_| cancel_one(programs)).collect();
    times.sort();
    times[CANCELS / 2]
}

fn cancel_one(programs: &Programs) -> Duration {
    let id = run(programs.cli().args(["submit", &programs.flows(), "spin"]));
    let id: RunId = String::from_utf8(id).unwrap().trim().parse().unwrap();
    let store = programs.folder.path().join(".local/share/longshore/store");
    let folder = store.join("runs/default").join(id.day()).join(id.to_string());
    let started = folder.join("attempts/1/started.json");
    let started = wait_for(&started);
    let started: serde_json::Value = serde_json::from_slice(&started).unwrap();
    let pid = Pid::from_raw(started["host"]["pid"].as_i64().unwrap().try_into().unwrap());
    // It looks for the request now and then; a signal makes it look at once.
    std::thread::sleep(Duration::from_millis(50));
    let requested_at = started["started_at"].as_str().unwrap().parse().unwrap();
    let request = CancelRequest { format: FormatVersion::CURRENT, requested_at, reason: None };
    fs::write(folder.join("cancel.json"), request.to_json()).unwrap();
    timed(|| {
        kill(pid, Signal::SIGTERM).unwrap();
        let outcome = String::from_utf8(wait_for(&folder.join("outcome.json"))).unwrap();
        assert!(outcome.contains("cancelled"), "{outcome}");
    })
}

fn wait_for(path: &Path) -> Vec<u8> {
    let began = Instant::now();
    loop {
        if let Ok(content) = fs::read(path) {
            return content;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{} does not appear", path.display());
        std::thread::sleep(Duration::from_micros(200));
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// What a process used.
pub(crate) struct Used {
    pub(crate) peak_mib: f64,
    pub(crate) cpu: Duration,
}

impl Programs {
    fn flows(&self) -> String {
        self.guest("flows").to_str().unwrap().to_owned()
    }

    /// Orders a run, and executes it once more under observation.
    fn usage_of_runtime(&self, arguments: &[String]) -> Used {
        // How it ends does not matter here: the bomb fails.
        let ordered = self.cli().args(arguments).stderr(Stdio::null()).output().unwrap();
        drop(ordered);
        let order = crate::process::Ordered::newest(self);
        let mut command = Command::new(&self.bare);
        command.arg("peak").arg(&self.runtime).args(order.again()).env_clear();
        let answer = run(&mut command);
        let text = String::from_utf8(answer).unwrap();
        let mut words = text.split_whitespace().map(|word| word.parse::<f64>().unwrap());
        let (peak_kib, cpu_ms) = (words.next().unwrap(), words.next().unwrap());
        Used { peak_mib: peak_kib / 1024.0, cpu: Duration::from_secs_f64(cpu_ms / 1e3) }
    }
}
