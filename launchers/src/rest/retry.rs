//! Which failures are worth a second try, and when. Pure, but for the random part of a pause.

use std::time::Duration;

use super::Failure;

/// How long a call is repeated: longer than a rate limit per minute takes to let one in again, which all of these APIs
/// have, and shorter than a person waits without a word.
pub(super) const PATIENCE: Duration = Duration::from_secs(75);
/// The first pause; each one is twice as long as the one before, …
const PAUSE_FIRST: Duration = Duration::from_millis(250);
/// … up to this.
const PAUSE_MAX: Duration = Duration::from_secs(16);
/// A connection that cannot be made, or breaks, comes back within a quarter of a minute, or somebody has to see to it.
const TRIES_OF_BROKEN: u32 = 6;
/// What is no answer of the API is mostly a proxy that is just being changed; if not, more of them say nothing new.
const TRIES_OF_MALFORMED: u32 = 3;

/// How long to wait before the call is made again that has failed; `None`: not again. `tries`: how often it was repeated
/// already; `left`: how long there is to wait at all.
pub(super) fn pause(
    failure: &Failure,
    is_repeatable: bool,
    tries: u32,
    left: Duration,
) -> Option<Duration> {
    let asked_for = match failure {
        // Refused before anything was done.
        Failure::Refused(refusal) if refusal.status == 429 => refusal.retry_after,
        Failure::Refused(refusal) if matches!(refusal.status, 500 | 502 | 503 | 504 | 408) => {
            is_repeatable.then_some(())?;
            refusal.retry_after
        }
        Failure::Broken { is_unsent, why: _ }
            if (is_repeatable || *is_unsent) && tries < TRIES_OF_BROKEN =>
        {
            None
        }
        Failure::Malformed(_) if is_repeatable && tries < TRIES_OF_MALFORMED => None,
        Failure::Refused(_)
        | Failure::Broken { .. }
        | Failure::Malformed(_)
        | Failure::Token(_) => {
            return None;
        }
    };
    let own = PAUSE_FIRST.saturating_mul(2_u32.saturating_pow(tries)).min(PAUSE_MAX);
    // Half of it at random: those that were refused together do not come back together.
    let own = own.mul_f64(0.5 + 0.5 * random());
    let pause = asked_for.map_or(own, |asked_for| asked_for.max(own));
    // Where there is no time left for it, the answer that is there already is better than none.
    (pause <= left).then_some(pause)
}

/// A number from 0 to 1.
fn random() -> f64 {
    let mut random = [0; 4];
    match rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()) {
        Ok(_) => f64::from(u32::from_ne_bytes(random)) / f64::from(u32::MAX),
        // Without it, pauses are only less spread.
        Err(_) => 0.5,
    }
}

/// Seconds of a `Retry-After`. Its other form, a date, is used by none of these APIs.
pub(super) fn seconds(text: &str) -> Option<Duration> {
    text.trim().parse().ok().map(Duration::from_secs)
}
