//! What task definition and container are. Pure.

use serde_json::{Map, Value, json};

use super::config::{Arn, EcsSettings};
use super::size::{TaskSize, is_on_fargate, size};
use super::words::{Architecture, LaunchType, NetworkMode};
use crate::engine::CANCEL_GRACE;
use crate::image::USER;
use crate::launcher::Job;
use crate::needs::Needs;
use crate::settings::{Integer, OneOf, Variables, Word as _};
use crate::{Error, ErrorKind};
use longshore_protocol::target::Target;

/// The log group, where nobody names one.
pub(super) const LOG_GROUP: &str = "longshore";
const GROUP_OPTION: &str = "awslogs-group";
const TEMPORARY: &str = "/tmp";

/// The task definition without its container.
pub(super) fn definition(job: &Job, settings: &EcsSettings) -> Result<Value, Error> {
    let TaskSize { cpu, memory } = size(&Needs::of(&job.limits), settings)?;
    let architecture = architecture(job, settings);
    let mut definition = json!({
        "family": settings.family.0,
        "requiresCompatibilities": [compatibility(settings)],
        "networkMode": network_mode(settings)?.word(),
        "cpu": cpu.to_string(),
        "memory": memory.to_string(),
        "runtimePlatform": { "cpuArchitecture": architecture.word(), "operatingSystemFamily": "LINUX" },
    });
    put(&mut definition, "taskRoleArn", arn(settings.task_role_arn.as_ref()));
    put(&mut definition, "executionRoleArn", arn(settings.execution_role_arn.as_ref()));
    if is_on_fargate(settings) {
        put(&mut definition, "ephemeralStorage", storage(settings));
    }
    Ok(definition)
}

/// The runtime's container, without its name.
pub(super) fn container(job: &Job, settings: &EcsSettings, region: &str) -> Result<Value, Error> {
    let image = image(settings)?;
    // Included files are unpacked there; it is memory, and counts as such.
    let temporary = (job.limits.files_bytes.saturating_mul(2) >> 20).max(1);
    let mut container = json!({
        "image": image,
        "essential": true,
        "user": USER,
        "readonlyRootFilesystem": true,
        // From being asked to end until being killed: as long as a run that is cancelled has anywhere.
        "stopTimeout": CANCEL_GRACE.as_secs(),
        "linuxParameters": {
            "capabilities": { "drop": ["ALL"] },
            "tmpfs": [{
                "containerPath": TEMPORARY, "size": temporary,
                "mountOptions": ["rw", "noexec", "nosuid", "nodev"],
            }],
        },
    });
    if !is_on_fargate(settings) {
        put(&mut container, "dockerSecurityOptions", json!(["no-new-privileges"]));
    }
    if !settings.command.is_empty() {
        put(&mut container, "entryPoint", json!(settings.command));
    }
    let Variables(secrets) = &settings.secrets;
    if !secrets.is_empty() {
        let secret = |(name, from): (&String, &String)| json!({ "name": name, "valueFrom": from });
        put(&mut container, "secrets", secrets.iter().map(secret).collect());
    }
    if let Some(Arn(secret)) = &settings.repository_credentials_secret_arn {
        put(&mut container, "repositoryCredentials", json!({ "credentialsParameter": secret }));
    }
    if has_logs(settings)? {
        let options = log_options(job, settings, region);
        put(
            &mut container,
            "logConfiguration",
            json!({ "logDriver": "awslogs", "options": options }),
        );
    }
    Ok(container)
}

/// What is changed of a task definition that is not ours, for one task.
pub(super) fn overrides(settings: &EcsSettings) -> Value {
    let mut overrides = json!({});
    put(&mut overrides, "taskRoleArn", arn(settings.task_role_arn.as_ref()));
    put(&mut overrides, "executionRoleArn", arn(settings.execution_role_arn.as_ref()));
    put(&mut overrides, "ephemeralStorage", storage(settings));
    // What is not set is as the definition has it.
    if let (Some(_), Some(_)) = (settings.cpu, settings.memory)
        && let Ok(TaskSize { cpu, memory }) =
            size(&Needs { memory_bytes: 0, cpus_milli: 0, processes: 0 }, settings)
    {
        put(&mut overrides, "cpu", cpu.to_string().into());
        put(&mut overrides, "memory", memory.to_string().into());
    }
    overrides
}

fn put(object: &mut Value, name: &str, value: Value) {
    if !value.is_null() {
        object[name] = value;
    }
}

fn arn(arn: Option<&Arn>) -> Value {
    arn.map_or(Value::Null, |Arn(arn)| Value::String(arn.clone()))
}

fn storage(settings: &EcsSettings) -> Value {
    settings.ephemeral_storage_gib.map_or(Value::Null, |Integer(gib)| json!({ "sizeInGiB": gib }))
}

fn image(settings: &EcsSettings) -> Result<&str, Error> {
    let Some(image) = settings.image.as_deref() else {
        let text =
            "tasks of ECS fetch the runtime's image from a registry, and the job has no image set";
        return Err(Error::new(ErrorKind::BadInput, text).hint(
            "longshore image build makes it; push it to a registry such as ECR, and set job.image of the pool",
        ));
    };
    if is_on_fargate(settings) && is_of_ecr(image) && settings.execution_role_arn.is_none() {
        let text = format!(
            "Fargate fetches the image {image} with an execution role, and the job has none"
        );
        return Err(Error::new(ErrorKind::BadInput, text).hint(EXECUTION_ROLE));
    }
    Ok(image)
}

/// What to do where something needs the role.
const EXECUTION_ROLE: &str =
    "set execution_role_arn; docs/ecs/execution-role.json has what it must be allowed";

/// Whether this is an image of Amazon's private registry.
fn is_of_ecr(image: &str) -> bool {
    image
        .split('/')
        .next()
        .is_some_and(|host| host.contains(".dkr.ecr.") && host.contains(".amazonaws.com"))
}

fn architecture(job: &Job, settings: &EcsSettings) -> Architecture {
    match (settings.architecture, job.image.as_ref().map(|image| image.target)) {
        (Some(OneOf(architecture)), _) => architecture,
        (None, Some(Target::Aarch64)) => Architecture::Arm,
        (None, Some(Target::X86_64 | Target::Native) | None) => Architecture::X86,
    }
}

fn compatibility(settings: &EcsSettings) -> &'static str {
    let OneOf(launch_type) = settings.launch_type;
    match launch_type {
        _ if is_on_fargate(settings) => "FARGATE",
        LaunchType::External if settings.capacity_provider_strategy.0.is_empty() => "EXTERNAL",
        LaunchType::External | LaunchType::Ec2 | LaunchType::Fargate | LaunchType::FargateSpot => {
            "EC2"
        }
    }
}

/// How the task is connected.
///
/// # Errors
/// When its machines cannot connect it so.
pub(super) fn network_mode(settings: &EcsSettings) -> Result<NetworkMode, Error> {
    let is_external = compatibility(settings) == "EXTERNAL";
    let has_network = !settings.subnets.0.is_empty() || settings.vpc_id.is_some();
    let usual = match (is_on_fargate(settings), has_network && !is_external) {
        (true, _) | (_, true) => NetworkMode::AwsVpc,
        (false, false) => NetworkMode::Bridge,
    };
    let mode = settings.network_mode.map_or(usual, |OneOf(mode)| mode);
    let refused = |text: &str, hint: &str| Err(Error::new(ErrorKind::BadInput, text).hint(hint));
    match mode {
        NetworkMode::AwsVpc if is_external => refused(
            "tasks on EXTERNAL machines have no awsvpc network",
            "set network_mode to bridge or host",
        ),
        NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None if is_on_fargate(settings) => {
            refused("tasks on Fargate have an awsvpc network", "leave network_mode out")
        }
        NetworkMode::Bridge | NetworkMode::Host | NetworkMode::None if has_network => refused(
            "subnets and vpc_id are for tasks with an awsvpc network",
            "leave them out, or set network_mode to awsvpc",
        ),
        NetworkMode::None => refused(
            "a task without a network cannot reach its store",
            "set network_mode to another one",
        ),
        mode => Ok(mode),
    }
}

/// Whether the container's output goes to CloudWatch.
///
/// # Errors
/// When it is to go there, and cannot.
pub(super) fn has_logs(settings: &EcsSettings) -> Result<bool, Error> {
    let may = !is_on_fargate(settings) || settings.execution_role_arn.is_some();
    let wanted = settings.configure_cloudwatch_logs;
    let options =
        !settings.cloudwatch_logs_options.is_empty() || settings.cloudwatch_logs_prefix.is_some();
    match wanted {
        Some(true) if !may => {
            let text = "on Fargate, logs are written to CloudWatch with an execution role, and the job has none";
            Err(Error::new(ErrorKind::BadInput, text).hint(EXECUTION_ROLE))
        }
        None if !may && options => {
            let text = "there are options for logs in CloudWatch, and no execution role to write them with";
            Err(Error::new(ErrorKind::BadInput, text).hint(EXECUTION_ROLE))
        }
        wanted => Ok(wanted.unwrap_or(may)),
    }
}

fn log_options(job: &Job, settings: &EcsSettings, region: &str) -> Map<String, Value> {
    let prefix =
        settings.cloudwatch_logs_prefix.clone().unwrap_or_else(|| stream_prefix(&job.pool));
    let usual = [
        (GROUP_OPTION, LOG_GROUP.to_owned()),
        ("awslogs-region", region.to_owned()),
        ("awslogs-stream-prefix", prefix),
        ("awslogs-create-group", "true".to_owned()),
    ];
    let usual = usual.map(|(name, value)| (name.to_owned(), Value::String(value)));
    let own = settings.cloudwatch_logs_options.iter();
    let own = own.map(|(name, value)| (name.clone(), Value::String(value.clone())));
    usual.into_iter().chain(own).collect()
}

/// Names of log streams have no ':' and no '*'.
fn stream_prefix(pool: &str) -> String {
    let is_allowed = |one: char| one.is_ascii_alphanumeric() || "-_.".contains(one);
    pool.chars().map(|one| if is_allowed(one) { one } else { '-' }).collect()
}

/// The log group that the settings name.
pub(super) fn log_group(settings: &EcsSettings) -> String {
    settings
        .cloudwatch_logs_options
        .get(GROUP_OPTION)
        .cloned()
        .unwrap_or_else(|| LOG_GROUP.to_owned())
}
