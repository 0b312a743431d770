//! What is run, and how it may end.

use longshore_protocol::record::Verdict;
use longshore_protocol::retry::RetryPolicy;
use longshore_protocol::schema;
use serde_json::{Value, json};

/// More than what fits into a record.
const LARGE: usize = 5_000;

/// A flow of the fixtures with parameters, and what is right for it.
#[derive(Debug)]
pub struct Flow {
    /// What combinations call it.
    pub name: &'static str,
    /// The flow.
    pub(crate) flow: &'static str,
    /// Its parameters.
    pub(crate) params: fn() -> Vec<(&'static str, Value)>,
    /// How many attempts it takes when no runtime dies.
    pub(crate) attempts: u32,
    /// Its retries, where they are not those of the flow.
    pub(crate) retry: Option<RetryPolicy>,
    /// Whether somebody asks it to stop; it would not end otherwise.
    pub is_cancelled: bool,
    /// Whether its job is told to end as well, as if the request had not been enough.
    pub(crate) is_terminated: bool,
    /// Whether its run is removed when it is over.
    pub(crate) is_removed: bool,
    /// Whether a run that could do its work may end like this, with this result.
    pub(crate) is_right: fn(&Verdict, Option<&[u8]>) -> bool,
}

const PLAIN: Flow = Flow {
    name: "",
    flow: "",
    params: Vec::new,
    attempts: 1,
    retry: None,
    is_cancelled: false,
    is_terminated: false,
    is_removed: false,
    is_right: |_, _| false,
};

/// Every flow of the matrix.
pub const FLOWS: &[Flow] = &[
    Flow {
        name: "value",
        flow: "add_one",
        params: || vec![("n", json!(41))],
        // Postcard has 42 as a variable-length zigzag number.
        is_right: |verdict, result| completed(verdict) && result == Some([84].as_slice()),
        ..PLAIN
    },
    Flow {
        name: "third-time-lucky",
        flow: "flaky",
        attempts: 3,
        // A restarted runtime does not know how an earlier attempt ended, so a later one may be the lucky one.
        is_right: |verdict, result| completed(verdict) && matches!(result, Some([3..=5])),
        ..PLAIN
    },
    Flow {
        name: "out-of-luck",
        flow: "fail_chain",
        params: || vec![("port", json!("http"))],
        attempts: 3,
        retry: Some(RetryPolicy { retries: 2, delay_ms: 1, delay_max_ms: 1 }),
        is_right: |verdict, _| matches!(verdict, Verdict::Failed { permanent: false, .. }),
        ..PLAIN
    },
    Flow {
        name: "permanent",
        flow: "fail_permanent",
        is_right: |verdict, _| matches!(verdict, Verdict::Failed { permanent: true, .. }),
        ..PLAIN
    },
    Flow {
        name: "panic",
        flow: "panics",
        params: || vec![("message", json!("no way"))],
        is_right: |verdict, _| matches!(verdict, Verdict::Panicked { message, .. } if message == "no way"),
        ..PLAIN
    },
    Flow {
        name: "cancelled",
        flow: "spin",
        is_cancelled: true,
        is_right: |verdict, _| matches!(verdict, Verdict::Cancelled { .. }),
        ..PLAIN
    },
    Flow {
        name: "terminated",
        flow: "spin",
        is_cancelled: true,
        is_terminated: true,
        is_right: |verdict, _| matches!(verdict, Verdict::Cancelled { .. }),
        ..PLAIN
    },
    Flow {
        name: "large-result",
        flow: "sevens",
        params: || vec![("count", json!(LARGE))],
        is_right: |verdict, result| {
            completed(verdict) && result == Some(schema::encode_bytes(vec![7; LARGE]).as_slice())
        },
        ..PLAIN
    },
    Flow {
        name: "large-params",
        flow: "echo_text",
        params: || vec![("text", json!("x".repeat(LARGE)))],
        is_right: |verdict, result| {
            completed(verdict) && result == Some(schema::encode_bytes(vec![b'x'; LARGE]).as_slice())
        },
        ..PLAIN
    },
    Flow {
        name: "dice",
        flow: "dice_later",
        params: || vec![("seconds", json!(0.0)), ("count", json!(LARGE))],
        // Two runtimes throw different dice. That the outcome has those of the stored result is checked of every flow.
        is_right: |verdict, result| {
            completed(verdict) && result.is_some_and(|result| result.len() == LARGE + 2)
        },
        ..PLAIN
    },
    Flow {
        name: "files",
        flow: "asks_for_files",
        is_right: |verdict, result| {
            completed(verdict)
                && result == Some(b"\x01\x12/files/config.yaml\x08port: 80".as_slice())
        },
        ..PLAIN
    },
    Flow { name: "talks", flow: "prints", is_right: |verdict, _| completed(verdict), ..PLAIN },
    Flow {
        name: "careless",
        flow: "spills_secret",
        params: || vec![("into", json!("error"))],
        attempts: 2,
        retry: Some(RetryPolicy { retries: 1, delay_ms: 1, delay_max_ms: 1 }),
        is_right: |verdict, _| matches!(verdict, Verdict::Failed { permanent: false, .. }),
        ..PLAIN
    },
    Flow {
        name: "tells-all",
        flow: "spills_secret",
        params: || vec![("into", json!("result"))],
        is_right: |verdict, _| matches!(verdict, Verdict::Refused { .. }),
        ..PLAIN
    },
    Flow {
        name: "removed",
        flow: "sevens",
        params: || vec![("count", json!(LARGE))],
        is_removed: true,
        is_right: |verdict, _| completed(verdict),
        ..PLAIN
    },
];

fn completed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Completed { .. })
}

impl Flow {
    /// The flow that combinations call `name`.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        FLOWS.iter().find(|flow| flow.name == name)
    }
}
