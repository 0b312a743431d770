//! `longshore gc`: what nobody needs any more goes, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

use longshore_protocol::exit::{self, BAD_INPUT};
use longshore_tests::{Answer, Call, Home, Run, until};
use serde_json::json;

/// Older than code that always stays.
const DAYS_4: Duration = Duration::from_hours(96);

/// A run that has ended.
#[track_caller]
fn ended<'a>(home: &'a Home, call: Call) -> Run<'a> {
    let run = home.submitted(call);
    until("the run has an outcome", || run.record("outcome.json"));
    run
}

/// `longshore gc` of all that is over.
fn gc(home: &Home, arguments: &[&str]) -> Call {
    home.longshore(&["gc", "--older-than", "1ms"]).args(arguments)
}

/// The shared code in the store.
fn content(home: &Home) -> Vec<PathBuf> {
    fn files(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                files(&entry.path(), found);
            } else {
                found.push(entry.path());
            }
        }
    }
    let mut found = Vec::new();
    for prefix in ["components", "compiled", "removing"] {
        files(&home.store().join(prefix), &mut found);
    }
    found
}

/// Makes the code look as if it had been uploaded four days ago.
fn age(home: &Home) {
    for path in content(home) {
        let file = File::options().append(true).open(path).unwrap();
        let written = file.metadata().unwrap().modified().unwrap();
        file.set_modified(written.checked_sub(DAYS_4).unwrap()).unwrap();
    }
}

fn removed(answer: &Answer) -> (usize, usize) {
    let value = answer.json();
    let count = |name: &str, list: &str| value[name][list].as_array().unwrap().len();
    (count("runs", "ids"), count("content", "keys"))
}

#[test]
fn gc_says_what_it_would_remove_and_removes_nothing() {
    let home = Home::new();
    let run = ended(&home, home.submit("nothing"));
    age(&home);
    for dry in [&[][..], &["--dry-run"]] {
        let answer = gc(&home, dry).succeeds();
        let text = answer.text();
        assert!(text.starts_with("would remove 1 runs ("), "{text}");
        assert!(text.contains("\nwould remove 2 components, artefacts and archives ("), "{text}");
        answer.says("to remove it: longshore gc --older-than 1ms --yes");
    }
    run.verb("result").succeeds();
    assert_eq!(content(&home).len(), 2);
}

#[test]
fn gc_removes_old_runs_with_their_jobs_and_then_their_code() {
    let home = Home::new();
    let run = ended(&home, home.submit("nothing"));
    run.verb("wait").succeeds();
    age(&home);
    let answer = gc(&home, &["--yes"]).json().succeeds();
    assert_eq!(removed(&answer), (1, 2));
    assert_eq!(answer.json()["runs"]["ids"], json!([run.id()]));
    assert!(answer.json()["runs"]["bytes"].as_u64().unwrap() > 1_000);
    assert!(!run.folder().exists() && !run.job().exists());
    assert_eq!(content(&home), [""; 0].map(PathBuf::from));
    let again = gc(&home, &["--yes"]).json().succeeds();
    assert_eq!(removed(&again), (0, 0));
    home.run("add_one").param("n", 1).succeeds().prints("2\n");
}

#[test]
fn runs_that_ended_a_moment_ago_stay_with_their_code() {
    let home = Home::new();
    let run = ended(&home, home.submit("add_one").param("n", 1));
    age(&home);
    let answer = home.longshore(&["gc", "--older-than", "1h", "--yes"]).json().succeeds();
    assert_eq!(removed(&answer), (0, 0));
    run.verb("result").succeeds().prints("2\n");
}

#[test]
fn a_run_that_is_not_over_stays_and_is_named() {
    let home = Home::new();
    let run = home.submitted(home.submit("spin"));
    run.until_says("spinning");
    age(&home);
    let answer = gc(&home, &["--yes"]).json().succeeds();
    assert_eq!(removed(&answer), (0, 0));
    assert_eq!(answer.json()["not_over"], json!([{"run": run.id(), "state": "Running"}]));
    gc(&home, &[]).succeeds().says(&format!("run {} is not over: it is Running", run.short()));
    run.verb("cancel").succeeds();
}

#[test]
fn code_that_was_uploaded_lately_stays() {
    let home = Home::new();
    ended(&home, home.submit("nothing"));
    let answer = gc(&home, &["--yes"]).json().succeeds();
    assert_eq!(removed(&answer), (1, 0));
    assert_eq!(answer.json()["young"]["count"], 2);
    assert_eq!(content(&home).len(), 2);
}

#[test]
fn another_tenants_runs_stay_and_so_does_their_code() {
    let home = Home::new();
    ended(&home, home.submit("nothing"));
    home.run("add_one").param("n", 1).args(["--tenant", "other"]).succeeds();
    age(&home);
    assert_eq!(removed(&gc(&home, &["--yes"]).json().succeeds()), (1, 0));
    let listed = home.longshore(&["list", "--tenant", "other"]).json().succeeds().json();
    assert_eq!(listed.as_array().unwrap().len(), 1);
    let theirs = gc(&home, &["--yes", "--tenant", "other"]).json().succeeds();
    assert_eq!(removed(&theirs), (1, 2));
}

#[test]
fn an_order_that_cannot_be_read_keeps_all_code() {
    let home = Home::new();
    let (gone, odd) = (ended(&home, home.submit("nothing")), ended(&home, home.submit("nothing")));
    age(&home);
    let order = odd.folder().join("order.json");
    fs::write(&order, "{").unwrap();
    let answer = gc(&home, &["--yes"]).answer().exits(exit::STORE);
    answer.says("not all orders can be read").says("order.json").says("hint: ");
    assert!(!gone.folder().exists() && order.exists());
    assert_eq!(content(&home).len(), 2);
    // Code is not its business then.
    gc(&home, &["--yes", "--runs-only"]).answer().exits(exit::STORE).says("could not understand");
}

#[test]
fn a_submit_makes_old_code_young_again() {
    let home = Home::new();
    ended(&home, home.submit("nothing"));
    age(&home);
    ended(&home, home.submit("nothing"));
    let answer = gc(&home, &["--yes"]).json().succeeds();
    assert_eq!(removed(&answer), (2, 0));
    assert_eq!(answer.json()["young"]["count"], 2);
}

#[test]
fn what_a_removal_left_is_removed() {
    let home = Home::new();
    let (cut_off, never) =
        (ended(&home, home.submit("nothing")), ended(&home, home.submit("nothing")));
    fs::remove_file(cut_off.folder().join("order.json")).unwrap();
    for name in ["order.json", "job.json", "outcome.json"] {
        fs::remove_file(never.folder().join(name)).unwrap();
    }
    // The parameters of a run that is being ordered look like this, for a moment.
    let answer = gc(&home, &["--yes", "--runs-only"]).json().succeeds();
    assert_eq!(answer.json()["runs"]["ids"], json!([cut_off.id()]));
    assert!(!cut_off.folder().exists() && never.folder().exists());
}

#[test]
fn gc_needs_an_age_and_not_both_wishes() {
    let home = Home::new();
    ended(&home, home.submit("nothing"));
    home.longshore(&["gc"]).answer().exits(BAD_INPUT).says("--older-than <AGE>");
    home.longshore(&["gc", "--older-than", "old"]).answer().exits(BAD_INPUT);
    gc(&home, &["--yes", "--dry-run"]).answer().exits(BAD_INPUT);
    assert_eq!(home.runs().len(), 1);
}
