//! The container's own output, from CloudWatch.

use std::time::Duration;

use aws_sdk_ecs::types::{LogConfiguration, LogDriver, Task};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::client::Client;
use super::place::Place;
use super::refusal::Refusal;
use super::state::{container_name, is_over};
use crate::launcher::Handle;
use crate::{Error, clock};

/// New lines are looked for this often, …
const LOOK_FIRST: Duration = Duration::from_secs(1);
/// … and this often in the end. CloudWatch takes 10 such requests a second of an account.
const LOOK_LONGEST: Duration = Duration::from_secs(5);
/// Lines reach CloudWatch within this of the container's end or of the line before, or not at all.
const LATE: Duration = Duration::from_secs(5);
/// The end of the output is an explanation, not a log.
const LAST_LINES: u32 = 20;
/// What explains a state is not waited for longer.
const LAST_LINES_PATIENCE: Duration = Duration::from_millis(1_500);

/// Where the lines of a task are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LogStream {
    group: String,
    name: String,
}

/// How far a reader is.
struct Reader {
    client: Client,
    place: Place,
    stream: LogStream,
    token: Option<String>,
    pause: Duration,
    end: End,
    is_done: bool,
}

/// Whether the output has ended.
#[derive(Debug, Default)]
struct End {
    /// When the task ended, or a line came after that.
    over_since: Option<Instant>,
    /// Whether there were no more lines at the last look.
    is_at_end: bool,
}

impl End {
    /// What a look at the stream has shown.
    fn looked(&mut self, has_lines: bool, is_at_end: bool, now: Instant) {
        // What was not there a moment ago came late, and more may follow.
        if self.is_at_end && has_lines && self.over_since.is_some() {
            self.over_since = Some(now);
        }
        self.is_at_end = is_at_end;
    }

    /// Whether no more lines will come.
    fn is_final(&self, now: Instant) -> bool {
        self.is_at_end && self.over_since.is_some_and(|since| now - since >= LATE)
    }
}

/// The stream of a container with this configuration. `None`: its output goes elsewhere.
fn stream_of(
    configuration: Option<&LogConfiguration>,
    container: &str,
    task: &str,
) -> Option<LogStream> {
    let configuration = configuration.filter(|one| *one.log_driver() == LogDriver::Awslogs)?;
    let options = configuration.options()?;
    let id = task.rsplit('/').next().unwrap_or(task);
    let prefix = options.get("awslogs-stream-prefix")?;
    Some(LogStream {
        group: options.get("awslogs-group")?.clone(),
        name: format!("{prefix}/{container}/{id}"),
    })
}

/// When the task ended; now, where it does not say.
fn over_since(task: &Task) -> Instant {
    let ended =
        task.execution_stopped_at().or(task.stopped_at()).and_then(|at| at.to_millis().ok());
    let ago = ended.map(|ended_ms| clock::now().as_millisecond().saturating_sub(ended_ms));
    let ago = Duration::from_millis(ago.and_then(|ago| u64::try_from(ago).ok()).unwrap_or(0));
    let now = Instant::now();
    now.checked_sub(ago).unwrap_or(now)
}

async fn stream_of_task(client: &Client, task: &Task) -> Result<Option<LogStream>, Error> {
    let (Some(container), Some(definition), Some(arn)) =
        (container_name(task), task.task_definition_arn(), task.task_arn())
    else {
        return Ok(None);
    };
    let found = client.container(definition, container).await?;
    Ok(stream_of(found.as_ref().and_then(|found| found.log_configuration()), container, arn))
}

/// All lines, one after another until the task is over.
pub(super) fn lines(client: Client, place: Place) -> BoxStream<'static, Result<String, Error>> {
    let begin = async move {
        let missing = |text: String, hint: &str| {
            Err(Error::new(crate::ErrorKind::Infrastructure, text).hint(hint))
        };
        let found = client.find(&place).await.map_err(client.failed("look for a task of"))?;
        let Some(task) = found else {
            let Handle(handle) = place.handle();
            return missing(
                format!("ECS does not know the task {handle} (any more)"),
                "it forgets a task about an hour after its end; its lines are still in CloudWatch",
            );
        };
        let Some(stream) = stream_of_task(&client, &task).await? else {
            return missing(
                "the output of the task does not go to CloudWatch".to_owned(),
                "set execution_role_arn, or configure_cloudwatch_logs=true",
            );
        };
        let reader = Reader {
            client,
            place,
            stream,
            token: None,
            pause: LOOK_FIRST,
            end: End { over_since: is_over(&task).then(|| over_since(&task)), is_at_end: false },
            is_done: false,
        };
        Ok(stream::try_unfold(reader, async |mut reader| {
            if reader.is_done {
                return Ok::<_, Error>(None);
            }
            let lines = reader.next().await?;
            Ok(Some((stream::iter(lines.into_iter().map(Ok)), reader)))
        })
        .try_flatten())
    };
    stream::once(begin).try_flatten().boxed()
}

impl Reader {
    /// The next lines. None: there are none yet, or it is done.
    async fn next(&mut self) -> Result<Vec<String>, Error> {
        let mut body = json!({
            "logGroupName": self.stream.group, "logStreamName": self.stream.name, "startFromHead": true,
        });
        if let Some(token) = &self.token {
            body["nextToken"] = json!(token);
        }
        let answer = match self.client.signed().logs("GetLogEvents", &body).await {
            Ok(answer) => answer,
            // It is made with the first line.
            Err(refusal) if refusal.code == "ResourceNotFoundException" => Value::Null,
            Err(refusal) => {
                let what = format!("read the log stream {} of", self.stream.name);
                return Err(self.client.failed(&what)(refusal));
            }
        };
        let lines = messages(&answer);
        let next = answer["nextForwardToken"].as_str().map(str::to_owned);
        // At the end, the token is the same again; but an empty page may come before it.
        let is_at_end = lines.is_empty() && (next.is_none() || next == self.token);
        self.token = next.or(self.token.take());
        self.end.looked(!lines.is_empty(), is_at_end, Instant::now());
        if is_at_end {
            self.rest().await?;
        } else {
            self.pause = LOOK_FIRST;
        }
        Ok(lines)
    }

    /// Waits for more, where there may be more.
    async fn rest(&mut self) -> Result<(), Error> {
        if self.end.is_final(Instant::now()) {
            self.is_done = true;
            return Ok(());
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LOOK_LONGEST);
        if self.end.over_since.is_none() {
            let what = "look for a task of";
            let task = self.client.find(&self.place).await.map_err(self.client.failed(what))?;
            if task.is_none_or(|task| is_over(&task)) {
                (self.end.over_since, self.pause) = (Some(Instant::now()), LOOK_FIRST);
            }
        }
        Ok(())
    }
}

fn messages(answer: &Value) -> Vec<String> {
    let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    let message = |event: &Value| event["message"].as_str().map(str::to_owned);
    events.iter().filter_map(message).collect()
}

/// The task's last words. They only explain: without them there is still the state.
pub(super) async fn last_output(client: &Client, task: &Task) -> String {
    let Ok(Some(stream)) = stream_of_task(client, task).await else { return String::new() };
    let body = json!({
        "logGroupName": stream.group, "logStreamName": stream.name, "startFromHead": false, "limit": LAST_LINES,
    });
    let began = Instant::now();
    loop {
        let answer: Result<Value, Refusal> = client.signed().logs("GetLogEvents", &body).await;
        let is_late = began.elapsed() >= LAST_LINES_PATIENCE;
        match answer {
            Ok(answer) if is_late || !messages(&answer).is_empty() => {
                return messages(&answer).join("\n").trim().to_owned();
            }
            Err(refusal) if is_late || refusal.code != "ResourceNotFoundException" => {
                return String::new();
            }
            Ok(_) | Err(_) => tokio::time::sleep(LOOK_FIRST / 4).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_named_after_prefix_container_and_task() {
        let configuration = |driver: LogDriver, options: &[(&str, &str)]| {
            let options =
                options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            LogConfiguration::builder()
                .log_driver(driver)
                .set_options(Some(options.collect()))
                .build()
                .unwrap()
        };
        let options = [("awslogs-group", "longshore"), ("awslogs-stream-prefix", "box")];
        let of = |configuration: &LogConfiguration| {
            stream_of(Some(configuration), "runtime", "arn:aws:ecs:eu:1:task/default/0123")
        };
        let expected = LogStream { group: "longshore".into(), name: "box/runtime/0123".into() };
        assert_eq!(of(&configuration(LogDriver::Awslogs, &options)), Some(expected));
        assert_eq!(of(&configuration(LogDriver::Splunk, &options)), None);
        // Of such a stream only the machine knows the name.
        assert_eq!(of(&configuration(LogDriver::Awslogs, &options[..1])), None);
        assert_eq!(stream_of(None, "runtime", "x"), None);
    }

    #[test]
    fn the_output_ends_when_no_lines_have_come_for_a_while_after_the_task() {
        let over = Instant::now();
        let after = |seconds| over + Duration::from_secs(seconds);
        let mut end = End { over_since: Some(over), is_at_end: false };
        // Lines that were there already put nothing off.
        end.looked(true, false, after(60));
        end.looked(false, true, after(60));
        assert!(end.is_final(after(60)));
        // Late ones do.
        let mut end = End { over_since: Some(over), is_at_end: false };
        for second in [1, 3, 5, 7] {
            end.looked(false, true, after(second));
            assert!(!end.is_final(after(second)), "{second}");
            end.looked(true, false, after(second + 1));
        }
        end.looked(false, true, after(9));
        assert!(!end.is_final(after(12)) && end.is_final(after(13)));
        // And a task that runs may be silent for long.
        let mut end = End::default();
        end.looked(false, true, after(0));
        assert!(!end.is_final(after(3_600)));
    }

    #[test]
    fn lines_are_the_messages_of_events() {
        let answer =
            json!({ "events": [{ "message": "a" }, { "timestamp": 1 }, { "message": "" }] });
        assert_eq!(messages(&answer), ["a", ""]);
        assert!(messages(&json!({ "events": "no" })).is_empty());
    }
}
