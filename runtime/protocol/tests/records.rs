//! Records round-trip; readers take what a later minor version adds and refuse another major version.
#![expect(
    clippy::unwrap_used,
    reason = "strategies are helpers of tests, which clippy does not recognise"
)]

use std::collections::BTreeMap;

use longshore_protocol::Timestamp;
use longshore_protocol::abi::Abi;
use longshore_protocol::grants::Grants;
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::limits::Limits;
use longshore_protocol::record::*;
use longshore_protocol::retry::RetryPolicy;
use proptest::prelude::*;

fn time() -> impl Strategy<Value = Timestamp> {
    (0_i64..4_000_000_000_000).prop_map(|ms| Timestamp::from_millisecond(ms).unwrap())
}

fn payload() -> impl Strategy<Value = Payload> {
    prop::collection::vec(any::<u8>(), 0..6_000).prop_map(|content| Payload::of(&content))
}

fn order() -> impl Strategy<Value = Order> {
    let ids = (time(), any::<[u8; 10]>(), any::<[u8; 4]>(), any::<bool>());
    let rest = (
        ".{1,20}",
        payload(),
        prop::option::of(time()),
        prop::collection::btree_map("[a-z]{1,5}", ".{0,9}", 0..3),
    );
    (ids, rest).prop_map(|((at, random, seed, is_compiled), (flow, params, deadline, labels))| {
        Order {
            format: FormatVersion::CURRENT,
            run: RunId::new(at, random),
            tenant: Tenant::default(),
            abi: Abi::CURRENT,
            component: ComponentRef { sha256: Digest::of(&seed), bytes: 7 },
            compiled: is_compiled.then(|| CompiledRef {
                engine: "e".into(),
                sha256: Digest::of(&random),
                bytes: 9,
            }),
            flow,
            params,
            files: is_compiled.then(|| FilesRef {
                sha256: Digest::of(&seed),
                bytes: 1024,
                count: 0,
            }),
            limits: Limits::default(),
            grants: Grants::default(),
            retry: RetryPolicy::default(),
            deadline,
            labels,
            ordered_at: at,
            retry_of: None,
        }
    })
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        payload().prop_map(|result| Verdict::Completed { result }),
        (".{0,20}", prop::collection::vec(".{0,9}", 0..3), any::<bool>()).prop_map(
            |(message, causes, permanent)| {
                Verdict::Failed { error: ErrorText { message, causes }, permanent }
            }
        ),
        (".{0,20}", prop::option::of(".{1,9}"))
            .prop_map(|(message, location)| Verdict::Panicked { message, location }),
        any::<(u64, u64, u64)>().prop_map(|(limit_bytes, peak_bytes, wanted_bytes)| {
            Verdict::OutOfMemory { limit_bytes, peak_bytes, wanted_bytes }
        }),
        any::<u64>().prop_map(|allowed_ms| Verdict::TimedOut { allowed_ms }),
        prop::option::of(".{0,9}").prop_map(|reason| Verdict::Cancelled { reason }),
        ".{0,9}".prop_map(|reason| Verdict::Refused { reason }),
    ]
}

fn confinement() -> impl Strategy<Value = Confinement> {
    let layer = || {
        prop_oneof![
            ".{0,9}".prop_map(|covers| Layer::Active { covers }),
            ".{0,9}".prop_map(|because| Layer::Missing { because }),
        ]
    };
    let network = prop_oneof![Just(Network::None), Just(Network::Connect)];
    let parts = (any::<bool>(), layer(), layer(), network, any::<u64>());
    parts.prop_map(|(no_new_privs, landlock, seccomp, network, environment_variables)| {
        Confinement { no_new_privs, landlock, seccomp, network, environment_variables }
    })
}

proptest! {
    #[test]
    fn orders_round_trip(order in order()) {
        prop_assert_eq!(Order::from_json(&order.to_json()).unwrap(), order);
    }

    #[test]
    fn outcomes_round_trip(
        verdict in verdict(), at in time(), random in any::<[u8; 10]>(), confinement in prop::option::of(confinement())
    ) {
        let outcome = Outcome {
            format: FormatVersion::CURRENT,
            run: RunId::new(at, random),
            retryable: verdict.is_retryable(),
            verdict,
            attempt: 1,
            failed_attempts: vec![],
            started_at: at,
            ended_at: at,
            limits: Limits::default(),
            usage: Usage::default(),
            log_segments: vec![0],
            runtime: RuntimeFacts { version: "0".into(), engine: "e".into(), code: Some(CodeSource::Precompiled), confinement },
        };
        prop_assert_eq!(Outcome::from_json(&outcome.to_json()).unwrap(), outcome);
    }

    #[test]
    fn damaged_records_are_errors_not_crashes(text in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Order::from_json(&text).is_err());
    }
}

fn job(format: &str) -> String {
    format!(
        r#"{{"format":"{format}","kind":"process","handle":"h","launcher":"0.1.0","launched_at":"2026-11-24T10:00:00Z",
           "added later":{{"x":[1]}}}}"#
    )
}

#[test]
fn a_later_minor_version_is_read_and_another_major_version_refused() {
    let newer = JobRecord::from_json(job("1.9").as_bytes()).unwrap();
    assert_eq!(newer.kind, "process");
    let error = JobRecord::from_json(job("2.0").as_bytes()).unwrap_err().to_string();
    assert_eq!(error, "the job record has format 2.0, and this version of longshore reads 1.x");
    for damaged in ["", "{}", "{\"format\":1}", &job("1.0")[..40]] {
        assert!(
            JobRecord::from_json(damaged.as_bytes()).unwrap_err().to_string().contains("damaged"),
            "{damaged}"
        );
    }
}

#[test]
fn records_are_text_that_people_can_read() {
    let labels = BTreeMap::from([("team".to_owned(), "data".to_owned())]);
    let order = Order {
        format: FormatVersion::CURRENT,
        run: "019d0000-0000-7000-8000-000000000001".parse().unwrap(),
        tenant: Tenant::default(),
        abi: Abi { major: 1, minor: 0 },
        component: ComponentRef { sha256: Digest::of(b"component"), bytes: 56_000 },
        compiled: None,
        flow: "hello".into(),
        params: Payload::of(b"\x05World"),
        files: Some(FilesRef { sha256: Digest::of(b"files"), bytes: 2_048, count: 1 }),
        limits: Limits { timeout_ms: 30_000, ..Limits::default() },
        grants: Grants {
            network: vec!["api.example.com:443".parse().unwrap()],
            ..Grants::default()
        },
        retry: RetryPolicy::default(),
        deadline: None,
        labels,
        ordered_at: "2026-11-24T10:00:00Z".parse().unwrap(),
        retry_of: None,
    };
    let text = String::from_utf8(order.to_json()).unwrap();
    for line in [
        r#""format": "1.3""#,
        r#""count": 1"#,
        r#""api.example.com:443""#,
        r#""inline": "BVdvcmxk""#,
        r#""timeout_ms": 30000"#,
        r#""team": "data""#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}
