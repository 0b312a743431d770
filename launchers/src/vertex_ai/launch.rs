//! One job for a run, although Vertex AI starts one each time that it is asked to.

use std::time::Duration;

use serde_json::Value;

use super::END_PATIENCE;
use super::client::Client;
use super::place::Place;
use super::state::{Phase, phase};
use crate::google::service::{is_precondition, is_unknown};
use crate::rest::{ASK_AGAIN, Pauses};
use crate::{Error, ErrorKind};

/// An answer that was lost is looked for, and then asked for again, this often.
const TRIES_MAX: usize = 3;
/// A job that was created is in the list at once, or after this many seconds.
const LOOKS_MAX: usize = 10;

/// The name of the run's job, which is created where there is none.
///
/// # Errors
/// When Vertex AI refuses, or cannot be asked.
pub(super) async fn launch(client: &Client, place: &Place, body: Value) -> Result<String, Error> {
    if let Some(found) = client.of_run(place).await?.into_iter().next() {
        return Ok(found.name);
    }
    let mut tries = 0;
    let own = loop {
        match client.create(place, body.clone()).await {
            Ok(job) => break job.name,
            // Whether it has created one is not known, but can be seen.
            Err(failure) if is_unknown(&failure) && tries < TRIES_MAX => {
                tries += 1;
                if let Some(found) = appeared(client, place).await? {
                    break found;
                }
            }
            Err(failure) => return Err(client.could_not_create(place, failure)),
        }
    };
    first(client, place, own).await
}

/// A job that was created although its answer was lost.
async fn appeared(client: &Client, place: &Place) -> Result<Option<String>, Error> {
    for _ in 0..TRIES_MAX {
        if let Some(found) = client.of_run(place).await?.into_iter().next() {
            return Ok(Some(found.name));
        }
        tokio::time::sleep(ASK_AGAIN).await;
    }
    Ok(None)
}

/// The job of the run, where others may have launched it in the same moment: the first. If that is not our own, our own
/// is ended.
async fn first(client: &Client, place: &Place, own: String) -> Result<String, Error> {
    for _ in 0..LOOKS_MAX {
        let all = client.of_run(place).await?;
        if all.iter().any(|job| job.name == own) {
            let first = all.into_iter().next().map_or_else(|| own.clone(), |job| job.name);
            if first != own {
                client.cancel(&own).await?;
                ended(client, &own).await?;
                delete(client, &own).await?;
            }
            return Ok(first);
        }
        // Whoever is in the list already may be later than our own, which is not yet.
        tokio::time::sleep(ASK_AGAIN).await;
    }
    Ok(own)
}

/// Deletes a job that is over, or ends in this moment. One that is gone is no error.
///
/// # Errors
/// When it is still there.
pub(super) async fn delete(client: &Client, name: &str) -> Result<(), Error> {
    let deleted = match client.delete(name).await {
        // The runtime has written its outcome, and its machine is being stopped.
        Err(failure) if is_precondition(&failure) => {
            ended(client, name).await?;
            client.delete(name).await
        }
        deleted => deleted,
    };
    deleted.map_err(|failure| client.could_not_delete(name, failure))
}

/// Waits until a job cannot be running.
///
/// # Errors
/// When it may.
pub(super) async fn ended(client: &Client, name: &str) -> Result<(), Error> {
    let pauses = Pauses::new(Duration::from_millis(500), Duration::from_secs(5));
    let over = async {
        while client.job(name).await?.is_some_and(|job| phase(&job) != Phase::Over) {
            tokio::time::sleep(pauses.next()).await;
        }
        Ok(())
    };
    tokio::time::timeout(END_PATIENCE, over).await.unwrap_or_else(|_| {
        let text = format!("the job {name} may still be running");
        Err(Error::new(ErrorKind::Infrastructure, text)
            .hint("look at it in the Google Cloud console, and try again"))
    })
}
