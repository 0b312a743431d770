//! Runs in Docker, against the same number of bare containers.

use std::path::PathBuf;
use std::process::Command;

use bollard::Docker;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, LogsOptionsBuilder, RemoveContainerOptionsBuilder,
    StartContainerOptions, WaitContainerOptionsBuilder,
};
use futures::StreamExt as _;
use futures::future::join_all;
use jiff::Timestamp;

use crate::programs::{Programs, run};
use crate::table::{Table, medians};

const ROUNDS: usize = 20;
const ROUNDS_OF_MANY: usize = 3;
const MANY: usize = 50;
const RUNTIME_MS: f64 = 15.0;
const LAUNCHER_MIB: f64 = 60.0;
const IMAGE_MIB: f64 = 40.0;
/// An image with a static program that says hello, made by `tests/bench.sh`.
pub(crate) const HELLO: &str = "longshore-bench-hello:1";

pub(crate) fn measure(programs: &Programs, table: &mut Table) {
    let bare = Bare::new();
    let home = Home::new(programs);
    one(&home, &bare, table);
    inside(&home, &bare, table);
    many(programs, &home, &bare, table);
    let bytes = std::fs::metadata(&home.image).unwrap().len();
    table.bounded("image of the runtime", bytes as f64 / f64::from(1 << 20), IMAGE_MIB, "MiB");
}

/// A trivial flow, from the command line to its result.
fn one(home: &Home<'_>, bare: &Bare, table: &mut Table) {
    let mut ours = || assert_eq!(run(&mut home.call("add_one")), b"2\n");
    let mut theirs = || bare.once(&hello());
    let [ours, theirs] = medians(ROUNDS, [&mut ours, &mut theirs]);
    table.times("longshore run in Docker / a bare container", ours, theirs, 1.25);
}

/// What the runtime takes in its container: how much longer that runs than one that only says hello. The engine notes a
/// start a little late, and that of both by as much, so it is the difference that counts.
fn inside(home: &Home<'_>, bare: &Bare, table: &mut Table) {
    let median = |mut times: Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    };
    let mut times: [Vec<f64>; 2] = Default::default();
    for _ in 0..ROUNDS {
        let mut call = home.call("add_one");
        run(call.args(["--set", "auto_remove=false"]));
        let name = format!("longshore-{}", home.newest());
        times[0].push(bare.time_of_ms(&name));
        bare.remove(&name);
        times[1].push(bare.time_of_hello_ms());
    }
    let [ours, theirs] = times.map(median);
    table.bounded("the runtime's own time in its container", ours - theirs, RUNTIME_MS, "ms");
}

/// Many at once, from one launcher.
fn many(programs: &Programs, home: &Home<'_>, bare: &Bare, table: &mut Table) {
    let program = programs.longshore.with_file_name("longshore-many");
    let folder = programs.folder.path().join("many");
    let flows = programs.guest("flows");
    let count = MANY.to_string();
    let arguments = [
        "docker",
        &count,
        flows.to_str().unwrap(),
        folder.to_str().unwrap(),
        programs.image_runtime.to_str().unwrap(),
    ];
    let mut ours = || drop(run(Command::new(&program).args(arguments).env("PATH", home.path())));
    let mut theirs = || bare.many(MANY);
    let [ours, theirs] = medians(ROUNDS_OF_MANY, [&mut ours, &mut theirs]);
    table.times("50 runs at once in Docker / 50 bare containers", ours, theirs, 1.3);
    let peak = programs.peak_mib(&program, &arguments);
    table.bounded("memory of the launcher of 50 runs", peak, LAUNCHER_MIB, "MiB");
}

/// Where `longshore` is called, with a pool of containers.
struct Home<'a> {
    programs: &'a Programs,
    image: PathBuf,
}

impl<'a> Home<'a> {
    fn new(programs: &'a Programs) -> Self {
        let folder = programs.folder.path().join(".config/longshore");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("config.toml"), "[pools.docker]\ntype = \"docker\"\n").unwrap();
        let image = programs.folder.path().join("image.tar");
        run(programs.cli().args(["image", "build", "--output"]).arg(&image));
        Self { programs, image }
    }

    fn path(&self) -> std::ffi::OsString {
        let cli = self.programs.cli();
        let path = cli.get_envs().find(|(name, _)| *name == "PATH");
        path.and_then(|(_, value)| value).unwrap_or_default().to_owned()
    }

    fn call(&self, flow: &str) -> Command {
        let mut command = self.programs.cli();
        command.args(["--pool", "docker", "run"]).arg(self.programs.guest("flows"));
        command.args([flow, "-p", "n=1"]);
        command
    }

    fn newest(&self) -> String {
        let text = run(self.programs.cli().args(["list", "--limit", "1", "--format", "json"]));
        let runs: serde_json::Value = serde_json::from_slice(&text).unwrap();
        runs[0]["run"].as_str().unwrap().to_owned()
    }
}

/// A name that a bench before this one has not left behind.
fn hello() -> String {
    format!("longshore-bench-hello-{}", std::process::id())
}

/// Docker's API without anything of ours.
struct Bare {
    runtime: tokio::runtime::Runtime,
    docker: Docker,
}

impl Bare {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let docker = runtime.block_on(async {
            Docker::connect_with_unix_defaults().unwrap().negotiate_version().await.unwrap()
        });
        Self { runtime, docker }
    }

    fn once(&self, name: &str) {
        self.runtime.block_on(self.hello(name));
    }

    fn many(&self, count: usize) {
        let names: Vec<_> = (0..count).map(|n| format!("{}-{n}", hello())).collect();
        self.runtime.block_on(join_all(names.iter().map(|name| self.hello(name))));
    }

    /// Create, start, wait, logs, remove.
    async fn hello(&self, name: &str) {
        self.begun(name).await;
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).build();
        let said: Vec<_> = self.docker.logs(name, Some(options)).collect().await;
        assert_eq!(said[0].as_ref().unwrap().to_string(), "hello\n");
        self.removed(name).await;
    }

    async fn begun(&self, name: &str) {
        let body = ContainerCreateBody {
            image: Some(HELLO.to_owned()),
            cmd: Some(vec!["/busybox".into(), "echo".into(), "hello".into()]),
            host_config: Some(HostConfig {
                network_mode: Some("none".to_owned()),
                ..HostConfig::default()
            }),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        self.docker.create_container(Some(options), body).await.unwrap();
        self.docker.start_container(name, None::<StartContainerOptions>).await.unwrap();
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        self.docker.wait_container(name, Some(options)).next().await.unwrap().unwrap();
    }

    async fn removed(&self, name: &str) {
        let options = RemoveContainerOptionsBuilder::default().build();
        self.docker.remove_container(name, Some(options)).await.unwrap();
    }

    fn remove(&self, name: &str) {
        self.runtime.block_on(self.removed(name));
    }

    fn time_of_hello_ms(&self) -> f64 {
        let name = hello();
        self.runtime.block_on(self.begun(&name));
        let time = self.time_of_ms(&name);
        self.remove(&name);
        time
    }

    /// From the start of a container's program to its end, as the engine has it.
    fn time_of_ms(&self, name: &str) -> f64 {
        let found = self.docker.inspect_container(name, None);
        let state = self.runtime.block_on(found).unwrap().state.unwrap();
        let at = |time: Option<String>| time.unwrap().parse::<Timestamp>().unwrap();
        at(state.finished_at).duration_since(at(state.started_at)).as_secs_f64() * 1e3
    }
}
