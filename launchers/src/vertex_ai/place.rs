//! Where a job is, and how it is found: what a handle says. Pure.
//!
//! Vertex AI chooses the names of jobs itself, so a handle names the run, and its job is looked for by its label.

use std::time::Duration;

use longshore_protocol::Timestamp;
use longshore_protocol::id::RunId;

use super::definition::label;
use crate::google::logging::{self, Source};
use crate::launcher::Handle;
use crate::settings::SettingType as _;
use crate::{Error, ErrorKind};

/// How long after its launch a job is looked at first, unless it is set. A machine takes a minute to be there, and more
/// looks of a thousand runs would be more than Vertex AI answers.
pub(super) const LOOK_USUAL: Duration = Duration::from_secs(30);
/// The first of a job's machines, which is the only one here.
/// <https://docs.cloud.google.com/vertex-ai/docs/training/distributed-training>
const MACHINE: &str = "workerpool0-0";
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
    pub(super) run: String,
    /// How long after its launch it is looked at first.
    pub(super) look: Duration,
}

/// Google's own address of the API for a region.
pub(super) fn endpoint(region: &str) -> String {
    format!("https://{region}-aiplatform.googleapis.com")
}

impl Place {
    /// What all jobs of a region are below.
    pub(super) fn parent(&self) -> String {
        format!("projects/{}/locations/{}", self.project, self.region)
    }

    /// What lists the jobs of this run and no others.
    /// <https://docs.cloud.google.com/vertex-ai/docs/reference/rest/v1/projects.locations.customJobs/list>
    pub(super) fn filter(&self) -> String {
        format!("labels.{}=\"{}\"", label("run"), self.run)
    }

    /// Whether its run was ordered so recently that not everybody may see its job yet.
    pub(super) fn is_young(&self, now: Timestamp) -> bool {
        let run = self.run.parse::<RunId>().ok();
        run.is_some_and(|run| now.duration_since(run.ordered_at()).unsigned_abs() < YOUNG)
    }

    /// What the container of a job puts out. What Vertex AI itself says of the job has another `task_name`.
    /// <https://docs.cloud.google.com/sdk/gcloud/reference/ai/custom-jobs/stream-logs> filters alike.
    pub(super) fn log(&self, job: &str) -> Source {
        let id = job.rsplit('/').next().unwrap_or(job);
        let filter = [
            "resource.type=\"ml_job\"".to_owned(),
            format!("resource.labels.job_id=\"{id}\""),
            format!("resource.labels.task_name=\"{MACHINE}\""),
        ];
        Source { project: self.project.clone(), filter: filter.join(" AND ") }
    }

    pub(super) fn handle(&self) -> Handle {
        let unless =
            |text: &str, usual: &str| if text == usual { String::new() } else { text.to_owned() };
        let written = |look: Duration| look.write().as_str().unwrap_or_default().to_owned();
        let parts = [
            format!("{}/customJobs?run={}", self.parent(), self.run),
            unless(&self.credentials, "default"),
            unless(&self.endpoint, &endpoint(&self.region)),
            unless(&self.logging_endpoint, logging::ENDPOINT),
            unless(&written(self.look), &written(LOOK_USUAL)),
        ];
        Handle(parts.join("|").trim_end_matches('|').to_owned())
    }

    /// # Errors
    /// When it is the handle of something else.
    pub(super) fn of(handle: &Handle) -> Result<Self, Error> {
        Self::read(&handle.0).ok_or_else(|| {
            let text = format!("{handle:?} is not the handle of a custom job of Vertex AI");
            Error::new(ErrorKind::Store, text)
        })
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let (parent, run) = parts.next()?.split_once("/customJobs?run=")?;
        run.parse::<RunId>().ok()?;
        let names: Vec<_> = parent.split('/').collect();
        let ["projects", project, "locations", region] = names[..] else { return None };
        let mut next =
            |usual: &str| parts.next().filter(|part| !part.is_empty()).unwrap_or(usual).to_owned();
        Some(Self {
            credentials: next("default"),
            endpoint: next(&endpoint(region)),
            logging_endpoint: next(logging::ENDPOINT),
            look: match next("").as_str() {
                "" => LOOK_USUAL,
                text => Duration::read(&text.into()).ok()?,
            },
            project: project.to_owned(),
            region: region.to_owned(),
            run: run.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::RUN;

    fn usual() -> Place {
        Place {
            endpoint: endpoint("us-central1"),
            logging_endpoint: logging::ENDPOINT.to_owned(),
            credentials: "default".to_owned(),
            project: "p".to_owned(),
            region: "us-central1".to_owned(),
            run: RUN.to_owned(),
            look: LOOK_USUAL,
        }
    }

    #[test]
    fn a_run_is_young_for_a_minute() {
        let run: RunId = RUN.parse().unwrap();
        let after = |seconds| run.ordered_at() + Duration::from_secs(seconds);
        assert!(usual().is_young(after(1)));
        assert!(!usual().is_young(after(61)));
    }

    #[test]
    fn a_handle_says_where_the_job_is() {
        let handle = usual().handle();
        let expected = format!("projects/p/locations/us-central1/customJobs?run={RUN}");
        assert_eq!(handle.0, expected);
        let near = "http://127.0.0.1:1".to_owned();
        let elsewhere = Place { logging_endpoint: near.clone(), ..usual() };
        let named = Place { credentials: "file:/key.json".to_owned(), ..usual() };
        let hasty = Place { look: Duration::from_millis(250), endpoint: near, ..usual() };
        for place in [usual(), elsewhere, named, hasty] {
            assert_eq!(Place::of(&place.handle()).unwrap(), place);
        }
        for bad in [
            "nonsense".to_owned(),
            "projects/p/locations/r/customJobs?run=x".to_owned(),
            "projects/p/locations/r/customJobs/1".to_owned(),
            format!("projects/p/customJobs?run={RUN}"),
            format!("{expected}||||soon"),
        ] {
            assert!(Place::of(&Handle(bad.clone())).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_log_is_that_of_the_container() {
        let source = usual().log("projects/1/locations/us-central1/customJobs/77");
        assert_eq!(
            source.filter,
            "resource.type=\"ml_job\" AND resource.labels.job_id=\"77\" AND resource.labels.task_name=\"workerpool0-0\""
        );
    }
}
