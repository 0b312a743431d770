//! Settings of jobs that are tasks of AWS ECS.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::words::{Architecture, LaunchType, NetworkMode};
use crate::settings::{Cpus, Integer, OneOf, SettingType, Shape, Size, Variables, settings};

/// The longest key of a tag, and value.
const TAG_KEY_MAX: usize = 128;
const TAG_VALUE_MAX: usize = 256;
/// A task has up to 50 tags, and ours are among them.
const TAGS_MAX: usize = 40;
/// The longest name of a family or a container.
const NAME_MAX: usize = 255;

/// A setting that is text of some form: its type, what it must look like, and how to tell people.
macro_rules! text {
    ($(#[doc = $doc:literal])* $name:ident, $is_one:expr, $expected:literal, $example:literal) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct $name(pub String);

        impl SettingType for $name {
            fn shape() -> Shape {
                Shape::TextLike($example)
            }

            fn read(value: &Value) -> Result<Self, String> {
                let text = String::read(value)?;
                let is_one: fn(&str) -> bool = $is_one;
                if is_one(&text) { Ok(Self(text)) } else { Err(format!("{text:?} is not {}, such as {}", $expected, $example)) }
            }

            fn write(&self) -> Value {
                self.0.write()
            }
        }
    };
}

text!(
    /// The name of something in AWS, with its account and region.
    Arn,
    |text| text.starts_with("arn:aws") && text.splitn(6, ':').count() == 6,
    "an ARN",
    "arn:aws:iam::123456789012:role/flows"
);
text!(
    /// The name of a family or a container.
    Name,
    is_name,
    "a name of ECS: up to 255 letters, digits, '-' and '_'",
    "flows"
);
text!(
    /// Where credentials come from.
    Reference,
    |text| is_reference(text),
    "a reference to credentials: default, profile:NAME, env:PREFIX or file:/path",
    "profile:ci"
);
text!(
    /// An address.
    Url,
    |text| ["http://", "https://"].iter().any(|scheme| text.len() > scheme.len() && text.starts_with(scheme)),
    "an address",
    "https://ecs.eu-central-1.amazonaws.com"
);
text!(
    /// A virtual network.
    Vpc,
    |text| is_id("vpc-", text),
    "the id of a VPC",
    "vpc-0123456789abcdef0"
);

/// Whether this can be the name of a family or a container.
pub(super) fn is_name(text: &str) -> bool {
    let is_allowed = |one: char| one.is_ascii_alphanumeric() || "-_".contains(one);
    (1..=NAME_MAX).contains(&text.len()) && text.chars().all(is_allowed)
}

fn is_reference(text: &str) -> bool {
    // Requests to ECS are signed, so anonymous is none.
    text.parse::<longshore_storage::Credentials>()
        .is_ok_and(|one| one != longshore_storage::Credentials::Anonymous)
}

fn is_id(prefix: &str, text: &str) -> bool {
    text.strip_prefix(prefix).is_some_and(|id| {
        (8..=17).contains(&id.len()) && id.chars().all(|one| one.is_ascii_hexdigit())
    })
}

/// Ids of one kind: `subnet-…`, `sg-…`.
macro_rules! ids {
    ($(#[doc = $doc:literal])* $name:ident, $prefix:literal, $max:literal) => {
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name(pub Vec<String>);

        impl SettingType for $name {
            fn shape() -> Shape {
                Shape::List
            }

            fn read(value: &Value) -> Result<Self, String> {
                let ids = Vec::<String>::read(value)?;
                if let Some(other) = ids.iter().find(|id| !is_id($prefix, id)) {
                    return Err(format!("{other:?} is not an id such as {}0123456789abcdef0", $prefix));
                }
                if ids.len() > $max {
                    return Err(format!("{} are more than the {} that ECS takes", ids.len(), $max));
                }
                Ok(Self(ids))
            }

            fn write(&self) -> Value {
                self.0.write()
            }
        }
    };
}

ids!(
    /// Subnets.
    Subnets,
    "subnet-",
    16
);
ids!(
    /// Security groups.
    SecurityGroups,
    "sg-",
    5
);

/// Tags of tasks and task definitions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tags(pub BTreeMap<String, String>);

impl SettingType for Tags {
    fn shape() -> Shape {
        Shape::Map
    }

    fn read(value: &Value) -> Result<Self, String> {
        let tags = BTreeMap::<String, String>::read(value)?;
        if tags.len() > TAGS_MAX {
            return Err(format!("{} tags are more than the {TAGS_MAX} that fit", tags.len()));
        }
        let is_tag = |(key, value): &(&String, &String)| {
            let lengths =
                key.chars().count() <= TAG_KEY_MAX && value.chars().count() <= TAG_VALUE_MAX;
            let is_reserved =
                key.to_lowercase().starts_with("aws:") || key.starts_with("longshore.");
            lengths && !is_reserved && key.chars().chain(value.chars()).all(is_in_tag)
        };
        match tags.iter().find(|tag| !is_tag(tag)) {
            Some((key, value)) => Err(format!(
                "{key}: {value:?} is not a tag: letters, digits, spaces and _.:/=+-@, up to 128 in a key, which does not begin with aws: or longshore., and 256 in a value"
            )),
            None => Ok(Self(tags)),
        }
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

fn is_in_tag(one: char) -> bool {
    one.is_alphanumeric() || one == ' ' || "_.:/=+-@".contains(one)
}

/// The nearest text that can be the value of a tag.
pub(super) fn tag_value(text: &str) -> String {
    text.chars().map(|one| if is_in_tag(one) { one } else { '-' }).take(TAG_VALUE_MAX).collect()
}

/// A capacity provider with its share of tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Share {
    /// The provider.
    pub provider: String,
    /// Its part of all tasks but the base.
    pub weight: u32,
    /// How many tasks go there first.
    pub base: u32,
}

/// Where tasks go: `PROVIDER`, `PROVIDER:WEIGHT` or `PROVIDER:WEIGHT:BASE` each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strategy(pub Vec<Share>);

/// The largest weight, and base.
const WEIGHT_MAX: u32 = 1_000;
const BASE_MAX: u32 = 100_000;
/// How many capacity providers a strategy can have.
const SHARES_MAX: usize = 20;

impl Share {
    fn of(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let provider = parts.next().filter(|provider| is_name(provider))?.to_owned();
        let mut number = |usual: u32, max: u32| match parts.next() {
            None => Some(usual),
            Some(text) => text.parse().ok().filter(|number| *number <= max),
        };
        let (weight, base) = (number(1, WEIGHT_MAX)?, number(0, BASE_MAX)?);
        parts.next().is_none().then_some(Self { provider, weight, base })
    }
}

impl SettingType for Strategy {
    fn shape() -> Shape {
        Shape::List
    }

    fn read(value: &Value) -> Result<Self, String> {
        let texts = Vec::<String>::read(value)?;
        if texts.len() > SHARES_MAX {
            return Err(format!("{} are more than the {SHARES_MAX} that ECS takes", texts.len()));
        }
        let share = |text: &String| {
            Share::of(text).ok_or_else(|| {
                format!("{text:?} is not a capacity provider; write \"NAME\", \"NAME:WEIGHT\" or \"NAME:WEIGHT:BASE\"")
            })
        };
        texts.iter().map(share).collect::<Result<_, _>>().map(Self)
    }

    fn write(&self) -> Value {
        self.0.iter().map(|one| format!("{}:{}:{}", one.provider, one.weight, one.base)).collect()
    }
}

settings! {
    /// What can be set about a task.
    pub struct EcsSettings {
        /// The image, in a registry that tasks reach, such as ECR. Needed, but for task_definition_arn.
        guarded image: Option<String> = None,
        /// The region. Default: as for the aws command (AWS_REGION, AWS_DEFAULT_REGION, the profile's).
        guarded region: Option<Name> = None,
        /// Where the launcher's credentials come from: default (AWS's own chain), profile:NAME, env:PREFIX or file:/path.
        guarded credentials: Reference = Reference("default".to_owned()),
        /// A role that the launcher assumes with these credentials.
        guarded assume_role_arn: Option<Arn> = None,
        /// Where the API is, for all of its services. Default: AWS_ENDPOINT_URL, else Amazon's.
        guarded endpoint_url: Option<Url> = None,
        /// The cluster, by its name or ARN.
        guarded cluster: String = "default".to_owned(),
        /// A task definition that is used as it is, by its ARN, family:revision or family. Default: one of Longshore's own.
        guarded task_definition_arn: Option<String> = None,
        /// The beginning of the task definition's family; a digest of its content follows.
        guarded family: Name = Name("longshore".to_owned()),
        /// Whether the family is named as it is, and its latest revision used where its content is the same, in place of a family for each content.
        guarded match_latest_revision_in_family: bool = false,
        /// Whether the task definition is deregistered when a run has its outcome. The next run registers it again.
        guarded auto_deregister_task_definition: bool = false,
        /// On what tasks run.
        guarded launch_type: OneOf<LaunchType> = OneOf(LaunchType::Fargate),
        /// Capacity providers in place of a launch type, as in FARGATE_SPOT:4,FARGATE:1. Behind a name its weight, and behind that its base.
        guarded capacity_provider_strategy: Strategy = Strategy::default(),
        /// The version of Fargate's platform. Default: the latest.
        guarded platform_version: Option<String> = None,
        /// The processor that the image is for. Default: that of the runtime of this release.
        guarded architecture: Option<OneOf<Architecture>> = None,
        /// Processors of the task, for example 0.5. Fargate takes 0.25, 0.5, 1, 2, 4, 8 and 16. Default: one, or the fewest that the memory fits to.
        guarded cpu: Option<Cpus> = None,
        /// Memory of the task. Fargate takes certain sizes with each number of processors. Default: what the flow's limits add up to, and what the runtime takes, and on Fargate the next size above it.
        guarded memory: Option<Size> = None,
        /// Disk of the task on Fargate, in GiB. Default: 20.
        guarded ephemeral_storage_gib: Option<Integer<21, 200>> = None,
        /// The runtime's container, in the task definition.
        guarded container_name: Name = Name("runtime".to_owned()),
        /// The task's tag Name.
        free name: Option<String> = None,
        /// Tags of task and task definition, beside Longshore's own.
        guarded labels: Tags = Tags::default(),
        /// The environment of the runtime. A flow sees only what it is granted.
        guarded env: Variables = Variables::default(),
        /// Secrets of the runtime's environment, by ARNs of Secrets Manager or of SSM parameters. ECS reads them, with the execution role.
        guarded secrets: Variables = Variables::default(),
        /// What the container starts in place of the image's own program; the runtime's arguments follow.
        guarded command: Vec<String> = Vec::new(),
        /// The secret with the name and password for the image's registry. ECR needs none.
        guarded repository_credentials_secret_arn: Option<Arn> = None,
        /// The role that the task has. A runtime with a ticket needs none.
        guarded task_role_arn: Option<Arn> = None,
        /// The role with which ECS fetches image and secrets, and writes logs.
        guarded execution_role_arn: Option<Arn> = None,
        /// The task's network. Default: awsvpc, which Fargate needs; bridge for EC2 without subnets, and for EXTERNAL.
        guarded network_mode: Option<OneOf<NetworkMode>> = None,
        /// The VPC whose subnets are used. Default: the default one.
        guarded vpc_id: Option<Vpc> = None,
        /// The subnets. Default: those of the VPC, which the launcher looks up.
        guarded subnets: Subnets = Subnets::default(),
        /// The security groups. Default: that of the VPC.
        guarded security_groups: SecurityGroups = SecurityGroups::default(),
        /// Whether a task on Fargate has a public address, by which it reaches image and store where its subnet has no NAT. Default: as the subnets are looked up, and false where they are set.
        guarded assign_public_ip: Option<bool> = None,
        /// Whether the container's output goes to CloudWatch. Default: where there is an execution role that may write it, or the launch type needs none.
        guarded configure_cloudwatch_logs: Option<bool> = None,
        /// Options of the awslogs driver, such as awslogs-group, in place of Longshore's own.
        guarded cloudwatch_logs_options: BTreeMap<String, String> = BTreeMap::new(),
        /// The beginning of the names of log streams. Default: the pool.
        guarded cloudwatch_logs_prefix: Option<String> = None,
        /// How long a task may take to start before the run is given up: a cluster that adds machines takes minutes.
        guarded task_start_timeout: Duration = Duration::from_secs(600),
        /// Whether longshore run shows the output of the container itself, from CloudWatch. The log of the flow is always shown.
        free stream_output: bool = false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_aws_would_refuse_is_refused_before() {
        assert!(Arn::read(&json!("arn:aws-cn:iam::123456789012:role/x:y")).is_ok());
        assert!(Arn::read(&json!("role/x")).is_err());
        assert!(Name::read(&json!("flows_1-x")).is_ok());
        assert!(Name::read(&json!("two words")).is_err() && Name::read(&json!("")).is_err());
        for (text, is_one) in [
            ("default", true),
            ("profile:ci", true),
            ("env:TEAM_", true),
            ("anonymous", false),
            ("profil:x", false),
        ] {
            assert_eq!(Reference::read(&json!(text)).is_ok(), is_one, "{text}");
        }
        assert!(Subnets::read(&json!(["subnet-0123abcd"])).is_ok());
        assert!(Subnets::read(&json!(["sg-0123abcd"])).is_err());
        assert!(
            SecurityGroups::read(&json!(vec!["sg-0123abcd"; 6]))
                .unwrap_err()
                .contains("more than the 5")
        );
        assert!(Tags::read(&json!({"team": "search & find"})).unwrap_err().starts_with("team: "));
        assert!(Tags::read(&json!({"longshore.run": "x"})).is_err());
        assert_eq!(tag_value("a(b)c"), "a-b-c");
    }

    #[test]
    fn a_strategy_has_weights_and_a_base() {
        let read = |list: Value| Strategy::read(&list).map(|read| read.write());
        assert_eq!(
            read(json!(["FARGATE_SPOT:4:1", "FARGATE"])),
            Ok(json!(["FARGATE_SPOT:4:1", "FARGATE:1:0"]))
        );
        for wrong in ["", "A:x", "A:1001", "A:1:2:3", "A:1:100001"] {
            assert!(read(json!([wrong])).is_err(), "{wrong}");
        }
    }
}
