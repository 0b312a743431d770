//! Runs the runtime as a task of AWS ECS: on Fargate, on Fargate Spot, on machines of EC2 or elsewhere.
//!
//! What is created: one task per run, started by `longshore-<run id>`, with tags for run, owner, pool, flow and store; and
//! once for each content a task definition, in a family that is named after the content. ECS forgets tasks by itself an
//! hour after their end. The container runs as nobody in particular, without capabilities, and cannot write to its own
//! file system but for a `/tmp` in memory. With a ticket it needs no role.
//!
//! Permissions: `docs/ecs/launcher.json`; of the execution role, `docs/ecs/execution-role.json`. Limits: memory and
//! processors, derived from the flow's; what the launcher asks stays within what ECS lets an account ask. See
//! `docs/ecs.md`.

mod account;
mod batch;
mod client;
mod config;
mod definition;
mod launch;
mod logs;
mod pace;
mod place;
mod plan;
mod refusal;
mod shape;
mod signed;
mod size;
mod state;
mod words;

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecs::types::Task;
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use longshore_protocol::id::RunId;
use longshore_protocol::state::JobState;
use tokio::time::Instant;

use crate::image::RuntimeImage;
use crate::launcher::{FoundJob, Handle, Job, Launcher, Plan, Tell};
use crate::settings::JobSettings;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind, clock};

use client::Client;
pub use config::EcsSettings;
use place::{Account, Place};
use plan::{RUN_TAG, STORE_TAG, TENANT_TAG};
use state::Judgement;

/// What ECS has accepted is found by others within this.
const SETTLED: Duration = Duration::from_secs(15);
/// A container that was told to end is gone after its grace and this, or its machine does not answer.
const END_PATIENCE: Duration = Duration::from_secs(120);
/// What is remembered of states: each takes some 200 bytes.
const RECENT_MAX: usize = 10_000;

/// Launches tasks.
#[derive(Debug)]
pub struct EcsLauncher {
    surroundings: Surroundings,
    /// Connections, by account and region.
    clients: Mutex<HashMap<Account, Client>>,
    /// What was seen last, and when: who waits asks more often than ECS may be asked.
    recent: Mutex<HashMap<RunId, (JobState, Instant)>>,
}

impl EcsLauncher {
    /// A launcher that finds credentials and regions in its `surroundings`.
    pub fn new(surroundings: Surroundings) -> Self {
        Self { surroundings, clients: Mutex::default(), recent: Mutex::default() }
    }

    async fn client(&self, account: &Account) -> Result<Client, Error> {
        let known =
            self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned();
        if let Some(client) = known {
            return Ok(client);
        }
        let client = Client::connect(account, &self.surroundings).await?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.insert(account.clone(), client.clone());
        Ok(client)
    }

    fn recall(&self, place: &Place) -> Option<JobState> {
        let recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        let (state, seen) = recent.get(&place.run)?;
        let is_final = matches!(state, JobState::Exited { .. });
        (is_final || seen.elapsed() < pause(place)).then(|| state.clone())
    }

    fn note(&self, place: &Place, state: &JobState) {
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= RECENT_MAX {
            recent.clear();
        }
        recent.insert(place.run, (state.clone(), Instant::now()));
    }

    fn forget(&self, place: &Place) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).remove(&place.run);
    }

    /// What ECS says now.
    async fn look(&self, place: &Place) -> Result<JobState, Error> {
        let client = self.client(&place.account).await?;
        let state = match find(&client, place).await? {
            Some(task) => settle(&client, place, &task).await?,
            // What was accepted a moment ago is not found everywhere yet.
            None if age(&place.run) < SETTLED => JobState::Pending,
            None => JobState::Gone,
        };
        self.note(place, &state);
        Ok(state)
    }

    /// Tells the task to end, and waits until nothing of it can be running.
    async fn end(&self, place: &Place, patience: Duration) -> Result<Option<Task>, Error> {
        let client = self.client(&place.account).await?;
        self.forget(place);
        let mut task = find(&client, place).await?;
        while task.is_none() && age(&place.run) < SETTLED {
            tokio::time::sleep(pause(place)).await;
            task = find(&client, place).await?;
        }
        let Some(task) = task else { return Ok(None) };
        if state::is_over(&task) {
            return Ok(Some(task));
        }
        client.stop(place, &task, "ended by longshore").await?;
        let ended = async {
            let mut wait = Duration::from_millis(500);
            loop {
                match find(&client, place).await? {
                    Some(task) if !state::is_over(&task) => {
                        tokio::time::sleep(wait).await;
                        wait = (wait * 2).min(Duration::from_secs(5));
                    }
                    over => return Ok(over),
                }
            }
        };
        tokio::time::timeout(patience, ended).await.unwrap_or_else(|_| {
            let text = format!("the task {} may still be running", place.handle());
            Err(Error::new(ErrorKind::Infrastructure, text)
                .hint("its machine does not answer: aws ecs describe-tasks shows which one"))
        })
    }

    /// The task definition of the task goes, where it is to.
    async fn deregister(&self, place: &Place, task: Option<&Task>) -> Result<(), Error> {
        match task.and_then(Task::task_definition_arn) {
            Some(arn) if place.deregisters => {
                self.client(&place.account).await?.deregister(arn).await
            }
            Some(_) | None => Ok(()),
        }
    }

    /// What there is to say about network and logs.
    async fn check_services(client: &Client, settings: &EcsSettings) -> Result<Vec<String>, Error> {
        let mut found = Vec::new();
        let is_connected = definition::network_mode(settings)? == words::NetworkMode::AwsVpc;
        if is_connected && settings.subnets.0.is_empty() {
            let vpc = settings.vpc_id.as_ref().map_or("default", |vpc| vpc.0.as_str());
            let count = client.subnets(vpc).await?.len();
            found.push(
                format!("{count} subnets of the {vpc} VPC")
                    .replace("the vpc-", "vpc-")
                    .replace("VPC VPC", "VPC"),
            );
        }
        if settings.task_definition_arn.is_none() && definition::has_logs(settings)? {
            let group = definition::log_group(settings);
            let body = serde_json::json!({ "logGroupNamePrefix": group });
            let asked = client.signed().logs("DescribeLogGroups", &body).await;
            let answer = asked.map_err(client.failed("look for the log group of"))?;
            let groups = answer["logGroups"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_there = groups.iter().any(|one| one["logGroupName"] == group.as_str());
            found.push(if is_there {
                format!("log group {group}")
            } else {
                format!("the first task makes the log group {group}")
            });
        }
        Ok(found)
    }
}

async fn find(client: &Client, place: &Place) -> Result<Option<Task>, Error> {
    client.find(place).await.map_err(client.failed("look for a task of"))
}

/// What follows from a task. One that waits in vain is stopped.
async fn settle(client: &Client, place: &Place, task: &Task) -> Result<JobState, Error> {
    let output =
        if state::has_failed(task) { logs::last_output(client, task).await } else { String::new() };
    match state::judge(task, &output, clock::now()) {
        Judgement::State(state) => Ok(state),
        Judgement::GiveUp(why) => {
            client.stop(place, task, &why).await?;
            Ok(JobState::Exited { code: None, reason: Some(why) })
        }
    }
}

/// How long ago the run was ordered.
fn age(run: &RunId) -> Duration {
    Duration::try_from(clock::now().duration_since(run.ordered_at())).unwrap_or(Duration::ZERO)
}

fn pause(place: &Place) -> Duration {
    pace::pause(age(&place.run), pace::seed(&place.run.to_string()))
}

#[async_trait::async_trait]
impl Launcher for EcsLauncher {
    fn plan(&self, job: &Job) -> Result<Plan, Error> {
        plan::plan(job, &self.surroundings)
    }

    fn check_patched(&self, planned: &Plan, patched: &Plan) -> Result<(), Error> {
        plan::check_patched(planned, patched)
    }

    async fn check(
        &self,
        settings: &JobSettings,
        _image: Option<&RuntimeImage>,
    ) -> Result<String, Error> {
        let settings = EcsSettings::of(settings)?;
        let account = Account::of(&settings, &self.surroundings)?;
        let client = self.client(&account).await?;
        let name = &settings.cluster;
        let cluster = client.cluster(name).await?;
        let Some(status) = cluster.as_ref().and_then(|cluster| cluster.status()) else {
            let text = format!("there is no cluster {name} in {account}");
            return Err(Error::new(ErrorKind::Infrastructure, text).hint(format!(
                "create it: aws ecs create-cluster --cluster-name {name}; or set the job's cluster"
            )));
        };
        if status != "ACTIVE" {
            let text = format!("the cluster {name} in {account} is {status}");
            return Err(Error::new(ErrorKind::Infrastructure, text));
        }
        let image = match (&settings.image, &settings.task_definition_arn) {
            (_, Some(definition)) => format!("the task definition {definition}"),
            (Some(image), None) => format!("the image {image}"),
            (None, None) => {
                let text = "the job has no image set, which tasks of ECS fetch from a registry";
                return Err(Error::new(ErrorKind::BadInput, text).hint(
                    "longshore image build makes it; push it to a registry, and set job.image",
                ));
            }
        };
        let services = Self::check_services(&client, &settings).await?;
        let first = format!("cluster {name} in {account}");
        Ok([first].into_iter().chain(services).chain([image]).collect::<Vec<_>>().join("; "))
    }

    async fn launch(&self, plan: &Plan, tell: &Tell<'_>) -> Result<(), Error> {
        let request = plan::request_of(plan)?;
        let client = self.client(&request.account).await?;
        self.forget(&request.place()?);
        Box::pin(launch::launch(&client, &request, &plan.hidden, tell)).await
    }

    async fn state(&self, handle: &Handle) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        match self.recall(&place) {
            Some(state) => Ok(state),
            None => self.look(&place).await,
        }
    }

    async fn changed(&self, handle: &Handle, seen: &JobState) -> Result<JobState, Error> {
        let place = Place::of(handle)?;
        let mut failures = 0;
        loop {
            tokio::time::sleep(pace::after_failure(pause(&place), failures)).await;
            // What cannot be asked now is asked again, later and later.
            match self.look(&place).await {
                Ok(state) if state != *seen => return Ok(state),
                Ok(_) => failures = 0,
                Err(_) => failures += 1,
            }
        }
    }

    fn logs(&self, handle: &Handle) -> BoxStream<'static, Result<String, Error>> {
        let place = Place::of(handle);
        let surroundings = self.surroundings.clone();
        let connect = async move {
            let place = place?;
            let client = Client::connect(&place.account, &surroundings).await?;
            Ok::<_, Error>(logs::lines(client, place))
        };
        stream::once(connect).try_flatten().boxed()
    }

    async fn cancel(&self, handle: &Handle, grace: Duration) -> Result<(), Error> {
        let place = Place::of(handle)?;
        self.end(&place, grace.saturating_add(END_PATIENCE)).await?;
        Ok(())
    }

    async fn finish(&self, handle: &Handle) -> Result<(), Error> {
        let place = Place::of(handle)?;
        if !place.deregisters {
            return Ok(());
        }
        let client = self.client(&place.account).await?;
        let task = find(&client, &place).await?;
        self.deregister(&place, task.as_ref()).await
    }

    async fn cleanup(&self, handle: &Handle) -> Result<(), Error> {
        let place = Place::of(handle)?;
        let task = self.end(&place, END_PATIENCE).await?;
        self.deregister(&place, task.as_ref()).await
    }

    async fn jobs(&self, settings: &JobSettings, tenant: &str) -> Result<Vec<FoundJob>, Error> {
        let settings = EcsSettings::of(settings)?;
        let account = Account::of(&settings, &self.surroundings)?;
        // Those that are over go by themselves.
        let tasks = self.client(&account).await?.running(&settings.cluster).await?;
        let found = tasks.iter().filter_map(|task| {
            (state::tag(task, TENANT_TAG)? == tenant).then_some(())?;
            let run = state::tag(task, RUN_TAG)?.parse().ok()?;
            Some(FoundJob {
                handle: plan::handle(&account, &settings, run),
                run,
                store: state::tag(task, STORE_TAG).unwrap_or_default().to_owned(),
            })
        });
        Ok(found.collect())
    }
}

#[cfg(test)]
mod tests {
    /// All that the code asks for, each by the name that AWS's policies have for it. The tests against a server see no others.
    const ACTIONS: [&str; 12] = [
        "ec2:DescribeSubnets",
        "ecs:DeregisterTaskDefinition",
        "ecs:DescribeClusters",
        "ecs:DescribeTaskDefinition",
        "ecs:DescribeTasks",
        "ecs:ListTasks",
        "ecs:RegisterTaskDefinition",
        "ecs:RunTask",
        "ecs:StopTask",
        "ecs:TagResource",
        "logs:DescribeLogGroups",
        "logs:GetLogEvents",
    ];

    /// The policy that people apply allows what is done, and no more.
    #[test]
    fn the_policy_allows_what_a_launcher_does_and_no_more() {
        let text = include_str!("../../../docs/ecs/launcher.json");
        let policy: serde_json::Value = serde_json::from_str(text).unwrap();
        let statements = policy["Statement"].as_array().unwrap();
        let actions = statements.iter().flat_map(|one| one["Action"].as_array().unwrap());
        let mut actions: Vec<_> = actions.map(|action| action.as_str().unwrap()).collect();
        actions.sort_unstable();
        // Roles are handed on by RunTask and RegisterTaskDefinition, and not by a call of its own.
        let mut expected: Vec<_> = ACTIONS.into_iter().chain(["iam:PassRole"]).collect();
        expected.sort_unstable();
        assert_eq!(actions, expected);
    }
}
