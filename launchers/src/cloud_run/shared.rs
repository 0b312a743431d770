//! Jobs that several runs share: created once, updated where they have changed, and an execution per run.
//!
//! Cloud Run starts an execution each time that it is asked to, so whoever asks looks first whether the run has one. Two
//! that launch the same run in the same moment can start two: the store lets only one of them have the outcome.

use super::api::Execution;
use super::client::{Client, Made};
use super::definition::{MARK, RUN};
use super::place::Place;
use super::plan::Request;
use super::state::run_of;
use crate::google::service::is_unknown;
use crate::launcher::{FoundJob, Hidden, Tell};
use crate::{Error, ErrorKind};

/// An answer that was lost is looked for this often, before it is asked again.
const TRIES_MAX: usize = 3;

/// The execution of a run.
pub(super) async fn find(
    client: &Client,
    place: &Place,
    run: &str,
) -> Result<Option<Execution>, Error> {
    let is_own = |execution: &Execution| run_of(execution) == Some(run);
    let found = client.executions(&place.job_path(), is_own).await?;
    Ok(found.into_iter().find(is_own))
}

/// The runs of a shared job.
pub(super) async fn runs(
    client: &Client,
    place: &Place,
    store: &str,
) -> Result<Vec<FoundJob>, Error> {
    let executions = client.executions(&place.job_path(), |_| false).await?;
    let found = executions.iter().filter_map(|execution| {
        let run = run_of(execution)?;
        let at = Place { run: Some(run.to_owned()), ..place.clone() };
        Some(FoundJob { handle: at.handle(), run: run.parse().ok()?, store: store.to_owned() })
    });
    Ok(found.collect())
}

/// Starts an execution for the run, if it has none.
pub(super) async fn launch(
    client: &Client,
    request: &Request,
    hidden: &Hidden,
    tell: &Tell<'_>,
) -> Result<(), Error> {
    let place = request.place();
    let run = place.run.clone().unwrap_or_default();
    if is_made(client, request, tell).await? == Was::There
        && find(client, &place, &run).await?.is_some()
    {
        return Ok(());
    }
    let mut tries = 0;
    loop {
        match client.run(&place, request.start(hidden)).await {
            Ok(()) => return Ok(()),
            // Whether it has started one is not known, but can be seen.
            Err(failure) if is_unknown(&failure) && tries < TRIES_MAX => {
                tries += 1;
                if find(client, &place, &run).await?.is_some() {
                    return Ok(());
                }
            }
            Err(failure) => return Err(client.could_not_run(&place, failure)),
        }
    }
}

/// Whether a job was there before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Was {
    There,
    Missing,
}

/// Sees to it that the job is there, and as it should be.
async fn is_made(client: &Client, request: &Request, tell: &Tell<'_>) -> Result<Was, Error> {
    let place = request.place();
    // The run's own arguments are no part of it, so nothing in it is hidden.
    let body = request.body(&Hidden::default())?;
    let wanted = body.pointer("/annotations").and_then(|all| all.get(MARK)).cloned();
    let Some(found) = client.job(&place).await? else {
        tell(&format!("creating the job {}", place.job));
        return match client.create(&place, body).await? {
            Made::Created(operation) => {
                let what = format!("create the job {}", place.job_path());
                client.done(&what, operation).await.map(|()| Was::Missing)
            }
            Made::Existed => Ok(Was::There),
        };
    };
    if wanted.as_ref().and_then(|mark| mark.as_str())
        != found.annotations.get(MARK).map(String::as_str)
    {
        tell(&format!("updating the job {}", place.job));
        client.update(&place, body).await?;
    }
    Ok(Was::There)
}

/// Checks that a job of this name which was there before is that of the run.
pub(super) async fn check_own(client: &Client, request: &Request) -> Result<(), Error> {
    let place = request.place();
    let Some(found) = client.job(&place).await? else {
        let text = format!("somebody has deleted the job {} in this moment", place.job_path());
        return Err(Error::new(ErrorKind::Infrastructure, text).hint("start the run again"));
    };
    let wanted = request.definition.pointer("/annotations").and_then(|all| all.get(RUN));
    if wanted.and_then(|run| run.as_str()) == found.annotations.get(RUN).map(String::as_str) {
        return Ok(());
    }
    let text = format!("there is another job {}", place.job_path());
    Err(Error::new(ErrorKind::Infrastructure, text).hint("delete it, or set the job's name"))
}
