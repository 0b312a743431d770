//! `longshore list` of many runs: filters, days and times.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use longshore_protocol::exit::BAD_INPUT;
use longshore_protocol::id::RunId;
use longshore_tests::Home;
use serde_json::Value;

/// So many runs have a tenant with a busy month, in one day.
const MANY: u32 = 20_000;

/// The flows of the runs that are listed.
fn list(home: &Home, filter: &[&str]) -> Vec<Value> {
    let listed = home.longshore(&["list"]).args(filter).json().succeeds().json();
    listed.as_array().unwrap().iter().map(|row| row["run"].clone()).collect()
}

/// A store with runs of these times, as copies of a real one. Each has a label `n` with its number.
fn home_with(times: &[&str]) -> (Home, Vec<String>) {
    let home = Home::new();
    home.run("add_one").param("n", 1).succeeds();
    let model = home.only_run();
    let order = model.record("order.json").unwrap();
    let outcome = model.outcome();
    let job = model.record("job.json").unwrap();
    model.verb("rm").succeeds();
    let ids = times.iter().enumerate().map(|(n, time)| {
        let at: Timestamp = time.parse().unwrap();
        let id = RunId::new(at, [u8::try_from(n).unwrap(); 10]);
        let folder = home.store().join("runs/default").join(id.day()).join(id.to_string());
        fs::create_dir_all(&folder).unwrap();
        let (mut order, mut outcome) = (order.clone(), outcome.clone());
        order["run"] = id.to_string().into();
        order["ordered_at"] = at.to_string().into();
        order["labels"] = serde_json::json!({"n": n.to_string(), "team": "search"});
        outcome["run"] = id.to_string().into();
        for (name, record) in [("order", &order), ("outcome", &outcome), ("job", &job)] {
            fs::write(folder.join(format!("{name}.json")), record.to_string()).unwrap();
        }
        id.to_string()
    });
    let ids = ids.collect();
    (home, ids)
}

const TIMES: [&str; 4] = [
    "2026-01-31T23:59:59.999Z",
    "2026-02-01T00:00:00Z",
    "2026-02-01T12:00:00Z",
    "2026-02-03T08:00:00Z",
];

#[test]
fn runs_are_listed_newest_first_over_all_days() {
    let (home, ids) = home_with(&TIMES);
    let newest: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(list(&home, &[]), newest);
    assert_eq!(list(&home, &["-n", "3"]), newest[..3]);
    assert_eq!(list(&home, &["--limit", "1", "--label", "n=1"]), newest[2..3]);
}

#[test]
fn runs_are_found_by_the_time_at_which_they_were_ordered() {
    let (home, ids) = home_with(&TIMES);
    for (filter, expected) in [
        (&["--since", "2026-02-01"][..], &[3, 2, 1][..]),
        (&["--until", "2026-02-01"], &[0]),
        (&["--since", "2026-02-01T12:00:00Z", "--until", "2026-02-03T08:00:00Z"], &[2]),
        (&["--since", "1h"], &[]),
        (&["--until", "1h"], &[3, 2, 1, 0]),
    ] {
        let expected: Vec<_> = expected.iter().map(|n: &usize| ids[*n].clone()).collect();
        assert_eq!(list(&home, filter), expected, "{filter:?}");
    }
    home.longshore(&["list", "--since", "soon"]).answer().exits(BAD_INPUT).says("is no time");
}

#[test]
fn runs_are_found_by_label_and_by_pool() {
    let (home, ids) = home_with(&TIMES);
    assert_eq!(list(&home, &["--label", "team=search", "--label", "n=2"]), ids[2..3]);
    assert_eq!(list(&home, &["--label", "team=search", "--label", "n=9"]), [""; 0]);
    assert_eq!(list(&home, &["--of-pool", "local"]).len(), 4);
    assert_eq!(list(&home, &["--of-pool", "other"]), [""; 0]);
    home.longshore(&["list", "--label", "team"]).answer().exits(BAD_INPUT).says("KEY=VALUE");
}

#[test]
fn a_label_is_checked_before_anything_is_stored() {
    let home = Home::new();
    for (labels, why) in [
        (vec!["a b=c".to_owned()], "is not the key of a label"),
        (vec!["a=b".to_owned(), "a=c".to_owned()], "the label a is given twice"),
        ((0..33).map(|n| format!("n{n}=x")).collect(), "33 labels are given, and 32 are allowed"),
    ] {
        let labels = labels.iter().flat_map(|label| ["--label", label]);
        home.run("nothing").args(labels).answer().exits(BAD_INPUT).prints("").says(why);
    }
    home.has_stored_nothing();
}

#[test]
fn the_newest_of_a_day_with_many_runs_are_found_at_once() {
    let (home, ids) = home_with(&["2026-02-01T12:00:00Z"]);
    let day = home.store().join("runs/default/20260201");
    let earlier: Timestamp = "2026-02-01T11:00:00Z".parse().unwrap();
    for n in 0..MANY {
        let mut random = [0; 10];
        random[6..].copy_from_slice(&n.to_be_bytes());
        // Whoever opens one of them finds no run there.
        fs::create_dir(day.join(RunId::new(earlier, random).to_string())).unwrap();
    }
    let began = Instant::now();
    assert_eq!(list(&home, &["-n", "1"]), ids);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}
