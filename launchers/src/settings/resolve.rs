//! Puts values over one another, checks each, and remembers where it came from.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::table::find;
use super::{Change, Given, Guard, Key, Origin, Setting, SettingType, Shape, Source};
use crate::{Error, ErrorKind};

/// A value in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// The setting, or the entry of a map: `env.REGION`.
    pub key: String,
    /// The value. `null`: none.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// The settings of one job: a value for everything that its kind lets be set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobSettings {
    slots: Vec<Slot>,
    asked: BTreeMap<Key, Value>,
}

/// A setting with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Slot {
    key: &'static str,
    guard: Guard,
    kept: Kept,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kept {
    One(Value, Origin),
    Entries(BTreeMap<String, (Value, Origin)>),
}

impl Kept {
    fn default_of(setting: &Setting) -> Self {
        let origin = Origin::default_of_kind();
        match (&setting.shape, &setting.default) {
            (Shape::Map, Value::Object(entries)) => {
                let entry = |(name, value): (&String, &Value)| {
                    (name.clone(), (value.clone(), origin.clone()))
                };
                Self::Entries(entries.iter().map(entry).collect())
            }
            (Shape::Map, _) => Self::Entries(BTreeMap::new()),
            (_, value) => Self::One(value.clone(), origin),
        }
    }
}

/// The settings of a job of `kind`, whose `table` says what there is: its defaults, changed by `changes` one after
/// another.
///
/// # Errors
/// Names who has set something that does not exist or does not fit, with what would.
pub fn resolve<'a>(
    kind: &str,
    table: &[Setting],
    changes: impl IntoIterator<Item = &'a Change>,
) -> Result<JobSettings, Error> {
    let slot = |setting: &Setting| Slot {
        key: setting.key,
        guard: setting.guard,
        kept: Kept::default_of(setting),
    };
    let slots = table.iter().map(slot).collect();
    let mut settings = JobSettings { slots, asked: BTreeMap::new() };
    for change in changes {
        let Change { key, given: _, origin } = change;
        let refused = |why: String| Error::new(ErrorKind::BadInput, format!("{origin}: {why}"));
        let setting = find(table, kind, &key.name).map_err(|why| {
            refused(why).hint(format!("longshore pool template {kind} explains them"))
        })?;
        settings
            .apply(setting, change)
            .map_err(|why| refused(format!("{key}: {why}")).hint(setting.explained()))?;
    }
    Ok(settings)
}

impl JobSettings {
    /// All values in force, in the order of the table.
    pub fn effective(&self) -> Vec<Effective> {
        let mut all = Vec::new();
        for Slot { key, guard: _, kept } in &self.slots {
            match kept {
                Kept::One(value, origin) => all.push(Effective {
                    key: (*key).to_owned(),
                    value: value.clone(),
                    origin: origin.clone(),
                }),
                Kept::Entries(entries) if entries.is_empty() => all.push(Effective {
                    key: (*key).to_owned(),
                    value: Value::Object(Map::new()),
                    origin: Origin::default_of_kind(),
                }),
                Kept::Entries(entries) => {
                    all.extend(entries.iter().map(|(name, (value, origin))| Effective {
                        key: format!("{key}.{name}"),
                        value: value.clone(),
                        origin: origin.clone(),
                    }));
                }
            }
        }
        all
    }

    /// What flow and caller have set, by keys; `null` where they have taken something away. With these as the caller's,
    /// another run gets the same settings.
    pub fn asked(&self) -> Map<String, Value> {
        self.asked.iter().map(|(key, value)| (key.to_string(), value.clone())).collect()
    }

    /// What the flow has set that it must be allowed to. What its caller has set as well is the caller's.
    pub fn to_be_allowed(&self) -> Vec<String> {
        let guarded = self.slots.iter().filter(|slot| slot.guard == Guard::Guarded);
        let of_flow = |origin: &Origin| origin.source == Source::Flow;
        guarded
            .flat_map(|Slot { key, guard: _, kept }| match kept {
                Kept::One(_, origin) if of_flow(origin) => vec![(*key).to_owned()],
                Kept::One(..) => Vec::new(),
                Kept::Entries(entries) => {
                    let asked = entries.iter().filter(|(_, (_, origin))| of_flow(origin));
                    asked.map(|(name, _)| format!("{key}.{name}")).collect()
                }
            })
            .collect()
    }

    /// The value of `key` as its type.
    ///
    /// # Errors
    /// When the settings were resolved for another kind.
    pub fn read<T: SettingType>(&self, key: &str) -> Result<T, Error> {
        let slot = self.slots.iter().find(|slot| slot.key == key);
        let value = match slot.map(|slot| &slot.kept) {
            None => Err("it is not there".to_owned()),
            Some(Kept::One(value, _)) => T::read(value),
            Some(Kept::Entries(entries)) => {
                let entry =
                    |(name, (value, _)): (&String, &(Value, Origin))| (name.clone(), value.clone());
                T::read(&entries.iter().map(entry).collect())
            }
        };
        value.map_err(|why| {
            Error::new(ErrorKind::BadInput, format!("the job setting {key} cannot be used: {why}"))
        })
    }

    fn apply(&mut self, setting: &Setting, change: &Change) -> Result<(), String> {
        let Change { key, given, origin } = change;
        let value = match given {
            Given::Unset => None,
            Given::Json(value) => Some(value.clone()),
            // An entry of a map is text, whatever it looks like.
            Given::Text(text) if key.entry.is_some() => Some(Value::String(text.clone())),
            Given::Text(text) => Some(setting.shape.value_of(text)?),
        };
        let slot = self.slots.iter_mut().find(|slot| slot.key == setting.key);
        let kept = &mut slot.expect("the table has it, and so its slot was made").kept;
        match (kept, value, &key.entry) {
            (Kept::One(..), _, Some(entry)) => {
                return Err(format!("it has no entries, and so no {entry:?}"));
            }
            (kept, None, None) => *kept = Kept::default_of(setting),
            (Kept::One(kept, from), Some(value), None) => {
                (*kept, *from) = (setting.check(&value)?, origin.clone());
            }
            (Kept::Entries(entries), None, Some(entry)) => drop(entries.remove(entry)),
            (Kept::Entries(entries), Some(value), Some(entry)) => {
                let one = Value::Object(Map::from_iter([(entry.clone(), value)]));
                // The whole key is named by whoever called.
                let without_name = |why: String| {
                    why.strip_prefix(&format!("{entry}: ")).map_or(why.clone(), str::to_owned)
                };
                put(entries, &setting.check(&one).map_err(without_name)?, origin);
            }
            (Kept::Entries(entries), Some(value), None) => {
                put(entries, &setting.check(&value)?, origin);
            }
        }
        self.note(change, setting);
        Ok(())
    }

    /// Remembers what flow and caller have asked for.
    fn note(&mut self, Change { key, given, origin }: &Change, setting: &Setting) {
        if origin.source < Source::Flow {
            return;
        }
        if *given == Given::Unset && key.entry.is_none() {
            self.asked.retain(|other, _| other.name != key.name);
        }
        let value = match given {
            Given::Unset => Value::Null,
            Given::Json(value) => value.clone(),
            Given::Text(text) if key.entry.is_some() => Value::String(text.clone()),
            Given::Text(text) => setting.shape.value_of(text).unwrap_or_default(),
        };
        match value {
            Value::Object(entries) if key.entry.is_none() => {
                let entry = |(entry, value)| (Key { entry: Some(entry), ..key.clone() }, value);
                self.asked.extend(entries.into_iter().map(entry));
            }
            value => drop(self.asked.insert(key.clone(), value)),
        }
    }
}

fn put(entries: &mut BTreeMap<String, (Value, Origin)>, checked: &Value, origin: &Origin) {
    for (name, value) in checked.as_object().into_iter().flatten() {
        entries.insert(name.clone(), (value.clone(), origin.clone()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Integer, settings};
    use serde_json::json;

    settings! {
        /// For these tests.
        struct Example {
            /// Where it is.
            free region: Option<String> = None,
            /// How many.
            free count: Integer<1, 8> = Integer(2),
            /// What to call them.
            free names: Vec<String> = vec!["a".to_owned()],
            /// The environment.
            guarded env: BTreeMap<String, String> = BTreeMap::new(),
        }
    }

    fn table(value: &Value, origin: &Origin) -> Vec<Change> {
        Change::of_table(value.as_object().unwrap(), origin).unwrap()
    }

    fn resolved(changes: &[Change]) -> Result<JobSettings, Error> {
        resolve("example", &Example::table(), changes)
    }

    fn three_sources() -> Vec<Change> {
        let pool = table(
            &json!({"region": "eu", "count": 4, "env": {"A": "pool", "B": "pool", "C": "pool"}}),
            &Origin::pool("x.toml"),
        );
        let flow = [("names", "b, c"), ("env.B", "flow"), ("env.D", "flow"), ("env.C", "flow")];
        let flow = flow.map(|(key, text)| Change::typed(key, text, Origin::flow("f")).unwrap());
        let caller = [
            Change::typed("env.C", "caller", Origin::caller("--set")).unwrap(),
            Change::unset("count", Origin::caller("--unset")).unwrap(),
        ];
        pool.into_iter().chain(flow).chain(caller).collect()
    }

    #[test]
    fn later_sources_go_before_earlier_ones_entry_by_entry() {
        let settings = resolved(&three_sources()).unwrap();
        let shown: Vec<_> = settings
            .effective()
            .iter()
            .map(|Effective { key, value, origin }| format!("{key} = {value} ({origin})"))
            .collect();
        assert_eq!(
            shown,
            [
                "region = \"eu\" (x.toml)",
                "count = 2 (default)",
                "names = [\"b\",\"c\"] (the flow f)",
                "env.A = \"pool\" (x.toml)",
                "env.B = \"flow\" (the flow f)",
                "env.C = \"caller\" (--set)",
                "env.D = \"flow\" (the flow f)",
            ]
        );
        let Example { region, count, names, env } = Example::of(&settings).unwrap();
        assert_eq!((region.as_deref(), count.0, names.len(), env.len()), (Some("eu"), 2, 2, 4));
    }

    #[test]
    fn a_flow_must_be_allowed_what_is_guarded_and_its_caller_has_not_set() {
        assert_eq!(resolved(&three_sources()).unwrap().to_be_allowed(), ["env.B", "env.D"]);
    }

    #[test]
    fn what_was_asked_for_leads_to_the_same_settings_again() {
        let first = resolved(&three_sources()).unwrap();
        let pool = three_sources().into_iter().filter(|c| c.origin.source == Source::Pool);
        let again = table(&Value::Object(first.asked()), &Origin::caller("the run before"));
        let again = resolved(&pool.chain(again).collect::<Vec<_>>()).unwrap();
        let values = |settings: &JobSettings| -> Vec<_> {
            settings.effective().into_iter().map(|one| (one.key, one.value)).collect()
        };
        assert_eq!(values(&first), values(&again));
        assert!(again.to_be_allowed().is_empty(), "what was allowed once is the caller's now");
    }

    #[test]
    fn taking_a_map_away_takes_all_that_was_set_before() {
        let changes = [
            table(&json!({"env": {"A": "1"}}), &Origin::pool("x.toml")),
            table(&json!({"unset": ["env"], "env": {"B": "2"}}), &Origin::caller("--set-file f")),
        ];
        let settings = resolved(&changes.concat()).unwrap();
        assert_eq!(Example::of(&settings).unwrap().env, BTreeMap::from([("B".into(), "2".into())]));
        assert_eq!(Value::Object(settings.asked()), json!({"env": null, "env.B": "2"}));
    }

    #[test]
    fn what_does_not_fit_is_refused_with_who_set_it_and_what_would() {
        for (key, text, why, hint) in [
            (
                "count",
                "9",
                "--set: count: 9 is not a number from 1 to 8",
                "count takes a number from 1 to 8: How many.",
            ),
            (
                "regoin",
                "eu",
                "--set: example has no job setting \"regoin\"; did you mean \"region\"?",
                "longshore pool template example explains them",
            ),
            (
                "zzz",
                "",
                "--set: example has no job setting \"zzz\"; it has region, count, names, env",
                "longshore pool template example explains them",
            ),
            (
                "region.x",
                "",
                "--set: region.x: it has no entries, and so no \"x\"",
                "region takes text: Where it is.",
            ),
        ] {
            let change = Change::typed(key, text, Origin::caller("--set")).unwrap();
            let error = resolved(&[change]).unwrap_err();
            assert_eq!(error.to_string(), why);
            assert_eq!(error.what_to_do(), Some(hint));
        }
        let error = resolved(&table(&json!({"env": {"PORT": 80}}), &Origin::pool("x.toml")));
        assert_eq!(error.unwrap_err().to_string(), "x.toml: env.PORT: 80 is not text");
    }
}
