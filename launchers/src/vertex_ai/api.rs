//! The parts of Vertex AI's API v1 that are used here.
//!
//! Source: <https://aiplatform.googleapis.com/$discovery/rest?version=v1>, and
//! <https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs>.

use std::collections::BTreeMap;

use longshore_protocol::Timestamp;
use serde::{Deserialize, Serialize};

use crate::google::status::Status;

/// A custom job without its pools of machines.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobDefinition {
    pub(super) display_name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) job_spec: JobSpec,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobSpec {
    pub(super) scheduling: SchedulingSpec,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) network: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) reserved_ip_ranges: Vec<String>,
    pub(super) enable_web_access: bool,
    pub(super) enable_dashboard_access: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SchedulingSpec {
    pub(super) timeout: String,
    pub(super) disable_retries: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) restart_job_on_worker_restart: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_wait_duration: Option<String>,
}

/// The pool with the one machine of a run, without its container.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WorkerPool {
    pub(super) machine_spec: MachineSpec,
    pub(super) disk_spec: DiskSpec,
    /// As JSON has 64-bit numbers of protocol buffers.
    pub(super) replica_count: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MachineSpec {
    pub(super) machine_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) accelerator_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) accelerator_count: Option<u64>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DiskSpec {
    pub(super) boot_disk_type: String,
    pub(super) boot_disk_size_gb: u64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) image_uri: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) args: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<EnvVar>,
}

#[derive(Debug, Serialize)]
pub(super) struct EnvVar {
    pub(super) name: String,
    pub(super) value: String,
}

/// A job, as Vertex AI describes it. Values from the future are texts like all others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CustomJob {
    /// Its whole name, which Vertex AI has chosen.
    pub(super) name: String,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) state: String,
    pub(super) create_time: String,
    pub(super) start_time: Option<String>,
    pub(super) end_time: Option<String>,
    pub(super) error: Option<Status>,
}

impl CustomJob {
    /// What decides which of several jobs of a run is that of the run: the first, and then by name.
    pub(super) fn rank(&self) -> (Timestamp, &str) {
        (self.create_time.parse().unwrap_or(Timestamp::MAX), &self.name)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct CustomJobs {
    pub(super) custom_jobs: Vec<CustomJob>,
    pub(super) next_page_token: String,
}
