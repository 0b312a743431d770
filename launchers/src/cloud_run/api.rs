//! The parts of Cloud Run's API v2 that are used here.
//!
//! Source: <https://run.googleapis.com/$discovery/rest?version=v2>, and
//! <https://docs.cloud.google.com/run/docs/reference/rest/v2/projects.locations.jobs>.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::google::status::Status;

/// What a job's executions are made of.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct JobDefinition {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) client: String,
    pub(super) client_version: String,
    pub(super) launch_stage: String,
    /// With it, the job starts an execution of this ending when it is created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) start_execution_token: Option<String>,
    pub(super) template: ExecutionTemplate,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionTemplate {
    pub(super) labels: BTreeMap<String, String>,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) parallelism: u32,
    pub(super) task_count: u32,
    pub(super) template: TaskTemplate,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TaskTemplate {
    pub(super) max_retries: u64,
    pub(super) timeout: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service_account: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vpc_access: Option<VpcAccess>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) volumes: Vec<Volume>,
}

#[derive(Debug, Serialize)]
pub(super) struct VpcAccess {
    pub(super) connector: String,
    pub(super) egress: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Volume {
    pub(super) name: String,
    pub(super) cloud_sql_instance: CloudSqlInstance,
}

#[derive(Debug, Serialize)]
pub(super) struct CloudSqlInstance {
    pub(super) instances: Vec<String>,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) args: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) env: Vec<EnvVar>,
    pub(super) resources: Resources,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) volume_mounts: Vec<VolumeMount>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct Resources {
    pub(super) limits: BTreeMap<String, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VolumeMount {
    pub(super) name: String,
    pub(super) mount_path: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvVar {
    #[serde(default)]
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) value_source: Option<ValueSource>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValueSource {
    pub(super) secret_key_ref: SecretKeyRef,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SecretKeyRef {
    #[serde(default)]
    pub(super) secret: String,
    #[serde(default)]
    pub(super) version: String,
}

/// What is different in one execution.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Overrides {
    pub(super) container_overrides: Vec<ContainerOverride>,
    pub(super) timeout: String,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct ContainerOverride {
    pub(super) name: String,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<EnvVar>,
}

/// A job, as Cloud Run describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Job {
    /// Its whole name.
    pub(super) name: String,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) terminal_condition: Option<Condition>,
    pub(super) latest_created_execution: Option<ExecutionReference>,
    pub(super) etag: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ExecutionReference {
    /// Its name below the job.
    pub(super) name: String,
}

/// An execution, as Cloud Run describes it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Execution {
    /// Its whole name.
    pub(super) name: String,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) start_time: Option<String>,
    pub(super) completion_time: Option<String>,
    pub(super) running_count: u32,
    pub(super) succeeded_count: u32,
    pub(super) failed_count: u32,
    pub(super) cancelled_count: u32,
    pub(super) retried_count: u32,
    pub(super) conditions: Vec<Condition>,
    pub(super) template: Template,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    pub(super) containers: Vec<Described>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Described {
    pub(super) env: Vec<EnvVar>,
    pub(super) resources: DescribedResources,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct DescribedResources {
    pub(super) limits: BTreeMap<String, String>,
}

/// What is known of one aspect of a job or an execution. Values from the future are texts like all others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) message: String,
    pub(super) reason: String,
    pub(super) execution_reason: String,
}

/// A task of an execution.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Task {
    pub(super) last_attempt_result: Option<AttemptResult>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct AttemptResult {
    pub(super) exit_code: Option<i32>,
    pub(super) term_signal: Option<i32>,
    pub(super) status: Option<Status>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Jobs {
    pub(super) jobs: Vec<Job>,
    pub(super) next_page_token: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Executions {
    pub(super) executions: Vec<Execution>,
    pub(super) next_page_token: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Tasks {
    pub(super) tasks: Vec<Task>,
}
