//! What the container group and its container are. Pure.
//!
//! Limits: <https://learn.microsoft.com/en-us/azure/container-instances/container-instances-resource-and-quota-limits>;
//! the least that a group has: <https://learn.microsoft.com/en-us/azure/container-instances/container-instances-container-groups#resource-allocation>.

use std::collections::{BTreeMap, BTreeSet};

use longshore_protocol::limits::Limits;

use super::api::{
    Container, ContainerProperties, DnsConfig, Empty, EnvironmentVariable, Gpu, GroupDefinition,
    GroupProperties, Identity, RegistryCredential, ResourceRequests, Resources, SubnetId,
};
use super::config::{AciSettings, GpuSku};
use crate::azure::settings::{AzurePart, ResourceIds, SYSTEM, Tags, is_resource_id, tag_value};
use crate::image::{self, RuntimeImage};
use crate::needs::Needs;
use crate::settings::{Cpus, Integer, OneOf, Size, Variables, Word as _};
use crate::{Error, ErrorKind};

/// The runtime's container, beside which others may be put.
pub(super) const CONTAINER: &str = "runtime";
/// What the names of Longshore's own tags begin with.
const OWN: &str = "longshore-";
/// Says whose run a group is.
pub(super) const RUN: &str = "longshore-run";
/// Says whose group it is.
pub(super) const TENANT: &str = "longshore-tenant";
/// Says in which store its run is.
pub(super) const STORE: &str = "longshore-store";
/// Says how many seconds it may take to start.
pub(super) const START_TIMEOUT: &str = "longshore-start-timeout";
/// Says that it stays when its run has an outcome.
pub(super) const KEPT: &str = "longshore-kept";
/// Memory comes in steps of a tenth of a gigabyte.
const STEP_BYTES: u64 = 100_000_000;
/// The least that a group has, in tenths of a gigabyte and thousandths of a processor, …
const LEAST: (u64, u64) = (10, 1_000);
/// … and the most, without GPUs.
const MOST: (u64, u64) = (160, 4_000);
/// GPUs, with the most memory and processors that go with them.
const GPU_SIZES: [(u64, (u64, u64)); 3] =
    [(1, (1_120, 6_000)), (2, (2_240, 12_000)), (4, (4_480, 24_000))];

/// The group without its container, and the container without what is the run's own.
///
/// # Errors
/// When the settings do not fit together.
pub(super) fn of(
    marks: BTreeMap<&'static str, String>,
    (limits, image): (&Limits, Option<&RuntimeImage>),
    settings: &AciSettings,
) -> Result<(GroupDefinition, Container), Error> {
    let location = settings.location.as_ref().ok_or_else(|| {
        let text = "nobody says in which location of Azure container groups are to be";
        Error::new(ErrorKind::BadInput, text).hint(
            "set the job's location, for example westeurope; that of the resource group: az group show --name GROUP --query location",
        )
    })?;
    let AzurePart(location) = location;
    let Integer(start_timeout) = settings.task_start_timeout_seconds;
    let Tags(own) = &settings.labels;
    let mut tags = own.clone();
    let marks = marks.into_iter().map(|(name, value)| (format!("{OWN}{name}"), tag_value(&value)));
    tags.extend(marks);
    tags.insert(START_TIMEOUT.to_owned(), start_timeout.to_string());
    if settings.keep_container_group {
        tags.insert(KEPT.to_owned(), "true".to_owned());
    }
    let ResourceIds(subnets) = &settings.subnet_ids;
    if let Some(word) = subnets.iter().find(|id| !is_resource_id(id)) {
        return Err(refused(
            format!("{word:?} is not a subnet"),
            "write its id: az network vnet subnet show --query id",
        ));
    }
    let definition = GroupDefinition {
        location: location.clone(),
        tags,
        identity: identity(settings)?,
        properties: GroupProperties {
            os_type: "Linux",
            // Whoever starts it again is the flow's own retry, in the same container.
            restart_policy: "Never",
            image_registry_credentials: registry(settings)?.into_iter().collect(),
            subnet_ids: subnets.iter().map(|id| SubnetId { id: id.clone() }).collect(),
            dns_config: (!settings.dns_servers.is_empty())
                .then(|| DnsConfig { name_servers: settings.dns_servers.clone() }),
        },
    };
    Ok((definition, container(limits, image, settings)?))
}

fn refused(text: String, hint: impl Into<String>) -> Error {
    Error::new(ErrorKind::BadInput, text).hint(hint)
}

/// What the group is, for others: that by which its image is read belongs to it as well.
fn identity(settings: &AciSettings) -> Result<Option<Identity>, Error> {
    let ResourceIds(identities) = &settings.identities;
    let by_registry = settings.image_registry_identity.iter();
    if let Some(id) = by_registry.clone().find(|id| !is_resource_id(id)) {
        return Err(refused(
            format!("{id:?} is not the id of an identity"),
            "az identity show --query id tells it",
        ));
    }
    let named: BTreeSet<_> =
        identities.iter().filter(|id| *id != SYSTEM).chain(by_registry).cloned().collect();
    let has_own = identities.iter().any(|id| id == SYSTEM);
    let kind = match (has_own, named.is_empty()) {
        (false, true) => return Ok(None),
        (true, true) => "SystemAssigned",
        (false, false) => "UserAssigned",
        (true, false) => "SystemAssigned, UserAssigned",
    };
    let user_assigned_identities = named.into_iter().map(|id| (id, Empty {})).collect();
    Ok(Some(Identity { kind, user_assigned_identities }))
}

/// Who reads the image.
fn registry(settings: &AciSettings) -> Result<Option<RegistryCredential>, Error> {
    let username = settings.image_registry_username.clone();
    let password = settings.image_registry_password.as_ref();
    // The plan has only the name of it.
    let password = password.map(|name| format!("$({})", name.0));
    let identity = settings.image_registry_identity.clone();
    let Some(server) = settings.image_registry.clone() else {
        if username.is_some() || password.is_some() || identity.is_some() {
            return Err(refused(
                "who reads the image is set, and not from which registry".to_owned(),
                "set image_registry as well: REGISTRY.azurecr.io",
            ));
        }
        return Ok(None);
    };
    let is_whole = match (&username, &password, &identity) {
        (Some(_), Some(_), None) | (None, None, Some(_)) => true,
        (_, _, _) => false,
    };
    if !is_whole {
        return Err(refused(
            format!("it is not clear who reads the image from {server}"),
            "set image_registry_username and image_registry_password, or image_registry_identity alone",
        ));
    }
    Ok(Some(RegistryCredential { server, username, password, identity }))
}

fn container(
    limits: &Limits,
    built: Option<&RuntimeImage>,
    settings: &AciSettings,
) -> Result<Container, Error> {
    let image = settings.image.clone().ok_or_else(|| {
        let name = built.map_or("longshore-runtime:VERSION", |it| it.reference.as_str());
        refused(
            "nobody says which image Azure is to start, and it takes them from registries only"
                .to_owned(),
            format!(
                "longshore image load, docker tag and push {name} to REGISTRY.azurecr.io, and set the job's image: docs/aci.md"
            ),
        )
    })?;
    let entrypoint = settings.entrypoint.clone().unwrap_or_else(|| image::ENTRYPOINT.to_owned());
    let Variables(env) = &settings.env;
    let variable = |(name, value): (&String, &String)| EnvironmentVariable {
        name: name.clone(),
        value: Some(value.clone()),
        secure_value: None,
    };
    let properties = ContainerProperties {
        image,
        command: std::iter::once(entrypoint).chain(settings.command.iter().cloned()).collect(),
        environment_variables: env.iter().map(variable).collect(),
        resources: Resources { requests: size(limits, settings)? },
    };
    Ok(Container { name: CONTAINER, properties })
}

/// Processors and memory that Azure gives to one group.
fn size(limits: &Limits, settings: &AciSettings) -> Result<ResourceRequests, Error> {
    let Integer(gpus) = settings.gpu_count;
    let OneOf(sku) = settings.gpu_sku;
    let ResourceIds(subnets) = &settings.subnet_ids;
    let most = match (gpus, GPU_SIZES.iter().find(|(count, _)| *count == gpus)) {
        (0, _) => MOST,
        (_, Some((_, most))) => *most,
        (_, None) => {
            return Err(refused(
                format!("Azure has no container group with {gpus} GPUs"),
                "it takes 1, 2 or 4: --set gpu_count=1",
            ));
        }
    };
    if gpus > 0 && !subnets.is_empty() {
        return Err(refused(
            "Azure puts no container group with GPUs into a subnet".to_owned(),
            "unset subnet_ids, or gpu_count",
        ));
    }
    let needed = Needs::of(limits).memory_bytes.div_ceil(STEP_BYTES).max(LEAST.0);
    let memory = settings.memory.map_or(needed, |Size(bytes)| bytes.div_ceil(STEP_BYTES));
    let cpus = settings.cpu.map_or(LEAST.1, |Cpus(milli)| milli);
    let with = if gpus > 0 { format!(" with {gpus} {} GPUs", sku.word()) } else { String::new() };
    let larger = "where a location has larger ones, patch container.properties.resources";
    let gigabytes = |tenths: u64| tenths as f64 / 10.0;
    if !(LEAST.0..=most.0).contains(&memory) {
        return Err(refused(
            format!("Azure has no container group{with} with {} GB of memory", gigabytes(memory)),
            format!(
                "it takes {} to {} GB: set the job's memory, or the flow's limit; {larger}",
                gigabytes(LEAST.0),
                gigabytes(most.0)
            ),
        ));
    }
    let of_one = |milli: u64| milli as f64 / 1_000.0;
    if !(LEAST.1..=most.1).contains(&cpus) {
        return Err(refused(
            format!("Azure has no container group{with} with {} processors", of_one(cpus)),
            format!(
                "it takes {} to {}: --set cpu={}; {larger}",
                of_one(LEAST.1),
                of_one(most.1),
                of_one(cpus.clamp(LEAST.1, most.1))
            ),
        ));
    }
    let gpu = (gpus > 0).then(|| Gpu { count: gpus, sku: GpuSku::word(sku) });
    Ok(ResourceRequests { memory_in_gb: gigabytes(memory), cpu: of_one(cpus), gpu })
}
