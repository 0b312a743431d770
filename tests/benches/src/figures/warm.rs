//! One call in a process that is warm.

use longshore_protocol::grants::Grants;
use longshore_protocol::limits::Limits;
use longshore_runtime::engine::{Allocation, Engine};
use longshore_runtime::log::LogSink;
use longshore_runtime::sandbox::{Call, Program, ProgressCell, RunContext, Stop};

use longshore_benches::Bare;

use crate::programs::Programs;
use crate::table::{Table, medians};

/// Calls per measurement: one alone is near the clock's resolution.
const CALLS: u32 = 50;
const ROUNDS: usize = 60;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    for (name, allocation) in
        [("pooled", Allocation::Pooled { slots: 16 }), ("on demand", Allocation::OnDemand)]
    {
        let engine = Engine::new(allocation).unwrap();
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
    }
}

/// A call as the runtime makes it.
pub(crate) fn call(engine: &Engine, flow: &str, limits: Limits) -> Call {
    let run =
        longshore_protocol::id::RunId::new(longshore_protocol::Timestamp::UNIX_EPOCH, [0; 10]);
    Call {
        flow: flow.to_owned(),
        log: LogSink::new(limits.log_bytes),
        limits,
        grants: Grants::default(),
        context: RunContext { run, attempt: 1, deadline: longshore_protocol::Timestamp::MAX },
        progress: ProgressCell::default(),
        stop: Stop::new(engine),
    }
}
