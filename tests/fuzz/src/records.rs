//! Every record of the store: read back as it was written, or refused by its name.

use std::sync::LazyLock;

use longshore_protocol::layout::{self, RunLayout};
use longshore_protocol::record::{
    Beat, CancelRequest, JobRecord, LogRecord, Order, Outcome, Record, Started, Ticket,
};
use longshore_protocol::state::{Evidence, JobState, State, derive};
use longshore_protocol::{ErrorKind, Timestamp};

/// A state is that of an order, and most inputs are none.
static SOME_ORDER: LazyLock<Order> = LazyLock::new(|| {
    Order::from_json(include_bytes!("../seeds/records/order.json")).expect("a seed is a record")
});

/// The text as each kind of record; which one it is, only its reader knows.
pub(crate) fn a_record_round_trips_or_is_refused(text: &[u8]) {
    let order = read::<Order>(text);
    let outcome = read::<Outcome>(text);
    let job = read::<JobRecord>(text);
    let started = read::<Started>(text);
    let beat = read::<Beat>(text);
    let cancel = read::<CancelRequest>(text);
    if let Some(ticket) = read::<Ticket>(text) {
        check_ticket(&ticket);
    }
    if let Some(order) = &order {
        check_order(order);
    }
    if let Some(outcome) = &outcome {
        check_outcome(outcome);
    }
    if let Ok(line) = serde_json::from_slice::<LogRecord>(text) {
        let again = serde_json::to_string(&line).expect("a log record has string keys only");
        assert!(!again.contains('\n'), "a log record is one line: {again}");
        assert_eq!(serde_json::from_str::<LogRecord>(&again).ok(), Some(line));
    }
    check_state(&Evidence {
        order: order.as_ref().unwrap_or(&SOME_ORDER),
        outcome: outcome.as_ref(),
        started: started.as_ref(),
        beat: beat.as_ref(),
        cancel: cancel.as_ref(),
        job: job.as_ref(),
        job_state: None,
    });
}

fn read<R: Record + PartialEq + std::fmt::Debug>(text: &[u8]) -> Option<R> {
    match R::from_json(text) {
        Ok(record) => {
            assert!(record.format().is_readable());
            let again = record.to_json();
            assert_eq!(R::from_json(&again).as_ref(), Ok(&record));
            Some(record)
        }
        Err(error) => {
            let text = error.to_string();
            super::check_refusal(&text);
            assert_eq!(error.kind(), ErrorKind::Record);
            assert!(text.starts_with(&format!("the {}", R::NAME)), "{text}");
            None
        }
    }
}

fn check_order(order: &Order) {
    let layout = RunLayout::new(&order.tenant, &order.run);
    for key in [layout.order(), layout.outcome(), layout.log(u32::MAX, u32::MAX)] {
        assert!(key.starts_with(&format!("runs/{}/", order.tenant)), "{key}");
        assert!(
            key.split('/').all(|part| !part.is_empty() && part != "." && part != ".."),
            "{key}"
        );
        assert_eq!(layout::run_of(&key), Some(order.run));
    }
    for attempt in [0, 1, 2, 40, u32::MAX] {
        let longest = std::time::Duration::from_millis(order.retry.delay_max_ms);
        assert!(order.retry.pause_after(attempt, 0.5) <= longest);
    }
}

/// Its URLs are as good as passwords, so what people may print has none of them.
fn check_ticket(ticket: &Ticket) {
    let shown = format!("{ticket:?}");
    let urls = ticket.read.values().chain(ticket.create.values()).chain(ticket.overwrite.values());
    // Keys are shown: what is a part of one is no secret.
    let is_key = |url: &str| {
        let keys = ticket.read.keys().chain(ticket.create.keys()).chain(ticket.overwrite.keys());
        keys.into_iter().any(|key| format!("{key:?}").contains(url))
    };
    for url in urls.filter(|url| url.len() >= 8 && url.contains("://") && !is_key(url)) {
        assert!(!shown.contains(url.as_str()), "{shown}");
    }
}

fn check_outcome(outcome: &Outcome) {
    let verdict = &outcome.verdict;
    assert!(verdict.state().is_final());
    assert_eq!(
        verdict.state() == State::Completed,
        verdict.exit_code() == longshore_protocol::exit::OK
    );
    verdict.sentence();
}

/// A state can be derived from anything, at any time, and an outcome decides.
fn check_state(evidence: &Evidence<'_>) {
    let unknown = JobState::Unknown { because: "another host".to_owned() };
    let said = [
        None,
        Some(&JobState::Pending),
        Some(&JobState::Running),
        Some(&JobState::Gone),
        Some(&JobState::Exited { code: None, reason: None }),
        Some(&unknown),
    ];
    for job_state in said {
        for now in [Timestamp::MIN, evidence.order.ordered_at, Timestamp::MAX] {
            let derived = derive(&Evidence { job_state, ..*evidence }, now);
            match evidence.outcome {
                Some(outcome) => assert_eq!(derived.state, outcome.verdict.state()),
                None => assert_ne!(derived.state, State::Completed),
            }
        }
    }
}
