//! One call in a process that is warm.

use longshore_protocol::grants::Grants;
use longshore_protocol::limits::Limits;
use longshore_runtime::engine::{Allocation, Engine, EngineSettings};
use longshore_runtime::log::LogSink;
use longshore_runtime::sandbox::{Call, CpuMeter, Program, ProgressCell, RunContext, Stop};
use longshore_runtime::secrets::Secrets;

use longshore_benches::Bare;

use crate::programs::Programs;
use crate::table::{Table, medians};

/// Calls per measurement: one alone is near the clock's resolution.
pub(crate) const CALLS: u32 = 50;
pub(crate) const ROUNDS: usize = 60;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    for (name, allocation) in
        [("pooled", Allocation::Pooled { slots: 16 }), ("on demand", Allocation::OnDemand)]
    {
        let engine =
            Engine::new(EngineSettings { allocation, ..EngineSettings::default() }).unwrap();
        let component =
            engine.load(&engine.compile(&programs.component("flows")).unwrap()).unwrap();
        let bare = Bare::link(&engine, &component).unwrap();
        let program = Program::link(&engine, &component).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let call = call(&engine, "add_one", Limits::default());
        let mut bare =
            || (0..CALLS).for_each(|_| assert_eq!(bare.call("add_one", &[2]).unwrap(), [4]));
        let mut ours = || {
            (0..CALLS).for_each(|_| {
                let ended = runtime.block_on(program.call(&call, &[2]));
                assert_eq!(ended.result.unwrap(), [4]);
            });
        };
        let [bare, ours] = medians(ROUNDS, [&mut bare, &mut ours]);
        table.times(
            &format!("instantiate, call, drop ({name}) / bare wasmtime"),
            ours / CALLS,
            bare / CALLS,
            1.5,
        );
        children(&engine, name, programs, table);
    }
}

/// Children of one run against as many runs of the same flow.
fn children(engine: &Engine, name: &str, programs: &Programs, table: &mut Table) {
    let component = engine.load(&engine.compile(&programs.component("parent")).unwrap()).unwrap();
    let program = Program::link(engine, &component).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let [parent, single] = ["count", "add_one"].map(|flow| call(engine, flow, Limits::default()));
    let mut runs = || {
        (0..CALLS).for_each(|_| {
            let ended = runtime.block_on(program.call(&single, &[2]));
            assert_eq!(ended.result.unwrap(), [4]);
        });
    };
    let mut children = || {
        let ended = runtime.block_on(program.call(&parent, &[CALLS as u8]));
        // Serialized, a signed number is twice itself.
        assert_eq!(
            (ended.result.unwrap(), ended.child_runs),
            (vec![2 * CALLS as u8], CALLS.into())
        );
    };
    let [runs, children] = medians(ROUNDS, [&mut runs, &mut children]);
    table.times(&format!("a child ({name}) / a warm run"), children / CALLS, runs / CALLS, 1.5);
}

/// A call as the runtime makes it.
pub(crate) fn call(engine: &Engine, flow: &str, limits: Limits) -> Call {
    let run =
        longshore_protocol::id::RunId::new(longshore_protocol::Timestamp::UNIX_EPOCH, [0; 10]);
    Call {
        flow: flow.to_owned(),
        log: LogSink::new(&limits, &Secrets::default()),
        cpu: CpuMeter::new(engine, limits.cpu_ms),
        limits,
        grants: Grants::default(),
        secrets: Secrets::default(),
        context: RunContext { run, attempt: 1, deadline: longshore_protocol::Timestamp::MAX },
        progress: ProgressCell::default(),
        stop: Stop::new(engine),
    }
}
