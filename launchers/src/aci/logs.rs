//! What a container has put out.
//!
//! Azure gives the whole output each time that it is asked: of a container that runs the last 4 MB, and of one that is
//! over the last 16 KB or 1,000 lines. So a stream tells what it has not told yet, and says where something is missing.
//! <https://learn.microsoft.com/en-us/azure/container-instances/container-instances-resource-and-quota-limits#unchangeable-hard-limits>

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use longshore_protocol::Timestamp;
use longshore_protocol::state::JobState;

use super::AciLauncher;
use super::client::Client;
use super::place::Place;
use crate::Error;
use crate::launcher::Handle;

/// Pauses between two looks, from news to silence. A look is two reads.
const LOOK_FIRST: Duration = Duration::from_secs(1);
const LOOK_LONGEST: Duration = Duration::from_secs(10);
/// What has not arrived this long after the end of a container, is not waited for.
const SETTLED: Duration = Duration::from_secs(1);
/// The lines that explain an end.
const LAST_WORDS: u32 = 10;
/// Nobody waits longer for an explanation.
const PATIENCE: Duration = Duration::from_secs(4);
/// Stands for what is missing.
const GAP: &str = "[longshore: Azure no longer has the output in between]";

/// The last lines of a job that is over, in one text. Empty where they cannot be read: they only explain.
pub(super) async fn last_words(client: &Client, place: &Place) -> String {
    let asked = client.log(place, Some(LAST_WORDS));
    let asked = tokio::time::timeout(PATIENCE, asked).await;
    asked.ok().and_then(Result::ok).unwrap_or_default().trim().to_owned()
}

/// The lines of a job until it is over, as they come.
pub(super) fn lines(
    launcher: Arc<AciLauncher>,
    client: Client,
    (place, handle): (Place, Handle),
) -> BoxStream<'static, Result<String, Error>> {
    let told = Told::default();
    let reader =
        Reader { launcher, client, place, handle, told, end: End::Ahead, pause: LOOK_FIRST };
    stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.more().await?.map(|lines| (lines, reader)))
    })
    .flat_map(|lines| match lines {
        Ok(lines) => stream::iter(lines.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(error) => stream::iter(vec![Err(error)]),
    })
    .boxed()
}

/// How near the end of the output is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Ahead,
    /// The job is over, and its last lines may still be on their way.
    Near,
    Reached,
}

struct Reader {
    launcher: Arc<AciLauncher>,
    client: Client,
    place: Place,
    handle: Handle,
    told: Told,
    end: End,
    pause: Duration,
}

impl Reader {
    /// The next lines. `None`: there are no more.
    async fn more(&mut self) -> Result<Option<Vec<String>>, Error> {
        loop {
            self.end = match self.end {
                // Asked before the output is read: what was written until then is in it, or comes within moments.
                End::Ahead if !self.is_over().await? => End::Ahead,
                End::Ahead => End::Near,
                End::Near => {
                    tokio::time::sleep(SETTLED).await;
                    End::Reached
                }
                End::Reached => return Ok(None),
            };
            let content = self.client.log(&self.place, None).await?;
            let lines = self.told.news(&content, self.end);
            let has_news = !lines.is_empty();
            self.pause =
                if has_news { LOOK_FIRST } else { self.pause.mul_f64(1.5).min(LOOK_LONGEST) };
            if self.end == End::Ahead {
                tokio::time::sleep(self.pause).await;
            }
            if has_news {
                return Ok(Some(lines));
            }
        }
    }

    async fn is_over(&self) -> Result<bool, Error> {
        let state = self.launcher.settled(&self.client, &self.place, &self.handle).await?;
        Ok(matches!(state, JobState::Exited { .. } | JobState::Gone))
    }
}

/// What was told already.
#[derive(Debug, Default)]
struct Told {
    /// How much of the output.
    length: usize,
    /// Its last line, with its time, which no other line is likely to share.
    last: String,
}

impl Told {
    /// The lines that were not told yet. One that is not complete waits until it is, or the job is over.
    fn news(&mut self, content: &str, end: End) -> Vec<String> {
        let complete = match end {
            End::Reached => content.len(),
            End::Ahead | End::Near => content.rfind('\n').map_or(0, |at| at + 1),
        };
        let content = &content[..complete];
        let (from, is_gap) = self.place(content);
        let rest = &content[from..];
        let mut lines: Vec<_> = rest.lines().map(without_time).collect();
        if let Some(last) = rest.lines().last() {
            self.length = content.len();
            self.last = last.to_owned();
        }
        if is_gap && !lines.is_empty() {
            lines.insert(0, GAP.to_owned());
        }
        lines
    }

    /// Where what was not told begins, and whether something before it is missing.
    fn place(&self, content: &str) -> (usize, bool) {
        if self.last.is_empty() {
            return (0, false);
        }
        let is_there = |told: &str| told.trim_end_matches(['\r', '\n']).ends_with(&self.last);
        if content.get(..self.length).is_some_and(is_there) {
            return (self.length, false);
        }
        // Its beginning was cut off.
        let Some(at) = content.rfind(&self.last) else { return (0, true) };
        let end = at + self.last.len();
        let rest = &content[end..];
        (end + rest.find('\n').map_or(rest.len(), |at| at + 1), false)
    }
}

/// A line without the time before it.
fn without_time(line: &str) -> String {
    let parts = line.split_once(' ').or(Some((line, "")));
    let text = parts.filter(|(time, _)| time.parse::<Timestamp>().is_ok()).map(|(_, text)| text);
    text.unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(numbers: std::ops::Range<u32>) -> String {
        numbers.map(|n| format!("2026-11-27T12:00:00.{n:09}Z line {n}\n")).collect()
    }

    fn told(numbers: std::ops::Range<u32>) -> Vec<String> {
        numbers.map(|n| format!("line {n}")).collect()
    }

    #[test]
    fn each_line_is_told_once() {
        let mut reader = Told::default();
        assert_eq!(reader.news("", End::Ahead), told(0..0));
        assert_eq!(reader.news(&output(0..3), End::Ahead), told(0..3));
        assert_eq!(reader.news(&output(0..3), End::Ahead), told(0..0));
        assert_eq!(reader.news(&output(0..5), End::Near), told(3..5));
        // Its beginning is no longer there.
        assert_eq!(reader.news(&output(2..7), End::Near), told(5..7));
        assert_eq!(reader.news(&output(6..7), End::Reached), told(0..0));
        assert_eq!(reader.news("", End::Reached), told(0..0));
    }

    #[test]
    fn what_is_missing_is_said() {
        let mut reader = Told::default();
        reader.news(&output(0..3), End::Ahead);
        let lines = reader.news(&output(8..10), End::Reached);
        assert_eq!(lines, [GAP, "line 8", "line 9"]);
    }

    #[test]
    fn a_line_is_told_when_it_is_complete() {
        let mut reader = Told::default();
        let half = "2026-11-27T12:00:00Z a\n2026-11-27T12:00:01Z hal";
        assert_eq!(reader.news(half, End::Ahead), ["a"]);
        let whole = format!("{half}f");
        assert_eq!(reader.news(&whole, End::Near), told(0..0));
        assert_eq!(reader.news(&whole, End::Reached), ["half"]);
        assert_eq!(reader.news(&whole, End::Reached), told(0..0));
    }

    #[test]
    fn lines_are_what_was_written() {
        for (line, expected) in [
            ("2026-11-27T12:00:00.1Z  two spaces", " two spaces"),
            ("2026-11-27T12:00:00Z ", ""),
            ("2026-11-27T12:00:00Z", ""),
            ("no time", "no time"),
            ("", ""),
        ] {
            assert_eq!(without_time(line), expected);
        }
    }
}
