//! What a job is in where nobody tells of it by itself, and waiting for a change.

use std::time::Duration;

use longshore_protocol::state::JobState;
use tokio::time::Instant;

use super::Memory;
use crate::Error;
use crate::launcher::Handle;

/// What cannot be asked now, or may be there in a moment, is asked for again after this.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The state that `ask` tells, which is kept in `memory`. A job that is gone is asked for once more where its run
/// `is_young`: another launcher may have created it just now.
///
/// # Errors
/// When the infrastructure cannot be asked.
pub(crate) async fn settled<Ask, Asked>(
    memory: &Memory,
    handle: &Handle,
    is_young: bool,
    ask: Ask,
) -> Result<JobState, Error>
where
    Ask: Fn() -> Asked + Send + Sync,
    Asked: Future<Output = Result<JobState, Error>> + Send,
{
    let mut state = ask().await?;
    if state == JobState::Gone && is_young {
        tokio::time::sleep(ASK_AGAIN).await;
        state = ask().await?;
    }
    memory.keep(handle, &state, Instant::now());
    Ok(state)
}

/// The state of a job once it is another than `seen`; `ask` asks the infrastructure, and is asked as often as `memory`
/// allows. Never returns where the job is over already.
pub(crate) async fn changed<Ask, Asked>(
    memory: &Memory,
    handle: &Handle,
    seen: &JobState,
    ask: Ask,
) -> JobState
where
    Ask: Fn() -> Asked + Send + Sync,
    Asked: Future<Output = Result<JobState, Error>> + Send,
{
    loop {
        tokio::time::sleep(memory.pause(handle, Instant::now())).await;
        match ask().await {
            Ok(state) if state != *seen => return state,
            Ok(JobState::Exited { .. } | JobState::Gone) => std::future::pending::<()>().await,
            Ok(_) => {}
            Err(_) => tokio::time::sleep(ASK_AGAIN).await,
        }
    }
}
