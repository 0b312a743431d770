//! Waiting for a change that nobody tells of by itself.

use std::time::Duration;

use longshore_protocol::state::JobState;
use tokio::time::Instant;

use super::Memory;
use crate::Error;
use crate::launcher::Handle;

/// What cannot be asked now is asked again after this.
const ASK_AGAIN: Duration = Duration::from_secs(1);

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
