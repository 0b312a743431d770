//! Settings of jobs that are executions of Cloud Run jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::google::labels::Labels;
use crate::google::settings::{GoogleCredentials, Part};
use crate::settings::{Cpus, Integer, OneOf, Size, Variables, Word, settings};

/// How much Google promises about the features that a job uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LaunchStage {
    /// Early features, for some projects only.
    Alpha,
    /// Features in preview.
    Beta,
    /// What is generally available.
    Ga,
}

impl Word for LaunchStage {
    const ALL: &'static [Self] = &[Self::Alpha, Self::Beta, Self::Ga];

    fn word(self) -> &'static str {
        match self {
            Self::Alpha => "ALPHA",
            Self::Beta => "BETA",
            Self::Ga => "GA",
        }
    }
}

/// Which traffic of a job goes through its VPC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Egress {
    /// All of it.
    All,
    /// That to private addresses.
    Private,
}

impl Word for Egress {
    const ALL: &'static [Self] = &[Self::All, Self::Private];

    fn word(self) -> &'static str {
        match self {
            Self::All => "ALL_TRAFFIC",
            Self::Private => "PRIVATE_RANGES_ONLY",
        }
    }
}

settings! {
    /// What can be set about an execution of a Cloud Run job.
    pub struct CloudRunSettings {
        /// The image of the runtime, where Cloud Run finds it: REGION-docker.pkg.dev/PROJECT/REPOSITORY/longshore-runtime:VERSION. There is no default, as Cloud Run takes images from registries only.
        guarded image: Option<String> = None,
        /// The project. Default: GOOGLE_CLOUD_PROJECT of the environment.
        guarded project: Option<Part> = None,
        /// The region.
        guarded region: Part = Part("us-central1".to_owned()),
        /// Where the launcher's credentials are: default (Application Default Credentials), file:/PATH or env:NAME with Google's JSON, or anonymous.
        guarded credentials: GoogleCredentials = GoogleCredentials::default(),
        /// The address of the API of Cloud Run, where it is not Google's own.
        guarded endpoint: Option<String> = None,
        /// The address of the API of Cloud Logging, where it is not Google's own.
        guarded logging_endpoint: Option<String> = None,
        /// The address of the API of the Resource Manager, where it is not Google's own. Only doctor asks it, for the launcher's permissions.
        guarded resource_manager_endpoint: Option<String> = None,
        /// The beginning of the job's name, of up to 12 characters; the id of the run follows. Default: longshore.
        free name: Option<String> = None,
        /// Labels of job and execution, beside Longshore's own. Keys are lower-case. Google's bills can be split by them.
        guarded labels: Labels = Labels::default(),
        /// The environment of the runtime. A flow sees only what it is granted.
        guarded env: Variables = Variables::default(),
        /// Variables of the runtime that Secret Manager fills: NAME = SECRET or SECRET:VERSION; without a version, the latest. The secrets of flows come this way.
        guarded env_from_secrets: BTreeMap<String, String> = BTreeMap::new(),
        /// What the container starts in place of the image's own program; args and the runtime's arguments follow.
        guarded command: Vec<String> = Vec::new(),
        /// Arguments before those of the runtime, for a command of your own.
        guarded args: Vec<String> = Vec::new(),
        /// Processors: 1, 2, 4 or 8. Default: 1 (1000m), or as many as the memory asks for. A flow has one thread.
        guarded cpu: Option<Cpus> = None,
        /// The memory of the container. Default: what the flow's limits add up to, and what the runtime takes, at least 512 MiB, which is Cloud Run's own default and least.
        guarded memory: Option<Size> = None,
        /// How long the task may take before Cloud Run ends it, up to 168 hours. Default: all attempts of the flow, their pauses and a minute; Cloud Run's own default would be 600 s.
        guarded timeout: Option<Duration> = None,
        /// How often Cloud Run starts a task again that has failed. A flow's own retries need none.
        guarded max_retries: Integer<0, 10> = Integer(0),
        /// The service account that the container runs as. It needs no permissions where runs have tickets. Default: the project's default account.
        guarded service_account_name: Option<String> = None,
        /// The connector to a VPC: its name, or projects/PROJECT/locations/REGION/connectors/NAME.
        guarded vpc_connector_name: Option<String> = None,
        /// Which traffic goes through the VPC, where there is a connector.
        guarded vpc_egress: OneOf<Egress> = OneOf(Egress::Private),
        /// Cloud SQL instances whose sockets are below /cloudsql, each as PROJECT:REGION:INSTANCE.
        guarded cloudsql_instances: Vec<String> = Vec::new(),
        /// The launch stage: BETA or ALPHA where a patch uses such features.
        guarded launch_stage: OneOf<LaunchStage> = OneOf(LaunchStage::Ga),
        /// Whether runs share a job that stays: it is created once for all runs with the same settings, and each is an execution of it. Otherwise each run has a job of its own, which is deleted when the run has an outcome.
        guarded keep_job: bool = false,
        /// Whether longshore run shows the output of the container itself. The log of the flow is always shown.
        free stream_output: bool = false,
    }
}
