//! The kinds of infrastructure: the only place that knows them all.

use std::path::Path;
use std::str::FromStr;

use longshore_protocol::suggest;
use longshore_protocol::target::Target;

use crate::Error;
#[cfg(feature = "aci")]
use crate::aci;
#[cfg(feature = "cloud-run")]
use crate::cloud_run;
#[cfg(feature = "docker")]
use crate::docker;
#[cfg(feature = "ecs")]
use crate::ecs;
#[cfg(feature = "kubernetes")]
use crate::kubernetes;
use crate::launcher::{Launcher, Plan};
use crate::left_out::{self, LeftOut};
use crate::process;
use crate::settings::{self, Change, JobSettings, Setting};
use crate::surroundings::Surroundings;
#[cfg(feature = "vertex-ai")]
use crate::vertex_ai;

/// What there is of a kind where this build has its feature, and else `None`.
macro_rules! only_with {
    ($feature:tt, $there:expr) => {{
        #[cfg(feature = $feature)]
        {
            Some($there)
        }
        #[cfg(not(feature = $feature))]
        {
            None
        }
    }};
}

/// A kind of infrastructure.
///
/// All kinds are known to each build, so that it understands what others have written; what it cannot do, it says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    /// A process on this machine. The default: it needs nothing.
    #[default]
    Process,
    /// A container of a Docker engine.
    Docker,
    /// A Job of a Kubernetes cluster.
    Kubernetes,
    /// A task of AWS ECS.
    Ecs,
    /// An execution of a job of Google Cloud Run.
    CloudRun,
    /// A custom job of Google Vertex AI.
    VertexAi,
    /// A container group of Azure Container Instances.
    Aci,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 7] = [
        Self::Process,
        Self::Docker,
        Self::Kubernetes,
        Self::Ecs,
        Self::CloudRun,
        Self::VertexAi,
        Self::Aci,
    ];

    /// The name in configuration and records.
    pub fn word(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
            Self::Ecs => "ecs",
            Self::CloudRun => "cloud_run",
            Self::VertexAi => "vertex_ai",
            Self::Aci => "aci",
        }
    }

    /// Whether its jobs get environment variables for their secrets from the launcher rather than from the
    /// infrastructure.
    pub fn hands_on_environment(self) -> bool {
        match self {
            Self::Process | Self::Docker | Self::Kubernetes => true,
            // It keeps secure variables to itself.
            Self::Aci => true,
            // Whoever may look at its jobs sees their variables. Secret Manager fills those that hold secrets.
            Self::Ecs | Self::CloudRun | Self::VertexAi => false,
        }
    }

    /// Whether its jobs are containers, which start the runtime from an image.
    pub fn starts_containers(self) -> bool {
        match self {
            Self::Process => false,
            Self::Docker
            | Self::Kubernetes
            | Self::Ecs
            | Self::CloudRun
            | Self::VertexAi
            | Self::Aci => true,
        }
    }

    /// For which processors machine code is made where the pool does not say.
    pub fn target(self) -> Target {
        match self {
            Self::Process => Target::Native,
            // The engine may be on another machine, and the image's runtime is not this machine's.
            Self::Docker => portable_here(),
            // What almost all nodes are, and what tasks are unless they say otherwise.
            Self::Kubernetes | Self::Ecs => Target::X86_64,
            // The only processors that they have.
            Self::CloudRun | Self::VertexAi | Self::Aci => Target::X86_64,
        }
    }

    /// What can be set about its jobs.
    ///
    /// # Errors
    /// When this build was made without it.
    pub fn settings(self) -> Result<Vec<Setting>, Error> {
        let table = match self {
            Self::Process => Some(process::ProcessSettings::table()),
            Self::Docker => only_with!("docker", docker::DockerSettings::table()),
            Self::Kubernetes => only_with!("kubernetes", kubernetes::KubernetesSettings::table()),
            Self::Ecs => only_with!("ecs", ecs::EcsSettings::table()),
            Self::CloudRun => only_with!("cloud-run", cloud_run::CloudRunSettings::table()),
            Self::VertexAi => only_with!("vertex-ai", vertex_ai::VertexAiSettings::table()),
            Self::Aci => only_with!("aci", aci::AciSettings::table()),
        };
        table.ok_or_else(|| left_out::error(self.word()))
    }

    /// The settings of a job: the defaults of this kind, changed by `changes` one after another.
    ///
    /// # Errors
    /// Names who has set something that does not exist or does not fit. When this build was made without it.
    pub fn resolve<'a>(
        self,
        changes: impl IntoIterator<Item = &'a Change>,
    ) -> Result<JobSettings, Error> {
        settings::resolve(self.word(), &self.settings()?, changes)
    }

    /// A launcher of this kind; `state_folder` is where it may keep files of its jobs. Where this build was made without
    /// it, one that says so whatever it is asked for.
    pub fn launcher(self, state_folder: &Path, surroundings: &Surroundings) -> Box<dyn Launcher> {
        let around = surroundings.clone();
        let there: Option<Box<dyn Launcher>> = match self {
            Self::Process => {
                Some(Box::new(process::ProcessLauncher::new(state_folder.to_owned(), around)))
            }
            Self::Docker => {
                only_with!("docker", Box::new(docker::DockerLauncher::new(around)))
            }
            Self::Kubernetes => {
                only_with!("kubernetes", Box::new(kubernetes::KubernetesLauncher::new(around)))
            }
            Self::Ecs => only_with!("ecs", Box::new(ecs::EcsLauncher::new(around))),
            Self::CloudRun => {
                only_with!("cloud-run", Box::new(cloud_run::CloudRunLauncher::new(around)))
            }
            Self::VertexAi => {
                only_with!("vertex-ai", Box::new(vertex_ai::VertexAiLauncher::new(around)))
            }
            Self::Aci => only_with!("aci", Box::new(aci::AciLauncher::new(around))),
        };
        there.unwrap_or_else(|| Box::new(LeftOut(self.word())))
    }

    /// What is requested, in a form that other tools of the infrastructure take. `None`: it has none.
    ///
    /// # Errors
    /// When the plan is of another kind.
    #[cfg_attr(
        not(feature = "kubernetes"),
        expect(unused_variables, reason = "only a Job is made of a manifest")
    )]
    pub fn manifest(self, plan: &Plan) -> Result<Option<String>, Error> {
        match self {
            Self::Process
            | Self::Docker
            | Self::Ecs
            | Self::CloudRun
            | Self::VertexAi
            | Self::Aci => Ok(None),
            Self::Kubernetes => only_with!("kubernetes", kubernetes::manifest(plan)).transpose(),
        }
    }
}

/// What any processor of this machine's kind executes.
fn portable_here() -> Target {
    Target::portable(std::env::consts::ARCH).unwrap_or(Target::Native)
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(|| {
            let words = || Self::ALL.into_iter().map(Self::word);
            let rest = match suggest::nearest(text, words()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("this version has: {}", words().collect::<Vec<_>>().join(", ")),
            };
            format!("{text:?} is not a kind of infrastructure; {rest}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{self, Shape};

    #[test]
    fn a_slip_in_a_kind_is_named() {
        assert_eq!("process".parse(), Ok(Kind::Process));
        for (text, rest) in [
            ("proces", "did you mean \"process\"?"),
            (
                "k9s",
                "this version has: process, docker, kubernetes, ecs, cloud_run, vertex_ai, aci",
            ),
        ] {
            let why = text.parse::<Kind>().unwrap_err();
            assert_eq!(why, format!("{text:?} is not a kind of infrastructure; {rest}"));
        }
    }

    #[test]
    fn keys_cannot_be_taken_for_something_else() {
        for kind in Kind::ALL {
            for setting in kind.settings().unwrap() {
                let key = setting.key;
                assert!(
                    key.parse::<Kind>().is_err() && key != "unset" && !key.contains('.'),
                    "{key}"
                );
                assert_eq!(setting.check(&setting.default), Ok(setting.default.clone()), "{key}");
                assert!(setting.doc.ends_with('.'), "{key}");
            }
        }
    }

    #[test]
    fn a_template_is_what_a_pool_takes() {
        for kind in Kind::ALL {
            let text = settings::toml(kind.word(), &kind.settings().unwrap());
            let uncommented: Vec<_> =
                text.lines().filter_map(|line| line.strip_prefix("# job.")).collect();
            let text = uncommented.iter().filter(|line| !line.starts_with("unset"));
            let text: String = text.map(|line| format!("{line}\n")).collect();
            let table: serde_json::Map<_, _> = toml::from_str(&text).unwrap();
            assert_eq!(table.len(), kind.settings().unwrap().len());
            let changes = Change::of_table(&table, &settings::Origin::pool("x")).unwrap();
            let settings = kind.resolve(&changes).unwrap().effective();
            for setting in kind
                .settings()
                .unwrap()
                .iter()
                .filter(|setting| setting.shape != Shape::Map && !setting.default.is_null())
            {
                let found = settings.iter().find(|one| one.key == setting.key).unwrap();
                assert_eq!(found.value, setting.default);
            }
        }
    }
}
