//! Makes tickets: what a container without credentials needs for one run.
//!
//! **Invariant:** a ticket has URLs for the objects of its own run and the code that the run executes, and for no other.
//! Only the beat may be overwritten by it.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use longshore_protocol::Timestamp;
use longshore_protocol::id::Digest;
use longshore_protocol::layout::{self, RunLayout};
use longshore_protocol::limits::deadline;
use longshore_protocol::record::{FormatVersion, Order, Payload, Record as _, Ticket, Urls};
use longshore_storage::{Signer, create_headers};

use super::Engine;
use crate::launcher::Entry;
use crate::pool::Access;
use crate::{Error, ErrorKind, clock};

/// For this long a run may wait for its infrastructure before its ticket is of no use any more.
const QUEUE_ALLOWANCE: Duration = Duration::from_secs(24 * 3600);
/// For writing log and outcome after the last attempt, and for clocks that differ.
const MARGIN: Duration = Duration::from_secs(15 * 60);
/// What S3 and Google Cloud Storage sign for at most.
const VALID_FOR_MAX: Duration = Duration::from_secs(7 * 24 * 3600);
/// Attempts besides those that the order asks for: a container that was moved or restarted takes one.
const RESTARTS: u32 = 2;
/// Segments of log per attempt. Each takes twice as long as the one before, so that twelve last for a quarter of an
/// hour; what is said later comes with the end.
const SEGMENTS_MAX: u32 = 12;
/// Segments of log in all: a ticket with more would be larger than most components.
const SEGMENTS_OF_ALL_ATTEMPTS: u32 = 240;
/// More attempts than this need access to the store.
const ATTEMPTS_MAX: u32 = 60;
/// Where signing is a request, this many are made at once.
const SIGNED_AT_ONCE: usize = 16;

/// A key that is to be signed, and for what.
enum Wish {
    Read(String),
    Create(String),
    Overwrite(String),
}

impl Engine {
    /// How the runtime will get at the run: by a ticket where the store can sign one and the pool does not say otherwise.
    pub(super) async fn entry(&self, order: &Order, digest: Digest) -> Result<Entry, Error> {
        match self.signer_of_tickets()? {
            Some(signer) => {
                let ticket = ticket(order, digest, signer).await?;
                self.with_ticket(&ticket, signer).await
            }
            None => Ok(self.entry_by_itself(order, digest)),
        }
    }

    /// What signs the URLs of tickets. `None`: runtimes get at their runs by themselves.
    pub(super) fn signer_of_tickets(&self) -> Result<Option<&Signer>, Error> {
        match (self.pool.access, self.store.signer()) {
            (None | Some(Access::Ticket), Some(signer)) => Ok(Some(signer)),
            (Some(Access::Ticket), None) => Err(self.cannot_sign()),
            (None | Some(Access::Ambient), _)
                if self.store.is_of_profile() && self.pool.kind.hands_on_environment() =>
            {
                Err(self.cannot_hand_on())
            }
            (None | Some(Access::Ambient), _) => Ok(None),
        }
    }

    /// How a runtime gets at its run without a ticket.
    pub(super) fn entry_by_itself(&self, order: &Order, digest: Digest) -> Entry {
        Entry::Store {
            location: self.store.runtime_location().to_owned(),
            tenant: order.tenant.clone(),
            run: order.run,
            order: digest,
            content: content(order),
            variables: self.store.credential_variables().clone(),
        }
    }

    pub(super) fn cannot_sign(&self) -> Error {
        let text =
            format!("the pool {} wants tickets, and its store cannot sign them", self.pool.name);
        Error::new(ErrorKind::BadInput, text).hint(
            "a directory needs access = \"ambient\"; S3, Google Cloud Storage and Azure Blob sign with a key",
        )
    }

    fn cannot_hand_on(&self) -> Error {
        let (pool, source) = (&self.pool.name, self.store.credentials_source());
        let text = format!("runtimes of the pool {pool} cannot use {source}");
        Error::new(ErrorKind::BadInput, text).hint(
            "let the pool's access be \"ticket\", or name credentials in variables: credentials=env:PREFIX",
        )
    }

    async fn with_ticket(&self, ticket: &Ticket, signer: &Signer) -> Result<Entry, Error> {
        let content = ticket.to_json();
        let sha256 = Digest::of(&content);
        let key = self.store.layout(&ticket.run).ticket();
        self.store.create_ticket(&ticket.run, content.into()).await?;
        let url = signer.read(&key, until(ticket.expires_at)).await?;
        Ok(Entry::Ticket { url, sha256 })
    }
}

/// Checks that a ticket for this order can be made.
pub(super) fn check(order: &Order) -> Result<(), Error> {
    attempts_max(order)?;
    valid_for(order).map(drop)
}

async fn ticket(order: &Order, order_sha256: Digest, signer: &Signer) -> Result<Ticket, Error> {
    let attempts_max = attempts_max(order)?;
    let log_segments_max = (SEGMENTS_OF_ALL_ATTEMPTS / attempts_max).clamp(2, SEGMENTS_MAX);
    let valid_for = valid_for(order)?;
    let signed = stream::iter(wishes(order, attempts_max, log_segments_max))
        .map(|wish| sign(wish, signer, valid_for))
        .buffer_unordered(SIGNED_AT_ONCE);
    let signed: Vec<_> = signed.try_collect().await?;
    let (mut read, mut create, mut overwrite) = (Urls::new(), Urls::new(), Urls::new());
    for (wish, url) in signed {
        match wish {
            Wish::Read(key) => read.insert(key, url),
            Wish::Create(key) => create.insert(key, url),
            Wish::Overwrite(key) => overwrite.insert(key, url),
        };
    }
    let headers = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    Ok(Ticket {
        format: FormatVersion::CURRENT,
        tenant: order.tenant.clone(),
        run: order.run,
        order_sha256,
        expires_at: deadline(clock::now(), valid_for),
        attempts_max,
        log_segments_max,
        read,
        create,
        create_headers: headers(create_headers(signer.provider())),
        overwrite,
        overwrite_headers: headers(longshore_storage::overwrite_headers(signer.provider())),
    })
}

fn attempts_max(order: &Order) -> Result<u32, Error> {
    let attempts = order.retry.retries.saturating_add(1).saturating_add(RESTARTS);
    if attempts <= ATTEMPTS_MAX {
        return Ok(attempts);
    }
    let retries = order.retry.retries;
    let allowed = ATTEMPTS_MAX - RESTARTS - 1;
    let text = format!("a ticket is good for {allowed} retries, and the flow wants {retries}");
    Err(Error::new(ErrorKind::BadInput, text)
        .hint("ask for fewer, or let the pool's access be \"ambient\""))
}

/// The run may wait for its infrastructure, and then take all the time that it has.
fn valid_for(order: &Order) -> Result<Duration, Error> {
    let left = order.deadline.map(until);
    // A deadline counts the waiting, too.
    let time = left.unwrap_or_else(|| QUEUE_ALLOWANCE.saturating_add(work_max(order)));
    let time = time.saturating_add(MARGIN);
    if time <= VALID_FOR_MAX {
        return Ok(time);
    }
    let text = "a ticket is good for seven days at most, and the run may wait and work for longer";
    Err(Error::new(ErrorKind::BadInput, text)
        .hint("give it a shorter --deadline or timeout, or let the pool's access be \"ambient\""))
}

/// All attempts, and the pauses between them.
pub(super) fn work_max(order: &Order) -> Duration {
    // By then a pause does not grow any more.
    const GROWING: u32 = 33;
    let retries = order.retry.retries;
    let pause = |attempt| order.retry.pause_after(attempt, 0.0);
    let growing =
        (1..=retries.min(GROWING)).map(pause).fold(Duration::ZERO, Duration::saturating_add);
    let rest = pause(GROWING).saturating_mul(retries.saturating_sub(GROWING));
    let timeout = Duration::from_millis(order.limits.timeout_ms);
    timeout.saturating_mul(retries.saturating_add(1)).saturating_add(growing).saturating_add(rest)
}

fn until(time: Timestamp) -> Duration {
    Duration::try_from(time.duration_since(clock::now())).unwrap_or(Duration::ZERO)
}

/// The keys of what an order refers to.
fn content(order: &Order) -> Vec<String> {
    let component = layout::component(&order.component.sha256);
    let compiled = order.compiled.as_ref();
    let compiled = compiled.map(|compiled| layout::compiled(&compiled.engine, &compiled.sha256));
    let files = order.files.as_ref().map(|files| layout::files(&files.sha256));
    std::iter::once(component).chain(compiled).chain(files).collect()
}

/// All that a runtime does with the store. See `runtime/src/store.rs`.
fn wishes(order: &Order, attempts: u32, segments: u32) -> Vec<Wish> {
    let run = RunLayout::new(&order.tenant, &order.run);
    let mut wishes = vec![Wish::Read(run.order()), Wish::Read(run.cancel())];
    wishes.extend(content(order).into_iter().map(Wish::Read));
    if let Payload::Object { .. } = order.params {
        wishes.push(Wish::Read(run.params()));
    }
    let mut created = vec![run.result(), run.outcome()];
    for attempt in 1..=attempts {
        wishes.push(Wish::Overwrite(run.beat(attempt)));
        created.push(run.started(attempt));
        created.extend((0..segments).map(|segment| run.log(attempt, segment)));
    }
    for key in created {
        // What exists already may be its own: it compares.
        wishes.push(Wish::Read(key.clone()));
        wishes.push(Wish::Create(key));
    }
    wishes
}

async fn sign(wish: Wish, signer: &Signer, valid_for: Duration) -> Result<(Wish, String), Error> {
    let url = match &wish {
        Wish::Read(key) => signer.read(key, valid_for).await,
        Wish::Create(key) => signer.create(key, valid_for).await,
        Wish::Overwrite(key) => signer.write(key, valid_for).await,
    };
    Ok((wish, url?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(settings: serde_json::Value) -> Order {
        let mut order = serde_json::json!({
            "format": "1.1", "run": "01a20f4a-24d5-7784-94df-197f6a79aa2e", "tenant": "team",
            "abi": { "major": 1, "minor": 0 }, "flow": "f", "params": { "inline": "" },
            "component": { "sha256": "0".repeat(64), "bytes": 1 },
            "ordered_at": "2026-11-24T10:00:00Z",
        });
        let fields = order.as_object_mut().expect("it is one");
        fields.extend(settings.as_object().expect("settings are fields").clone());
        serde_json::from_value(order).expect("it is an order")
    }

    #[test]
    fn a_ticket_has_keys_of_its_own_run_and_of_code_only() {
        let order = order(serde_json::json!({ "retry": { "retries": 1 } }));
        let keys = wishes(&order, 4, 12);
        let is_own =
            |key: &str| key.starts_with("runs/team/20261124/01a20f4a-24d5-7784-94df-197f6a79aa2e/");
        for wish in &keys {
            match wish {
                Wish::Read(key) => assert!(is_own(key) || key.starts_with("components/"), "{key}"),
                Wish::Create(key) => assert!(is_own(key), "{key}"),
                Wish::Overwrite(key) => {
                    assert!(is_own(key) && key.ends_with("/beat.json"), "{key}");
                }
            }
        }
        let created = keys.iter().filter(|wish| matches!(wish, Wish::Create(_))).count();
        assert_eq!(created, 2 + 4 * (1 + 12));
    }

    #[test]
    fn it_is_good_for_the_waiting_and_all_attempts() {
        let hours = |settings| valid_for(&order(settings)).unwrap().as_secs() / 3600;
        let hour_ms = 3_600_000;
        assert_eq!(hours(serde_json::json!({ "limits": { "timeout_ms": hour_ms } })), 25);
        let three = serde_json::json!({ "limits": { "timeout_ms": 2 * hour_ms }, "retry": { "retries": 2 } });
        assert_eq!(hours(three), 30);
        let error =
            valid_for(&order(serde_json::json!({ "limits": { "timeout_ms": 200 * hour_ms } })));
        assert!(error.unwrap_err().to_string().contains("seven days at most"));
    }

    #[test]
    fn too_many_retries_need_the_store() {
        let retries = |retries: u32| order(serde_json::json!({ "retry": { "retries": retries } }));
        assert_eq!(attempts_max(&retries(0)).unwrap(), 3);
        assert_eq!(attempts_max(&retries(57)).unwrap(), 60);
        let error = attempts_max(&retries(58)).unwrap_err().to_string();
        assert_eq!(error, "a ticket is good for 57 retries, and the flow wants 58");
    }
}
