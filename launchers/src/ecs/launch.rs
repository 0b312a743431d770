//! From a request to a task that ECS has accepted.

use std::time::Duration;

use serde_json::json;

use super::client::{Client, Ran};
use super::plan::Request;
use super::refusal::Refusal;
use crate::launcher::{Hidden, Tell};
use crate::{Error, ErrorKind};

/// The pauses between tries where ECS has no room: two minutes in all, as somebody waits for the launch.
const PAUSES_S: [u64; 7] = [2, 4, 8, 16, 30, 30, 30];

/// Runs the task. In the usual case this is one request: the task definition is there, and the subnets are known.
pub(super) async fn launch(
    client: &Client,
    request: &Request,
    hidden: &Hidden,
    tell: &Tell<'_>,
) -> Result<(), Error> {
    let place = request.place()?;
    let subnets = match &request.subnets_of {
        Some(vpc) => Some(client.subnets(vpc).await?),
        None => None,
    };
    let definition = request.definition();
    let name = match &definition {
        Some((family, body)) if request.match_latest_revision => {
            Some(client.reuse_or_register(family, body).await?)
        }
        // Its name follows from its content, so it need not be looked at.
        Some((family, _)) => Some(family.clone()),
        None => None,
    };
    let mut body = request.task(hidden, subnets.as_deref(), name.as_deref());
    let mut unregistered = definition;
    let mut pauses = PAUSES_S.into_iter();
    let failed = || client.failed("run a task with");
    loop {
        let no_room = match client.run(place.run, &body).await {
            Ran::Started => return Ok(()),
            Ran::NotPlaced(failure) if failure.may_pass => failure.words,
            Ran::NotPlaced(failure) => {
                return Err(failed()(Refusal::new("", failure.words)).hint(PLACEMENT));
            }
            Ran::Refused(refusal) if refusal.is_no_capacity() => refusal.words,
            Ran::Refused(refusal) => match unregistered.take() {
                Some((family, definition)) if refusal.is_definition_missing() => {
                    tell(&format!("registering the task definition {family}"));
                    let arn = client.register(&definition).await?;
                    if request.match_latest_revision {
                        body["taskDefinition"] = json!(arn);
                    }
                    continue;
                }
                _ if is_unsure(&refusal) && has_started(client, request).await? => return Ok(()),
                _ => return Err(failed()(refusal)),
            },
        };
        let Some(pause_s) = pauses.next() else {
            let text = format!("{} has no room for the task", client.account());
            return Err(Error::caused(ErrorKind::Infrastructure, text, no_room).hint(CAPACITY));
        };
        tell(&format!("there is no room for the task: {no_room}; trying again in {pause_s} s"));
        tokio::time::sleep(Duration::from_secs(pause_s)).await;
        // Somebody else may have launched the same run meanwhile. A token stands for the answer that it has got.
        if has_started(client, request).await? {
            return Ok(());
        }
        body["clientToken"] = json!(format!("{}-{}", place.run, PAUSES_S.len() - pauses.len()));
    }
}

const PLACEMENT: &str =
    "aws ecs list-container-instances shows the cluster's machines; or take launch_type FARGATE";
const CAPACITY: &str = "try again later, with subnets in more zones, another size, or FARGATE in place of FARGATE_SPOT";

/// Whether the task may have been started for all that: nothing was answered, or somebody has asked for it before in
/// other words.
fn is_unsure(refusal: &Refusal) -> bool {
    refusal.code.is_empty() || refusal.code == "ConflictException" || refusal.may_pass()
}

async fn has_started(client: &Client, request: &Request) -> Result<bool, Error> {
    let found = client.find(&request.place()?).await;
    Ok(found.is_ok_and(|task| task.is_some()))
}
