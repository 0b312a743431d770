//! What containers have put out, from Cloud Logging.
//!
//! Entries come some seconds after the container wrote them, so a stream asks again for the last seconds, and leaves out
//! what it has told. <https://docs.cloud.google.com/logging/docs/reference/v2/rest/v2/entries/list>

use std::collections::HashMap;
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use longshore_protocol::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::refusal;
use crate::Error;
use crate::rest::{Call, Failure, Rest};

/// Where Cloud Logging is.
pub(crate) const ENDPOINT: &str = "https://logging.googleapis.com";
/// The most that one page may have.
const PAGE: u32 = 1_000;
/// Reading is limited to 60 requests per minute and project.
/// <https://docs.cloud.google.com/logging/quotas#api-limits>
const LOOK_FIRST: Duration = Duration::from_millis(1_000);
/// After a while without news, it is looked for them this often.
const LOOK_LONGEST: Duration = Duration::from_secs(10);
/// What has not arrived this long after the end of a container, is not waited for.
const SETTLED: Duration = Duration::from_secs(4);
/// What was told of the last moments is asked for again: entries may arrive out of order.
const OVERLAP: Duration = Duration::from_secs(2);
/// The lines that explain an end.
const LAST_WORDS: u32 = 10;

/// What is asked for, without a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// The project that has the log.
    pub(crate) project: String,
    /// Which entries of it.
    pub(crate) filter: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page {
    #[serde(default)]
    entries: Vec<Entry>,
    #[serde(default)]
    next_page_token: Option<String>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    #[serde(default)]
    insert_id: String,
    #[serde(default)]
    timestamp: String,
    #[serde(default)]
    text_payload: Option<String>,
    #[serde(default)]
    json_payload: Option<Value>,
}

impl Entry {
    /// A line that was JSON has been read as such, and is JSON again.
    fn line(&self) -> String {
        match (&self.text_payload, &self.json_payload) {
            (Some(text), _) => text.trim_end_matches(['\n', '\r']).to_owned(),
            (None, Some(json)) => json.to_string(),
            (None, None) => String::new(),
        }
    }
}

async fn page(
    rest: &Rest,
    source: &Source,
    filter: String,
    (order, size, token): (&str, u32, Option<String>),
) -> Result<Page, Failure> {
    let mut body = json!({
        "resourceNames": [format!("projects/{}", source.project)],
        "filter": filter,
        "orderBy": order,
        "pageSize": size,
    });
    if let Some(token) = token {
        body["pageToken"] = token.into();
    }
    rest.read(&Call::post("/v2/entries:list", body)).await
}

/// The last lines of a job that is over, in one text. Empty where they cannot be read: they only explain.
pub(crate) async fn last_words(rest: &Rest, source: &Source) -> String {
    let asked = page(rest, source, source.filter.clone(), ("timestamp desc", LAST_WORDS, None));
    // Not for as long as calls are repeated: whoever asks for a state waits for it.
    let Ok(Ok(page)) = tokio::time::timeout(SETTLED, asked).await else { return String::new() };
    let lines: Vec<_> = page.entries.iter().rev().map(Entry::line).collect();
    lines.join("\n").trim().to_owned()
}

/// Looks whether logs can be read.
///
/// # Errors
/// When they cannot.
pub(crate) async fn check(rest: &Rest, source: &Source, role_file: &str) -> Result<(), Error> {
    let asked = page(rest, source, source.filter.clone(), ("timestamp desc", 1, None)).await;
    asked.map(drop).map_err(|failure| failed(failure, rest, role_file))
}

fn failed(failure: Failure, rest: &Rest, role_file: &str) -> Error {
    failure.error("read the log in Cloud Logging", rest.base(), |refusal| {
        refusal::hint(refusal, role_file)
    })
}

/// Reads on.
struct Reader<Over> {
    rest: Rest,
    source: Source,
    role_file: &'static str,
    /// Says whether the job is over.
    is_over: Over,
    over_since: Option<Instant>,
    place: Place,
    /// The filter and the token of a page that comes next.
    next_page: Option<(String, String)>,
    has_news: bool,
    pause: Duration,
}

/// Where a reader is: what it has told since the last moments.
#[derive(Debug, Default)]
struct Place {
    newest: Option<Timestamp>,
    told: HashMap<String, Timestamp>,
}

impl Place {
    /// From when on entries are asked for.
    fn since(&self) -> Option<Timestamp> {
        self.newest.and_then(|newest| newest.checked_sub(OVERLAP).ok())
    }

    /// Whether it is to be told: once.
    fn is_new(&mut self, entry: &Entry) -> bool {
        let Ok(time) = entry.timestamp.parse::<Timestamp>() else { return true };
        self.newest = self.newest.max(Some(time));
        self.told.insert(format!("{time} {}", entry.insert_id), time).is_none()
    }

    /// Forgets what does not come again.
    fn forget(&mut self) {
        let since = self.since();
        self.told.retain(|_, time| Some(*time) >= since);
    }
}

/// The lines of a job until it is over, as they come. `is_over` asks the infrastructure.
pub(crate) fn lines<Over, Asked>(
    rest: Rest,
    source: Source,
    role_file: &'static str,
    is_over: Over,
) -> BoxStream<'static, Result<String, Error>>
where
    Over: Fn() -> Asked + Send + Sync + 'static,
    Asked: Future<Output = Result<bool, Error>> + Send + 'static,
{
    let reader = Reader {
        rest,
        source,
        role_file,
        is_over,
        over_since: None,
        place: Place::default(),
        next_page: None,
        has_news: false,
        pause: LOOK_FIRST,
    };
    stream::try_unfold(reader, |mut reader| async move {
        Ok(reader.more().await?.map(|lines| (lines, reader)))
    })
    .flat_map(|lines| match lines {
        Ok(lines) => stream::iter(lines.into_iter().map(Ok).collect::<Vec<_>>()),
        Err(error) => stream::iter(vec![Err(error)]),
    })
    .boxed()
}

impl<Over, Asked> Reader<Over>
where
    Over: Fn() -> Asked + Send + Sync + 'static,
    Asked: Future<Output = Result<bool, Error>> + Send + 'static,
{
    /// The next lines. `None`: there are no more.
    async fn more(&mut self) -> Result<Option<Vec<String>>, Error> {
        loop {
            // Asked before the log is read: what was written until then is in it, or comes within moments.
            if self.next_page.is_none() && self.over_since.is_none() && (self.is_over)().await? {
                self.over_since = Some(Instant::now());
            }
            let is_settled = self.over_since.is_some_and(|since| since.elapsed() >= SETTLED);
            let lines = self.read().await?;
            self.has_news |= !lines.is_empty();
            if !lines.is_empty() {
                return Ok(Some(lines));
            }
            if self.next_page.is_some() {
                continue;
            }
            if is_settled && !self.has_news {
                return Ok(None);
            }
            let longest = if self.over_since.is_some() { LOOK_FIRST } else { LOOK_LONGEST };
            self.pause =
                if self.has_news { LOOK_FIRST } else { self.pause.mul_f64(1.5).min(longest) };
            self.has_news = false;
            tokio::time::sleep(self.pause).await;
        }
    }

    /// A page: what is new in it.
    async fn read(&mut self) -> Result<Vec<String>, Error> {
        let (filter, token) = match self.next_page.take() {
            Some((filter, token)) => (filter, Some(token)),
            None => {
                let since = self.place.since();
                let since = since.map(|since| format!(" AND timestamp>=\"{since}\""));
                (format!("{}{}", self.source.filter, since.unwrap_or_default()), None)
            }
        };
        let how = ("timestamp asc", PAGE, token);
        let page = page(&self.rest, &self.source, filter.clone(), how).await;
        let page = page.map_err(|failure| failed(failure, &self.rest, self.role_file))?;
        let new = page.entries.iter().filter(|entry| self.place.is_new(entry));
        let lines = new.map(Entry::line).collect();
        self.next_page = page.next_page_token.filter(|it| !it.is_empty()).map(|it| (filter, it));
        if self.next_page.is_none() {
            self.place.forget();
        }
        Ok(lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time: &str, id: &str) -> Entry {
        Entry { insert_id: id.to_owned(), timestamp: time.to_owned(), ..Entry::default() }
    }

    #[test]
    fn what_comes_again_or_late_is_told_once() {
        let mut place = Place::default();
        assert!(place.is_new(&entry("2026-11-24T10:00:05Z", "a")));
        assert!(place.is_new(&entry("2026-11-24T10:00:05.5Z", "b")));
        place.forget();
        assert_eq!(place.since().unwrap().to_string(), "2026-11-24T10:00:03.5Z");
        assert!(place.is_new(&entry("2026-11-24T10:00:04Z", "late")));
        assert!(!place.is_new(&entry("2026-11-24T10:00:05Z", "a")));
        assert!(place.is_new(&entry("2026-11-24T10:00:05.5Z", "c")));
    }

    #[test]
    fn a_line_of_json_is_json_again() {
        let entry: Entry =
            serde_json::from_str(r#"{"jsonPayload": {"a": 1}, "timestamp": "x"}"#).unwrap();
        assert_eq!(entry.line(), r#"{"a":1}"#);
        let entry: Entry = serde_json::from_str("{\"textPayload\": \"x\\n\"}").unwrap();
        assert_eq!(entry.line(), "x");
    }
}
