//! Flows in Docker containers, as a person runs them there.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use longshore_protocol::exit;
use longshore_protocol::id::Digest;
use longshore_tests::{Call, Home, Run, servers, until};
use serde_json::{Value, json};

fn home() -> Home {
    Home::new().with_pool("docker", "")
}

#[track_caller]
fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "docker {arguments:?}: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn container(run: &Run<'_>) -> String {
    format!("longshore-{}", run.id())
}

#[track_caller]
fn inspected(run: &Run<'_>) -> Value {
    let text = docker(&["inspect", &container(run)]);
    serde_json::from_str::<Value>(&text).unwrap()[0].clone()
}

fn is_there(run: &Run<'_>) -> bool {
    let filter = format!("label=longshore.run={}", run.id());
    !docker(&["ps", "--all", "--quiet", "--filter", &filter]).is_empty()
}

/// Removes the container with the test.
struct Removed<'a>(&'a Run<'a>);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        drop(Command::new("docker").args(["rm", "--force", &container(self.0)]).output());
    }
}

#[test]
fn a_flow_runs_in_a_container_that_is_gone_afterwards() {
    let home = home();
    home.run("add_one").param("n", 41).succeeds().prints("42\n");
    let run = home.only_run();
    let outcome = run.outcome();
    assert_eq!(outcome["runtime"]["code"], json!("precompiled"), "nothing is compiled in there");
    assert_eq!(run.record("job.json").unwrap()["kind"], "docker");
    assert!(!is_there(&run));
}

#[test]
fn the_container_is_hardened_and_sees_its_own_run_only() {
    let home = home();
    let run = home.submitted(home.submit("sleeps").param("seconds", 2));
    let _removed = Removed(&run);
    let found = inspected(&run);
    let host = &found["HostConfig"];
    assert_eq!(host["ReadonlyRootfs"], true);
    assert_eq!(host["Init"], true);
    assert_eq!(host["CapDrop"], json!(["ALL"]));
    assert_eq!(host["SecurityOpt"], json!(["no-new-privileges"]));
    assert_eq!(host["NetworkMode"], "none");
    assert_eq!(host["Privileged"], false);
    assert_eq!(host["PidsLimit"], 256);
    assert_eq!(host["NanoCpus"], 1_000_000_000);
    let memory = host["Memory"].as_u64().unwrap();
    assert!((512 << 20..1 << 30).contains(&memory), "{memory}");
    assert_eq!(host["MemorySwap"], memory);
    let mounted: Vec<_> = found["Mounts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mount| {
            let path = mount["Source"].as_str().unwrap();
            (path.rsplit('/').next().unwrap().to_owned(), mount["RW"].as_bool().unwrap())
        })
        .collect();
    let written: Vec<_> = mounted.iter().filter(|(_, is_written)| *is_written).collect();
    assert_eq!(written, [&(run.id().to_owned(), true)]);
    let read = mounted.iter().filter(|(_, is_written)| !is_written);
    let kinds: Vec<_> = read.map(|(name, _)| name.rsplit('.').next().unwrap()).collect();
    assert_eq!(kinds.len(), 2, "{kinds:?}");
    assert!(kinds.contains(&"wasm") && kinds.contains(&"cwasm"), "{kinds:?}");
    let labels = &found["Config"]["Labels"];
    for (name, value) in
        [("run", run.id()), ("pool", "docker"), ("flow", "sleeps"), ("tenant", "default")]
    {
        assert_eq!(labels[format!("longshore.{name}")], value);
    }
    run.wait().succeeds();
    assert!(!is_there(&run));
}

#[test]
fn a_run_that_is_cancelled_ends_with_its_container() {
    let home = home();
    let run = home.submitted(home.submit("spin"));
    let _removed = Removed(&run);
    until("it runs", || (run.state() == "Running").then_some(()));
    run.verb("cancel").succeeds().prints(&format!("run {} is Cancelled\n", run.short()));
    assert!(!is_there(&run));
}

#[test]
fn a_container_that_is_killed_is_a_crash_with_its_reason_and_stays_to_explain_it() {
    let home = home();
    let run = home.submitted(home.submit("spin"));
    let _removed = Removed(&run);
    until("it runs", || (run.state() == "Running").then_some(()));
    docker(&["kill", &container(&run)]);
    run.wait().exits(exit::RUN_CRASHED).says("SIGKILL");
    assert_eq!(run.state(), "Crashed");
    assert!(run.reason().contains("exited with code 137"), "{}", run.reason());
    assert!(is_there(&run));
    run.verb("rm").succeeds();
    assert!(!is_there(&run));
}

#[test]
fn jobs_that_nobody_needs_are_swept() {
    let home = home();
    let done = home.submitted(home.submit("add_one").param("n", 1));
    let going_on = home.submitted(home.submit("sleeps").param("seconds", 60));
    let crashed = home.submitted(home.submit("spin"));
    let (_done, _goes, _crashed) = (Removed(&done), Removed(&going_on), Removed(&crashed));
    // Of another store: nobody's business here.
    let other_home = self::home();
    let other = other_home.submitted(other_home.submit("add_one").param("n", 1));
    let _other = Removed(&other);
    until("they have begun", || (crashed.state() == "Running").then_some(()));
    docker(&["kill", &container(&crashed)]);
    until("it is over", || (done.state() == "Completed").then_some(()));
    until("it is over", || (other.state() == "Completed").then_some(()));

    let sweep = |arguments: &[&str]| home.longshore(&["pool", "sweep"]).args(arguments);
    let line =
        |verb: &str| format!("{verb} the job of run {}: its run is Completed\n", done.short());
    sweep(&[]).succeeds().prints(&format!("{}--yes removes them\n", line("would remove")));
    assert!(is_there(&done));
    sweep(&["docker", "--yes"]).succeeds().prints(&line("removed"));
    assert!(!is_there(&done) && is_there(&going_on) && is_there(&crashed) && is_there(&other));
    sweep(&[]).succeeds().prints("no job is left\n");
    let answer = sweep(&["--keep-crashed", "1ms", "--yes"]).json().succeeds().json();
    assert_eq!(answer["jobs"][0]["run"], crashed.id());
    assert_eq!(answer["jobs"].as_array().unwrap().len(), 1);
    assert!(!is_there(&crashed) && is_there(&going_on));
    assert_eq!(crashed.state(), "Crashed");
    going_on.verb("cancel").succeeds();
}

#[test]
fn a_flow_has_its_files_and_its_secret_there() {
    let home = home();
    home.file("config.yaml", "port: 80");
    let answer = home.run("lists_files").args(["--include", "config.yaml"]).succeeds();
    assert_eq!(answer.json(), json!([["/files/config.yaml", "port: 80"]]));
    let call = home.run("sees_placeholder").env("TOKEN", "hush-hush").args(["--allow", "all"]);
    call.succeeds();
    assert!(!home.holds("hush-hush"), "a secret is kept nowhere");
}

#[test]
fn memory_that_the_flow_may_not_have_is_told_by_the_runtime() {
    let home = home();
    let call = home.run("eats_memory").args(["--limit", "memory=64MiB"]);
    call.exits(exit::RUN_OVER_LIMIT).says("memory");
}

#[test]
fn a_store_on_a_network_is_reached_with_a_ticket_and_nothing_else() {
    let server = servers::s3();
    let bucket = server.bucket();
    let home = Home::over(&bucket).with_pool("docker", "job.network_mode = \"host\"");
    let run = home.submitted(home.submit("sleeps").param("seconds", 1));
    let _removed = Removed(&run);
    let found = inspected(&run);
    let command = found["Config"]["Cmd"].to_string();
    assert!(command.contains("--ticket") && command.len() < 1024, "{command}");
    assert_eq!(found["Mounts"], json!([]));
    assert_eq!(found["Config"]["User"], "65532:65532");
    let env = found["Config"]["Env"].to_string();
    assert!(!env.contains("AWS") && !env.contains("KEY"), "{env}");
    run.wait().succeeds().prints("slept 1 s\n");
    assert!(!is_there(&run));
}

#[test]
fn every_kind_of_storage_is_reached_from_a_network_of_containers() {
    for (name, server) in servers::all() {
        let near = server.near_containers();
        let home = near.home().with_pool("docker", "");
        home.run("add_one").param("n", 1).succeeds().prints("2\n");
        let requests = near.proxy.take_requests();
        assert!(requests.iter().any(|request| request.path.contains("outcome.json")), "{name}");
    }
}

/// A folder with an `ssh` that knows the test server and its key, whatever is configured on this machine.
fn ssh_folder(server: &servers::Ssh) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  UserKnownHostsFile {}\n  StrictHostKeyChecking yes\n",
        server.key.display(),
        server.known_hosts.display()
    );
    std::fs::write(folder.path().join("config"), config).unwrap();
    let real =
        String::from_utf8(Command::new("which").arg("ssh").output().unwrap().stdout).unwrap();
    let script = format!(
        "#!/bin/sh\necho \"$@\" >>{0}/used\nexec {1} -F {0}/config \"$@\"\n",
        folder.path().display(),
        real.trim()
    );
    let path = folder.path().join("ssh");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn an_engine_on_another_machine_is_reached_by_ssh() {
    let server = servers::ssh();
    let folder = ssh_folder(&server);
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let host = format!("ssh://root@{}", server.address);
    let near = servers::s3().near_containers();
    let home = near.home().with_variable("PATH", &path);
    let home = home.with_pool("docker", &format!("job.host = {host:?}"));
    home.run("add_one").param("n", 41).succeeds().prints("42\n");
    let used = std::fs::read_to_string(folder.path().join("used")).unwrap();
    assert!(used.contains("-- 127.0.0.1 docker system dial-stdio"), "{used}");
    // What ssh says is said.
    std::fs::write(folder.path().join("config"), "Host *\n  IdentityFile none\n  BatchMode yes\n  StrictHostKeyChecking yes\n  UserKnownHostsFile none\n").unwrap();
    home.run("add_one")
        .param("n", 41)
        .answer()
        .says(&format!("could not use the Docker engine at {host}: "))
        .says("Host key verification failed")
        .says("hint: ssh must get there without a question");
}

#[test]
fn an_image_is_pushed_and_pulled_as_the_policy_says() {
    let home = home();
    let reference = image(&home, &["load"]).succeeds().text().lines().next().unwrap().to_owned();
    let there = format!("{}/{reference}", servers::registry());
    docker(&["tag", &reference, &there]);
    docker(&["push", "--quiet", &there]);
    docker(&["rmi", &there]);
    let run = |policy: &str| {
        let call = home.run("add_one").param("n", 1).args(["--set", &format!("image={there}")]);
        call.args(["--set", &format!("image_pull_policy={policy}")])
    };
    run("Never").exits(exit::INFRASTRUCTURE).says(&format!("has no image {there}"));
    let pulling = format!("pulling the image {there}");
    run("IfNotPresent").succeeds().prints("2\n").says(&pulling);
    run("IfNotPresent").succeeds().prints("2\n").keeps_quiet_of(&pulling);
    run("Always").succeeds().prints("2\n").says(&pulling);
    run("Never").succeeds().prints("2\n");
    docker(&["rmi", &there]);
}

#[test]
fn a_registry_that_wants_to_know_who_asks_is_told() {
    let home = home();
    let reference = image(&home, &["load"]).succeeds().text().lines().next().unwrap().to_owned();
    let registry = servers::registry_with_users();
    let there = format!("{registry}/{reference}");
    docker(&["tag", &reference, &there]);
    // The docker client's own configuration, as its login leaves it.
    let client = home.path(".docker").display().to_string();
    let login = ["login", "--username", "tester", "--password", "hush-hush", &registry];
    docker(&[&["--config", &client], &login[..]].concat());
    docker(&["--config", &client, "push", "--quiet", &there]);
    std::fs::remove_dir_all(home.path(".docker")).unwrap();
    docker(&["rmi", &there]);

    let run = |credentials: &str| {
        let call = home.run("add_one").param("n", 1).args(["--set", &format!("image={there}")]);
        let call = call.args(["--set", "image_pull_policy=Always"]);
        match credentials {
            "" => call,
            some => call.args(["--set", &format!("registry_credentials={some}")]),
        }
    };
    let refused = run("").exits(exit::INFRASTRUCTURE);
    refused.says("could not pull the image").says("no basic auth credentials");
    let right = run("env:REG").env("REG_USERNAME", "tester").env("REG_PASSWORD", "hush-hush");
    right.succeeds().prints("2\n");
    let wrong = run("env:REG").env("REG_USERNAME", "tester").env("REG_PASSWORD", "let-me-in");
    wrong.exits(exit::INFRASTRUCTURE).says("could not pull the image").keeps_quiet_of("let-me-in");
    let file = home.file("login.json", r#"{"username": "tester", "password": "hush-hush"}"#);
    run(&format!("file:{}", file.display())).succeeds().prints("2\n");
    run("config").exits(exit::BAD_INPUT).says("the docker client's configuration");
    docker(&[&["--config", &client], &login[..]].concat());
    run("config").succeeds().prints("2\n");
    run("").succeeds().prints("2\n");
    docker(&["rmi", &there]);
}

/// What a shell prints for a command; it must succeed.
#[track_caller]
fn shell(folder: &std::path::Path, command: &str) -> String {
    let output = Command::new("bash").args(["-ec", command]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// An engine that is reached by TLS, and lets in who has a certificate: the relay's process, and its address.
fn engine_with_tls(folder: &std::path::Path) -> (std::process::Child, String) {
    let sign = "openssl x509 -req -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 1";
    let request = "openssl req -new -newkey rsa:2048 -nodes -batch";
    shell(
        folder,
        "openssl req -x509 -newkey rsa:2048 -nodes -batch -days 1 -subj /CN=tests -keyout ca-key.pem -out ca.pem",
    );
    shell(folder, "echo subjectAltName=IP:127.0.0.1 > san");
    shell(
        folder,
        &format!(
            "{request} -subj /CN=127.0.0.1 -keyout server-key.pem | {sign} -extfile san -out server.pem"
        ),
    );
    shell(
        folder,
        &format!("{request} -subj /CN=client -keyout key.pem | {sign} -extfile san -out cert.pem"),
    );
    let mut relay = Command::new("python3");
    relay.arg(longshore_tests::repository().join("tests/servers/tls_relay.py"));
    relay.arg("/var/run/docker.sock").arg(folder).stdout(std::process::Stdio::piped());
    let mut relay = relay.spawn().unwrap();
    let mut port = String::new();
    let mut said = std::io::BufReader::new(relay.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut said, &mut port).unwrap();
    (relay, format!("tcp://127.0.0.1:{}", port.trim()))
}

#[test]
fn an_engine_elsewhere_is_reached_by_tls_with_variables_or_a_context() {
    let server = servers::s3();
    let bucket = server.bucket();
    let home = Home::over(&bucket).with_pool("docker", "job.network_mode = \"host\"");
    let folder = home.path("certs");
    std::fs::create_dir(&folder).unwrap();
    let (mut relay, host) = engine_with_tls(&folder);
    let run = || home.run("add_one").param("n", 1);
    let certs = folder.display().to_string();
    let by_variables = run().env("DOCKER_HOST", &host).env("DOCKER_TLS_VERIFY", "1");
    by_variables.env("DOCKER_CERT_PATH", &certs).succeeds().prints("2\n");
    run().env("DOCKER_HOST", &host).exits(exit::INFRASTRUCTURE).says(&host);

    // As the docker client itself makes a context.
    let client = home.path(".docker").display().to_string();
    let certificates =
        format!("host={host},ca={certs}/ca.pem,cert={certs}/cert.pem,key={certs}/key.pem");
    docker(&["--config", &client, "context", "create", "far", "--docker", &certificates]);
    run().args(["--set", "context=far"]).succeeds().prints("2\n");
    run().env("DOCKER_CONTEXT", "far").succeeds().prints("2\n");
    let submitted = home.submit("add_one").param("n", 1).env("DOCKER_CONTEXT", "far");
    let run = home.submitted(submitted);
    // The job remembers its engine, and the context with that address has the certificates.
    run.wait().succeeds().prints("2\n");
    assert!(!is_there(&run));
    relay.kill().unwrap();
    relay.wait().unwrap();
}

#[test]
fn what_a_launch_would_be_is_shown_without_an_engine() {
    let home = home();
    let call = home.run("nothing").args(["--dry-run", "--set", "host=unix:///nonexistent"]).json();
    let would = call.succeeds().json();
    assert_eq!(would["plan"]["request"]["host"], "unix:///nonexistent");
    assert_eq!(would["plan"]["request"]["create"]["HostConfig"]["NetworkMode"], "none");
    home.has_stored_nothing();
    let call = home.run("nothing").args(["--set", "host=unix:///nonexistent"]);
    let answer = call.exits(exit::INFRASTRUCTURE);
    answer.says("could not use the Docker engine at unix:///nonexistent: there is no such socket");
    let call = home.run("nothing").args(["--set", "host=tcp://far:2376"]);
    call.exits(exit::BAD_INPUT).says("and the Docker engine is at tcp://far:2376");
}

#[test]
fn the_doctor_looks_at_engine_and_image() {
    let home = home();
    home.run("nothing").succeeds();
    let text = home.longshore(&["doctor"]).succeeds().text();
    assert!(
        text.contains("docker") && text.contains("the image is there: longshore-runtime:"),
        "{text}"
    );
    let home = Home::new().with_pool("docker", "job.host = \"unix:///nonexistent\"");
    let text = home.longshore(&["doctor"]).exits(exit::INFRASTRUCTURE).text();
    assert!(text.contains("FAIL") && text.contains("hint: start Docker"), "{text}");
}

fn image(home: &Home, arguments: &[&str]) -> Call {
    home.longshore(&["image"]).args(arguments)
}

#[test]
fn the_image_is_the_same_whoever_makes_it() {
    let (home, other) = (home(), home());
    let answer = image(&home, &["build", "--output", "a.tar"]).json().succeeds().json();
    let again = image(&other, &["build", "--output", "b.tar"]).json().succeeds().json();
    assert_eq!(answer["id"], again["id"]);
    let (one, two) =
        (std::fs::read(home.path("a.tar")).unwrap(), std::fs::read(other.path("b.tar")).unwrap());
    assert_eq!(Digest::of(&one), Digest::of(&two));

    // An engine takes the file, and calls the image what we call it.
    docker(&["load", "--input", &home.path("a.tar").display().to_string()]);
    let found = image(&home, &["inspect"]).json().succeeds().json();
    assert_eq!(found["id"], answer["id"]);
    assert_eq!(
        (&found["platform"], &found["user"]),
        (&json!("linux/amd64"), &json!("65532:65532"))
    );
    let version = found["labels"]["org.opencontainers.image.version"].as_str().unwrap();
    assert!(
        answer["reference"].as_str().unwrap().starts_with(&format!("longshore-runtime:{version}-"))
    );
    let doctor = home.longshore(&["doctor"]).succeeds().text();
    assert!(doctor.contains(answer["reference"].as_str().unwrap()), "{doctor}");
}

#[test]
fn the_image_is_loaded_by_hand_and_a_missing_one_is_named() {
    let home = home();
    let reference = image(&home, &["load"]).succeeds().text().lines().next().unwrap().to_owned();
    assert!(docker(&["images", "--quiet", &reference]).len() > 5);
    let answer = image(&home, &["inspect", "none:1"]).exits(exit::BAD_INPUT);
    answer.says("the engine has no image none:1").says("hint: longshore image load");
    let dynamic = longshore_tests::runtime().display().to_string();
    let answer = image(&home, &["load"]).args(["--image-runtime", &dynamic]).exits(exit::BAD_INPUT);
    answer.says("it needs the libraries of this machine").says("hint: make a static one");
}

#[test]
fn the_dockerfile_makes_an_image_that_runs_flows() {
    let home = home();
    let context = home.path("context");
    std::fs::create_dir(&context).unwrap();
    std::fs::copy(longshore_tests::image_runtime(), context.join("longshore-runtime")).unwrap();
    home.file("context/ca-certificates.crt", "");
    let dockerfile = longshore_tests::repository().join("runtime/Dockerfile");
    let (file, folder) = (dockerfile.display().to_string(), context.display().to_string());
    docker(&["build", "--quiet", "--file", &file, "--tag", "longshore-test-built:1", &folder]);
    let call = home.run("add_one").param("n", 1).args(["--set", "image=longshore-test-built:1"]);
    call.succeeds().prints("2\n");
}
