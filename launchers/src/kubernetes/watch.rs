//! Follows a Job and its pods by watches, through everything that breaks them.
//!
//! A watch that ends goes on from where it was; one whose place is too old lists again. While the API server does not
//! answer, it is asked again each second, for as long as somebody waits.

use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::Pod;
use kube::runtime::WatchStreamExt as _;
use kube::runtime::utils::Backoff;
use kube::runtime::watcher::{self, Config, watcher};

use super::client::{Client, pods_of};
use super::plan::Place;
use super::refusal::{failed, is_final};
use super::state::Seen;
use crate::Error;

/// The pause before the API server is asked again: one request a second is no load for it, and a run is noticed soon.
const AGAIN: Duration = Duration::from_secs(1);

/// A Job and its pods, as they change.
pub(super) struct Follower {
    changes: BoxStream<'static, Result<Change, watcher::Error>>,
    server: String,
    what: String,
    seen: Seen,
    /// What is being listed anew.
    listed_job: Option<Job>,
    listed_pods: Vec<Pod>,
    has_job: bool,
    has_pods: bool,
}

#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it moves on at once")]
enum Change {
    Job(watcher::Event<Job>),
    Pod(watcher::Event<Pod>),
}

struct EachSecond;

impl Iterator for EachSecond {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        Some(AGAIN)
    }
}

impl Backoff for EachSecond {
    fn reset(&mut self) {}
}

impl Follower {
    pub(super) fn new(client: &Client, place: &Place) -> Self {
        let job = Config::default().fields(&format!("metadata.name={}", place.name));
        let jobs = watcher(client.jobs(&place.namespace), job).backoff(EachSecond);
        let pods = Config::default().labels(&pods_of(&place.name));
        let pods = watcher(client.pods(&place.namespace), pods).backoff(EachSecond);
        let changes = stream::select(jobs.map_ok(Change::Job), pods.map_ok(Change::Pod));
        Self {
            changes: changes.boxed(),
            server: client.server().to_owned(),
            what: format!("watch the Job {}/{} in", place.namespace, place.name),
            seen: Seen::default(),
            listed_job: None,
            listed_pods: Vec::new(),
            has_job: false,
            has_pods: false,
        }
    }

    /// What is known. `None`: nothing whole yet.
    pub(super) fn seen(&self) -> Option<&Seen> {
        (self.has_job && self.has_pods).then_some(&self.seen)
    }

    /// Returns when something has changed, or at once after what was missed.
    ///
    /// # Errors
    /// When the cluster refuses to tell. That it does not answer is no error: it is asked again.
    pub(super) async fn changed(&mut self) -> Result<(), Error> {
        loop {
            match self.changes.next().await {
                Some(Ok(change)) => {
                    self.take(change);
                    return Ok(());
                }
                Some(Err(
                    watcher::Error::InitialListFailed(error)
                    | watcher::Error::WatchStartFailed(error),
                )) if is_final(&error) => return Err(failed(&self.what, &self.server, error)),
                Some(Err(_)) => {}
                // A watcher does not end by itself.
                None => std::future::pending().await,
            }
        }
    }

    fn take(&mut self, change: Change) {
        match change {
            Change::Job(watcher::Event::Init) => self.listed_job = None,
            Change::Job(watcher::Event::InitApply(job)) => self.listed_job = Some(job),
            Change::Job(watcher::Event::InitDone) => {
                self.seen.job = self.listed_job.take();
                self.has_job = true;
            }
            Change::Job(watcher::Event::Apply(job)) => self.seen.job = Some(job),
            Change::Job(watcher::Event::Delete(_)) => self.seen.job = None,
            Change::Pod(watcher::Event::Init) => self.listed_pods.clear(),
            Change::Pod(watcher::Event::InitApply(pod)) => self.listed_pods.push(pod),
            Change::Pod(watcher::Event::InitDone) => {
                self.seen.pods = std::mem::take(&mut self.listed_pods);
                self.has_pods = true;
            }
            Change::Pod(watcher::Event::Apply(pod)) => {
                self.forget(&pod);
                self.seen.pods.push(pod);
            }
            Change::Pod(watcher::Event::Delete(pod)) => self.forget(&pod),
        }
    }

    fn forget(&mut self, pod: &Pod) {
        self.seen.pods.retain(|known| known.metadata.uid != pod.metadata.uid);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
    use watcher::Event;

    fn meta(uid: &str) -> ObjectMeta {
        ObjectMeta { uid: Some(uid.to_owned()), ..ObjectMeta::default() }
    }

    fn pod(uid: &str) -> Pod {
        Pod { metadata: meta(uid), ..Pod::default() }
    }

    fn follower(changes: Vec<Change>) -> Follower {
        Follower {
            changes: stream::iter(changes.into_iter().map(Ok)).boxed(),
            server: String::new(),
            what: String::new(),
            seen: Seen::default(),
            listed_job: None,
            listed_pods: Vec::new(),
            has_job: false,
            has_pods: false,
        }
    }

    #[tokio::test]
    async fn what_is_seen_is_whole_also_when_everything_is_listed_again() {
        let job = || Change::Job(Event::InitApply(Job { metadata: meta("j"), ..Job::default() }));
        let mut follower = follower(vec![
            Change::Job(Event::Init),
            job(),
            Change::Job(Event::InitDone),
            Change::Pod(Event::Init),
            Change::Pod(Event::InitDone),
            Change::Pod(Event::Apply(pod("a"))),
            Change::Pod(Event::Apply(pod("a"))),
            Change::Pod(Event::Apply(pod("b"))),
            // Here the watch was cut off, and meanwhile the Job and one pod went.
            Change::Pod(Event::Init),
            Change::Pod(Event::InitApply(pod("b"))),
            Change::Job(Event::Init),
            Change::Job(Event::InitDone),
            Change::Pod(Event::InitDone),
            Change::Pod(Event::Delete(pod("b"))),
        ]);
        let mut shown = Vec::new();
        for _ in 0..14 {
            follower.changed().await.unwrap();
            shown.push(follower.seen().map(|seen| (seen.job.is_some(), seen.pods.len())));
        }
        let none = || std::iter::repeat_n(None, 4);
        let some = [
            (true, 0),
            (true, 1),
            (true, 1),
            (true, 2),
            (true, 2),
            (true, 2),
            (true, 2),
            (false, 2),
            (false, 1),
            (false, 0),
        ];
        let expected: Vec<_> = none().chain(some.map(Some)).collect();
        assert_eq!(shown, expected);
    }
}
