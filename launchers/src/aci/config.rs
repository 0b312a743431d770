//! Settings of jobs that are container groups of Azure.

use std::time::Duration;

use serde_json::Value;

use crate::azure::settings::{AzureCredentials, AzurePart, ResourceIds, Tags};
use crate::settings::{Cpus, Integer, OneOf, SettingType, Shape, Size, Variables, Word, settings};

/// The kinds of GPUs that the API has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuSku {
    /// NVIDIA K80. Azure has retired it in most locations.
    K80,
    /// NVIDIA P100. Azure has retired it in most locations.
    P100,
    /// NVIDIA V100.
    V100,
}

impl Word for GpuSku {
    const ALL: &'static [Self] = &[Self::K80, Self::P100, Self::V100];

    fn word(self) -> &'static str {
        match self {
            Self::K80 => "K80",
            Self::P100 => "P100",
            Self::V100 => "V100",
        }
    }
}

/// Where a password is: `env:NAME`. Never what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordReference(pub String);

impl SettingType for PasswordReference {
    fn shape() -> Shape {
        Shape::TextLike("env:REGISTRY_PASSWORD")
    }

    fn read(value: &Value) -> Result<Self, String> {
        let text = String::read(value)?;
        match text.strip_prefix("env:").filter(|name| !name.is_empty()) {
            Some(name) => Ok(Self(name.to_owned())),
            // What was written may be the password itself.
            None => Err("a password is set by where it is: env:NAME".to_owned()),
        }
    }

    fn write(&self) -> Value {
        format!("env:{}", self.0).into()
    }
}

settings! {
    /// What can be set about a container group of Azure.
    pub struct AciSettings {
        /// The image of the runtime, where Azure finds it: REGISTRY.azurecr.io/longshore-runtime:VERSION. There is no default, as Azure takes images from registries only.
        guarded image: Option<String> = None,
        /// The subscription: its id. Default: AZURE_SUBSCRIPTION_ID of the environment.
        guarded subscription_id: Option<AzurePart> = None,
        /// The resource group that has the container groups. It must be there.
        guarded resource_group_name: Option<AzurePart> = None,
        /// The location of the container groups, such as westeurope.
        guarded location: Option<AzurePart> = None,
        /// Where the launcher's credentials are: default (environment, workload identity, managed identity, Azure CLI), env, cli, managed-identity, managed-identity:CLIENT_ID, workload-identity, or anonymous.
        guarded credentials: AzureCredentials = AzureCredentials::default(),
        /// The address of Azure Resource Manager, where it is not that of the public cloud.
        guarded endpoint: Option<String> = None,
        /// The beginning of the group's name, of up to 26 characters; the id of the run follows. Default: longshore.
        free name: Option<String> = None,
        /// Tags of the container group, beside Longshore's own. Azure's bills can be split by them.
        guarded labels: Tags = Tags::default(),
        /// The environment of the runtime, which whoever may look at the group sees. A flow sees only what it is granted.
        guarded env: Variables = Variables::default(),
        /// The program that the container starts. Default: the runtime in its image, /longshore-runtime.
        guarded entrypoint: Option<String> = None,
        /// Arguments before those of the runtime, for an entrypoint of your own.
        guarded command: Vec<String> = Vec::new(),
        /// Managed identities of the container group: ids of user-assigned ones, and system for one of its own. The container needs none where runs have tickets.
        guarded identities: ResourceIds = ResourceIds::default(),
        /// The registry of the image, where it wants to know who asks: REGISTRY.azurecr.io. Name and password, or an identity, go with it.
        guarded image_registry: Option<String> = None,
        /// The name at the image's registry.
        guarded image_registry_username: Option<String> = None,
        /// Where the password for the image's registry is: env:NAME.
        guarded image_registry_password: Option<PasswordReference> = None,
        /// The user-assigned identity by which the image is read from Azure Container Registry: its id. The group gets it.
        guarded image_registry_identity: Option<String> = None,
        /// Processors, from 1 to 4, and more with GPUs. Default: 1. A flow has one thread.
        guarded cpu: Option<Cpus> = None,
        /// The memory of the container, in steps of 0.1 GB, from 1 GB to 16 GB, and more with GPUs. Default: what the flow's limits add up to, and what the runtime takes, at least 1 GB.
        guarded memory: Option<Size> = None,
        /// GPUs: 1, 2 or 4. None: 0.
        guarded gpu_count: Integer<0, 4> = Integer(0),
        /// Which GPUs, where there are some.
        guarded gpu_sku: OneOf<GpuSku> = OneOf(GpuSku::V100),
        /// Subnets that the group is put into: their ids. Each is delegated to Microsoft.ContainerInstance/containerGroups.
        guarded subnet_ids: ResourceIds = ResourceIds::default(),
        /// Addresses of name servers, in place of Azure's.
        guarded dns_servers: Vec<String> = Vec::new(),
        /// How long the container may take to start. One that has not started by then is given up, with what Azure says of it.
        guarded task_start_timeout_seconds: Integer<1, 86_400> = Integer(240),
        /// The shortest time between two looks at a container group, from 1s to 60s. The longer it runs, the less often it is looked at.
        guarded task_watch_poll_interval: Duration = Duration::from_secs(5),
        /// Whether the container group stays when its run has an outcome. longshore rm and pool sweep remove it then.
        guarded keep_container_group: bool = false,
        /// Whether longshore run shows the output of the container itself. The log of the flow is always shown.
        free stream_output: bool = false,
    }
}
