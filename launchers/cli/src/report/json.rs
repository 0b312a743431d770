//! For programs: one JSON object per line on standard error.

use longshore_launchers::engine::{Event, Report};
use serde_json::{Value, json};

use crate::output::note_json;

pub(super) struct Json;

impl Report for Json {
    fn hear(&self, event: &Event<'_>) {
        note_json(&line(event));
    }
}

fn line(event: &Event<'_>) -> Value {
    match event {
        Event::Compiling { bytes } => json!({"event": "compiling", "bytes": bytes}),
        Event::Compiled { took_ms } => json!({"event": "compiled", "took_ms": took_ms}),
        Event::Preparing { text } => json!({"event": "preparing", "text": text}),
        Event::Uploading { what, bytes } => {
            json!({"event": "uploading", "what": what, "bytes": bytes})
        }
        Event::Arrived { what, arrived, bytes } => {
            json!({"event": "arrived", "what": what, "arrived": arrived, "bytes": bytes})
        }
        Event::Files { count, bytes, packed_bytes } => {
            json!({"event": "files", "count": count, "bytes": bytes, "packed_bytes": packed_bytes})
        }
        Event::Warning { text } => json!({"event": "warning", "text": text}),
        Event::Ordered { run } => json!({"event": "ordered", "run": run}),
        Event::Launched { run, plan } => {
            json!({"event": "launched", "run": run, "handle": plan.handle})
        }
        Event::State { run, derived } => {
            json!({"event": "state", "run": run, "state": derived.state.word(), "reason": derived.reason})
        }
        Event::Progress { run, progress } => {
            json!({"event": "progress", "run": run, "progress": progress})
        }
        Event::Log { run, attempt, record } => {
            json!({"event": "log", "run": run, "attempt": attempt, "record": record})
        }
        Event::Output { run, line } => json!({"event": "output", "run": run, "line": line}),
        Event::Repeated { run, failed } => {
            json!({"event": "repeated", "run": run, "failed": failed})
        }
        Event::Healed { because } => json!({"event": "healed", "because": because}),
    }
}
