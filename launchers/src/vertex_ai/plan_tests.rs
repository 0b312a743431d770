use super::*;
use crate::fixture::{self, RUN, URL};
use crate::kind::Kind;
use crate::launcher::Entry;
use crate::settings::{Origin, Patch, Shape};
use longshore_protocol::id::Digest;
use serde_json::json;
use std::collections::BTreeSet;

const NETWORK: &str = "projects/12345/global/networks/vpc";

fn job(settings: &[(&str, &str)]) -> Job {
    let usual = [("image", "r.example/runtime:1"), ("project", "p")];
    let settings: Vec<_> = usual.iter().chain(settings).copied().collect();
    Job {
        flow: "say Hello".into(),
        image: None,
        work_max: Duration::from_millis(99_500),
        ..fixture::job(Kind::VertexAi, &settings)
    }
}

fn planned(job: &Job) -> Plan {
    plan(job, &Surroundings::default()).unwrap()
}

fn refused(job: &Job) -> (String, String) {
    let error = plan(job, &Surroundings::default()).unwrap_err();
    (error.to_string(), error.what_to_do().unwrap_or_default().to_owned())
}

fn body_of(plan: &Plan) -> Value {
    request_of(plan).unwrap().body(&plan.hidden).unwrap()
}

#[test]
fn a_plan_is_the_whole_job() {
    let plan = planned(&job(&[]));
    let expected = json!({
        "displayName": format!("longshore-{RUN}"),
        "labels": {
            "longshore-flow": "say-hello", "longshore-pool": "box", "longshore-run": RUN,
            "longshore-store": "0123", "longshore-tenant": "default",
        },
        "jobSpec": {
            "scheduling": { "timeout": "700s", "disableRetries": true },
            "enableWebAccess": false,
            "enableDashboardAccess": false,
            "workerPoolSpecs": [{
                "machineSpec": { "machineType": "n1-standard-4" },
                "diskSpec": { "bootDiskType": "pd-ssd", "bootDiskSizeGb": 100 },
                "replicaCount": "1",
                "containerSpec": {
                    "imageUri": "r.example/runtime:1",
                    "args": ["execute", "--ticket", URL, "--ticket-sha256", Digest::of(b"").to_string()],
                },
            }],
        },
    });
    let body = body_of(&plan);
    assert_eq!(body, expected, "{body:#}");
    let handle = format!("projects/p/locations/us-central1/customJobs?run={RUN}");
    assert_eq!(plan.handle.0, handle);
    assert_eq!(plan.request["endpoint"], "https://us-central1-aiplatform.googleapis.com");
}

#[test]
fn nobody_is_shown_the_ticket() {
    let plan = planned(&job(&[]));
    let shown = format!("{plan:?} {}", json(&plan).unwrap());
    assert!(!shown.contains("Signature"), "{shown}");
    assert!(shown.contains("$(LONGSHORE_TICKET)"), "{shown}");
}

#[test]
fn every_setting_reaches_the_request() {
    let usual = planned(&job(&[]));
    let mut settings = VertexAiSettings::table();
    // Only doctor asks there.
    settings.retain(|setting| setting.key != "resource_manager_endpoint");
    for setting in settings {
        let key = setting.key;
        let (keys, shown): (Vec<(&str, &str)>, &str) = match (key, &setting.shape) {
            ("credentials", _) => (vec![(key, "env:PROBE")], "env:PROBE"),
            ("accelerator_type" | "accelerator_count", _) => (
                vec![("accelerator_type", "NVIDIA_L4"), ("accelerator_count", "2")],
                r#""acceleratorCount":2"#,
            ),
            ("boot_disk_type", _) => (vec![(key, "pd-standard")], "pd-standard"),
            ("boot_disk_size_gb", _) => (vec![(key, "777")], r#""bootDiskSizeGb":777"#),
            ("maximum_run_time_hours", _) => (vec![(key, "2")], r#""timeout":"7200s""#),
            ("network", _) => (vec![(key, NETWORK)], NETWORK),
            ("reserved_ip_ranges", _) => {
                (vec![("network", NETWORK), (key, "probe")], r#""reservedIpRanges":["probe"]"#)
            }
            ("scheduling", _) => (vec![("scheduling.strategy", "SPOT")], r#""strategy":"SPOT""#),
            ("enable_web_access", _) => (vec![(key, "true")], r#""enableWebAccess":true"#),
            ("enable_dashboard_access", _) => {
                (vec![(key, "true")], r#""enableDashboardAccess":true"#)
            }
            ("job_watch_poll_interval", _) => (vec![(key, "7s")], r#""look_ms":7000"#),
            ("stream_output", _) => (vec![(key, "true")], r#""streams_output":true"#),
            ("labels", _) => (vec![("labels.probe", "probe")], "probe"),
            ("env", _) => (vec![("env.probe", "probe")], "probe"),
            (_, Shape::Text | Shape::List) => (vec![(key, "probe")], "probe"),
            (_, other) => panic!("there is no probe for {key}: {other}"),
        };
        let plan = planned(&job(&keys));
        assert_ne!(plan, usual, "{key} makes no difference");
        let text = format!("{} {}", json(&plan).unwrap(), plan.handle);
        assert!(text.contains(shown), "{key}: {shown} is not in {text}");
    }
}

#[test]
fn settings_become_what_vertex_ai_calls_them() {
    let body = body_of(&planned(&job(&[
        ("name", "Nightly Report"),
        ("env.A", "b$(C)"),
        ("command", "/bin/x"),
        ("args", "--first"),
        ("scheduling.strategy", "FLEX_START"),
        ("scheduling.max_wait_duration", "1h"),
        ("scheduling.restart_job_on_worker_restart", "true"),
        ("scheduling.disable_retries", "false"),
        ("service_account_name", "s@p.iam.gserviceaccount.com"),
    ])));
    assert_eq!(body["displayName"], format!("nightly-report-{RUN}"));
    let spec = &body["jobSpec"];
    let container = &spec["workerPoolSpecs"][0]["containerSpec"];
    assert_eq!(container["env"], json!([{ "name": "A", "value": "b$$(C)" }]));
    assert_eq!(container["command"], json!(["/bin/x"]));
    let args = container["args"].as_array().unwrap();
    assert_eq!((&args[0], &args[1]), (&json!("--first"), &json!("execute")));
    assert_eq!(spec["serviceAccount"], "s@p.iam.gserviceaccount.com");
    let scheduling = json!({
        "timeout": "700s", "disableRetries": false, "restartJobOnWorkerRestart": true,
        "strategy": "FLEX_START", "maxWaitDuration": "3600s",
    });
    assert_eq!(spec["scheduling"], scheduling);
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_stored() {
    let folder = by_itself_without_secrets("/data/store");
    for (job, text, hint) in [
        (
            Job { entry: folder, ..job(&[]) },
            "the store is a directory of this machine, and Vertex AI does not have it",
            "take a store",
        ),
        (
            Job { store_endpoint: Some("http://127.0.0.1:9000".into()), ..job(&[]) },
            "the store is at http://127.0.0.1:9000, which in a container is the container itself",
            "say where",
        ),
        (
            Job { secret_variables: BTreeSet::from(["TOKEN".to_owned()]), ..job(&[]) },
            "the run needs the environment variable TOKEN, which holds a secret, and whoever",
            "run flows with secrets elsewhere",
        ),
        (
            Job { entry: fixture::by_itself("s3://b/x"), ..job(&[]) },
            "the runtime would need the store's credentials in the environment variable AWS_ACCESS",
            "take a store that makes tickets",
        ),
        (job(&[("env.AIP_X", "x")]), "the environment variable AIP_X of the job is one", "change"),
        (job(&[("env.a-b", "x")]), "\"a-b\" is not the name of an environment variable", "change"),
        (
            Job { work_max: Duration::from_secs(700_000), ..job(&[]) },
            "Vertex AI ends a job after 168 hours, and this may take 195 hours",
            "lower the flow's timeout",
        ),
        (job(&[("unset", "image")]), "nobody says which image", "longshore image load"),
        (job(&[("image", "http://r/x")]), "\"http://r/x\" is not the name of an image", "write it"),
        (
            job(&[("accelerator_type", "NVIDIA_L4")]),
            "accelerator_type is set, and accelerator_count is not",
            "for example --set accelerator_count=1",
        ),
        (
            job(&[("accelerator_count", "1")]),
            "accelerator_count is set, and accelerator_type is not",
            "for example --set accelerator_type=",
        ),
        (
            Job { limits: Limits { memory_bytes: 64 << 30, ..Limits::default() }, ..job(&[]) },
            "the run may need 65875 MiB of memory, and a machine n1-standard-4 has 15360 MiB",
            "set a larger machine_type",
        ),
        (job(&[("network", "vpc")]), "\"vpc\" is not the whole name of a network", "network=proj"),
        (
            job(&[("reserved_ip_ranges", "r")]),
            "reserved_ip_ranges are ranges of a network, and no network is set",
            "network=projects",
        ),
        (
            job(&[("scheduling.restart_job_on_worker_restart", "true")]),
            "scheduling.restart_job_on_worker_restart does nothing",
            "--set scheduling.disable_retries=false",
        ),
        (
            job(&[("job_watch_poll_interval", "10ms")]),
            "job_watch_poll_interval is 10ms, and must be 100ms to 300s",
            "--set",
        ),
        (job(&[("unset", "project")]), "nobody says which Google Cloud project", "set the job's"),
    ] {
        let (error, found) = refused(&job);
        assert!(error.starts_with(text), "{error}");
        assert!(found.starts_with(hint), "{error}: {found}");
    }
}

/// How a runtime gets at its store whose machine lets it.
fn by_itself_without_secrets(location: &str) -> Entry {
    match fixture::by_itself(location) {
        Entry::Store { location, tenant, run, order, content, variables: _ } => {
            let variables = BTreeSet::new();
            Entry::Store { location, tenant, run, order, content, variables }
        }
        entry @ Entry::Ticket { .. } => entry,
    }
}

#[test]
fn a_runtime_may_reach_its_store_as_its_service_account() {
    let entry = by_itself_without_secrets("gs://b/x");
    let body = body_of(&planned(&Job { entry, ..job(&[]) }));
    let args = &body["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["args"];
    assert_eq!((&args[1], &args[2]), (&json!("--store"), &json!("gs://b/x")));
}

#[test]
fn a_slip_in_an_accelerator_is_named() {
    let origin = Origin::caller("--set");
    let change = crate::settings::Change::typed("accelerator_type", "NVIDIA_TESLA_T44", origin);
    let error = Kind::VertexAi.resolve(&[change.unwrap()]).unwrap_err();
    assert!(crate::chain(&error).contains("did you mean \"NVIDIA_TESLA_T4\"?"), "{error}");
}

#[test]
fn a_patch_changes_the_request_but_not_what_the_run_needs() {
    let planned = planned(&job(&[]));
    let patched = |text: &str| {
        let patch = Patch::new(&text.into(), Origin::caller("--patch")).unwrap();
        let patched = Plan { request: patch.applied_to(&planned.request), ..planned.clone() };
        check_patched(&planned, &patched).map(|()| body_of(&patched))
    };
    let body = patched(
        r#"{"job": {"jobSpec": {"persistentResourceId": "own"}, "encryptionSpec": {"kmsKeyName": "k"}},
            "worker_pool": {"machineSpec": {"tpuTopology": "2x2x1"}}, "container": {"command": ["/x"]}}"#,
    )
    .unwrap();
    let pool = &body["jobSpec"]["workerPoolSpecs"][0];
    assert_eq!(body["jobSpec"]["persistentResourceId"], "own");
    assert_eq!(body["encryptionSpec"]["kmsKeyName"], "k");
    assert_eq!(pool["machineSpec"]["tpuTopology"], "2x2x1");
    assert_eq!(pool["containerSpec"]["command"], json!(["/x"]));
    for (text, why) in [
        (r#"{"container": {"args": []}}"#, "the patch changes container.args, which"),
        (r#"{"run": "x"}"#, "the patch changes run, which"),
        (r#"{"worker_pool": {"replicaCount": "2"}}"#, "the patch changes worker_pool.replicaCount"),
        (
            r#"{"job": {"labels": {"longshore-run": "x"}}}"#,
            "the patch changes job.labels.longshore",
        ),
        (r#"{"job": {"jobSpec": null}}"#, "the patch leaves no job.jobSpec"),
        (r#"{"regoin": "x"}"#, "the patch leaves regoin as no launcher"),
    ] {
        let error = crate::chain(&patched(text).unwrap_err());
        assert!(error.contains(why), "{error}");
    }
}
