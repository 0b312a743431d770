//! Settings of jobs that are custom jobs of Vertex AI.

use std::time::Duration;

use super::machine::{Accelerator, BootDisk};
use super::place::LOOK_USUAL;
use super::scheduling::Scheduling;
use crate::google::labels::Labels;
use crate::google::settings::{GoogleCredentials, Part};
use crate::settings::{Integer, OneOf, Variables, settings};

settings! {
    /// What can be set about a custom job of Vertex AI.
    pub struct VertexAiSettings {
        /// The image of the runtime, where Vertex AI finds it: REGION-docker.pkg.dev/PROJECT/REPOSITORY/longshore-runtime:VERSION. There is no default, as Vertex AI takes images from registries only.
        guarded image: Option<String> = None,
        /// The project. Default: GOOGLE_CLOUD_PROJECT of the environment.
        guarded project: Option<Part> = None,
        /// The region.
        guarded region: Part = Part("us-central1".to_owned()),
        /// Where the launcher's credentials are: default (Application Default Credentials), file:/PATH or env:NAME with Google's JSON, or anonymous.
        guarded credentials: GoogleCredentials = GoogleCredentials::default(),
        /// The address of the API of Vertex AI, where it is not Google's own of the region.
        guarded endpoint: Option<String> = None,
        /// The address of the API of Cloud Logging, where it is not Google's own.
        guarded logging_endpoint: Option<String> = None,
        /// The address of the API of the Resource Manager, where it is not Google's own. Only doctor asks it, for the launcher's permissions.
        guarded resource_manager_endpoint: Option<String> = None,
        /// The beginning of the job's display name, of up to 64 characters; the id of the run follows. Default: longshore.
        free name: Option<String> = None,
        /// Labels of the job, beside Longshore's own. Keys are lower-case. Google's bills can be split by them.
        guarded labels: Labels = Labels::default(),
        /// The environment of the runtime: up to 100 variables, which whoever may look at the job sees. A flow sees only what it is granted.
        guarded env: Variables = Variables::default(),
        /// What the container starts in place of the image's own program; args and the runtime's arguments follow.
        guarded command: Vec<String> = Vec::new(),
        /// Arguments before those of the runtime, for a command of your own.
        guarded args: Vec<String> = Vec::new(),
        /// The machine, which the container has for itself.
        guarded machine_type: Part = Part("n1-standard-4".to_owned()),
        /// The kind of the machine's accelerators; goes with accelerator_count.
        guarded accelerator_type: Option<OneOf<Accelerator>> = None,
        /// How many accelerators the machine has; goes with accelerator_type.
        guarded accelerator_count: Option<Integer<1, 16>> = None,
        /// The kind of the machine's disk.
        guarded boot_disk_type: OneOf<BootDisk> = OneOf(BootDisk::PdSsd),
        /// The size of the machine's disk, in GB.
        guarded boot_disk_size_gb: Integer<100, 64_000> = Integer(100),
        /// How long the job may run before Vertex AI ends it, in hours. Default: all attempts of the flow, their pauses and ten minutes for the machine; Vertex AI's own default and most are 7 days.
        guarded maximum_run_time_hours: Option<Integer<1, 168>> = None,
        /// The VPC network that the job is peered with: projects/PROJECT-NUMBER/global/networks/NAME.
        guarded network: Option<String> = None,
        /// Names of the address ranges, reserved in the network, that the job may have addresses of.
        guarded reserved_ip_ranges: Vec<String> = Vec::new(),
        /// How Vertex AI gets the machine: strategy (STANDARD, SPOT or FLEX_START), max_wait_duration (with FLEX_START), restart_job_on_worker_restart, disable_retries (default true: a flow has retries of its own).
        guarded scheduling: Scheduling = Scheduling::default(),
        /// The service account that the container runs as. It needs no permissions where runs have tickets. Default: the Custom Code Service Agent of the project.
        guarded service_account_name: Option<String> = None,
        /// Whether Vertex AI lets people open a shell in the container.
        guarded enable_web_access: bool = false,
        /// Whether Vertex AI lets people reach a dashboard in the container.
        guarded enable_dashboard_access: bool = false,
        /// How long after its launch the job is looked at first, from 100ms to 300s; pauses grow with the time that has been waited, up to 300s. The result of a run does not wait for this.
        guarded job_watch_poll_interval: Duration = LOOK_USUAL,
        /// Whether longshore run shows the output of the container itself. The log of the flow is always shown.
        free stream_output: bool = false,
    }
}
