//! How Vertex AI gets the machine of a job. Pure.
//!
//! Source: `GoogleCloudAiplatformV1Scheduling` of <https://aiplatform.googleapis.com/$discovery/rest?version=v1>.

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_protocol::suggest;
use serde_json::{Map, Value};

use crate::settings::{OneOf, SettingType, Shape, Word};

const STRATEGY: &str = "strategy";
const MAX_WAIT: &str = "max_wait_duration";
const RESTART: &str = "restart_job_on_worker_restart";
const DISABLE_RETRIES: &str = "disable_retries";
const KEYS: [&str; 4] = [STRATEGY, MAX_WAIT, RESTART, DISABLE_RETRIES];

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// A machine on demand.
    Standard,
    /// A cheap machine that Google may take back.
    Spot,
    /// A machine for up to seven days, whenever there is one.
    FlexStart,
}

impl Word for Strategy {
    /// The others of Vertex AI, `ON_DEMAND` and `LOW_COST`, are deprecated names of these.
    const ALL: &'static [Self] = &[Self::Standard, Self::Spot, Self::FlexStart];

    fn word(self) -> &'static str {
        match self {
            Self::Standard => "STANDARD",
            Self::Spot => "SPOT",
            Self::FlexStart => "FLEX_START",
        }
    }
}

/// How Vertex AI gets the machine of a job, and what it does when that is lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scheduling {
    /// What it waits for. Vertex AI's own default is a machine on demand.
    pub strategy: Option<OneOf<Strategy>>,
    /// How long it waits with [`Strategy::FlexStart`]. Vertex AI's own default is a day; zero is without end.
    pub max_wait: Option<Duration>,
    /// Whether all of the job starts again when a machine does.
    pub restart_job_on_worker_restart: Option<bool>,
    /// Whether a container that has failed is not started again.
    pub disable_retries: Option<bool>,
}

/// Reads an entry, whose value may stand in quotes as all values of maps do.
fn entry<T: SettingType>(entries: &Map<String, Value>, key: &str) -> Result<Option<T>, String> {
    let Some(value) = entries.get(key) else { return Ok(None) };
    let bare = match (T::shape(), value.as_str()) {
        (Shape::Bool, Some("true")) => Value::Bool(true),
        (Shape::Bool, Some("false")) => Value::Bool(false),
        (_, _) => value.clone(),
    };
    T::read(&bare).map(Some).map_err(|why| format!("{key}: {why}"))
}

impl SettingType for Scheduling {
    fn shape() -> Shape {
        Shape::Map
    }

    fn read(value: &Value) -> Result<Self, String> {
        let entries = value.as_object().ok_or_else(|| format!("{value} is not {}", Shape::Map))?;
        if let Some(key) = entries.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let rest = match suggest::nearest(key, KEYS) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", KEYS.join(", ")),
            };
            return Err(format!("{key:?} is nothing that can be said of it; {rest}"));
        }
        let scheduling = Self {
            strategy: entry(entries, STRATEGY)?,
            max_wait: entry(entries, MAX_WAIT)?,
            restart_job_on_worker_restart: entry(entries, RESTART)?,
            disable_retries: entry(entries, DISABLE_RETRIES)?,
        };
        let waits = scheduling.strategy == Some(OneOf(Strategy::FlexStart));
        if scheduling.max_wait.is_some() && !waits {
            return Err(format!("{MAX_WAIT} goes with {STRATEGY} = FLEX_START"));
        }
        Ok(scheduling)
    }

    fn write(&self) -> Value {
        let Self { strategy, max_wait, restart_job_on_worker_restart, disable_retries } = self;
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let all = [
            (STRATEGY, strategy.write()),
            (MAX_WAIT, max_wait.write()),
            (RESTART, restart_job_on_worker_restart.write()),
            (DISABLE_RETRIES, disable_retries.write()),
        ];
        let set = all.into_iter().filter(|(_, value)| !value.is_null());
        set.map(|(key, value)| (key.to_owned(), text(value))).collect::<BTreeMap<_, _>>().write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_said_of_it_is_read_and_written_alike() {
        for value in [
            json!({}),
            json!({ "strategy": "FLEX_START", "max_wait_duration": "3600s" }),
            json!({ "disable_retries": "false", "restart_job_on_worker_restart": "true" }),
        ] {
            assert_eq!(Scheduling::read(&value).unwrap().write(), value);
        }
        let typed = json!({ "strategy": "SPOT", "disable_retries": false });
        assert_eq!(Scheduling::read(&typed).unwrap().disable_retries, Some(false));
    }

    #[test]
    fn what_cannot_be_said_of_it_is_named() {
        for (value, why) in [
            (json!({ "stratgy": "SPOT" }), "did you mean \"strategy\"?"),
            (json!({ "strategy": "SPOTT" }), "did you mean \"SPOT\"?"),
            (json!({ "disable_retries": "maybe" }), "disable_retries: \"maybe\" is not true or"),
            (json!({ "max_wait_duration": "1h" }), "goes with strategy = FLEX_START"),
            (json!("SPOT"), "is not texts by names"),
        ] {
            let found = Scheduling::read(&value).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }
}
