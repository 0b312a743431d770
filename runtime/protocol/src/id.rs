//! Ids that a person may type: runs, content digests, tenants.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::{Error, ErrorKind, layout};

/// The id of one run: a UUIDv7, so ids sort by the time at which the run was ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Uuid", into = "Uuid")]
pub struct RunId(Uuid);

impl RunId {
    /// Makes an id for a run that is ordered at `now`; `random` makes it unique within the millisecond.
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The time at which the run was ordered, to the millisecond; it is part of the id.
    pub fn ordered_at(&self) -> Timestamp {
        let millis = self.0.get_timestamp().map_or(0, |time| {
            let (seconds, nanos) = time.to_unix();
            seconds.saturating_mul(1_000).saturating_add(u64::from(nanos) / 1_000_000)
        });
        i64::try_from(millis)
            .ok()
            .and_then(|ms| Timestamp::from_millisecond(ms).ok())
            .unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The UTC day of [`RunId::ordered_at`] as `yyyymmdd`: the folder in which the run lies.
    pub fn day(&self) -> String {
        layout::day_of(self.ordered_at())
    }

    /// The last eight hex digits: what listings show, and enough to name a run.
    pub fn short(&self) -> String {
        let text = self.0.simple().to_string();
        text[text.len() - 8..].to_owned()
    }

    /// Whether `ending` (hex digits, dashes ignored) is the end of this id. Dashes alone name no run, instead of any.
    pub fn ends_with(&self, ending: &str) -> bool {
        let ending: String =
            ending.chars().filter(|c| *c != '-').map(|c| c.to_ascii_lowercase()).collect();
        !ending.is_empty() && self.0.simple().to_string().ends_with(&ending)
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(out)
    }
}

impl From<RunId> for Uuid {
    fn from(id: RunId) -> Self {
        id.0
    }
}

impl TryFrom<Uuid> for RunId {
    type Error = Error;

    fn try_from(id: Uuid) -> Result<Self, Error> {
        if id.get_version_num() == 7 {
            return Ok(Self(id));
        }
        Err(Error::new(ErrorKind::Text, format!("run id {id} is not a version 7 UUID")))
    }
}

impl FromStr for RunId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let id = Uuid::try_parse(text)
            .map_err(|_| Error::new(ErrorKind::Text, format!("{text:?} is not a run id")))?;
        Self::try_from(id)
    }
}

/// The SHA-256 digest of some content, written as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of `content`.
    pub fn of(content: &[u8]) -> Self {
        Self(Sha256::digest(content).into())
    }

    /// The first twelve hex digits, for display.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

/// The digest of content that arrives in pieces.
#[derive(Debug, Clone, Default)]
pub struct Hasher(Sha256);

impl Hasher {
    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Digest({self})")
    }
}

impl FromStr for Digest {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || {
            Error::new(
                ErrorKind::Text,
                format!("{text:?} is not a SHA-256 digest (64 lower-case hex digits)"),
            )
        };
        if text.len() != 64 || text.bytes().any(|b| !matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad());
        }
        let mut bytes = [0; 32];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).map_err(|_| bad())?;
        }
        Ok(Self(bytes))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The owner of runs: 1 to 63 lower-case letters, digits and dashes, no dash at either end (as in a DNS label).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Tenant(String);

impl Tenant {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Tenant {
    /// The tenant of whoever has not named one: `default`.
    fn default() -> Self {
        Self("default".to_owned())
    }
}

impl fmt::Display for Tenant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl From<Tenant> for String {
    fn from(tenant: Tenant) -> Self {
        tenant.0
    }
}

impl TryFrom<String> for Tenant {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        let is_inner = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(is_inner)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
            return Ok(Self(text));
        }
        Err(Error::new(
            ErrorKind::Text,
            format!(
                "{text:?} is not a tenant name (1 to 63 of a-z, 0-9 and '-', no '-' at either end)"
            ),
        ))
    }
}

impl FromStr for Tenant {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::try_from(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_day_follows_from_the_id() {
        let id = RunId::new(at("2026-02-28T23:59:59.999Z"), [7; 10]);
        assert_eq!(id.day(), "20260228");
        assert_eq!(id.ordered_at(), at("2026-02-28T23:59:59.999Z"));
    }

    #[test]
    fn ids_sort_by_time() {
        let early = RunId::new(at("2026-01-01T00:00:00.001Z"), [255; 10]);
        let late = RunId::new(at("2026-01-01T00:00:00.002Z"), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn any_ending_names_a_run() {
        let id = RunId::new(at("2026-01-01T00:00:00Z"), [0xab; 10]);
        let text = id.to_string();
        for ending in ["b", &text[text.len() - 14..], &text, &id.short(), &text.to_uppercase()] {
            assert!(id.ends_with(ending), "{ending}");
        }
        for nothing in ["zz", "", "-", "--"] {
            assert!(!id.ends_with(nothing), "{nothing}");
        }
    }

    #[test]
    fn only_version_7_is_a_run_id() {
        assert!("9b2d5a1e-3c4f-4b6a-8d7e-0123456789ab".parse::<RunId>().is_err());
        assert!("nonsense".parse::<RunId>().is_err());
    }

    #[test]
    fn digests_are_strict() {
        let digest = Digest::of(b"x");
        assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        for bad in ["", "ab", &digest.to_string().to_uppercase(), &"é".repeat(32)] {
            assert!(bad.parse::<Digest>().is_err(), "{bad}");
        }
    }

    #[test]
    fn tenants_cannot_leave_their_prefix() {
        for bad in ["", "a/b", "..", "A", "-a", "a-", "a b", &"a".repeat(64)] {
            assert!(bad.parse::<Tenant>().is_err(), "{bad}");
        }
        assert!("team-7".parse::<Tenant>().is_ok());
    }
}
