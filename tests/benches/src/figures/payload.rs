//! Large parameters and results, in and out of a guest.

use longshore_protocol::limits::Limits;
use longshore_protocol::schema;
use longshore_runtime::engine::{Engine, EngineSettings};
use longshore_runtime::sandbox::Program;

use longshore_benches::Bare;

use crate::programs::Programs;
use crate::table::{Table, medians};
use crate::warm::call;

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    let engine = Engine::new(EngineSettings::default()).unwrap();
    let load = |name| engine.load(&engine.compile(&programs.component(name)).unwrap()).unwrap();
    let bare = Bare::link(&engine, &load("bare")).unwrap();
    let program = Program::link(&engine, &load("flows")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for (mib, rounds) in [(1_usize, 60), (64, 12)] {
        let params = schema::encode_bytes(vec![7; mib << 20]);
        for (flow, what) in [("echo", "returned"), ("invert", "returned inverted")] {
            let call = call(&engine, flow, Limits::default());
            let mut bare = || assert_eq!(bare.call(flow, &params).unwrap().len(), params.len());
            let mut ours = || {
                let ended = runtime.block_on(program.call(&call, &params));
                assert_eq!(ended.result.unwrap().len(), params.len());
            };
            let [bare, ours] = medians(rounds, [&mut bare, &mut ours]);
            table.times(
                &format!("{mib} MiB of parameters, {what} / bare wasmtime"),
                ours,
                bare,
                1.5,
            );
        }
    }
}
