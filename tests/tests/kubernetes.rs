//! Flows in Jobs of Kubernetes, as a person runs them there: with a store on a network, and tickets.

use std::path::PathBuf;
use std::process::Command;

use longshore_protocol::exit;
use longshore_tests::servers::{self, Kubernetes, Namespace, Near};
use longshore_tests::{Home, Run, until};
use serde_json::{Value, json};

/// A home with a cluster, and a store that its pods reach by another address than the home.
struct Place {
    home: Home,
    namespace: Namespace,
    kubeconfig: PathBuf,
    _near: Near,
}

impl Place {
    fn new(settings: &str) -> Self {
        let near = servers::s3().near_containers();
        let home = near.home();
        let namespace = Kubernetes::here().namespace();
        let kubeconfig = namespace.launcher(&home.path(""));
        let pool = format!(
            "job.kubeconfig = \"{}\"\njob.memory_request = \"8MiB\"\n{settings}",
            kubeconfig.display()
        );
        let home = home.with_pool("kubernetes", &pool);
        // What a registry does for others.
        home.longshore(&["image", "load"]).succeeds();
        Self { home, namespace, kubeconfig, _near: near }
    }

    fn job(&self, run: &Run<'_>) -> Option<Value> {
        self.namespace.job(&name(run))
    }
}

fn name(run: &Run<'_>) -> String {
    format!("longshore-{}", run.id())
}

#[test]
fn a_flow_runs_in_a_job_that_is_gone_afterwards() {
    let place = Place::new("");
    let answer = place.home.run("add_one").param("n", 41).succeeds();
    answer.prints("42\n");
    let listed = place.home.longshore(&["list"]).json().succeeds().json();
    let run = place.home.run_named(listed[0]["run"].as_str().unwrap());
    let outcome = &run.shown()["outcome"];
    assert_eq!(outcome["runtime"]["code"], json!("precompiled"), "nothing is compiled in there");
    assert!(place.job(&run).is_none());
    until("the Secret goes with it", || {
        let secrets = place.namespace.cluster.list(&place.namespace.path("secrets"));
        let is_ours = |secret: &&Value| secret["type"] == "Opaque";
        secrets.iter().find(is_ours).is_none().then_some(())
    });
}

#[test]
fn the_pod_is_hardened_and_the_ticket_is_in_the_secret_only() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("sleeps").param("seconds", 3));
    let job = place.job(&run).unwrap();
    let pod = until("there is a pod", || place.namespace.pods(&name(&run)).into_iter().next());
    let (spec, container) = (&pod["spec"], &pod["spec"]["containers"][0]);
    assert_eq!(spec["automountServiceAccountToken"], false);
    assert_eq!(spec["enableServiceLinks"], false);
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    assert_eq!(spec["securityContext"]["runAsUser"], 65532);
    assert_eq!(spec["securityContext"]["seccompProfile"]["type"], "RuntimeDefault");
    let security = json!({
        "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true, "capabilities": { "drop": ["ALL"] },
    });
    assert_eq!(container["securityContext"], security);
    assert_eq!(container["resources"]["limits"]["cpu"], "1");
    assert_eq!(container["args"][2], "$(LONGSHORE_TICKET)");
    // Nothing that was sent was dropped: the server has all fields.
    assert_eq!(job["spec"]["ttlSecondsAfterFinished"], 3600);
    assert!(job["spec"]["activeDeadlineSeconds"].as_i64().unwrap() > 600);
    let all = format!("{job} {pod} {}", run.shown()["job"]);
    assert!(!all.contains("Signature"), "{all}");
    let secret = place.namespace.path(&format!("secrets/{}", name(&run)));
    let secret = place.namespace.cluster.get(&secret).unwrap();
    let keys: Vec<_> = secret["data"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["LONGSHORE_TICKET"]);
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], job["metadata"]["uid"]);
    run.wait().succeeds().prints("slept 3 s\n");
    assert!(place.job(&run).is_none());
}

#[test]
fn no_report_has_the_address_of_the_ticket() {
    let place = Place::new("");
    let answer = place.home.run("add_one").param("n", 1).json().succeeds();
    let said = format!("{:?}", answer.events());
    assert!(said.contains("launched") && !said.contains("Signature"), "{said}");
}

#[test]
fn a_flow_has_its_files_and_its_secret_there() {
    let place = Place::new("");
    place.home.file("config.yaml", "port: 80");
    let answer = place.home.run("lists_files").args(["--include", "config.yaml"]).succeeds();
    assert_eq!(answer.json(), json!([["/files/config.yaml", "port: 80"]]));
    let call =
        place.home.run("sees_placeholder").env("TOKEN", "hush-hush").args(["--allow", "all"]);
    call.succeeds();
    assert!(!place.home.holds("hush-hush"), "a secret is kept nowhere");
}

#[test]
fn a_run_that_is_cancelled_ends_with_its_job() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("spin"));
    until("it runs", || (run.state() == "Running").then_some(()));
    run.verb("cancel").succeeds().prints(&format!("run {} is Cancelled\n", run.short()));
    assert!(place.job(&run).is_none());
}

#[test]
fn a_pod_that_is_killed_is_a_crash_with_its_reason_and_stays_to_explain_it() {
    let place = Place::new("");
    let run = place.home.submitted(place.home.submit("spin"));
    until("it runs", || (run.state() == "Running").then_some(()));
    let filter = format!("name=k8s_runtime_{}", name(&run));
    let found =
        Command::new("docker").args(["ps", "--quiet", "--filter", &filter]).output().unwrap();
    let container = String::from_utf8(found.stdout).unwrap();
    assert!(Command::new("docker").args(["kill", container.trim()]).status().unwrap().success());
    run.wait().exits(exit::RUN_CRASHED).says("SIGKILL");
    assert!(run.reason().contains("exited with code 137"), "{}", run.reason());
    assert!(place.job(&run).is_some());
    run.verb("rm").succeeds();
    assert!(place.job(&run).is_none());
}

#[test]
fn jobs_that_nobody_needs_are_swept() {
    let place = Place::new("");
    let done = place.home.submitted(place.home.submit("add_one").param("n", 1));
    let going_on = place.home.submitted(place.home.submit("sleeps").param("seconds", 60));
    until("it is over", || (done.state() == "Completed").then_some(()));
    let line = format!("removed the job of run {}: its run is Completed\n", done.short());
    place.home.longshore(&["pool", "sweep", "--yes"]).succeeds().prints(&line);
    assert!(place.job(&done).is_none() && place.job(&going_on).is_some());
    going_on.verb("cancel").succeeds();
}

#[test]
fn the_doctor_looks_at_version_permissions_and_image() {
    let place = Place::new("");
    let text = place.home.longshore(&["doctor"]).succeeds().text();
    let expected = format!("; namespace {}; the nodes need the image", place.namespace.name);
    assert!(text.contains("kubernetes") && text.contains(&expected), "{text}");
}

#[test]
fn what_a_launch_would_be_is_shown_without_a_cluster_and_taken_by_one() {
    let place = Place::new("");
    let config = std::fs::read_to_string(&place.kubeconfig).unwrap();
    let call = || place.home.run("nothing").args(["--dry-run=manifest"]);
    let manifest = call().succeeds().text();
    let job: Value = serde_saphyr::from_str(&manifest).unwrap();
    assert_eq!(job["kind"], "Job");
    assert!(!manifest.contains("signed address"), "{manifest}");
    // The server's own rehearsal, by who may create Jobs.
    let path = format!("{}?dryRun=All", place.namespace.jobs_path());
    place.namespace.cluster.make(&path, &job);
    let nowhere = config.replace("127.0.0.1", "127.0.0.9");
    std::fs::write(&place.kubeconfig, nowhere).unwrap();
    call().succeeds();
    let would = place.home.run("nothing").args(["--dry-run"]).json().succeeds().json();
    assert!(would["plan"]["request"]["server"].as_str().unwrap().starts_with("https://127.0.0.9"));
    assert!(!would.to_string().contains("signed address"), "{would}");
    let answer = place.home.run("nothing").exits(exit::INFRASTRUCTURE);
    answer.says("the cluster at https://127.0.0.9");
    let process = place.home.run("nothing").args(["--pool", "local", "--dry-run=manifest"]);
    process
        .exits(exit::BAD_INPUT)
        .says("no other tool takes what is requested of the kind process");
}

#[test]
fn a_directory_is_no_store_for_pods() {
    let home = Home::new();
    let namespace = Kubernetes::here().namespace();
    let kubeconfig = namespace.launcher(&home.path(""));
    let home =
        home.with_pool("kubernetes", &format!("job.kubeconfig = \"{}\"", kubeconfig.display()));
    let answer = home.run("nothing").exits(exit::BAD_INPUT);
    answer.says("the store is a directory of this machine, and pods run on the nodes of a cluster");
    home.has_stored_nothing();
    home.longshore(&["image", "load"]).succeeds();
    home.run("add_one")
        .param("n", 1)
        .args(["--set", "host_path_store=true"])
        .succeeds()
        .prints("2\n");
}
