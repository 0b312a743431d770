use super::*;
use crate::fixture::{self, RUN, URL};
use crate::kind::Kind;
use crate::launcher::Entry;
use crate::settings::{Origin, Patch, Shape};
use longshore_protocol::id::Tenant;
use serde_json::json;
use std::collections::BTreeSet;

fn job(settings: &[(&str, &str)]) -> Job {
    let usual = [("image", "r.example/runtime:1"), ("project", "p")];
    let settings: Vec<_> = usual.iter().chain(settings).copied().collect();
    Job {
        flow: "say Hello".into(),
        image: None,
        work_max: Duration::from_millis(99_500),
        ..fixture::job(Kind::CloudRun, &settings)
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
    let labels = json!({
        "longshore-flow": "say-hello", "longshore-pool": "box", "longshore-run": RUN,
        "longshore-store": "0123", "longshore-tenant": "default",
    });
    let annotations = json!({
        "longshore/flow": "say Hello", "longshore/pool": "box", "longshore/run": RUN,
        "longshore/store": "0123", "longshore/tenant": "default",
    });
    let expected = json!({
        "labels": labels,
        "annotations": annotations,
        "client": "longshore",
        "clientVersion": env!("CARGO_PKG_VERSION"),
        "launchStage": "GA",
        "template": {
            "labels": labels,
            "annotations": annotations,
            "parallelism": 1,
            "taskCount": 1,
            "template": {
                "maxRetries": 0,
                "timeout": "160s",
                "containers": [{
                    "name": "runtime",
                    "image": "r.example/runtime:1",
                    "resources": { "limits": { "cpu": "1", "memory": "851Mi" } },
                    "args": ["execute", "--ticket", URL, "--ticket-sha256", Digest::of(b"").to_string()],
                }],
            },
        },
        "startExecutionToken": "1",
    });
    let body = body_of(&plan);
    assert_eq!(body, expected, "{body:#}");
    let handle = format!("projects/p/locations/us-central1/jobs/longshore-{RUN}");
    assert_eq!(plan.handle.0, handle);
}

#[test]
fn a_shared_job_is_the_same_for_all_runs_and_says_of_an_execution_whose_it_is() {
    let one = job(&[("keep_job", "true")]);
    let plan = planned(&one);
    let other = Job {
        run: "019d0000-0000-7000-8000-000000000002".parse().unwrap(),
        flow: "other".into(),
        work_max: Duration::from_secs(7),
        ..one.clone()
    };
    assert_eq!(body_of(&plan), body_of(&planned(&other)));
    let body = body_of(&plan);
    assert_eq!(body["template"]["template"]["containers"][0].get("args"), None);
    assert_eq!(body["annotations"].get("longshore/run"), None);
    assert_eq!(body["annotations"]["longshore/definition"].as_str().unwrap().len(), 16);
    let start = request_of(&plan).unwrap().start(&plan.hidden);
    let expected = json!({ "overrides": {
        "containerOverrides": [{
            "name": "runtime",
            "args": ["execute", "--ticket", URL, "--ticket-sha256", Digest::of(b"").to_string()],
            "env": [{ "name": "LONGSHORE_RUN", "value": RUN }],
        }],
        "timeout": "160s",
    } });
    assert_eq!(start, expected, "{start:#}");
    assert!(plan.handle.0.ends_with(&format!("/runs/{RUN}")), "{}", plan.handle);

    // What a job is decides its name; what a patch makes of it, whether it has to be updated.
    let larger = planned(&job(&[("keep_job", "true"), ("memory", "2GiB")]));
    assert_ne!(larger.request["job"], plan.request["job"]);
    let patch = r#"{"definition": {"template": {"template": {"executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2"}}}}"#;
    let patch = Patch::new(&patch.into(), Origin::caller("--patch")).unwrap();
    let patched = Plan { request: patch.applied_to(&plan.request), ..plan.clone() };
    assert_eq!(patched.request["job"], plan.request["job"]);
    let mark = |plan: &Plan| body_of(plan)["annotations"]["longshore/definition"].clone();
    assert_ne!(mark(&patched), mark(&plan));
}

#[test]
fn nobody_is_shown_the_ticket() {
    for keep in ["false", "true"] {
        let plan = planned(&job(&[("keep_job", keep)]));
        let shown = format!("{plan:?} {}", json(&plan).unwrap());
        assert!(!shown.contains("Signature"), "{shown}");
        assert!(shown.contains("$(LONGSHORE_TICKET)"), "{shown}");
    }
}

#[test]
fn every_setting_reaches_the_request() {
    let usual = planned(&job(&[]));
    let mut settings = CloudRunSettings::table();
    // Only doctor asks there.
    settings.retain(|setting| setting.key != "resource_manager_endpoint");
    for setting in settings {
        let key = setting.key;
        let (keys, shown): (Vec<(String, &str)>, &str) = match (key, &setting.shape) {
            ("credentials", _) => (vec![(key.into(), "env:PROBE")], "env:PROBE"),
            ("memory", _) => (vec![(key.into(), "777MiB")], "777Mi"),
            ("cpu", _) => (vec![(key.into(), "2")], r#""cpu":"2""#),
            ("max_retries", _) => (vec![(key.into(), "7")], r#""maxRetries":7"#),
            ("launch_stage", _) => (vec![(key.into(), "BETA")], "BETA"),
            ("vpc_egress", _) => {
                let connector = ("vpc_connector_name".to_owned(), "c");
                (vec![connector, (key.into(), "ALL_TRAFFIC")], "ALL_TRAFFIC")
            }
            ("keep_job", _) => (vec![(key.into(), "true")], "containerOverrides"),
            ("stream_output", _) => (vec![(key.into(), "true")], r#""streams_output":true"#),
            (_, Shape::Map) => (vec![(format!("{key}.probe"), "probe")], "probe"),
            (_, Shape::Text | Shape::List) => (vec![(key.into(), "probe")], "probe"),
            (_, Shape::Duration) => (vec![(key.into(), "77s")], r#""timeout":"77s""#),
            (_, other) => panic!("there is no probe for {key}: {other}"),
        };
        let probes: Vec<_> = keys.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let plan = planned(&job(&probes));
        assert_ne!(plan, usual, "{key} makes no difference");
        let text = format!("{} {}", json(&plan).unwrap(), plan.handle);
        assert!(text.contains(shown), "{key}: {shown} is not in {text}");
    }
}

#[test]
fn settings_become_what_cloud_run_calls_them() {
    let plan = planned(&job(&[
        ("env.A", "b"),
        ("env_from_secrets.KEY", "projects/q/secrets/key:3"),
        ("env_from_secrets.OTHER", "other"),
        ("command", "/bin/x"),
        ("args", "--first"),
        ("vpc_connector_name", "c"),
        ("cloudsql_instances", "p:r:i"),
        ("service_account_name", "s@p.iam.gserviceaccount.com"),
    ]));
    let body = body_of(&plan);
    let task = &body["template"]["template"];
    let container = &task["containers"][0];
    let secret = |name: &str, secret: &str, version: &str| json!({ "name": name, "valueSource": { "secretKeyRef": { "secret": secret, "version": version } } });
    assert_eq!(
        container["env"],
        json!([
            { "name": "A", "value": "b" },
            secret("KEY", "projects/q/secrets/key", "3"),
            secret("OTHER", "other", "latest"),
        ])
    );
    assert_eq!(container["command"], json!(["/bin/x"]));
    assert_eq!(
        (&container["args"][0], &container["args"][1]),
        (&json!("--first"), &json!("execute"))
    );
    assert_eq!(task["vpcAccess"]["connector"], "projects/p/locations/us-central1/connectors/c");
    assert_eq!(task["vpcAccess"]["egress"], "PRIVATE_RANGES_ONLY");
    assert_eq!(task["volumes"][0]["cloudSqlInstance"]["instances"], json!(["p:r:i"]));
    assert_eq!(container["volumeMounts"][0]["mountPath"], "/cloudsql");
    assert_eq!(task["serviceAccount"], "s@p.iam.gserviceaccount.com");
}

#[test]
fn processors_and_memory_are_a_pair_that_cloud_run_has() {
    let limits = |settings: &[(&str, &str)]| {
        let body = body_of(&planned(&job(settings)));
        let limits = &body["template"]["template"]["containers"][0]["resources"]["limits"];
        format!("{} {}", limits["cpu"].as_str().unwrap(), limits["memory"].as_str().unwrap())
    };
    for (settings, expected) in [
        (&[("memory", "512MiB")][..], "1 512Mi"),
        (&[("memory", "5GiB")], "2 5120Mi"),
        (&[("memory", "32GiB")], "8 32768Mi"),
        (&[("cpu", "4"), ("memory", "2GiB")], "4 2048Mi"),
        (&[("cpu", "1000m")], "1 851Mi"),
    ] {
        assert_eq!(limits(settings), expected);
    }
    for (settings, text, hint) in [
        (
            &[("memory", "64MiB")][..],
            "Cloud Run has no container with 64 MiB of memory",
            "it takes 512 to 32768 MiB",
        ),
        (&[("memory", "33GiB")], "Cloud Run has no container with 33792 MiB", "it takes 512"),
        (
            &[("cpu", "3")],
            "Cloud Run has no jobs with 3 processors",
            "it takes 1, 2, 4 or 8: --set cpu=1",
        ),
        (
            &[("cpu", "8"), ("memory", "1GiB")],
            "Cloud Run does not give 1024 MiB of memory to 8 processors",
            "with cpu=8 it is 4096 to 32768 MiB; with this memory --set cpu=1",
        ),
    ] {
        let (error, found) = refused(&job(settings));
        assert!(error.starts_with(text), "{error}");
        assert!(found.starts_with(hint), "{found}");
    }
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_stored() {
    let of = |entry: Entry| Job { entry, ..job(&[]) };
    let folder = Entry::Store {
        location: "/data/store".into(),
        tenant: Tenant::default(),
        run: RUN.parse().unwrap(),
        order: Digest::of(b""),
        content: Vec::new(),
        variables: BTreeSet::new(),
    };
    let (text, _) = refused(&of(folder));
    assert_eq!(text, "the store is a directory of this machine, and Cloud Run does not have it");
    let near = Job { store_endpoint: Some("http://127.0.0.1:9000".into()), ..job(&[]) };
    assert!(refused(&near).0.contains("which in a container is the container itself"));
    let secret = Job { secret_variables: BTreeSet::from(["TOKEN".to_owned()]), ..job(&[]) };
    let (text, hint) = refused(&secret);
    assert!(text.starts_with("the run needs the environment variable TOKEN"), "{text}");
    assert_eq!(hint, "--set env_from_secrets.TOKEN=NAME-OF-THE-SECRET");
    let given = job(&[("env_from_secrets.TOKEN", "token")]);
    planned(&Job { secret_variables: BTreeSet::from(["TOKEN".to_owned()]), ..given });
    for name in ["PORT", "CLOUD_RUN_JOB", "LONGSHORE_RUN"] {
        let (text, _) = refused(&job(&[(&format!("env.{name}"), "x")]));
        assert!(text.contains("sets itself"), "{text}");
    }
    let (text, _) = refused(&job(&[("env.A", "x"), ("env_from_secrets.A", "a")]));
    assert!(text.contains("by env and by env_from_secrets"), "{text}");
    let long = Job { work_max: Duration::from_secs(700_000), ..job(&[]) };
    assert!(refused(&long).0.contains("after 168 hours, and this may take 195 hours"));
    let (text, hint) = refused(&job(&[("unset", "image")]));
    assert!(text.starts_with("nobody says which image"), "{text}");
    assert!(hint.contains("docs/cloud-run.md"), "{hint}");
}

#[test]
fn the_project_is_found_where_googles_tools_find_it() {
    let around =
        |name: &str| -> Surroundings { [(name.to_owned(), "q".to_owned())].into_iter().collect() };
    let without = job(&[("unset", "project")]);
    for name in ["GOOGLE_CLOUD_PROJECT", "CLOUDSDK_CORE_PROJECT", "GCLOUD_PROJECT"] {
        assert_eq!(plan(&without, &around(name)).unwrap().request["project"], "q");
    }
    assert!(refused(&without).0.starts_with("nobody says which Google Cloud project"));
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
        r#"{"definition": {"template": {"template": {"executionEnvironment": "EXECUTION_ENVIRONMENT_GEN2",
            "containers": [{"name": "proxy", "image": "x"}]}}}, "container": {"workingDir": "/x"}}"#,
    )
    .unwrap();
    let task = &body["template"]["template"];
    assert_eq!(task["executionEnvironment"], "EXECUTION_ENVIRONMENT_GEN2");
    assert_eq!(
        (&task["containers"][0]["workingDir"], &task["containers"][1]["name"]),
        (&json!("/x"), &json!("proxy"))
    );
    for (text, why) in [
        (r#"{"container": {"args": []}}"#, "the patch changes container.args, which"),
        (r#"{"job": "x"}"#, "the patch changes job, which"),
        (
            r#"{"definition": {"startExecutionToken": null}}"#,
            "the patch changes definition.startExecutionToken",
        ),
        (
            r#"{"definition": {"annotations": {"longshore/run": "x"}}}"#,
            "the patch changes definition.annotations.longshore",
        ),
        (r#"{"definition": {"template": null}}"#, "the patch leaves no template.template"),
        (r#"{"regoin": "x"}"#, "the patch leaves regoin as no launcher"),
    ] {
        let error = crate::chain(&patched(text).unwrap_err());
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_name_is_made_valid() {
    for (wanted, expected) in [
        (None, "longshore"),
        (Some("Nightly Report"), "nightly-repo"),
        (Some("9lives"), "lives"),
        (Some("--"), "longshore"),
        (Some("x-"), "x"),
    ] {
        assert_eq!(prefix(wanted, NAME_MAX), expected);
        assert!(expected.len() + 37 <= 49);
    }
}
