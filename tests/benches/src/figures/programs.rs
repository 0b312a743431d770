//! The programs and components that are measured.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use longshore_runtime::engine::{Engine, EngineSettings};

/// Where they are.
pub(crate) struct Programs {
    pub(crate) longshore: PathBuf,
    pub(crate) runtime: PathBuf,
    /// The one that images are made of.
    pub(crate) image_runtime: PathBuf,
    pub(crate) bare: PathBuf,
    guests: PathBuf,
    /// The flows, compiled.
    pub(crate) artefact: PathBuf,
    pub(crate) folder: tempfile::TempDir,
}

impl Programs {
    /// Finds the programs beside this one and builds the guests.
    pub(crate) fn build() -> Self {
        let beside =
            std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_owned();
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("guest/Cargo.toml");
        let guest_target = beside.join("bench-guests");
        let status = Command::new("cargo")
            .args(["build", "--release", "--target", "wasm32-wasip2", "--manifest-path"])
            .arg(&manifest)
            .env("CARGO_TARGET_DIR", &guest_target)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success(), "building the guests failed");
        let folder = tempfile::tempdir().unwrap();
        let programs = Self {
            longshore: beside.join("longshore"),
            runtime: beside.join("longshore-runtime"),
            image_runtime: beside
                .with_file_name("x86_64-unknown-linux-musl")
                .join("dist/longshore-runtime"),
            bare: beside.join("longshore-bare"),
            guests: guest_target.join("wasm32-wasip2/release"),
            artefact: folder.path().join("flows.cwasm"),
            folder,
        };
        for program in [&programs.longshore, &programs.runtime, &programs.bare] {
            assert!(program.is_file(), "{} is missing: start tests/bench.sh", program.display());
        }
        let content = Engine::new(EngineSettings::default())
            .unwrap()
            .compile(&programs.component("flows"))
            .unwrap();
        std::fs::write(&programs.artefact, content).unwrap();
        programs
    }

    /// The file of a guest.
    pub(crate) fn guest(&self, name: &str) -> PathBuf {
        self.guests.join(format!("bench_{name}.wasm"))
    }

    /// The bytes of a guest.
    pub(crate) fn component(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.guest(name)).unwrap()
    }

    /// The CLI, in a home of its own.
    pub(crate) fn cli(&self) -> Command {
        let mut command = Command::new(&self.longshore);
        command.env_clear().env("HOME", self.folder.path()).arg("--quiet");
        command.env("LONGSHORE_IMAGE_RUNTIME", &self.image_runtime);
        if let Ok(path) = path_variable() {
            command.env("PATH", path);
        }
        command
    }

    /// The most memory that a program has, in MiB.
    pub(crate) fn peak_mib(&self, program: &Path, arguments: &[&str]) -> f64 {
        let mut command = Command::new(&self.bare);
        command
            .arg("peak")
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("HOME", self.folder.path());
        let answer = command.output().unwrap();
        assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
        let answer = String::from_utf8(answer.stdout).unwrap();
        let peak_kib = answer.split_whitespace().next().unwrap();
        peak_kib.parse::<f64>().unwrap() / 1024.0
    }
}

#[expect(clippy::disallowed_methods, reason = "a bench is started by a person's shell")]
fn path_variable() -> Result<String, std::env::VarError> {
    std::env::var("PATH")
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Vec<u8> {
    let answer = command.output().unwrap();
    assert!(answer.status.success(), "{command:?}: {}", String::from_utf8_lossy(&answer.stderr));
    answer.stdout
}
