//! What a person types, or a key of the store has: ids, endings, digests, tenants, sizes, durations, states.

use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::time::Duration;

use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::limits::{LimitSet, deadline, parse_duration, parse_size};
use longshore_protocol::record::FormatVersion;
use longshore_protocol::state::State;
use longshore_protocol::{Timestamp, layout};

/// The text as each of them.
pub(crate) fn a_name_round_trips_or_is_refused(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Some(run) = read::<RunId>(text) {
        check_run(&run, text);
    }
    if let Some(digest) = read::<Digest>(text) {
        assert_eq!(digest.to_string(), text);
        assert!(text.starts_with(&digest.short()));
    }
    if let Some(tenant) = read::<Tenant>(text) {
        assert_eq!(tenant.as_str(), text);
        assert_eq!(layout::tenant(&tenant).split('/').count(), 2);
    }
    read::<FormatVersion>(text);
    read::<State>(text);
    check_size(text);
    check_duration(text);
    check_limit(text);
    if let Some(run) = layout::run_of(text) {
        assert!(text.starts_with("runs/"));
        assert_eq!(layout::run_of(&format!("runs/t/d/{run}/order.json")), Some(run));
    }
    check_ending(text);
}

fn read<T: FromStr<Err: Display> + Display + PartialEq + Debug>(text: &str) -> Option<T> {
    match text.parse::<T>() {
        Ok(value) => {
            assert_eq!(value.to_string().parse::<T>().ok().as_ref(), Some(&value), "{text:?}");
            Some(value)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

fn check_run(run: &RunId, text: &str) {
    let day = run.day();
    assert!(day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()), "{text:?}: day {day}");
    for ending in [run.to_string(), run.short()] {
        assert!(run.ends_with(&ending), "{text:?}: {ending}");
    }
}

fn check_ending(text: &str) {
    let run: RunId = "01a20bcc-4b0b-761a-a33d-b5c93fe82bd4".parse().expect("a run id");
    if run.ends_with(text) {
        assert!(text.chars().all(|c| c == '-' || c.is_ascii_hexdigit()), "{text:?} names a run");
        assert!(text.contains(|c| c != '-'), "{text:?} names every run");
    }
}

fn check_size(text: &str) {
    match parse_size(text) {
        Ok(bytes) => {
            assert!(bytes > 0);
            assert!(
                bytes < u64::MAX || text.trim_matches('0') == bytes.to_string(),
                "{text:?} is too large"
            );
            if text.bytes().all(|byte| byte.is_ascii_digit()) {
                assert_eq!(text.parse(), Ok(bytes), "{text:?} is not taken exactly");
            }
            assert_eq!(parse_size(&bytes.to_string()), Ok(bytes));
        }
        Err(error) => assert!(error.contains(&format!("{text:?}"))),
    }
}

fn check_duration(text: &str) {
    match parse_duration(text) {
        Ok(time) => {
            assert!(time >= Duration::from_millis(1));
            assert!(deadline(Timestamp::UNIX_EPOCH, time) > Timestamp::UNIX_EPOCH);
        }
        Err(error) => assert!(error.contains(&format!("{text:?}"))),
    }
}

/// `name=value`, as on a command line, and as in the file of a pool.
fn check_limit(text: &str) {
    match LimitSet::parse(text) {
        Ok(limit) => {
            let set = LimitSet::from_iter([limit]);
            let again = serde_json::to_string(&set).expect("limits have string keys only");
            assert_eq!(
                serde_json::from_str::<LimitSet>(&again).ok(),
                Some(set),
                "{text:?}: {again}"
            );
        }
        Err(error) => assert!(!error.is_empty()),
    }
}
