//! The parts of Azure's API of container groups that are used here: version 2023-05-01.
//!
//! Source: <https://learn.microsoft.com/en-us/rest/api/container-instances/container-groups?view=rest-container-instances-2023-05-01>,
//! and the models of the package `azure-mgmt-containerinstance` 10.1.0.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version that all requests are of.
pub(super) const VERSION: &str = "2023-05-01";

/// A container group without its containers.
#[derive(Debug, Default, Serialize)]
pub(super) struct GroupDefinition {
    pub(super) location: String,
    pub(super) tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<Identity>,
    pub(super) properties: GroupProperties,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) user_assigned_identities: BTreeMap<String, Empty>,
}

/// What is said of an identity: nothing.
#[derive(Debug, Serialize)]
pub(super) struct Empty {}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupProperties {
    pub(super) os_type: &'static str,
    pub(super) restart_policy: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) image_registry_credentials: Vec<RegistryCredential>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) subnet_ids: Vec<SubnetId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dns_config: Option<DnsConfig>,
}

#[derive(Debug, Default, Serialize)]
pub(super) struct RegistryCredential {
    pub(super) server: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) username: Option<String>,
    /// Cannot be read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) identity: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct SubnetId {
    pub(super) id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DnsConfig {
    pub(super) name_servers: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Container {
    pub(super) name: &'static str,
    pub(super) properties: ContainerProperties,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ContainerProperties {
    pub(super) image: String,
    /// In place of the image's own program and arguments.
    pub(super) command: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) environment_variables: Vec<EnvironmentVariable>,
    pub(super) resources: Resources,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EnvironmentVariable {
    pub(super) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) value: Option<String>,
    /// Cannot be read back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secure_value: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Resources {
    pub(super) requests: ResourceRequests,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ResourceRequests {
    #[serde(rename = "memoryInGB")]
    pub(super) memory_in_gb: f64,
    pub(super) cpu: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gpu: Option<Gpu>,
}

#[derive(Debug, Serialize)]
pub(super) struct Gpu {
    pub(super) count: u64,
    pub(super) sku: &'static str,
}

/// A container group, as Azure describes it. Words from the future are texts like all others.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Group {
    pub(super) name: String,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) properties: DescribedProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DescribedProperties {
    pub(super) provisioning_state: String,
    pub(super) containers: Vec<DescribedContainer>,
    /// A list of groups is without it.
    pub(super) instance_view: GroupView,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct GroupView {
    pub(super) state: String,
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct DescribedContainer {
    pub(super) name: String,
    pub(super) properties: DescribedContainerProperties,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DescribedContainerProperties {
    pub(super) instance_view: ContainerView,
    pub(super) resources: DescribedResources,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct DescribedResources {
    pub(super) requests: DescribedRequests,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct DescribedRequests {
    #[serde(rename = "memoryInGB")]
    pub(super) memory_in_gb: Option<f64>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerView {
    pub(super) current_state: ContainerState,
    pub(super) events: Vec<Event>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContainerState {
    pub(super) state: String,
    pub(super) exit_code: Option<i32>,
    pub(super) detail_status: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Event {
    pub(super) first_timestamp: String,
    pub(super) name: String,
    pub(super) message: String,
    #[serde(rename = "type")]
    pub(super) kind: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page<T> {
    #[serde(default = "Vec::new")]
    pub(super) value: Vec<T>,
    /// The whole address of the next page.
    #[serde(default)]
    pub(super) next_link: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Logs {
    pub(super) content: Option<String>,
}

/// How much of a quota is used in a location.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Usage {
    pub(super) current_value: i64,
    pub(super) limit: i64,
    pub(super) name: UsageName,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct UsageName {
    pub(super) value: String,
}

/// What somebody may do: of `Microsoft.Authorization/permissions`, version 2022-04-01.
/// <https://learn.microsoft.com/en-us/rest/api/authorization/permissions/list-for-resource-group>
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Permission {
    pub(super) actions: Vec<String>,
    pub(super) not_actions: Vec<String>,
}

/// A subnet: <https://learn.microsoft.com/en-us/rest/api/virtualnetwork/subnets/get>.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Subnet {
    pub(super) properties: SubnetProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SubnetProperties {
    pub(super) delegations: Vec<Delegation>,
}

/// To which service a subnet is given.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Delegation {
    pub(super) properties: DelegationProperties,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct DelegationProperties {
    pub(super) service_name: String,
}
