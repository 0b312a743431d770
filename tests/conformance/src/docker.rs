//! Containers of a Docker engine.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use longshore_launchers::image::{self, Images};
use longshore_launchers::kind::Kind;
use longshore_launchers::launcher::{Handle, Plan};
use longshore_launchers::surroundings::Surroundings;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Hands, Stand};

/// The image with a shell.
pub const SHELL: &str = "longshore-test-shell:1";
/// The engine of this machine.
const USUAL: &str = "unix:///var/run/docker.sock";

/// A stand whose jobs are containers of the engine of this machine.
pub fn stand(settings: &[(&str, &str)]) -> Stand {
    stand_at(USUAL, settings)
}

/// A stand whose jobs are containers of the engine at `host`.
pub fn stand_at(host: &str, settings: &[(&str, &str)]) -> Stand {
    let docker = Docker { host: host.to_owned() };
    docker.import_shell();
    let settings: Vec<_> = [("host", host)].into_iter().chain(settings.iter().copied()).collect();
    Stand::new(Kind::Docker, &settings, None, Box::new(docker))
}

/// The docker client.
#[derive(Debug, Clone)]
pub struct Docker {
    /// The engine.
    pub host: String,
}

impl Docker {
    /// That of the engine of this machine.
    pub fn here() -> Self {
        Self { host: USUAL.to_owned() }
    }

    /// What the client puts out for these arguments; it must succeed.
    #[track_caller]
    pub fn text(&self, arguments: &[&str]) -> String {
        let output = Command::new("docker").arg("--host").arg(&self.host).args(arguments).output();
        let output = output.expect("docker.io is installed: tests/servers/docker.sh up");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "docker {arguments:?}: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// What the engine says of a container.
    #[track_caller]
    pub fn inspect(&self, name: &str) -> Value {
        let text = self.text(&["inspect", name]);
        let all: Value = serde_json::from_str(&text).expect("docker answers JSON");
        all[0].clone()
    }

    /// Makes the image with a shell, of busybox alone.
    pub(crate) fn import_shell(&self) {
        self.import_shell_as(SHELL, &[]);
    }

    /// Makes it under this name, with other options of `docker import`.
    pub(crate) fn import_shell_as(&self, name: &str, options: &[&str]) {
        if !self.text(&["images", "--quiet", name]).is_empty() {
            return;
        }
        let folder = tempfile::tempdir().expect("there is a folder for temporary files");
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin).expect("it can be written");
        std::fs::copy("/bin/busybox", bin.join("busybox"))
            .expect("busybox-static is installed: tests/servers/docker.sh up");
        for name in ["echo", "printf", "sh", "sleep", "tail"] {
            std::os::unix::fs::symlink("busybox", bin.join(name)).expect("it can be written");
        }
        let archive = folder.path().join("shell.tar");
        let mut tar = Command::new("tar");
        tar.arg("-cf").arg(&archive).arg("-C").arg(folder.path()).arg("bin");
        let packed = tar.status().expect("tar is there");
        assert!(packed.success());
        let archive = archive.display().to_string();
        let arguments: Vec<_> = ["import"]
            .into_iter()
            .chain(options.iter().copied())
            .chain([&*archive, name])
            .collect();
        self.text(&arguments);
    }
}

/// Puts the runtime under test into the engine of this machine, where other infrastructures find it; returns its name.
pub(crate) fn load_runtime() -> &'static str {
    static LOADED: OnceLock<String> = OnceLock::new();
    LOADED.get_or_init(|| {
        let load = async {
            let cache = tempfile::tempdir().expect("there is a folder for temporary files");
            let binary = longshore_tests::image_runtime();
            let image = image::here(Some(binary), longshore_tests::runtime(), cache.path()).await;
            let image = image.expect("it is static");
            let images = Images::new(None, None, &Surroundings::default()).expect("it is usual");
            if images.find(&image.reference).await.expect("Docker answers").is_none() {
                images.load(&image, &|_| ()).await.expect("Docker takes it");
            }
            image.reference
        };
        // A test has a runtime of its own, in which no other one may run.
        let loaded = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("there are threads").block_on(load)
        });
        loaded.join().expect("it can be loaded")
    })
}

fn name(handle: &Handle) -> &str {
    handle.0.rsplit('|').next().expect("a split has a part")
}

impl Hands for Docker {
    fn scripted(&self, plan: &Plan, script: &str) -> Plan {
        let mut plan = plan.clone();
        let request = &mut plan.request;
        request["image_made_from"] = Value::Null;
        request["image_pull_policy"] = json!("Never");
        let create = &mut request["create"];
        create["Image"] = json!(SHELL);
        create["Entrypoint"] = json!(["/bin/sh", "-c", script]);
        // There is no run whose folder could be mounted.
        create["HostConfig"]["Mounts"] = Value::Null;
        plan
    }

    fn kill(&self, handle: &Handle) {
        self.text(&["kill", name(handle)]);
    }

    fn count(&self, handle: &Handle) -> usize {
        let filter = format!("name={}", name(handle));
        self.text(&["ps", "--all", "--quiet", "--filter", &filter]).lines().count()
    }
}

/// An engine of one's own, which can be killed and started again. Its containers have no network.
#[derive(Debug)]
pub struct OwnEngine {
    folder: TempDir,
    process: Option<std::process::Child>,
    options: &'static [&'static str],
}

impl OwnEngine {
    /// Starts one.
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Starts one with more options.
    pub fn start_with(options: &'static [&'static str]) -> Self {
        // A socket's path is short, and the folder of temporary files may be deep.
        let folder = tempfile::Builder::new().prefix("longshore-dockerd-").tempdir_in("/tmp");
        let mut engine = Self { folder: folder.expect("there is a /tmp"), process: None, options };
        engine.up();
        engine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where it is.
    pub fn host(&self) -> String {
        format!("unix://{}", self.path("docker.sock").display())
    }

    /// Starts it again, and again where it gives up, as an init system does: after a kill, what is left of the engine
    /// before may be in its way.
    pub fn up(&mut self) {
        let mut process = self.spawn();
        longshore_tests::until("the engine answers", || {
            if let Ok(Some(_)) = process.try_wait() {
                process = self.spawn();
            }
            let mut client = Command::new("docker");
            client.arg("--host").arg(self.host()).arg("version");
            let answer = client.output().expect("docker.io is installed");
            answer.status.success().then_some(())
        });
        self.process = Some(process);
    }

    fn spawn(&self) -> std::process::Child {
        let log = std::fs::File::create(self.path("log")).expect("it can be written");
        // In a network of its own: told to have no bridge, it would remove that of the machine's engine.
        let mut dockerd = Command::new("unshare");
        dockerd.args(["--net", "dockerd"]);
        dockerd.arg("--host").arg(self.host());
        let places = [("--data-root", "data"), ("--exec-root", "exec"), ("--pidfile", "pid")];
        for (option, name) in places {
            dockerd.arg(option).arg(self.path(name));
        }
        dockerd.args(["--bridge", "none", "--iptables=false", "--ip6tables=false"]);
        dockerd.args(self.options);
        dockerd.stdout(log.try_clone().expect("it is open")).stderr(log);
        dockerd.spawn().expect("docker.io is installed")
    }

    /// Ends it, by a signal; its containers are what it leaves them to be.
    pub fn down(&mut self, signal: rustix::process::Signal) {
        let Some(mut process) = self.process.take() else { return };
        let pid = rustix::process::Pid::from_child(&process);
        rustix::process::kill_process(pid, signal).expect("it is our child");
        process.wait().expect("it is our child");
        if signal == rustix::process::Signal::KILL {
            // Nobody else removes it then.
            drop(std::fs::remove_file(self.path("pid")));
        }
    }
}

impl Drop for OwnEngine {
    fn drop(&mut self) {
        if self.process.is_none() {
            // A test that has failed is told about, and not this.
            if std::thread::panicking() {
                return;
            }
            self.up();
        }
        let docker = Docker { host: self.host() };
        let all = docker.text(&["ps", "--all", "--quiet"]);
        for container in all.lines() {
            docker.text(&["rm", "--force", container]);
        }
        self.down(rustix::process::Signal::TERM);
        unmount(self.folder.path());
    }
}

/// What an engine has mounted and left.
fn unmount(folder: &Path) {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let within = mounts.lines().filter_map(|line| line.split(' ').nth(1));
    for place in within.filter(|place| Path::new(place).starts_with(folder)) {
        drop(Command::new("umount").arg("--lazy").arg(place).status());
    }
}
