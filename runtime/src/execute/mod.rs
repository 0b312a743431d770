//! One run, from its order to its outcome.

mod attempt;
mod beat;
mod cancel;
mod program;
mod ship;
mod signal;

use bytes::Bytes;
use longshore_protocol::Timestamp;
use longshore_protocol::id::{Digest, RunId, Tenant};
use longshore_protocol::record::{
    AttemptSummary, CodeSource, FormatVersion, Order, Outcome, Payload, RuntimeFacts, Usage,
    Verdict,
};

use crate::engine::{Allocation, Engine, EngineSettings};
use crate::store::{Created, RunStore};
use crate::{Error, ErrorKind, clock, facts};
use attempt::{Finished, Pause, Run};
use signal::Signals;

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The store: a local directory.
    pub store: String,
    /// The owner of the run.
    pub tenant: Tenant,
    /// The run.
    pub run: RunId,
    /// The digest of its order.
    pub order: Digest,
}

/// Executes the run and returns once its outcome is stored, by this process or by another one.
///
/// # Errors
/// When no outcome could be stored: the order is bad, or the store does not work.
pub async fn execute(settings: Settings) -> Result<(), Error> {
    let signals = Signals::listen()?;
    let store = RunStore::open(&settings.store, &settings.tenant, &settings.run)?;
    let order = store.read_order(&settings.order).await?;
    check_identity(&settings, &order)?;
    let engine = Engine::new(EngineSettings::of(&order.limits, Allocation::OnDemand))?;
    let started_at = clock::now();
    let ended = match program::load(&store, &order, &engine).await? {
        Ok(loaded) => {
            let (store, order, engine, loaded, signals) =
                (&store, &order, &engine, &loaded, &signals);
            run_attempts(&Run { store, order, engine, loaded, signals }).await?
        }
        Err(refusal) => Some(Ended::refused(&refusal)),
    };
    match ended {
        Some(ended) => write_outcome(&store, &order, &engine, started_at, ended).await,
        None => Ok(()),
    }
}

fn check_identity(settings: &Settings, order: &Order) -> Result<(), Error> {
    if order.run == settings.run && order.tenant == settings.tenant {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::BadOrder,
        format!("the order is for run {} of tenant {}", order.run, order.tenant),
    ))
}

/// How the run ended, before it is written down.
struct Ended {
    verdict: Verdict,
    result: Option<Bytes>,
    attempt: u32,
    failed: Vec<AttemptSummary>,
    usage: Usage,
    log_segments: Vec<u32>,
    code: Option<CodeSource>,
}

impl Ended {
    fn refused(refusal: &program::Refusal) -> Self {
        Self {
            verdict: Verdict::Refused { reason: refusal.0.clone() },
            result: None,
            attempt: 0,
            failed: vec![],
            usage: Usage::default(),
            log_segments: vec![],
            code: None,
        }
    }
}

/// `None`: another process has ended the run meanwhile.
async fn run_attempts(run: &Run<'_>) -> Result<Option<Ended>, Error> {
    let mut failed = Vec::new();
    let mut log_segments = Vec::new();
    let mut number = 0;
    let (verdict, result, usage) = loop {
        number = match attempt::claim(run.store, number + 1).await? {
            Some(number) => number,
            None => return Ok(None),
        };
        // Attempts of a runtime that died before this one have left logs that only a listing can count.
        log_segments.resize(number as usize - 1, 0);
        let Finished { verdict, result, usage, segments } = attempt::attempt(run, number).await;
        log_segments.push(segments);
        // Who interrupted this attempt does not want another one.
        let is_interrupted = matches!(verdict, Verdict::Interrupted { .. });
        if is_interrupted || !verdict.is_retryable() || !run.order.retry.allows_after(number) {
            break (verdict, result, usage);
        }
        match attempt::pause(run, number).await {
            Pause::NoTimeLeft => break (verdict, result, usage),
            Pause::Over => failed.push(summary(number, &verdict)),
            Pause::Stopped(reason) => {
                failed.push(summary(number, &verdict));
                break (reason.into(), None, usage);
            }
        }
    };
    let code = Some(run.loaded.code.clone());
    Ok(Some(Ended { verdict, result, attempt: number, failed, usage, log_segments, code }))
}

fn summary(attempt: u32, verdict: &Verdict) -> AttemptSummary {
    AttemptSummary {
        attempt,
        verdict: verdict.word().to_owned(),
        message: verdict.sentence(),
        ended_at: clock::now(),
    }
}

async fn write_outcome(
    store: &RunStore,
    order: &Order,
    engine: &Engine,
    started_at: Timestamp,
    ended: Ended,
) -> Result<(), Error> {
    let Ended { mut verdict, result, attempt, failed, usage, log_segments, code } = ended;
    if let Some(result) = result
        && let Some(earlier) = write_result(store, result).await?
    {
        verdict = Verdict::Completed { result: earlier };
    }
    let outcome = Outcome {
        format: FormatVersion::CURRENT,
        run: order.run,
        retryable: verdict.is_retryable(),
        verdict,
        attempt,
        failed_attempts: failed,
        started_at,
        ended_at: clock::now(),
        limits: order.limits.clone(),
        usage,
        log_segments,
        runtime: RuntimeFacts {
            version: facts::VERSION.into(),
            engine: engine.fingerprint().into(),
            code,
            confinement: None,
        },
    };
    patiently(|| store.create_outcome(&outcome)).await?;
    Ok(())
}

/// Returns the result that stands instead, where another runtime of this run has written one: it is whole, and the
/// flow may have another one each time.
async fn write_result(store: &RunStore, result: Bytes) -> Result<Option<Payload>, Error> {
    match patiently(|| store.create_result(result.clone())).await? {
        Created::New => Ok(None),
        Created::Existed => patiently(|| store.read_result()).await,
    }
}

/// Tries again for a while: at this point a run's whole work would be lost.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    write: impl Fn() -> F,
) -> Result<T, Error> {
    // About 6 s in all: a store that is away for longer is better explained by the infrastructure.
    const PAUSES_MS: [u64; 6] = [50, 150, 450, 1_000, 2_000, 2_500];
    for pause in PAUSES_MS {
        match write().await {
            Ok(done) => return Ok(done),
            Err(error) => tracing::warn!("{}", crate::chain(&error)),
        }
        tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
    }
    write().await
}
