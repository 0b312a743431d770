//! The calls to ECS.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_ecs::config::SharedCredentialsProvider;
use aws_sdk_ecs::types::{
    Cluster, ContainerDefinition, DesiredStatus, Task, TaskDefinition, TaskDefinitionField,
    TaskField,
};
use aws_smithy_types::body::SdkBody;
use futures::FutureExt as _;
use longshore_protocol::id::RunId;
use serde_json::Value;

use super::account::keys_of;
use super::batch::{Ask, Batch, Found, TASKS_MAX};
use super::place::{Account, Place};
use super::plan::Request;
use super::refusal::{NotPlaced, Refusal, not_placed};
use super::signed::{Service, Signed, usual_endpoint};
use super::state;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// One try of a request is over within this.
const TRY_TIMEOUT: Duration = Duration::from_secs(20);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// All tries of a request are.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// How often a request is made that was throttled, or whose answer was lost.
const TRIES: u32 = 5;
/// What is remembered of tasks of this process: a task's ARN takes 100 bytes.
const KNOWN_MAX: usize = 10_000;

/// A connection to ECS in one account and region.
#[derive(Clone)]
pub(super) struct Client(Arc<Inner>);

struct Inner {
    ecs: aws_sdk_ecs::Client,
    signed: Signed,
    account: Account,
    batch: Batch,
    /// The tasks of runs, as far as this process has seen them.
    known: Mutex<HashMap<RunId, String>>,
    /// The subnets of VPCs.
    subnets: Mutex<HashMap<String, Vec<String>>>,
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Client").field("account", &self.0.account).finish_non_exhaustive()
    }
}

/// What became of a request for a task.
#[derive(Debug)]
pub(super) enum Ran {
    /// It is there.
    Started,
    /// ECS has not placed it.
    NotPlaced(NotPlaced),
    /// ECS has refused.
    Refused(Refusal),
}

impl Client {
    /// # Errors
    /// When the credentials are not where they are said to be.
    pub(super) async fn connect(
        account: &Account,
        surroundings: &Surroundings,
    ) -> Result<Self, Error> {
        let keys = keys_of(account, surroundings).await?;
        let around = |service: &str| {
            let of_service = surroundings.get(service).filter(|url| !url.is_empty());
            let own = account.endpoint_url.as_deref();
            let general = surroundings.get("AWS_ENDPOINT_URL").filter(|url| !url.is_empty());
            own.or(of_service).or(general).map(str::to_owned)
        };
        let region = &account.region;
        let of = |service: Service| {
            around(service.variable()).unwrap_or_else(|| usual_endpoint(service.word(), region))
        };
        let signed = Signed::new(keys.clone(), region.clone(), of(Service::Logs), of(Service::Ec2));
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(TRY_TIMEOUT)
            .operation_timeout(ANSWER_TIMEOUT);
        let http =
            aws_smithy_http_client::Builder::new().tls_provider(crate::aws::tls()).build_https();
        let mut config = aws_sdk_ecs::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.clone()))
            .credentials_provider(SharedCredentialsProvider::new(keys))
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(TRIES))
            .timeout_config(timeouts.build());
        config.set_endpoint_url(around("AWS_ENDPOINT_URL_ECS"));
        let ecs = aws_sdk_ecs::Client::from_conf(config.build());
        Ok(Self(Arc::new(Inner {
            batch: Batch::new(asking(ecs.clone())),
            ecs,
            signed,
            account: account.clone(),
            known: Mutex::default(),
            subnets: Mutex::default(),
        })))
    }

    pub(super) fn account(&self) -> &Account {
        &self.0.account
    }

    pub(super) fn signed(&self) -> &Signed {
        &self.0.signed
    }

    pub(super) fn failed(&self, what: &str) -> impl FnOnce(Refusal) -> Error {
        let (what, account) = (what.to_owned(), self.0.account.clone());
        move |refusal| refusal.error(&what, &account)
    }

    /// A cluster. `None`: there is none of this name.
    pub(super) async fn cluster(&self, name: &str) -> Result<Option<Cluster>, Error> {
        let asked = self.0.ecs.describe_clusters().clusters(name).send().await;
        let asked = asked
            .map_err(Refusal::of)
            .map_err(self.failed(&format!("look for the cluster {name} of")))?;
        Ok(asked.clusters.unwrap_or_default().into_iter().next())
    }

    /// The subnets of a VPC, or of the default one.
    pub(super) async fn subnets(&self, vpc: &str) -> Result<Vec<String>, Error> {
        let known = self.0.subnets.lock().unwrap_or_else(PoisonError::into_inner).get(vpc).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let what = match vpc {
            "default" => "look up the subnets of the default VPC for".to_owned(),
            id => format!("look up the subnets of {id} for"),
        };
        let found = self.0.signed.subnets(vpc).await.map_err(self.failed(&what))?;
        if found.is_empty() {
            let text = match vpc {
                "default" => format!("the account has no default VPC in {}", self.0.account.region),
                id => format!("{id} has no subnets in {}", self.0.account.region),
            };
            return Err(Error::new(ErrorKind::Infrastructure, text)
                .hint("set the job's subnets, or another vpc_id"));
        }
        let mut subnets = self.0.subnets.lock().unwrap_or_else(PoisonError::into_inner);
        subnets.insert(vpc.to_owned(), found.clone());
        Ok(found)
    }

    /// Registers a task definition; returns its ARN.
    pub(super) async fn register(&self, body: &Value) -> Result<String, Error> {
        let family = body["family"].as_str().unwrap_or_default();
        let text = body.to_string();
        let request = self.0.ecs.register_task_definition().family(family);
        let sent =
            request.customize().mutate_request(move |request| put_body(request, &text)).send();
        let what = format!("register the task definition {family} with");
        let answer = Box::pin(sent).await.map_err(Refusal::of).map_err(self.failed(&what))?;
        let arn = answer.task_definition.and_then(|definition| definition.task_definition_arn);
        arn.ok_or_else(|| self.failed(&what)(Refusal::new("", "the answer has no ARN")))
    }

    /// The latest revision of a family, and the digest of its content. `None`: there is none.
    pub(super) async fn latest(
        &self,
        family: &str,
    ) -> Result<Option<(String, Option<String>)>, Error> {
        let asked = self.0.ecs.describe_task_definition().task_definition(family);
        match asked.include(TaskDefinitionField::Tags).send().await.map_err(Refusal::of) {
            Ok(found) => {
                let tags = found.tags.unwrap_or_default();
                let tag = tags.into_iter().find(|tag| tag.key() == Some(super::plan::CONTENT_TAG));
                let arn = found.task_definition.and_then(|found| found.task_definition_arn);
                Ok(arn.map(|arn| (arn, tag.and_then(|tag| tag.value))))
            }
            Err(refusal) if refusal.is_definition_missing() => Ok(None),
            Err(refusal) => {
                Err(self.failed(&format!("look for the task definition {family} of"))(refusal))
            }
        }
    }

    /// A container of a task definition. `None`: it is not there any more.
    pub(super) async fn container(
        &self,
        definition: &str,
        name: &str,
    ) -> Result<Option<ContainerDefinition>, Error> {
        let asked = self.0.ecs.describe_task_definition().task_definition(definition).send().await;
        let found = match asked.map_err(Refusal::of) {
            Ok(found) => found.task_definition,
            Err(refusal) if refusal.is_definition_missing() => None,
            Err(refusal) => {
                return Err(self.failed(&format!("look for the task definition {definition} of"))(
                    refusal,
                ));
            }
        };
        let containers =
            found.map(|found: TaskDefinition| found.container_definitions.unwrap_or_default());
        let mut containers = containers.unwrap_or_default().into_iter();
        Ok(containers.find(|container| container.name() == Some(name)))
    }

    /// Deregisters a task definition. One that is gone is no error.
    pub(super) async fn deregister(&self, arn: &str) -> Result<(), Error> {
        let asked = self.0.ecs.deregister_task_definition().task_definition(arn).send().await;
        match asked.map_err(Refusal::of) {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_definition_missing() => Ok(()),
            Err(refusal) => {
                Err(self.failed(&format!("deregister the task definition {arn} of"))(refusal))
            }
        }
    }

    /// Runs a task.
    pub(super) async fn run(&self, run: RunId, body: &Value) -> Ran {
        let definition = body["taskDefinition"].as_str().unwrap_or_default();
        let text = body.to_string();
        let request = self.0.ecs.run_task().task_definition(definition);
        let sent =
            request.customize().mutate_request(move |request| put_body(request, &text)).send();
        let answer = match Box::pin(sent).await {
            Ok(answer) => answer,
            Err(error) => return Ran::Refused(Refusal::of(error)),
        };
        match (
            answer.tasks.unwrap_or_default().into_iter().next(),
            answer.failures.unwrap_or_default().first(),
        ) {
            (Some(task), _) => {
                self.remember(run, &task);
                Ran::Started
            }
            (None, Some(failure)) => Ran::NotPlaced(not_placed(failure)),
            (None, None) => {
                Ran::Refused(Refusal::new("", "the answer tells of neither a task nor a failure"))
            }
        }
    }

    fn remember(&self, run: RunId, task: &Task) {
        let Some(arn) = task.task_arn() else { return };
        let mut known = self.0.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= KNOWN_MAX {
            known.clear();
        }
        known.insert(run, arn.to_owned());
    }

    /// The task of a run. `None`: ECS does not know one.
    pub(super) async fn find(&self, place: &Place) -> Result<Option<Task>, Refusal> {
        let known =
            self.0.known.lock().unwrap_or_else(PoisonError::into_inner).get(&place.run).cloned();
        if let Some(arn) = known {
            return self.0.batch.task(&place.cluster, &arn).await;
        }
        let mut arns = self.started(place, DesiredStatus::Running).await?;
        if arns.is_empty() {
            arns = self.started(place, DesiredStatus::Stopped).await?;
        }
        arns.truncate(TASKS_MAX);
        if arns.is_empty() {
            return Ok(None);
        }
        let found = described(&self.0.ecs, &place.cluster, arns).await?;
        let task = state::newest(found.into_values().collect());
        if let Some(task) = &task {
            self.remember(place.run, task);
        }
        Ok(task)
    }

    async fn started(&self, place: &Place, status: DesiredStatus) -> Result<Vec<String>, Refusal> {
        let asked = self.0.ecs.list_tasks().cluster(&place.cluster).started_by(place.started_by());
        let asked = asked.desired_status(status).send().await.map_err(Refusal::of)?;
        Ok(asked.task_arns.unwrap_or_default())
    }

    /// Tells a task to end. One that is gone is no error.
    pub(super) async fn stop(&self, place: &Place, task: &Task, why: &str) -> Result<(), Error> {
        let arn = task.task_arn().unwrap_or_default();
        let asked =
            self.0.ecs.stop_task().cluster(&place.cluster).task(arn).reason(why).send().await;
        match asked.map_err(Refusal::of) {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.is_task_missing() => Ok(()),
            Err(refusal) => Err(self.failed(&format!("stop the task {arn} of"))(refusal)),
        }
    }

    /// The tasks of a cluster that are meant to run.
    pub(super) async fn running(&self, cluster: &str) -> Result<Vec<Task>, Error> {
        let what = format!("list the tasks in the cluster {cluster} of");
        let mut tasks = Vec::new();
        let mut token = None;
        loop {
            let asked = self.0.ecs.list_tasks().cluster(cluster).set_next_token(token).send().await;
            let page = asked.map_err(Refusal::of).map_err(self.failed(&what))?;
            let arns = page.task_arns.unwrap_or_default();
            if !arns.is_empty() {
                let found =
                    described(&self.0.ecs, cluster, arns).await.map_err(self.failed(&what))?;
                tasks.extend(found.into_values());
            }
            token = page.next_token;
            if token.is_none() {
                return Ok(tasks);
            }
        }
    }

    /// The digest of our task definition's latest revision says whether it is the same.
    pub(super) async fn reuse_or_register(
        &self,
        family: &str,
        body: &Value,
    ) -> Result<String, Error> {
        match self.latest(family).await? {
            Some((arn, content)) if content.as_deref() == Request::content(body) => Ok(arn),
            Some(_) | None => self.register(body).await,
        }
    }
}

/// What is sent is the request as it was planned and patched, with fields that the client does not know, too.
fn put_body(request: &mut aws_smithy_runtime_api::client::orchestrator::HttpRequest, text: &str) {
    request.headers_mut().insert("content-length", text.len().to_string());
    *request.body_mut() = SdkBody::from(text);
}

fn asking(ecs: aws_sdk_ecs::Client) -> Ask {
    Arc::new(move |cluster, arns| {
        let ecs = ecs.clone();
        async move { described(&ecs, &cluster, arns).await }.boxed()
    })
}

/// Tasks by their ARNs. Those that ECS does not know are not among them.
async fn described(
    ecs: &aws_sdk_ecs::Client,
    cluster: &str,
    arns: Vec<String>,
) -> Result<Found, Refusal> {
    let asked =
        ecs.describe_tasks().cluster(cluster).set_tasks(Some(arns)).include(TaskField::Tags);
    let answer = asked.send().await.map_err(Refusal::of)?;
    if let Some(failure) =
        answer.failures().iter().find(|failure| failure.reason() != Some("MISSING"))
    {
        return Err(Refusal::new("", not_placed(failure).words));
    }
    let named = |task: Task| Some((task.task_arn()?.to_owned(), task));
    Ok(answer.tasks.unwrap_or_default().into_iter().filter_map(named).collect())
}
