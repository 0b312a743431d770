use super::*;
use crate::fixture::{self, RUN, URL};
use crate::kind::Kind;
use crate::settings::{Origin, Patch, Shape};
use longshore_protocol::id::Digest;
use serde_json::json;

const ID: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/i";
const SUBNET: &str =
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/virtualNetworks/v/subnets/x";

fn job(settings: &[(&str, &str)]) -> Job {
    let usual = [
        ("image", "r.azurecr.io/runtime:1"),
        ("subscription_id", "s"),
        ("resource_group_name", "g"),
        ("location", "westeurope"),
    ];
    let settings: Vec<_> = usual.iter().chain(settings).copied().collect();
    Job { flow: "say Hello".into(), image: None, ..fixture::job(Kind::Aci, &settings) }
}

fn planned(job: &Job) -> Plan {
    plan(job, &Surroundings::default()).unwrap()
}

fn refused(job: &Job) -> (String, String) {
    let error = plan(job, &Surroundings::default()).unwrap_err();
    (error.to_string(), error.what_to_do().unwrap_or_default().to_owned())
}

fn body_around(plan: &Plan, variables: &[(&str, &str)]) -> Result<Value, Error> {
    let around = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let around: Surroundings = around.collect();
    request_of(plan).unwrap().body(|name| revealed(&plan.hidden, &around, name))
}

fn body_of(plan: &Plan) -> Value {
    body_around(plan, &[]).unwrap()
}

#[test]
fn a_plan_is_the_whole_group() {
    let plan = planned(&job(&[]));
    let expected = json!({
        "location": "westeurope",
        "tags": {
            "longshore-flow": "say Hello", "longshore-pool": "box", "longshore-run": RUN,
            "longshore-start-timeout": "240", "longshore-store": "0123",
            "longshore-tenant": "default",
        },
        "properties": {
            "osType": "Linux",
            "restartPolicy": "Never",
            "containers": [{
                "name": "runtime",
                "properties": {
                    "image": "r.azurecr.io/runtime:1",
                    "command": [
                        "/longshore-runtime", "execute", "--ticket", "env:LONGSHORE_TICKET",
                        "--ticket-sha256", Digest::of(b"").to_string(),
                    ],
                    "environmentVariables": [{ "name": "LONGSHORE_TICKET", "secureValue": URL }],
                    "resources": { "requests": { "memoryInGB": 1.0, "cpu": 1.0 } },
                },
            }],
        },
    });
    let body = body_of(&plan);
    assert_eq!(body, expected, "{body:#}");
    let handle = format!(
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerInstance/containerGroups/longshore-{RUN}"
    );
    assert_eq!(plan.handle.0, handle);
}

#[test]
fn nobody_is_shown_a_secret() {
    let password = [
        ("image_registry", "r.azurecr.io"),
        ("image_registry_username", "u"),
        ("image_registry_password", "env:PASSWORD"),
    ];
    let job = Job { secret_variables: BTreeSet::from(["TOKEN".to_owned()]), ..job(&password) };
    let around: Surroundings = [("PASSWORD", "geheim"), ("TOKEN", "hush")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
        .collect();
    let plan = plan(&job, &around).unwrap();
    let shown = format!("{plan:?} {}", json(&plan).unwrap());
    for secret in ["Signature", "geheim", "hush"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    let body = body_around(&plan, &[("PASSWORD", "geheim"), ("TOKEN", "hush")]).unwrap();
    let properties = &body["properties"];
    assert_eq!(
        properties["imageRegistryCredentials"],
        json!([{ "server": "r.azurecr.io", "username": "u", "password": "geheim" }])
    );
    assert_eq!(
        properties["containers"][0]["properties"]["environmentVariables"],
        json!([
            { "name": "LONGSHORE_TICKET", "secureValue": URL },
            { "name": "TOKEN", "secureValue": "hush" },
        ])
    );
    let error = body_around(&plan, &[("PASSWORD", "geheim")]).unwrap_err();
    assert!(error.to_string().contains("TOKEN, which holds a secret, is not set"), "{error}");
}

#[test]
fn every_setting_reaches_the_request() {
    let usual = planned(&job(&[]));
    for setting in AciSettings::table() {
        let key = setting.key;
        let registry = |others: &[(&'static str, &'static str)]| {
            let server = ("image_registry".to_owned(), "probe.azurecr.io");
            let others = others.iter().map(|(key, value)| ((*key).to_owned(), *value));
            std::iter::once(server).chain(others).collect::<Vec<_>>()
        };
        let named = |password| {
            registry(&[("image_registry_username", "user"), ("image_registry_password", password)])
        };
        let (keys, shown): (Vec<(String, &str)>, &str) = match (key, &setting.shape) {
            ("credentials", _) => (vec![(key.into(), "cli")], r#""credentials":"cli""#),
            ("memory", _) => (vec![(key.into(), "2.5GB")], r#""memoryInGB":2.5"#),
            ("cpu", _) => (vec![(key.into(), "1.5")], r#""cpu":1.5"#),
            ("identities", _) => (vec![(key.into(), ID)], r#""userAssignedIdentities":{"#),
            ("subnet_ids", _) => (vec![(key.into(), SUBNET)], r#""subnetIds":[{"id":"#),
            ("image_registry", _) => (named("env:P"), "probe.azurecr.io"),
            ("image_registry_username", _) => (named("env:P"), r#""username":"user""#),
            ("image_registry_password", _) => (named("env:PROBE"), "$(PROBE)"),
            ("image_registry_identity", _) => (registry(&[(key, ID)]), r#""identity":"/"#),
            ("gpu_count", _) => (vec![(key.into(), "2")], r#""gpu":{"count":2,"sku":"V100"}"#),
            ("gpu_sku", _) => {
                (vec![("gpu_count".into(), "1"), (key.into(), "P100")], r#""sku":"P100""#)
            }
            ("task_start_timeout_seconds", _) => {
                (vec![(key.into(), "77")], r#""longshore-start-timeout":"77""#)
            }
            ("keep_container_group", _) => (vec![(key.into(), "true")], "||||kept"),
            ("stream_output", _) => (vec![(key.into(), "true")], r#""streams_output":true"#),
            (_, Shape::Map) => (vec![(format!("{key}.probe"), "probe")], "probe"),
            (_, Shape::Text | Shape::List) => (vec![(key.into(), "probe")], "probe"),
            (_, Shape::Duration) => (vec![(key.into(), "7s")], "|||7000ms"),
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
fn settings_become_what_azure_calls_them() {
    let body = body_of(&planned(&job(&[
        ("env.A", "b"),
        ("entrypoint", "/bin/x"),
        ("command", "--first"),
        ("dns_servers", "10.0.0.1,10.0.0.2"),
        ("identities", &format!("system,{ID}")),
        ("subnet_ids", SUBNET),
        ("keep_container_group", "true"),
    ])));
    let own = &body["properties"]["containers"][0]["properties"];
    assert_eq!(own["environmentVariables"][0], json!({ "name": "A", "value": "b" }));
    let command = own["command"].as_array().unwrap();
    assert_eq!(command[..3], [json!("/bin/x"), json!("--first"), json!("execute")]);
    assert_eq!(body["properties"]["dnsConfig"]["nameServers"], json!(["10.0.0.1", "10.0.0.2"]));
    assert_eq!(body["properties"]["subnetIds"], json!([{ "id": SUBNET }]));
    assert_eq!(
        body["identity"],
        json!({ "type": "SystemAssigned, UserAssigned", "userAssignedIdentities": { ID: {} } })
    );
    assert_eq!(body["tags"]["longshore-kept"], "true");
    // An image that is read by an identity needs that as the group's own.
    let by_identity = [("image_registry", "r.azurecr.io"), ("image_registry_identity", ID)];
    let body = body_of(&planned(&job(&by_identity)));
    assert_eq!(body["identity"]["type"], "UserAssigned");
    assert_eq!(body["identity"]["userAssignedIdentities"], json!({ ID: {} }));
}

#[test]
fn processors_and_memory_are_what_azure_has() {
    let size = |settings: &[(&str, &str)]| {
        let body = body_of(&planned(&job(settings)));
        let requests = &body["properties"]["containers"][0]["properties"]["resources"]["requests"];
        format!("{} {}", requests["cpu"], requests["memoryInGB"])
    };
    for (settings, expected) in [
        (&[("memory", "1GB")][..], "1.0 1.0"),
        // In steps of a tenth, and never less than was asked for.
        (&[("memory", "1GiB")], "1.0 1.1"),
        (&[("cpu", "4"), ("memory", "16GB")], "4.0 16.0"),
        (&[("gpu_count", "4"), ("cpu", "24"), ("memory", "448GB")], "24.0 448.0"),
    ] {
        assert_eq!(size(settings), expected);
    }
    let large = Limits { memory_bytes: 2 << 30, ..Limits::default() };
    let body = body_of(&planned(&Job { limits: large, ..job(&[]) }));
    let own = &body["properties"]["containers"][0]["properties"];
    assert_eq!(own["resources"]["requests"]["memoryInGB"], 2.6);
    for (settings, text, hint) in [
        (
            &[("memory", "64MiB")][..],
            "Azure has no container group with 0.1 GB",
            "it takes 1 to 16 GB",
        ),
        (&[("memory", "17GB")], "Azure has no container group with 17 GB", "it takes 1 to 16 GB"),
        (
            &[("cpu", "0.5")],
            "Azure has no container group with 0.5 processors",
            "it takes 1 to 4: --set cpu=1",
        ),
        (
            &[("cpu", "8")],
            "Azure has no container group with 8 processors",
            "it takes 1 to 4: --set cpu=4",
        ),
        (&[("gpu_count", "3")], "Azure has no container group with 3 GPUs", "it takes 1, 2 or 4"),
        (
            &[("gpu_count", "1"), ("cpu", "7")],
            "Azure has no container group with 1 V100 GPUs with 7 processors",
            "it takes 1 to 6",
        ),
        (
            &[("gpu_count", "1"), ("subnet_ids", SUBNET)],
            "Azure puts no container group with GPUs into a subnet",
            "unset subnet_ids",
        ),
    ] {
        let (error, found) = refused(&job(settings));
        assert!(error.starts_with(text), "{error}");
        assert!(found.starts_with(hint), "{found}");
    }
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_stored() {
    let folder = Job { entry: fixture::by_itself("/data/store"), ..job(&[]) };
    let (text, _) = refused(&folder);
    assert_eq!(text, "the store is a directory of this machine, and Azure does not have it");
    let near = Job { store_endpoint: Some("http://127.0.0.1:9000".into()), ..job(&[]) };
    assert!(refused(&near).0.contains("which in a container is the container itself"));
    for (settings, text, hint) in [
        (&[("unset", "image")][..], "nobody says which image", "longshore image load"),
        (&[("unset", "location")], "nobody says in which location", "set the job's location"),
        (
            &[("unset", "resource_group_name")],
            "nobody says in which resource group",
            "set the job's",
        ),
        (&[("unset", "subscription_id")], "nobody says which Azure subscription", "set the job's"),
        (&[("env.LONGSHORE_TICKET", "x")], "the environment variable LONGSHORE_TICKET", "give it"),
        (
            &[("task_watch_poll_interval", "10ms")],
            "container groups cannot be looked at every",
            "task_watch",
        ),
        (&[("image_registry_username", "x")], "who reads the image is set", "set image_registry"),
        (
            &[("image_registry", "x")],
            "it is not clear who reads the image from x",
            "set image_registry_username",
        ),
        (
            &[("image_registry", "x"), ("image_registry_identity", "y")],
            "\"y\" is not the id",
            "az identity",
        ),
        (&[("subnet_ids", "system")], "\"system\" is not a subnet", "write its id"),
    ] {
        let (error, found) = refused(&job(settings));
        assert!(error.starts_with(text), "{error}");
        assert!(found.starts_with(hint), "{found}");
    }
    let secret = BTreeSet::from(["TOKEN".to_owned()]);
    let (text, _) = refused(&Job { secret_variables: secret, ..job(&[("env.TOKEN", "x")]) });
    assert!(text.contains("TOKEN of the job is one that holds a secret"), "{text}");
    let ambient = planned(&Job { entry: fixture::by_itself("s3://bucket"), ..job(&[]) });
    assert_eq!(ambient.request["secret"], json!(["AWS_ACCESS_KEY_ID"]));
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
        r#"{"definition": {"properties": {"priority": "Spot", "containers": [{"name": "proxy"}]}},
            "container": {"properties": {"environmentVariables": [{"name": "A", "value": "b"}]}}}"#,
    )
    .unwrap();
    let properties = &body["properties"];
    assert_eq!(
        (&properties["priority"], &properties["containers"][1]["name"]),
        (&json!("Spot"), &json!("proxy"))
    );
    // The ticket is there whatever variables a patch sets.
    let variables = properties["containers"][0]["properties"]["environmentVariables"].as_array();
    assert_eq!(variables.unwrap().len(), 2);
    for (text, why) in [
        (
            r#"{"container": {"properties": {"command": []}}}"#,
            "changes container.properties.command, which",
        ),
        (r#"{"group": "x"}"#, "the patch changes group, which"),
        (r#"{"secret": []}"#, "the patch changes secret, which"),
        (
            r#"{"definition": {"properties": {"restartPolicy": "Always"}}}"#,
            "the patch changes definition.properties.restartPolicy",
        ),
        (
            r#"{"definition": {"tags": {"longshore-run": null}}}"#,
            "the patch changes definition.tags.longshore-run",
        ),
        (
            r#"{"container": {"properties": {"environmentVariables": {}}}}"#,
            "the patch leaves no list environmentVariables",
        ),
        (r#"{"loaction": "x"}"#, "the patch leaves loaction as no launcher"),
    ] {
        let error = crate::chain(&patched(text).unwrap_err());
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn a_name_is_made_valid() {
    for (wanted, expected) in [
        (None, "longshore"),
        (Some("Nightly  Report"), "nightly-report"),
        (Some("9lives"), "lives"),
        (Some("--"), "longshore"),
        (Some("a--b-"), "a-b"),
        (Some("abcdefghijklmnopqrstuvwxyzabc"), "abcdefghijklmnopqrstuvwxyz"),
    ] {
        assert_eq!(prefix(wanted), expected);
        assert!(expected.len() + 37 <= 63);
    }
}
