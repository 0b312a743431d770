use std::collections::BTreeSet;

use longshore_protocol::id::Tenant;
use longshore_protocol::limits::Limits;

use super::*;
use crate::fixture::{self, RUN, URL};
use crate::kind::Kind;
use crate::settings::{Origin, Patch, Shape};

const IMAGE: &str = "registry.example/longshore-runtime:1";
const ROLE: &str = "arn:aws:iam::123456789012:role/execution";

/// A job whose pool has a region and an image.
fn job(settings: &[(&str, &str)]) -> Job {
    let usual = [("region", "eu-central-1"), ("image", IMAGE)];
    bare(&usual.into_iter().chain(settings.iter().copied()).collect::<Vec<_>>())
}

fn bare(settings: &[(&str, &str)]) -> Job {
    fixture::job(Kind::Ecs, settings)
}

fn planned(job: &Job) -> Plan {
    plan(job, &Surroundings::default()).unwrap()
}

fn refused(job: &Job) -> (String, String) {
    let error = plan(job, &Surroundings::default()).unwrap_err();
    (error.to_string(), error.what_to_do().unwrap_or_default().to_owned())
}

/// What is sent for a plan: the task definition and the task.
fn sent(plan: &Plan) -> (Value, Value) {
    let request = request_of(plan).unwrap();
    let subnets = request.subnets_of.as_ref().map(|_| vec!["subnet-00000001".to_owned()]);
    let (family, definition) = request.definition().unwrap_or_default();
    let task = request.task(&plan.hidden, subnets.as_deref(), Some(&family));
    (definition, task)
}

#[test]
fn a_plan_is_both_requests() {
    let (definition, task) = sent(&planned(&job(&[("execution_role_arn", ROLE)])));
    let content = Request::content(&definition).unwrap();
    let expected = json!({
        "family": format!("longshore-{content}"),
        "requiresCompatibilities": ["FARGATE"],
        "networkMode": "awsvpc",
        "cpu": "1024",
        "memory": "2048",
        "runtimePlatform": { "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" },
        "executionRoleArn": ROLE,
        "containerDefinitions": [{
            "image": IMAGE,
            "essential": true,
            "user": "65532:65532",
            "readonlyRootFilesystem": true,
            "stopTimeout": 10,
            "linuxParameters": {
                "capabilities": { "drop": ["ALL"] },
                "tmpfs": [{
                    "containerPath": "/tmp", "size": (Limits::default().files_bytes * 2) >> 20,
                    "mountOptions": ["rw", "noexec", "nosuid", "nodev"],
                }],
            },
            "logConfiguration": { "logDriver": "awslogs", "options": {
                "awslogs-group": "longshore", "awslogs-region": "eu-central-1",
                "awslogs-stream-prefix": "box", "awslogs-create-group": "true",
            } },
            "name": "runtime",
        }],
        "tags": [{ "key": "longshore.content", "value": content }],
    });
    assert_eq!(definition, expected, "{definition:#}");
    let tag = |key: &str, value: &str| json!({ "key": format!("longshore.{key}"), "value": value });
    let expected = json!({
        "cluster": "default",
        "count": 1,
        "startedBy": format!("longshore-{RUN}"),
        "clientToken": RUN,
        "launchType": "FARGATE",
        "networkConfiguration": { "awsvpcConfiguration": { "assignPublicIp": "ENABLED", "subnets": ["subnet-00000001"] } },
        "overrides": { "containerOverrides": [{
            "name": "runtime",
            "command": ["execute", "--ticket", URL, "--ticket-sha256", Digest::of(b"")],
        }] },
        "taskDefinition": format!("longshore-{content}"),
        "tags": [
            tag("flow", "say hello"), tag("pool", "box"), tag("run", RUN), tag("start-timeout", "600"),
            tag("store", "0123"), tag("tenant", "default"),
        ],
    });
    assert_eq!(task, expected, "{task:#}");
    for (body, kind) in [(&definition, shape::DEFINITION), (&task, shape::RUN)] {
        shape::check(body, kind, "sent").unwrap();
    }
}

#[test]
fn nobody_is_shown_the_address_of_the_ticket() {
    let plan = planned(&job(&[]));
    let shown = format!("{plan:?} {}", serde_json::to_value(&plan).unwrap());
    assert!(!shown.contains("Signature"), "{shown}");
    assert!(shown.contains("$(LONGSHORE_TICKET)"));
    assert_eq!(sent(&plan).1["overrides"]["containerOverrides"][0]["command"][2], URL);
}

#[test]
fn every_setting_reaches_the_request() {
    let with_role = [("execution_role_arn", ROLE)];
    let usual = planned(&job(&with_role));
    for setting in EcsSettings::table() {
        let key = setting.key;
        let (key, probe, shown) = match (key, &setting.shape) {
            ("region", _) => (key.into(), "probe-1", "\"probe-1\""),
            ("credentials", _) => (key.into(), "profile:probe", "\"profile:probe\""),
            ("endpoint_url", _) => (key.into(), "http://probe", "\"http://probe\""),
            ("vpc_id", _) => (key.into(), "vpc-00000077", "\"vpc-00000077\""),
            ("subnets", _) => (key.into(), "subnet-00000077", "[\"subnet-00000077\"]"),
            ("security_groups", _) => (key.into(), "sg-00000077", "[\"sg-00000077\"]"),
            ("capacity_provider_strategy", _) => (
                key.into(),
                "FARGATE_SPOT:77:7",
                "{\"base\":7,\"capacityProvider\":\"FARGATE_SPOT\",\"weight\":77}",
            ),
            ("launch_type", _) => (key.into(), "FARGATE_SPOT", "\"FARGATE_SPOT\""),
            ("architecture", _) => (key.into(), "ARM64", "\"ARM64\""),
            // Others are for tasks that are not on Fargate: see below.
            ("network_mode", _) => continue,
            // With its own definition: see below.
            ("task_definition_arn", _) => continue,
            ("cpu", _) => (key.into(), "4", "\"4096\""),
            ("memory", _) => (key.into(), "7GiB", "\"7168\""),
            ("assign_public_ip", _) => (key.into(), "false", "\"DISABLED\""),
            // It is there already.
            ("configure_cloudwatch_logs", _) => (key.into(), "false", ""),
            (name, _) if name.ends_with("_arn") => {
                (key.into(), "arn:aws:x:y:1:probe", "\"arn:aws:x:y:1:probe\"")
            }
            (_, Shape::Map) => (format!("{key}.PROBE"), "probe", "\"probe\""),
            (_, Shape::List | Shape::Text | Shape::TextLike(_)) => (key.into(), "probe", "probe"),
            (_, Shape::Duration) => (key.into(), "77s", "\"77\""),
            (_, Shape::Integer { .. }) => (key.into(), "77", "77"),
            (_, Shape::Bool) => (key.into(), "true", "true"),
            (_, other) => panic!("there is no probe for {other}"),
        };
        let with_probe = planned(&job(&[with_role[0], (&key, probe)]));
        assert_ne!(with_probe, usual, "{key} makes no difference");
        let (definition, task) = sent(&with_probe);
        let text = format!("{} {definition} {task}", sorted(&with_probe.request));
        assert!(text.contains(shown), "{key} = {probe} is not in {text}");
    }
}

/// With the keys of each object in their order.
fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(entries) => {
            let sorted: BTreeMap<_, _> =
                entries.iter().map(|(key, value)| (key, sorted(value))).collect();
            json!(sorted)
        }
        Value::Array(items) => items.iter().map(sorted).collect(),
        other => other.clone(),
    }
}

#[test]
fn tasks_go_where_they_are_meant_to() {
    let subnets = ("subnets", "subnet-00000001");
    for (settings, compatibility, mode, run) in [
        (&[("launch_type", "FARGATE")][..], "FARGATE", "awsvpc", json!({"launchType": "FARGATE"})),
        (
            &[("launch_type", "FARGATE_SPOT")],
            "FARGATE",
            "awsvpc",
            json!({"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}),
        ),
        (&[("launch_type", "EC2")], "EC2", "bridge", json!({"launchType": "EC2"})),
        (&[("launch_type", "EC2"), subnets], "EC2", "awsvpc", json!({"launchType": "EC2"})),
        (
            &[("launch_type", "EC2"), ("network_mode", "host")],
            "EC2",
            "host",
            json!({"launchType": "EC2"}),
        ),
        (&[("launch_type", "EXTERNAL")], "EXTERNAL", "bridge", json!({"launchType": "EXTERNAL"})),
        (
            &[("capacity_provider_strategy", "own:2")],
            "EC2",
            "bridge",
            json!({"capacityProviderStrategy": [{"capacityProvider": "own", "weight": 2, "base": 0}]}),
        ),
    ] {
        let (definition, task) = sent(&planned(&job(settings)));
        assert_eq!(definition["requiresCompatibilities"], json!([compatibility]), "{settings:?}");
        assert_eq!(definition["networkMode"], mode, "{settings:?}");
        for key in ["launchType", "capacityProviderStrategy"] {
            assert_eq!(task.get(key), run.get(key), "{settings:?}");
        }
        assert_eq!(task.get("networkConfiguration").is_some(), mode == "awsvpc", "{settings:?}");
        let is_hardened = definition["containerDefinitions"][0]["dockerSecurityOptions"]
            == json!(["no-new-privileges"]);
        assert_eq!(is_hardened, compatibility != "FARGATE", "Fargate takes no such options");
    }
}

#[test]
fn a_definition_of_somebody_else_is_used_as_it_is() {
    let settings = [
        ("unset", "image"),
        ("task_definition_arn", "flows:7"),
        ("container_name", "main"),
        ("env.A", "1"),
        ("task_role_arn", ROLE),
        ("cpu", "2"),
        ("memory", "8GiB"),
    ];
    let plan = planned(&job(&settings));
    let request = request_of(&plan).unwrap();
    assert_eq!(request.definition(), None);
    let task = request.task(&plan.hidden, None, None);
    assert_eq!(task["taskDefinition"], "flows:7");
    let own = &task["overrides"]["containerOverrides"][0];
    assert_eq!(own["name"], "main");
    assert_eq!(own["environment"], json!([{ "name": "A", "value": "1" }]));
    assert_eq!(
        (&task["overrides"]["cpu"], &task["overrides"]["memory"]),
        (&json!("2048"), &json!("8192"))
    );
    assert_eq!(task["overrides"]["taskRoleArn"], ROLE);
    for (key, value) in
        [("command", "x"), ("secrets.A", "arn:x"), ("auto_deregister_task_definition", "true")]
    {
        let (why, _) =
            refused(&job(&[("unset", "image"), ("task_definition_arn", "flows:7"), (key, value)]));
        let key = key.split('.').next().unwrap();
        assert!(why.starts_with(&format!("{key} and task_definition_arn are both set")), "{why}");
    }
}

#[test]
fn a_family_is_named_after_its_content() {
    let of = |settings: &[(&str, &str)]| {
        request_of(&planned(&job(settings))).unwrap().definition().unwrap().0
    };
    let usual = of(&[]);
    assert!(usual.starts_with("longshore-"));
    assert_eq!(of(&[]), usual);
    // What is of one task only makes no other definition.
    for same in [
        ("name", "nightly"),
        ("env.A", "1"),
        ("subnets", "subnet-00000001"),
        ("labels.team", "search"),
    ] {
        assert_eq!(of(&[same]), usual, "{same:?}");
    }
    for other in [("memory", "4GiB"), ("image", "x:2"), ("secrets.A", "arn:aws:x:y:z:1")] {
        assert_ne!(of(&[other]), usual, "{other:?}");
    }
    assert_eq!(of(&[("family", "flows"), ("match_latest_revision_in_family", "true")]), "flows");
    let long = "x".repeat(255);
    assert_eq!(of(&[("family", &long)]).len(), 255);
}

/// That `job` is refused: why, and what to do.
#[track_caller]
fn is_refused(job: &Job, why: &str, hint: &str) {
    let (found, said) = refused(job);
    assert!(found.starts_with(why) && said.starts_with(hint), "{found}; hint: {said}");
}

const ECR: &str = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/longshore-runtime:1";

#[test]
fn settings_that_do_not_go_together_are_refused() {
    is_refused(
        &bare(&[("region", "x")]),
        "tasks of ECS fetch the runtime's image",
        "longshore image build",
    );
    let role = "set execution_role_arn";
    let subnets = "subnets and vpc_id are for";
    for (settings, why, hint) in [
        (&[("image", ECR)][..], "Fargate fetches the image", role),
        (&[("configure_cloudwatch_logs", "true")], "on Fargate, logs are written", role),
        (&[("cloudwatch_logs_prefix", "x")], "there are options for logs in CloudWatch", role),
        (
            &[("cpu", "0.25"), ("memory", "8GiB")],
            "Fargate has no task with",
            "the nearest that it has",
        ),
        (
            &[("network_mode", "bridge")],
            "tasks on Fargate have an awsvpc network",
            "leave network_mode out",
        ),
        (
            &[("launch_type", "EXTERNAL"), ("network_mode", "awsvpc")],
            "tasks on EXTERNAL machines",
            "set network_mode",
        ),
        (
            &[("launch_type", "EC2"), ("network_mode", "none")],
            "a task without a network",
            "set network_mode",
        ),
        (
            &[("launch_type", "EC2"), ("network_mode", "host"), ("vpc_id", "vpc-00000001")],
            subnets,
            "leave them out",
        ),
    ] {
        is_refused(&job(settings), why, hint);
    }
    planned(&job(&[("launch_type", "EC2"), ("image", ECR), ("configure_cloudwatch_logs", "true")]));
}

#[test]
fn a_run_that_ecs_cannot_serve_is_refused() {
    let by_itself = |location: &str, variables: &[&str]| Entry::Store {
        location: location.into(),
        tenant: Tenant::default(),
        run: RUN.parse().unwrap(),
        order: Digest::of(b""),
        content: vec![],
        variables: variables.iter().map(|name| (*name).to_owned()).collect(),
    };
    let folder = Job { entry: by_itself("/data/store", &[]), ..job(&[]) };
    is_refused(&folder, "the store is a directory of this machine", "take a store that both reach");
    let near = Job { store_endpoint: Some("http://127.0.0.1:9000".into()), ..job(&[]) };
    is_refused(&near, "the store is at http://127.0.0.1:9000, which in a container", "say where");
    let secret = |settings| Job {
        secret_variables: BTreeSet::from(["API_KEY".to_owned()]),
        ..job(settings)
    };
    is_refused(
        &secret(&[]),
        "the run needs the environment variable API_KEY",
        "keep it in Secrets",
    );
    planned(&secret(&[("secrets.API_KEY", "arn:aws:secretsmanager:eu:1:secret:x")]));
    let keys = |settings| Job { entry: by_itself("s3://b", &["TEAM_KEY"]), ..job(settings) };
    is_refused(&keys(&[]), "the run needs the environment variable TEAM_KEY", "keep it in Secrets");
    planned(&keys(&[("task_role_arn", ROLE)]));
}

#[test]
fn overrides_fit_into_what_ecs_takes() {
    let text = |count: usize| "x".repeat(count);
    // A ticket signed with the longest session token that AWS gives out.
    let long =
        Job { entry: Entry::Ticket { url: text(4_000), sha256: Digest::of(b"") }, ..job(&[]) };
    planned(&long);
    let beyond = job(&[("env.A", &text(8_000))]);
    let (why, hint) = refused(&beyond);
    assert!(why.contains("have 8") && why.ends_with("and ECS takes 8192"), "{why}");
    assert!(hint.starts_with("set fewer variables"), "{hint}");
    // To the character.
    let plan = planned(&job(&[("env.A", "")]));
    let rest = OVERRIDES_MAX - sent(&plan).1["overrides"].to_string().len();
    planned(&job(&[("env.A", &text(rest))]));
    refused(&job(&[("env.A", &text(rest + 1))]));
}

#[test]
fn the_region_is_the_nearest_that_is_named() {
    let around = |pairs: &[(&str, &str)]| -> Surroundings {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let of = |settings: &[(&str, &str)], pairs: &[(&str, &str)]| {
        let usual = [("image", IMAGE)];
        let job = bare(&usual.into_iter().chain(settings.iter().copied()).collect::<Vec<_>>());
        let plan = plan(&job, &around(pairs)).unwrap();
        plan.request["account"]["region"].as_str().unwrap().to_owned()
    };
    let both = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-2")];
    assert_eq!(of(&[("region", "eu-north-1")], &both), "eu-north-1");
    assert_eq!(of(&[], &both), "eu-west-1");
    assert_eq!(of(&[], &both[1..]), "eu-west-2");
}

#[test]
fn a_patch_changes_the_requests_but_not_what_the_run_needs() {
    let planned = planned(&job(&[]));
    let patched = |text: &str| {
        let patch = Patch::new(&text.into(), Origin::caller("--patch")).unwrap();
        let request = patch.applied_to(&planned.request);
        let patched = Plan { request, ..planned.clone() };
        check_patched(&planned, &patched).map(|()| sent(&patched))
    };
    let (definition, task) = patched(
        r#"{"container": {"linuxParameters": {"initProcessEnabled": true}},
            "task_definition": {"pidMode": "task", "containerDefinitions": [{"name": "proxy", "image": "p:1"}]},
            "run_task": {"enableExecuteCommand": true, "overrides": {"containerOverrides": [{"name": "proxy", "command": ["x"]}]}},
            "tags": {"more": "x"}}"#,
    )
    .unwrap();
    assert_eq!(definition["pidMode"], "task");
    let containers = &definition["containerDefinitions"];
    assert_eq!(
        (&containers[0]["name"], &containers[1]["name"]),
        (&json!("runtime"), &json!("proxy"))
    );
    assert_eq!(containers[0]["linuxParameters"]["initProcessEnabled"], true);
    assert_eq!(task["enableExecuteCommand"], true);
    assert_eq!(task["overrides"]["containerOverrides"][1]["name"], "proxy");
    assert!(task["tags"].as_array().unwrap().contains(&json!({ "key": "more", "value": "x" })));
    for (text, why) in [
        (r#"{"arguments": []}"#, "the patch changes arguments, which"),
        (r#"{"container": {"image": "x"}}"#, "the patch changes container.image, which"),
        (r#"{"run_task": {"clientToken": "x"}}"#, "the patch changes run_task.clientToken, which"),
        (r#"{"tags": {"longshore.run": null}}"#, "the patch changes tags.longshore.run, which"),
        (r#"{"account": {"region": "x"}}"#, "the patch changes account, which"),
        (
            r#"{"container": {"memroy": 1}}"#,
            "the patch sets container.memroy, which does not exist; did you mean memory?",
        ),
        (
            r#"{"task_definition": {"cpu": 256}}"#,
            "the patch sets task_definition.cpu, which is text",
        ),
        (
            r#"{"run_task": {"launchType": "MOON"}}"#,
            "the patch sets run_task.launchType, which is one of",
        ),
        (r#"{"task": {}}"#, "the patch leaves task as no launcher"),
    ] {
        let error = crate::chain(&patched(text).unwrap_err());
        assert!(error.contains(why), "{error}");
    }
}
