//! The output of a Job's containers, line by line, through everything that breaks the connection.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash as _, Hasher as _};
use std::pin::Pin;
use std::time::Duration;

use futures::stream::{self, BoxStream};
use futures::{AsyncBufRead, AsyncBufReadExt as _, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::jiff::Timestamp;
use kube::api::LogParams;

use super::client::{Client, code};
use super::manifest::CONTAINER;
use super::plan::Place;
use super::refusal::failed;
use super::state::{created, is_alive, is_over, is_running, terminated};
use crate::Error;

/// A container that is not there yet is looked for this often, and a connection that broke is made again after it.
const LOOK_EVERY: Duration = Duration::from_millis(300);
/// A cluster that refuses for this long does not come back soon.
const PATIENCE: Duration = Duration::from_secs(300);

/// After so much silence the connection is made again.
const SILENCE: Duration = Duration::from_secs(60);

/// Two lines that stand in the wrong order are not further apart.
const OVERLAP_S: i64 = 2;

type Source = Pin<Box<dyn AsyncBufRead + Send>>;

/// Reads on.
struct Reader {
    client: Client,
    place: Place,
    /// What is being read.
    source: Option<(Source, Pass)>,
    pod: Option<String>,
    /// Pods of which there is no more to come.
    done: HashSet<String>,
    place_in_log: PlaceInLog,
    failing_since: Option<tokio::time::Instant>,
}

/// Whether what ends with the connection is all there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pass {
    Following,
    /// The container is over.
    Last,
}

/// Lines come with their times, so that none is told twice after a reconnection, and none is left out. They come in the
/// order in which they were written down: one of standard error may stand before an earlier one of standard output.
#[derive(Debug, Default)]
struct PlaceInLog {
    newest: Option<Timestamp>,
    /// What was told since [`PlaceInLog::since`].
    told: VecDeque<Line>,
    /// What of it has not come again.
    again: HashMap<Line, usize>,
}

/// A line, by its time and the digest of what it says.
type Line = (Timestamp, u64);

impl PlaceInLog {
    /// The line without its time. `None`: it was told before.
    fn take(&mut self, line: &str) -> Option<String> {
        let (stamp, text) = line.split_once(' ').unwrap_or((line, ""));
        let Ok(time) = stamp.parse::<Timestamp>() else { return Some(line.to_owned()) };
        let mut hasher = DefaultHasher::new();
        text.hash(&mut hasher);
        let line = (time, hasher.finish());
        if let Some(left) = self.again.get_mut(&line).filter(|left| **left > 0) {
            *left -= 1;
            return None;
        }
        self.newest = self.newest.max(Some(time));
        self.told.push_back(line);
        let since = self.since();
        while self.told.front().is_some_and(|(time, _)| Some(*time) < since) {
            self.told.pop_front();
        }
        Some(text.to_owned())
    }

    /// From where the next connection reads: whole seconds, as servers understand no others.
    fn since(&self) -> Option<Timestamp> {
        let since = self.newest?.as_second().saturating_sub(OVERLAP_S);
        Timestamp::from_second(since).ok()
    }

    /// The connection is another one.
    fn reconnected(&mut self) {
        self.again.clear();
        for line in &self.told {
            *self.again.entry(*line).or_default() += 1;
        }
    }
}

/// What to do next.
enum Next {
    Read(String, Pass),
    Wait,
    End,
}

pub(super) fn lines(client: Client, place: Place) -> BoxStream<'static, Result<String, Error>> {
    let reader = Reader {
        client,
        place,
        source: None,
        pod: None,
        done: HashSet::new(),
        place_in_log: PlaceInLog::default(),
        failing_since: None,
    };
    stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.line().await?.map(|line| (line, reader)))
    })
    .boxed()
}

impl Reader {
    async fn line(&mut self) -> Result<Option<String>, Error> {
        loop {
            if let Some((source, pass)) = &mut self.source {
                let pass = *pass;
                let mut line = Vec::new();
                let read = source.read_until(b'\n', &mut line);
                // A connection that is silently dead looks like a container that says nothing: another one tells.
                let read = tokio::time::timeout(SILENCE, read).await.unwrap_or(Ok(0));
                match read {
                    // A line that was cut off comes again with the next connection.
                    Ok(count) if count > 0 && (line.ends_with(b"\n") || pass == Pass::Last) => {
                        let line = String::from_utf8_lossy(&line);
                        let line = line.trim_end_matches(['\r', '\n']);
                        if let Some(line) = self.place_in_log.take(line) {
                            return Ok(Some(line));
                        }
                    }
                    Ok(_) if pass == Pass::Last => self.pod_is_done(),
                    // Of one that was followed to its end, what came last is read once more.
                    Ok(_) => self.source = None,
                    Err(_) => {
                        self.source = None;
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                }
                continue;
            }
            match self.next().await {
                Ok(Next::Read(pod, pass)) => self.open(pod, pass).await?,
                Ok(Next::Wait) => tokio::time::sleep(LOOK_EVERY).await,
                Ok(Next::End) => return Ok(None),
                Err(error) => self.endure(error).await?,
            }
        }
    }

    fn pod_is_done(&mut self) {
        self.source = None;
        self.done.extend(self.pod.take());
    }

    async fn next(&mut self) -> Result<Next, Error> {
        let seen = self.client.look(&self.place).await?;
        let name = |pod: &Pod| pod.metadata.name.clone().unwrap_or_default();
        let mut left: Vec<_> =
            seen.pods.iter().filter(|pod| !self.done.contains(&name(pod))).collect();
        left.sort_by_key(|pod| created(pod));
        let is_over = seen.job.as_ref().is_none_or(is_over);
        Ok(match left.first() {
            Some(pod) if terminated(pod).is_some() || !is_alive(pod) => {
                Next::Read(name(pod), Pass::Last)
            }
            Some(pod) if is_running(pod) => Next::Read(name(pod), Pass::Following),
            Some(_) => Next::Wait,
            None if is_over => Next::End,
            // One that succeeded is the last one, whatever the Job says of it by now.
            None if seen.newest().and_then(terminated).is_some_and(|it| it.exit_code == 0) => {
                Next::End
            }
            None => Next::Wait,
        })
    }

    async fn open(&mut self, pod: String, pass: Pass) -> Result<(), Error> {
        if self.pod.as_ref() != Some(&pod) {
            self.place_in_log = PlaceInLog::default();
            self.pod = Some(pod.clone());
        }
        self.place_in_log.reconnected();
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            follow: pass == Pass::Following,
            timestamps: true,
            since_time: self.place_in_log.since(),
            ..LogParams::default()
        };
        match self.client.pods(&self.place.namespace).log_stream(&pod, &params).await {
            Ok(source) => {
                self.failing_since = None;
                self.source = Some((Box::pin(source), pass));
            }
            // It is gone, or never had a container.
            Err(error) if code(&error) == 404 || (code(&error) == 400 && pass == Pass::Last) => {
                self.pod_is_done();
            }
            Err(error) => {
                let hopeless = matches!(code(&error), 401 | 403);
                let what = format!("read the output of {}/{pod} in", self.place.namespace);
                let error = failed(&what, self.client.server(), error);
                if hopeless {
                    return Err(error);
                }
                self.endure(error).await?;
            }
        }
        Ok(())
    }

    /// Waits, for as long as there is hope.
    async fn endure(&mut self, error: Error) -> Result<(), Error> {
        let since = *self.failing_since.get_or_insert_with(tokio::time::Instant::now);
        if since.elapsed() > PATIENCE {
            return Err(error);
        }
        tokio::time::sleep(LOOK_EVERY).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_told_twice_or_left_out_after_a_reconnection() {
        let lines = [
            "2026-11-24T10:00:00.000000001Z one",
            "2026-11-24T10:00:00.000000002Z two",
            "2026-11-24T10:00:00.000000002Z two",
            "2026-11-24T10:00:00.500000000Z ",
            "2026-11-24T10:00:01Z five six",
            "2026-11-24T10:00:00.999999999Z before that",
            "2026-11-24T10:00:09Z last",
        ];
        let whole = ["one", "two", "two", "", "five six", "before that", "last"];
        for broken_after in 0..=lines.len() {
            let mut place = PlaceInLog::default();
            let mut told: Vec<String> =
                lines[..broken_after].iter().filter_map(|line| place.take(line)).collect();
            place.reconnected();
            let since = place.since().map(|since| since.to_string()).unwrap_or_default();
            let rest = lines.iter().filter(|line| **line >= since.as_str());
            told.extend(rest.filter_map(|line| place.take(line)));
            assert_eq!(told, whole, "broken after {broken_after}");
        }
    }

    #[test]
    fn a_line_without_a_time_is_told_as_it_is() {
        assert_eq!(
            PlaceInLog::default().take("failed to get logs"),
            Some("failed to get logs".to_owned())
        );
    }
}
