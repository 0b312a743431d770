//! Where a task is: what a handle says. And by whose keys one asks.

use std::fmt;

use longshore_protocol::id::RunId;
use serde::{Deserialize, Serialize};

use super::config::{Arn, EcsSettings, Reference, Url};
use crate::aws::region_of_profile;
use crate::launcher::Handle;
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// The environment variables with a region, in the order in which they count.
const REGION_VARIABLES: [&str; 2] = ["AWS_REGION", "AWS_DEFAULT_REGION"];

/// An account and region, and how to get at it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Account {
    /// The region.
    pub(super) region: String,
    /// Where the keys are, not what they are.
    pub(super) credentials: String,
    /// The role that is assumed with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) assume_role_arn: Option<String>,
    /// Where the API is, if not at Amazon's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) endpoint_url: Option<String>,
}

impl fmt::Display for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.endpoint_url {
            Some(url) => write!(out, "ECS at {url}"),
            None => write!(out, "ECS in {}", self.region),
        }
    }
}

impl Account {
    /// The one that the settings name. Contacts nobody.
    ///
    /// # Errors
    /// When nothing says which region.
    pub(super) fn of(settings: &EcsSettings, surroundings: &Surroundings) -> Result<Self, Error> {
        let Reference(credentials) = settings.credentials.clone();
        Ok(Self {
            region: region(settings, surroundings)?,
            credentials,
            assume_role_arn: settings.assume_role_arn.clone().map(|Arn(arn)| arn),
            endpoint_url: settings.endpoint_url.clone().map(|Url(url)| url),
        })
    }
}

fn region(settings: &EcsSettings, surroundings: &Surroundings) -> Result<String, Error> {
    if let Some(region) = &settings.region {
        return Ok(region.0.clone());
    }
    let profile = settings.credentials.0.strip_prefix("profile:").map(str::to_owned);
    // A profile that is named goes before what happens to be around.
    let named = profile.is_some().then(|| region_of_profile(profile)).transpose()?.flatten();
    let around = || REGION_VARIABLES.iter().find_map(|name| surroundings.get(name));
    if let Some(region) = named.or_else(|| around().map(str::to_owned)) {
        return Ok(region);
    }
    region_of_profile(surroundings.get("AWS_PROFILE").map(str::to_owned))?.ok_or_else(|| {
        let text = "nothing says in which AWS region tasks are to run";
        Error::new(ErrorKind::BadInput, text)
            .hint("set the job's region, AWS_REGION, or the region of an AWS profile")
    })
}

/// Where a task is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub(super) account: Account,
    pub(super) cluster: String,
    /// The run, after which the task is found.
    pub(super) run: RunId,
    /// Whether its task definition goes with the run.
    pub(super) deregisters: bool,
}

/// Says in a handle that the task definition goes.
const DEREGISTERS: &str = "deregister";

impl Place {
    pub(super) fn handle(&self) -> Handle {
        let Self { account, cluster, run, deregisters } = self;
        let Account { region, credentials, assume_role_arn, endpoint_url } = account;
        let role = assume_role_arn.as_deref().unwrap_or_default();
        let endpoint = endpoint_url.as_deref().unwrap_or_default();
        let credentials = if credentials == "default" { "" } else { credentials };
        let deregisters = if *deregisters { DEREGISTERS } else { "" };
        let all = format!("{region}|{cluster}|{run}|{deregisters}|{credentials}|{role}|{endpoint}");
        Handle(all.trim_end_matches('|').to_owned())
    }

    /// # Errors
    /// When it is the handle of something else.
    pub(super) fn of(handle: &Handle) -> Result<Self, Error> {
        let wrong = || {
            Error::new(ErrorKind::Store, format!("{handle:?} is not the handle of a task of ECS"))
        };
        let mut parts = handle.0.splitn(7, '|').map(str::to_owned);
        let (Some(region), Some(cluster), Some(run)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let mut set = || parts.next().filter(|part| !part.is_empty());
        let deregisters = set().is_some();
        let credentials = set().unwrap_or_else(|| "default".to_owned());
        let (assume_role_arn, endpoint_url) = (set(), set());
        Ok(Self {
            account: Account { region, credentials, assume_role_arn, endpoint_url },
            cluster,
            run: run.parse().map_err(|_| wrong())?,
            deregisters,
        })
    }

    /// What the task says that it was started by.
    pub(super) fn started_by(&self) -> String {
        started_by(&self.run)
    }
}

/// What a task of this run says that it was started by.
pub(super) fn started_by(run: &RunId) -> String {
    format!("longshore-{run}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_says_where_the_task_is() {
        let run = "019d0000-0000-7000-8000-000000000001";
        let account = Account {
            region: "eu-central-1".into(),
            credentials: "default".into(),
            assume_role_arn: None,
            endpoint_url: None,
        };
        let usual = Place {
            account,
            cluster: "default".into(),
            run: run.parse().unwrap(),
            deregisters: false,
        };
        assert_eq!(usual.handle().0, format!("eu-central-1|default|{run}"));
        let other = Place {
            account: Account {
                credentials: "profile:ci".into(),
                assume_role_arn: Some("arn:aws:iam::1:role/x".into()),
                endpoint_url: Some("http://127.0.0.1:1".into()),
                ..usual.account.clone()
            },
            cluster: "arn:aws:ecs:eu-central-1:1:cluster/flows".into(),
            deregisters: true,
            ..usual.clone()
        };
        for place in [usual, other] {
            assert_eq!(Place::of(&place.handle()).unwrap(), place);
        }
        for wrong in ["nonsense", "a|b|c"] {
            assert!(Place::of(&Handle(wrong.into())).is_err());
        }
    }
}
