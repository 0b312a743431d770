//! What every launcher must do, asked of Kubernetes; and what only Kubernetes can have happen.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use longshore_conformance::kubernetes::{Cluster, name, stand};
use longshore_conformance::{Stand, suite};
use longshore_launchers::chain;
use longshore_launchers::engine::Silent;
use longshore_launchers::launcher::Plan;
use longshore_protocol::state::{JobState, State};
use longshore_tests::servers::Wire;
use serde_json::{Value, json};

longshore_conformance::conformance!(stand(&[]));

#[tokio::test]
async fn out_of_memory_is_told() {
    suite::out_of_memory_is_told(&stand(&[]), "memory_limit").await;
}

/// How a job ends that never starts.
async fn reason(stand: &Stand, plan: &Plan) -> String {
    stand.launch(plan).await;
    let (code, reason) = stand.until_over(&plan.handle).await;
    assert_eq!(code, None, "{reason}");
    // Whoever asks later hears the same, and the cluster has ended it.
    let later = stand.another_launcher().state(&plan.handle).await.unwrap();
    assert_eq!(later, JobState::Exited { code: None, reason: Some(reason.clone()) });
    // It is left to its namespace, which goes with the test: this kubelet takes a minute to let go of such a pod.
    reason
}

#[tokio::test]
async fn an_image_that_is_missing_is_named() {
    let stand = stand(&[]);
    let mut plan = stand.script("exit 0").await;
    plan.request["container"]["image"] = json!("127.0.0.1:1/none:1");
    plan.request["container"]["imagePullPolicy"] = json!("Never");
    let why = reason(&stand, &plan).await;
    assert!(why.starts_with("its node does not have the image 127.0.0.1:1/none:1"), "{why}");
    // Here a launcher hopes for a minute. A shorter limit may pass before a kubelet with fifty other pods looks at it.
    stand.cleanup(&plan.handle).await;
    let mut plan = stand.script("exit 0").await;
    plan.request["container"]["image"] = json!("127.0.0.1:1/none:1");
    let why = reason(&stand, &plan).await;
    assert!(why.starts_with("the image 127.0.0.1:1/none:1 cannot be pulled: "), "{why}");
    let mut plan = stand.script("exit 0").await;
    plan.request["container"]["image"] = json!("NONE:::1");
    let why = reason(&stand, &plan).await;
    assert!(why.starts_with("\"NONE:::1\" is not the name of an image"), "{why}");
}

#[tokio::test]
async fn a_pod_that_no_node_takes_has_the_schedulers_words() {
    let stand = stand(&[]);
    let plan = stand
        .script_with(&[("pod_start_timeout", "15s"), ("node_selector.zone", "nowhere")], "exit 0");
    let why = reason(&stand, &plan.await).await;
    let expected = "no node takes its pod: 0/1 nodes are available: 1 node(s) didn't match";
    assert!(why.starts_with(expected), "{why}");
}

#[tokio::test]
async fn a_program_that_is_missing_is_named() {
    let stand = stand(&[]);
    let mut plan = stand.script("exit 0").await;
    plan.request["container"]["command"] = json!(["/no/such/program"]);
    stand.launch(&plan).await;
    let (_, why) = stand.until_over(&plan.handle).await;
    assert!(why.contains("cannot be started") && why.contains("/no/such/program"), "{why}");
    stand.cleanup(&plan.handle).await;
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_named() {
    let cluster = Cluster::new();
    let quota = json!({ "metadata": { "name": "small" }, "spec": { "hard": { "pods": "0" } } });
    cluster.namespace.cluster.make(&cluster.namespace.path("resourcequotas"), &quota);
    let stand = cluster.stand(&[("pod_start_timeout", "20s")]);
    let plan = stand.script("exit 0").await;
    let why = reason(&stand, &plan).await;
    assert!(why.starts_with("the quota of its namespace is exceeded: "), "{why}");
    assert!(why.contains("exceeded quota: small"), "{why}");
}

#[tokio::test]
async fn an_account_that_does_not_exist_is_named() {
    let stand = stand(&[]);
    let settings = [("pod_start_timeout", "20s"), ("service_account_name", "nobody")];
    let why = reason(&stand, &stand.script_with(&settings, "exit 0").await).await;
    assert!(why.starts_with("the cluster forbids its pod: ") && why.contains("nobody"), "{why}");
}

#[tokio::test]
async fn a_secret_that_nobody_has_made_is_named() {
    let stand = stand(&[]);
    let mut plan = stand.script_with(&[("pod_start_timeout", "40s")], "exit 0").await;
    let missing =
        json!({ "name": "X", "valueFrom": { "secretKeyRef": { "name": "none", "key": "x" } } });
    plan.request["container"]["env"] = json!([missing]);
    let why = reason(&stand, &plan).await;
    assert!(why.starts_with("the container cannot be created: secret \"none\" not found"), "{why}");
}

#[tokio::test]
async fn the_cluster_ends_what_nobody_watches() {
    let stand = stand(&[]);
    let mut plan = stand.script("sleep 600").await;
    plan.request["job"]["spec"]["activeDeadlineSeconds"] = json!(3);
    stand.launch(&plan).await;
    let (_, why) = stand.until_over(&plan.handle).await;
    assert!(why.starts_with("the Job's deadline of 3 s has passed"), "{why}");
    stand.cleanup(&plan.handle).await;
}

/// What a launch is refused with.
async fn refusal(stand: &Stand, plan: &Plan) -> String {
    let error = stand.launcher.launch(plan, &|_| ()).await.unwrap_err();
    format!("{}; hint: {}", chain(&error), error.what_to_do().unwrap_or_default())
}

#[tokio::test]
async fn who_may_not_launch_is_told_what_is_missing() {
    let cluster = Cluster::new();
    let other = Cluster::new();
    // Somebody else's namespace.
    let stand = cluster.stand(&[("namespace", other.namespace.name.as_str())]);
    let why = refusal(&stand, &stand.script("exit 0").await).await;
    assert!(why.contains("cannot create resource \"jobs\" in API group \"batch\""), "{why}");
    assert!(why.contains("hint: docs/kubernetes/launcher.yaml"), "{why}");
    let found = stand.engine.doctor().await;
    let bad = found.iter().find(|check| check.name == "kubernetes").unwrap();
    assert!(!bad.is_ok && bad.found.contains("missing: create jobs, get jobs"), "{bad:?}");
}

#[tokio::test]
async fn a_namespace_that_is_missing_is_named() {
    let cluster = Cluster::new();
    let admin = cluster.namespace.cluster.kubeconfig().display().to_string();
    let settings = [("kubeconfig", admin.as_str()), ("namespace", "no-such-namespace")];
    let stand = cluster.stand(&settings);
    let why = refusal(&stand, &stand.script("exit 0").await).await;
    assert!(why.contains("namespaces \"no-such-namespace\" not found; hint: create it"), "{why}");
    let found = stand.engine.doctor().await;
    let bad = found.iter().find(|check| check.name == "kubernetes").unwrap();
    assert!(bad.found.contains("has no namespace no-such-namespace"), "{bad:?}");
}

#[tokio::test]
async fn a_job_of_somebody_else_is_not_taken_for_ones_own() {
    let stand = stand(&[]);
    let plan = stand.launched("sleep 600").await;
    let mut other = plan.clone();
    other.request["job"]["metadata"]["labels"]["longshore/run"] = json!("another");
    let why = refusal(&stand, &other).await;
    assert!(why.contains("the cluster has another Job"), "{why}");
    stand.cleanup(&plan.handle).await;
}

#[tokio::test]
async fn a_launch_that_cannot_make_the_secret_leaves_nothing() {
    let stand = stand(&[]);
    let mut plan = stand.script("exit 0").await;
    // More than a Secret can hold.
    plan.request["secret"] = json!(["BIG"]);
    plan.hidden.0.insert("BIG".to_owned(), "x".repeat(2 << 20));
    let why = refusal(&stand, &plan).await;
    assert!(why.contains("could not create the Secret"), "{why}");
    assert_eq!(stand.hands.count(&plan.handle), 0);
}

#[tokio::test]
async fn a_cancellation_reaches_a_pod_that_has_not_started() {
    let stand = stand(&[]);
    let plan = stand.script_with(&[("node_selector.zone", "nowhere")], "exit 0").await;
    stand.launch(&plan).await;
    stand.until(&plan.handle, |state| *state == JobState::Pending).await;
    stand.launcher.cancel(&plan.handle, Duration::from_secs(1)).await.unwrap();
    assert_eq!(stand.state(&plan.handle).await, JobState::Gone);
    assert_eq!(stand.hands.count(&plan.handle), 0);
}

#[tokio::test]
async fn a_pod_that_is_repeated_is_followed_to_its_last_end() {
    let stand = stand(&[]);
    let plan = stand.script_with(&[("backoff_limit", "1")], "echo again; exit 3").await;
    stand.launch(&plan).await;
    let (code, _) = stand.until_over(&plan.handle).await;
    assert_eq!(code, Some(3));
    let lines: Vec<_> =
        futures::TryStreamExt::try_collect(stand.launcher.logs(&plan.handle)).await.unwrap();
    assert_eq!(lines, ["again", "again"]);
    stand.cleanup(&plan.handle).await;
}

/// A stand whose connections to the API server can be cut.
fn cuttable() -> (Wire, Stand, tempfile::TempDir) {
    let cluster = Cluster::new();
    let text = std::fs::read_to_string(&cluster.kubeconfig).unwrap();
    let mut config: Value = serde_json::from_str(&text).unwrap();
    let server = &mut config["clusters"][0]["cluster"]["server"];
    let address = server.as_str().unwrap().strip_prefix("https://").unwrap().to_owned();
    let wire = Wire::between([127, 0, 0, 1].into(), &address);
    *server = json!(format!("https://{}", wire.address()));
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    std::fs::write(&kubeconfig, config.to_string()).unwrap();
    let kubeconfig = kubeconfig.display().to_string();
    let stand = cluster.stand(&[("kubeconfig", kubeconfig.as_str())]);
    (wire, stand, folder)
}

#[tokio::test]
async fn an_api_server_that_was_away_is_watched_again_when_it_is_back() {
    let (wire, stand, _folder) = cuttable();
    let plan = stand.launched("echo first; sleep 12; echo last; exit 5").await;
    stand.until_running(&plan.handle).await;
    let logs = tokio::spawn(futures::TryStreamExt::try_collect::<Vec<_>>(
        stand.launcher.logs(&plan.handle),
    ));
    let changed = stand.launcher.changed(&plan.handle, &JobState::Running);
    let cut = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        wire.cut();
        let asked = stand.launcher.state(&plan.handle).await;
        assert!(asked.is_err(), "{asked:?}");
        tokio::time::sleep(Duration::from_secs(10)).await;
        wire.mend();
        Instant::now()
    };
    let (state, mended) = tokio::join!(changed, cut);
    let state = state.unwrap();
    assert!(matches!(state, JobState::Exited { code: Some(5), .. }), "{state:?}");
    assert!(mended.elapsed() < Duration::from_secs(20), "{:?}", mended.elapsed());
    assert_eq!(logs.await.unwrap().unwrap(), ["first", "last"]);
    stand.cleanup(&plan.handle).await;
}

#[tokio::test]
async fn a_run_outlives_an_api_server_that_is_away() {
    let (wire, stand, _folder) = cuttable();
    let (submitted, plan) = stand.submit("sleeps", &[("seconds", json!(8))]).await;
    stand.until_running(&plan.handle).await;
    wire.cut();
    let view = stand.engine.view(&submitted.run).await.unwrap();
    assert!(matches!(view.job_state, Some(JobState::Unknown { .. })), "{:?}", view.job_state);
    assert!(!view.derived.state.is_final(), "{:?}", view.derived);
    let mend = async {
        tokio::time::sleep(Duration::from_secs(4)).await;
        wire.mend();
    };
    let (ending, ()) = tokio::join!(stand.engine.wait(&submitted.run, &Silent), mend);
    assert_eq!(ending.unwrap().derived.state, State::Completed);
}

#[tokio::test]
async fn a_pod_that_is_deleted_from_outside_is_told() {
    let cluster = Cluster::new();
    let stand = cluster.stand(&[]);
    let (submitted, plan) = stand.submit("spin", &[]).await;
    stand.until_running(&plan.handle).await;
    let pods = cluster.namespace.pods(name(&plan.handle));
    let pod = pods[0]["metadata"]["name"].as_str().unwrap();
    cluster.namespace.cluster.ask(
        "DELETE",
        &cluster.namespace.path(&format!("pods/{pod}")),
        &Value::Null,
    );
    let ending =
        tokio::time::timeout(Duration::from_secs(60), stand.engine.wait(&submitted.run, &Silent));
    let derived = ending.await.unwrap().unwrap().derived;
    assert_eq!(derived.state, State::Crashed);
    assert!(derived.reason.unwrap_or_default().contains("SIGTERM"));
}
