//! Creates the container group of a run, once.
//!
//! Azure's `PUT` creates or updates, and a group that is over already is started again by it; it knows no `If-None-Match`.
//! So whoever launches looks first, and a request whose answer was lost is not repeated before it was looked again. Two
//! that launch the same run in the same moment send the same request: the second one finds Azure busy with the group
//! (`ContainerGroupTransitioning`), or changes nothing in it.
//!
//! Source: <https://learn.microsoft.com/en-us/azure/container-instances/container-instances-update>.

use std::time::Duration;

use serde_json::Value;

use super::api::Group;
use super::client::{Client, Made};
use super::definition::RUN;
use super::place::Place;
use crate::{Error, ErrorKind};

/// An answer that was lost is looked for after these pauses, before it is asked again: a group may not be found at once.
const LOOKS: [Duration; 3] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];
/// How often it is asked.
const TRIES_MAX: usize = 4;

/// Sees to it that the group is there.
///
/// # Errors
/// When Azure refuses, cannot be reached, or has another group of this name.
pub(super) async fn launch(client: &Client, place: &Place, body: &Value) -> Result<(), Error> {
    if let Some(found) = client.group(place).await? {
        return check_own(place, body, &found);
    }
    let what = format!("create the container group {}", place.id());
    for _ in 0..TRIES_MAX {
        let made = client.create(place, body.clone()).await;
        match made.map_err(|failure| client.failed(&what, failure))? {
            // Whose it is follows from its name, which has the run in it.
            Made::Created | Made::Busy => return Ok(()),
            Made::Unknown => {}
        }
        for pause in LOOKS {
            tokio::time::sleep(pause).await;
            if let Some(found) = client.group(place).await? {
                return check_own(place, body, &found);
            }
        }
    }
    let text = format!("could not {what}: Azure has failed {TRIES_MAX} times to answer");
    Err(Error::new(ErrorKind::Infrastructure, text)
        .hint("try again later: https://azure.status.microsoft says how Azure is"))
}

/// Checks that a group of this name which was there before is that of the run.
fn check_own(place: &Place, body: &Value, found: &Group) -> Result<(), Error> {
    if body["tags"][RUN].as_str() == found.tags.get(RUN).map(String::as_str) {
        return Ok(());
    }
    let text = format!("there is another container group {}", place.id());
    Err(Error::new(ErrorKind::Infrastructure, text).hint("delete it, or set the job's name"))
}
