//! Where a job is, and how it is named: what a handle says. Pure.

use std::time::Duration;

use longshore_protocol::Timestamp;
use longshore_protocol::id::RunId;

use super::plan::{ENDPOINT, TOKEN};
use crate::google::logging::{self, Source};
use crate::launcher::Handle;
use crate::{Error, ErrorKind};

/// The length of a run's id.
const RUN_LENGTH: usize = 36;
/// A launch takes less, and so does what was launched until everybody sees it.
const YOUNG: Duration = Duration::from_secs(60);

/// Where a job is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) endpoint: String,
    pub(super) logging_endpoint: String,
    pub(super) credentials: String,
    pub(super) project: String,
    pub(super) region: String,
    pub(super) job: String,
    /// The run, where the job is shared by several.
    pub(super) run: Option<String>,
}

impl Place {
    /// What all jobs of a region are below.
    pub(super) fn parent(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.region)
    }

    /// The whole name of the job.
    pub(super) fn job_path(&self) -> String {
        format!("{}/jobs/{}", self.parent(), self.job)
    }

    /// The whole name of the one execution of a job that is a run's own.
    pub(super) fn own_execution(&self) -> String {
        format!("{}/executions/{}-{TOKEN}", self.job_path(), self.job)
    }

    /// Whether its run was ordered so recently that not everybody may see its job yet.
    pub(super) fn is_young(&self, now: Timestamp) -> bool {
        let own = self.job.len().checked_sub(RUN_LENGTH).and_then(|begin| self.job.get(begin..));
        let run = self.run.as_deref().or(own).and_then(|run| run.parse::<RunId>().ok());
        let age = run.map(|run| now.duration_since(run.ordered_at()));
        age.is_some_and(|age| age.unsigned_abs() < YOUNG)
    }

    /// What the containers of an execution put out.
    pub(super) fn log(&self, execution: &str) -> Source {
        let short = execution.rsplit('/').next().unwrap_or(execution);
        let Self { project, job, region, .. } = self;
        let stream =
            |name: &str| format!("\"projects/{project}/logs/run.googleapis.com%2F{name}\"");
        let filter = [
            "resource.type=\"cloud_run_job\"".to_owned(),
            format!("resource.labels.job_name=\"{job}\""),
            format!("resource.labels.location=\"{region}\""),
            format!("labels.\"run.googleapis.com/execution_name\"=\"{short}\""),
            format!("logName=({} OR {})", stream("stdout"), stream("stderr")),
        ];
        Source { project: project.clone(), filter: filter.join(" AND ") }
    }

    pub(super) fn handle(&self) -> Handle {
        let unless =
            |text: &str, usual: &str| if text == usual { String::new() } else { text.to_owned() };
        let run = self.run.as_ref().map(|run| format!("/runs/{run}")).unwrap_or_default();
        let parts = [
            format!("{}{run}", self.job_path()),
            unless(&self.credentials, "default"),
            unless(&self.endpoint, ENDPOINT),
            unless(&self.logging_endpoint, logging::ENDPOINT),
        ];
        Handle(parts.join("|").trim_end_matches('|').to_owned())
    }

    /// # Errors
    /// When it is the handle of something else.
    pub(super) fn of(handle: &Handle) -> Result<Self, Error> {
        Self::read(&handle.0).ok_or_else(|| {
            let text = format!("{handle:?} is not the handle of a Cloud Run job");
            Error::new(ErrorKind::Store, text)
        })
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let names: Vec<_> = parts.next()?.split('/').collect();
        let (project, region, job, run) = match names[..] {
            ["projects", project, "locations", region, "jobs", job] => (project, region, job, None),
            ["projects", project, "locations", region, "jobs", job, "runs", run] => {
                run.parse::<RunId>().ok()?;
                (project, region, job, Some(run.to_owned()))
            }
            _ => return None,
        };
        let mut next =
            |usual: &str| parts.next().filter(|part| !part.is_empty()).unwrap_or(usual).to_owned();
        Some(Self {
            credentials: next("default"),
            endpoint: next(ENDPOINT),
            logging_endpoint: next(logging::ENDPOINT),
            project: project.to_owned(),
            region: region.to_owned(),
            job: job.to_owned(),
            run,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "019d0000-0000-7000-8000-000000000001";

    #[test]
    fn a_run_is_young_for_a_minute() {
        let place =
            |text: &str| Place::of(&Handle(format!("projects/p/locations/r/jobs/{text}"))).unwrap();
        let run: RunId = RUN.parse().unwrap();
        for place in [place(&format!("longshore-{RUN}")), place(&format!("x/runs/{RUN}"))] {
            let after = |seconds| run.ordered_at() + Duration::from_secs(seconds);
            assert!(place.is_young(after(1)));
            assert!(!place.is_young(after(61)));
        }
        assert!(!place("x").is_young(run.ordered_at()));
    }

    #[test]
    fn a_handle_says_where_the_job_is() {
        let usual = Place {
            endpoint: ENDPOINT.to_owned(),
            logging_endpoint: logging::ENDPOINT.to_owned(),
            credentials: "default".to_owned(),
            project: "p".to_owned(),
            region: "us-central1".to_owned(),
            job: "longshore-1".to_owned(),
            run: None,
        };
        assert_eq!(usual.handle().0, "projects/p/locations/us-central1/jobs/longshore-1");
        let shared = Place { run: Some(RUN.to_owned()), ..usual.clone() };
        let elsewhere =
            Place { logging_endpoint: "http://127.0.0.1:1".to_owned(), ..shared.clone() };
        let named = Place { credentials: "file:/key.json".to_owned(), ..usual.clone() };
        for place in [usual, shared, elsewhere, named] {
            assert_eq!(Place::of(&place.handle()).unwrap(), place);
        }
        for bad in ["nonsense", "projects/p/locations/r/jobs/j/runs/x", "projects/p/jobs/j"] {
            assert!(Place::of(&Handle(bad.to_owned())).is_err(), "{bad}");
        }
    }
}
