//! One run, from its order to its outcome.

mod attempt;
mod beat;
mod cancel;
mod place;
mod program;
mod ship;
mod signal;

use bytes::Bytes;
use longshore_protocol::Timestamp;
use longshore_protocol::id::Digest;
use longshore_protocol::record::{
    AttemptSummary, CodeSource, Confinement, FormatVersion, Order, Outcome, Payload, RuntimeFacts,
    Usage, Verdict,
};

use crate::confine::{self, Demand, Needs};
use crate::engine::{Allocation, Engine, EngineSettings};
use crate::sandbox::Network;
use crate::store::{Created, RunStore};
use crate::{Error, ErrorKind, clock, facts};
use attempt::{Finished, Pause, Run};
use place::Opened;
use program::{Loaded, Refusal};
use signal::Noted;

pub use place::Place;
pub use signal::Signals;

/// What the command line says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the run is.
    pub place: Place,
    /// How it reaches the network, where it may.
    pub network: Network,
    /// What becomes of it where the kernel cannot confine it.
    pub confine: Demand,
}

/// Executes the run and returns once its outcome is stored, by this process or by another one.
///
/// In two halves, each with a runtime and threads of its own: this process is confined in between, while it has one
/// thread. See [`crate::confine`].
///
/// # Errors
/// When no outcome could be stored: the order is bad, the store does not work, or the process cannot be confined.
pub fn execute(settings: &Settings) -> Result<(), Error> {
    let Settings { place, network, confine } = settings;
    let noted = Noted::from_now_on()?;
    let prepared = in_tokio(async {
        let Opened { first, second, order } = place.open().await?;
        let prepared = prepare(first, &order, network).await?;
        Ok(Prepared { store: second, ..prepared })
    })?;
    let confinement = confine::confine(&place.needs(needs(&prepared)), *confine)?;
    in_tokio(async {
        let signals = Signals::listen(&noted)?;
        carry_out(prepared, &signals, Some(confinement)).await
    })
}

/// Executes the run of `store` whose order has the digest `order` without confining this process, which may have other
/// things to do.
///
/// # Errors
/// When no outcome could be stored: the order is bad, or the store does not work.
pub async fn execute_in(
    store: &RunStore,
    order: &Digest,
    network: &Network,
    signals: &Signals,
) -> Result<(), Error> {
    carry_out(prepare(store.clone(), order, network).await?, signals, None).await
}

fn in_tokio<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let starting = |error| Error::caused(ErrorKind::Store, "could not start", error);
    // Its threads have ended when it is dropped.
    runtime.map_err(starting)?.block_on(work)
}

/// What was read of the order and what follows from it: all that the guest will need.
struct Prepared {
    store: RunStore,
    order: Order,
    engine: Engine,
    started_at: Timestamp,
    loaded: Result<Loaded, Refusal>,
}

async fn prepare(store: RunStore, order: &Digest, network: &Network) -> Result<Prepared, Error> {
    let order = store.read_order(order).await?;
    check_identity(&store, &order)?;
    let settings = EngineSettings::of(&order.limits, Allocation::OnDemand);
    let wanted = order.compiled.as_ref().map(|compiled| compiled.engine.as_str());
    let engine = Engine::for_code(settings, wanted)?;
    let started_at = clock::now();
    let loaded = program::load(&store, &order, &engine, network).await?;
    Ok(Prepared { store, order, engine, started_at, loaded })
}

/// What the rest of the run needs: a network only where that was granted, a folder only where there are files.
fn needs(prepared: &Prepared) -> Needs {
    let network = match prepared.order.grants.network.as_slice() {
        [] => confine::Network::None,
        _ => confine::Network::Connect,
    };
    let files = prepared.loaded.as_ref().ok().and_then(|loaded| loaded.files.as_ref());
    let temporary = files.map(|folder| folder.path().to_owned());
    Needs { writes: vec![], reads: vec![], temporary, network }
}

async fn carry_out(
    prepared: Prepared,
    signals: &Signals,
    confinement: Option<Confinement>,
) -> Result<(), Error> {
    let Prepared { store, order, engine, started_at: _, loaded } = &prepared;
    let ended = match loaded {
        Ok(loaded) => run_attempts(&Run { store, order, engine, loaded, signals }).await?,
        Err(refusal) => Some(Ended::refused(refusal)),
    };
    match ended {
        Some(ended) => write_outcome(&prepared, ended, confinement).await,
        None => Ok(()),
    }
}

fn check_identity(store: &RunStore, order: &Order) -> Result<(), Error> {
    if store.is_of(order) {
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
    fn refused(refusal: &Refusal) -> Self {
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
    prepared: &Prepared,
    ended: Ended,
    confinement: Option<Confinement>,
) -> Result<(), Error> {
    let Prepared { store, order, engine, started_at, loaded: _ } = prepared;
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
        started_at: *started_at,
        ended_at: clock::now(),
        limits: order.limits.clone(),
        usage,
        log_segments,
        runtime: RuntimeFacts {
            version: facts::VERSION.into(),
            engine: engine.fingerprint().into(),
            code,
            confinement,
        },
    };
    store.create_outcome(&outcome).await?;
    Ok(())
}

/// Returns the result that stands instead, where another runtime of this run has written one: it is whole, and the
/// flow may have another one each time.
async fn write_result(store: &RunStore, result: Bytes) -> Result<Option<Payload>, Error> {
    match store.create_result(result).await? {
        Created::New => Ok(None),
        Created::Existed => store.read_result().await,
    }
}
