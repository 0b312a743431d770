//! How Vertex AI gets the machine of a job. Pure.
//!
//! Source: `GoogleCloudAiplatformV1Scheduling` of <https://aiplatform.googleapis.com/$discovery/rest?version=v1>.

use std::collections::BTreeMap;
use std::time::Duration;

use longshore_protocol::suggest;
use serde_json::Value;

use crate::settings::{OneOf, SettingType, Shape, Word};

const STRATEGY: &str = "strategy";
const MAX_WAIT: &str = "max_wait_duration";
const RESTART: &str = "restart_job_on_worker_restart";
const DISABLE_RETRIES: &str = "disable_retries";
const KEYS: [&str; 4] = [STRATEGY, MAX_WAIT, RESTART, DISABLE_RETRIES];

/// What a job waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strategy {
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

/// What is said about it, by names. What it means, and whether it fits together, is known when all of it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scheduling(pub BTreeMap<String, String>);

/// How Vertex AI gets the machine of a job, and what it does when that is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// What it waits for. Vertex AI's own default is a machine on demand.
    pub(super) strategy: Option<OneOf<Strategy>>,
    /// How long it waits with [`Strategy::FlexStart`]. Vertex AI's own default is a day; zero is without end.
    pub(super) max_wait: Option<Duration>,
    /// Whether all of the job starts again when a machine does.
    pub(super) restart_job_on_worker_restart: Option<bool>,
    /// Whether a container that has failed is not started again.
    pub(super) disable_retries: Option<bool>,
}

impl Scheduling {
    /// What it means.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn wanted(&self) -> Result<Wanted, String> {
        if let Some(key) = self.0.keys().find(|key| !KEYS.contains(&key.as_str())) {
            let rest = match suggest::nearest(key, KEYS) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("there are {}", KEYS.join(", ")),
            };
            return Err(format!("{key:?} is nothing that can be said of it; {rest}"));
        }
        let wanted = Wanted {
            strategy: self.entry(STRATEGY)?,
            max_wait: self.entry(MAX_WAIT)?,
            restart_job_on_worker_restart: self.entry(RESTART)?,
            disable_retries: self.entry(DISABLE_RETRIES)?,
        };
        if wanted.max_wait.is_some() && wanted.strategy != Some(OneOf(Strategy::FlexStart)) {
            return Err(format!("{MAX_WAIT} goes with {STRATEGY} = FLEX_START"));
        }
        Ok(wanted)
    }

    fn entry<T: SettingType>(&self, key: &str) -> Result<Option<T>, String> {
        let Some(text) = self.0.get(key) else { return Ok(None) };
        let value = match (T::shape(), text.as_str()) {
            (Shape::Bool, "true") => Value::Bool(true),
            (Shape::Bool, "false") => Value::Bool(false),
            (_, text) => Value::String(text.to_owned()),
        };
        T::read(&value).map(Some).map_err(|why| format!("{key}: {why}"))
    }
}

impl SettingType for Scheduling {
    fn shape() -> Shape {
        Shape::Map
    }

    /// Takes true and false with and without quotes.
    fn read(value: &Value) -> Result<Self, String> {
        let Some(entries) = value.as_object() else { return BTreeMap::read(value).map(Self) };
        let texts = entries.iter().map(|(key, value)| {
            let text = value.as_bool().map(|is_so| Value::String(is_so.to_string()));
            (key.clone(), text.unwrap_or_else(|| value.clone()))
        });
        BTreeMap::read(&Value::Object(texts.collect())).map(Self)
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_said_of_it_is_read_and_written_alike() {
        let value = json!({ "strategy": "FLEX_START", "max_wait_duration": "1h" });
        let scheduling = Scheduling::read(&value).unwrap();
        assert_eq!(scheduling.write(), value);
        assert_eq!(scheduling.wanted().unwrap().max_wait, Some(Duration::from_secs(3600)));
        let typed = Scheduling::read(&json!({ "disable_retries": false })).unwrap();
        assert_eq!(typed.wanted().unwrap().disable_retries, Some(false));
        assert_eq!(typed.write(), json!({ "disable_retries": "false" }));
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
            let found = Scheduling::read(&value).and_then(|it| it.wanted()).unwrap_err();
            assert!(found.contains(why), "{found}");
        }
    }
}
