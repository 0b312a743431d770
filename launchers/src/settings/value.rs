//! The types that a setting can have: how a value is written, checked, and shown.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use longshore_protocol::limits::{parse_duration, parse_size};
use longshore_protocol::suggest;
use serde_json::Value;

/// What a value looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Any text.
    Text,
    /// Text of some form, such as this one.
    TextLike(&'static str),
    /// A path that begins at the root.
    Path,
    /// A whole number within bounds.
    Integer {
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
    },
    /// A number of bytes, with or without a unit.
    Size,
    /// A number of processors, with parts of one.
    Cpus,
    /// A time with its unit.
    Duration,
    /// True or false.
    Bool,
    /// Texts in their order.
    List,
    /// Texts by names.
    Map,
    /// One of these words.
    OneOf(Vec<&'static str>),
}

impl Shape {
    /// What was typed, as the JSON value that is meant by it.
    ///
    /// # Errors
    /// Says what was expected.
    pub(super) fn value_of(&self, text: &str) -> Result<Value, String> {
        let json = |is_right: fn(&Value) -> bool| {
            let value = serde_json::from_str(text).ok().filter(is_right);
            value.ok_or_else(|| format!("{text:?} is not {self}"))
        };
        match self {
            Self::Text
            | Self::TextLike(_)
            | Self::Path
            | Self::Size
            | Self::Cpus
            | Self::Duration
            // In quotes or without, as where a pool is described.
            | Self::OneOf(_) => {
                Ok(Value::String(serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())))
            }
            Self::Integer { .. } => json(Value::is_number),
            Self::Bool => json(Value::is_boolean),
            Self::Map => json(Value::is_object),
            Self::List if text.starts_with('[') => json(Value::is_array),
            Self::List if text.is_empty() => Ok(Value::Array(Vec::new())),
            Self::List => Ok(text.split(',').map(str::trim).collect()),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text => out.write_str("text"),
            Self::TextLike(example) => write!(out, "text, for example {example:?}"),
            Self::Path => out.write_str("an absolute path"),
            Self::Integer { min, max } => write!(out, "a number from {min} to {max}"),
            Self::Size => out.write_str("a size, for example \"64MiB\""),
            Self::Cpus => out.write_str("a number of processors, for example \"1.5\""),
            Self::Duration => out.write_str("a duration, for example \"30s\""),
            Self::Bool => out.write_str("true or false"),
            Self::List => out.write_str("a list of texts, for example [\"a\", \"b\"]"),
            Self::Map => out.write_str("texts by names, for example {\"NAME\": \"value\"}"),
            Self::OneOf(words) => write!(out, "one of {}", words.join(", ")),
        }
    }
}

/// A type of setting.
pub trait SettingType: Sized {
    /// What its values look like.
    fn shape() -> Shape;

    /// Reads a value.
    ///
    /// # Errors
    /// Says what is wrong with it.
    fn read(value: &Value) -> Result<Self, String>;

    /// The value in the form that [`SettingType::read`] takes. `null`: there is none.
    fn write(&self) -> Value;
}

fn other_than<T: SettingType>(value: &Value) -> String {
    format!("{value} is not {}", T::shape())
}

fn text_in(value: &Value) -> Option<Result<&str, String>> {
    let text = value.as_str()?;
    // Neither a command line nor an environment can have one in it.
    Some(if text.contains('\0') { Err(format!("{text:?} has a NUL in it")) } else { Ok(text) })
}

impl SettingType for String {
    fn shape() -> Shape {
        Shape::Text
    }

    fn read(value: &Value) -> Result<Self, String> {
        text_in(value).ok_or_else(|| other_than::<Self>(value))?.map(str::to_owned)
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }
}

impl SettingType for bool {
    fn shape() -> Shape {
        Shape::Bool
    }

    fn read(value: &Value) -> Result<Self, String> {
        value.as_bool().ok_or_else(|| other_than::<Self>(value))
    }

    fn write(&self) -> Value {
        Value::Bool(*self)
    }
}

/// A setting that may have no value.
impl<T: SettingType> SettingType for Option<T> {
    fn shape() -> Shape {
        T::shape()
    }

    fn read(value: &Value) -> Result<Self, String> {
        if value.is_null() { Ok(None) } else { T::read(value).map(Some) }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::write)
    }
}

/// A path that begins at the root, so that it means the same to whoever uses it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AbsolutePath(pub PathBuf);

impl SettingType for AbsolutePath {
    fn shape() -> Shape {
        Shape::Path
    }

    fn read(value: &Value) -> Result<Self, String> {
        let path = PathBuf::from(text_in(value).ok_or_else(|| other_than::<Self>(value))??);
        if path.is_absolute() { Ok(Self(path)) } else { Err(other_than::<Self>(value)) }
    }

    fn write(&self) -> Value {
        Value::String(self.0.to_string_lossy().into_owned())
    }
}

/// A whole number within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Integer<const MIN: u64, const MAX: u64>(pub u64);

impl<const MIN: u64, const MAX: u64> SettingType for Integer<MIN, MAX> {
    fn shape() -> Shape {
        Shape::Integer { min: MIN, max: MAX }
    }

    fn read(value: &Value) -> Result<Self, String> {
        let number = value.as_u64().filter(|number| (MIN..=MAX).contains(number));
        number.map(Self).ok_or_else(|| other_than::<Self>(value))
    }

    fn write(&self) -> Value {
        self.0.into()
    }
}

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl SettingType for Size {
    fn shape() -> Shape {
        Shape::Size
    }

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => parse_size(&number.to_string()).map(Self),
            Value::String(text) => parse_size(text).map(Self),
            _ => Err(other_than::<Self>(value)),
        }
    }

    fn write(&self) -> Value {
        self.0.into()
    }
}

/// A number of processors, in thousandths of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cpus(pub u64);

impl Cpus {
    /// More than any machine has.
    const MAX: f64 = 10_000.0;
}

impl SettingType for Cpus {
    fn shape() -> Shape {
        Shape::Cpus
    }

    fn read(value: &Value) -> Result<Self, String> {
        let wrong = || other_than::<Self>(value);
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(text) => text.clone(),
            _ => return Err(wrong()),
        };
        // Kubernetes writes 500m for a half.
        let (number, of_one) = match text.strip_suffix('m') {
            Some(number) => (number, 1.0),
            None => (text.as_str(), 1_000.0),
        };
        let milli = number.parse::<f64>().map_err(|_| wrong())? * of_one;
        let is_right = (1.0..=Self::MAX * 1_000.0).contains(&milli);
        if is_right { Ok(Self(milli.round() as u64)) } else { Err(wrong()) }
    }

    fn write(&self) -> Value {
        let (whole, parts) = (self.0 / 1_000, self.0 % 1_000);
        let text = format!("{whole}.{parts:03}");
        Value::String(text.trim_end_matches('0').trim_end_matches('.').to_owned())
    }
}

impl SettingType for Duration {
    fn shape() -> Shape {
        Shape::Duration
    }

    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::String(text) => parse_duration(text),
            // Half of its readers would take a bare number for seconds, the others for milliseconds.
            Value::Number(number) => Err(format!("{number} has no unit; write \"{number}s\"")),
            _ => Err(other_than::<Self>(value)),
        }
    }

    fn write(&self) -> Value {
        // The form that `parse_duration` reads back exactly.
        let millis = self.as_millis();
        Value::String(if millis.is_multiple_of(1000) {
            format!("{}s", millis / 1000)
        } else {
            format!("{millis}ms")
        })
    }
}

impl SettingType for Vec<String> {
    fn shape() -> Shape {
        Shape::List
    }

    fn read(value: &Value) -> Result<Self, String> {
        let items = value.as_array().ok_or_else(|| other_than::<Self>(value))?;
        items.iter().map(String::read).collect()
    }

    fn write(&self) -> Value {
        self.iter().cloned().collect()
    }
}

impl SettingType for BTreeMap<String, String> {
    fn shape() -> Shape {
        Shape::Map
    }

    fn read(value: &Value) -> Result<Self, String> {
        let entries = value.as_object().ok_or_else(|| other_than::<Self>(value))?;
        let entry = |(name, value): (&String, &Value)| {
            if name.is_empty() || name.contains('\0') {
                return Err(format!("{name:?} is not a name"));
            }
            let text = String::read(value).map_err(|why| format!("{name}: {why}"))?;
            Ok((name.clone(), text))
        };
        entries.iter().map(entry).collect()
    }

    fn write(&self) -> Value {
        self.iter().map(|(name, text)| (name.clone(), Value::String(text.clone()))).collect()
    }
}

/// Environment variables.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variables(pub BTreeMap<String, String>);

impl SettingType for Variables {
    fn shape() -> Shape {
        Shape::Map
    }

    fn read(value: &Value) -> Result<Self, String> {
        let variables = BTreeMap::read(value)?;
        match variables.keys().find(|name| name.contains('=')) {
            Some(name) => Err(format!("{name:?} is not the name of an environment variable")),
            None => Ok(Self(variables)),
        }
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

/// What can be said in one of a few words.
pub trait Word: Copy + 'static {
    /// All that can be said.
    const ALL: &'static [Self];

    /// The word for it.
    fn word(self) -> &'static str;
}

/// One of a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OneOf<W>(pub W);

impl<W: Word> SettingType for OneOf<W> {
    fn shape() -> Shape {
        Shape::OneOf(W::ALL.iter().map(|word| word.word()).collect())
    }

    fn read(value: &Value) -> Result<Self, String> {
        let text = value.as_str().ok_or_else(|| other_than::<Self>(value))?;
        let found = W::ALL.iter().find(|word| word.word() == text);
        found.copied().map(Self).ok_or_else(|| {
            let near = suggest::nearest(text, W::ALL.iter().map(|word| word.word()));
            let near = near.map(|near| format!("; did you mean {near:?}?")).unwrap_or_default();
            format!("{}{near}", other_than::<Self>(value))
        })
    }

    fn write(&self) -> Value {
        Value::String(self.0.word().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Pull {
        Always,
        Never,
    }

    impl Word for Pull {
        const ALL: &'static [Self] = &[Self::Always, Self::Never];

        fn word(self) -> &'static str {
            match self {
                Self::Always => "Always",
                Self::Never => "Never",
            }
        }
    }

    /// What a value becomes when it is read and written.
    fn read<T: SettingType>(value: &Value) -> Result<Value, String> {
        T::read(value).map(|read| read.write())
    }

    #[test]
    fn what_fits_is_read_and_written_alike() {
        let list = json!(["a", "b"]);
        for (found, expected) in [
            (read::<String>(&json!("x")), json!("x")),
            (read::<Option<String>>(&Value::Null), Value::Null),
            (read::<bool>(&json!(true)), json!(true)),
            (read::<AbsolutePath>(&json!("/data")), json!("/data")),
            (read::<Integer<1, 8>>(&json!(8)), json!(8)),
            (read::<Size>(&json!("64MiB")), json!(64 << 20)),
            (read::<Size>(&json!(5)), json!(5)),
            (read::<Cpus>(&json!(1.5)), json!("1.5")),
            (read::<Cpus>(&json!("250m")), json!("0.25")),
            (read::<Cpus>(&json!("20")), json!("20")),
            (read::<Duration>(&json!("1m 30s")), json!("90s")),
            (read::<Duration>(&json!("250ms")), json!("250ms")),
            (read::<Vec<String>>(&list), list.clone()),
            (read::<Variables>(&json!({"A": ""})), json!({"A": ""})),
            (read::<OneOf<Pull>>(&json!("Never")), json!("Never")),
        ] {
            assert_eq!(found, Ok(expected));
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_what_would() {
        for (found, why) in [
            (read::<String>(&json!(5)), "5 is not text"),
            (read::<String>(&json!("a\0b")), r#""a\0b" has a NUL in it"#),
            (read::<bool>(&json!("yes")), r#""yes" is not true or false"#),
            (read::<AbsolutePath>(&json!("data")), r#""data" is not an absolute path"#),
            (read::<Integer<1, 8>>(&json!(9)), "9 is not a number from 1 to 8"),
            (read::<Integer<1, 8>>(&json!(1.5)), "1.5 is not a number from 1 to 8"),
            (read::<Size>(&json!("much")), r#""much" is not a size (write for example 64MiB)"#),
            (read::<Cpus>(&json!("0")), r#""0" is not a number of processors, for example "1.5""#),
            (
                read::<Cpus>(&json!("nan")),
                r#""nan" is not a number of processors, for example "1.5""#,
            ),
            (read::<Duration>(&json!(30)), r#"30 has no unit; write "30s""#),
            (read::<Vec<String>>(&json!(["a", 1])), "1 is not text"),
            (read::<Variables>(&json!({"A": 1})), "A: 1 is not text"),
            (
                read::<Variables>(&json!({"A=B": ""})),
                r#""A=B" is not the name of an environment variable"#,
            ),
            (
                read::<OneOf<Pull>>(&json!("Allways")),
                r#""Allways" is not one of Always, Never; did you mean "Always"?"#,
            ),
        ] {
            assert_eq!(found.unwrap_err(), why);
        }
    }

    #[test]
    fn what_is_typed_is_taken_as_its_shape_says() {
        for (shape, text, expected) in [
            (Shape::Text, "5", Ok(json!("5"))),
            (Shape::Text, r#""a b""#, Ok(json!("a b"))),
            (Shape::Text, r#"a "b""#, Ok(json!(r#"a "b""#))),
            (Shape::Integer { min: 0, max: 9 }, "5", Ok(json!(5))),
            (Shape::Bool, "false", Ok(json!(false))),
            (Shape::List, "a, b", Ok(json!(["a", "b"]))),
            (Shape::List, r#"["a,b"]"#, Ok(json!(["a,b"]))),
            (Shape::List, "", Ok(json!([]))),
            (Shape::Map, r#"{"A": "1"}"#, Ok(json!({"A": "1"}))),
            (Shape::Bool, "yes", Err(r#""yes" is not true or false"#.to_owned())),
        ] {
            assert_eq!(shape.value_of(text), expected, "{text}");
        }
    }
}
