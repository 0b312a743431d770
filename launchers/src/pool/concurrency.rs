//! How many runs of a pool can go on at a time.

use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

/// The word for no limit, by which a layer takes back that of a lower one.
const NONE: &str = "none";

/// How many runs of a pool can go on at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConcurrencyLimit {
    /// Any number.
    Unlimited,
    /// So many.
    Runs(NonZeroU32),
}

impl ConcurrencyLimit {
    /// The number, where there is a limit.
    pub fn runs(self) -> Option<usize> {
        match self {
            Self::Unlimited => None,
            Self::Runs(runs) => usize::try_from(runs.get()).ok(),
        }
    }
}

impl FromStr for ConcurrencyLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == NONE {
            return Ok(Self::Unlimited);
        }
        match text.parse::<u32>() {
            Ok(number) => NonZeroU32::new(number)
                .map(Self::Runs)
                .ok_or_else(|| "a pool that takes no runs is a paused one".to_owned()),
            Err(_) => Err(format!("{text:?} is neither a number of runs nor {NONE}")),
        }
    }
}

impl fmt::Display for ConcurrencyLimit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => out.write_str(NONE),
            Self::Runs(runs) => write!(out, "{runs}"),
        }
    }
}

impl<'de> Deserialize<'de> for ConcurrencyLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a number of runs, or \"none\"")]
        enum Written {
            Number(i64),
            Text(String),
        }
        let text = match Written::deserialize(deserializer)? {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        text.parse().map_err(|why| de::Error::custom(format!("concurrency_limit: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_number_of_runs_or_none() {
        assert_eq!("none".parse(), Ok(ConcurrencyLimit::Unlimited));
        let three: ConcurrencyLimit = "3".parse().unwrap();
        assert_eq!((three.runs(), three.to_string()), (Some(3), "3".to_owned()));
        for (text, why) in [
            ("0", "a pool that takes no runs is a paused one"),
            ("-1", "\"-1\" is neither a number of runs nor none"),
            ("", "\"\" is neither"),
            ("many", "\"many\" is neither"),
        ] {
            let error = text.parse::<ConcurrencyLimit>().unwrap_err();
            assert!(error.starts_with(why), "{error}");
        }
    }
}
