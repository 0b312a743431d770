//! Whether the pool takes another run: it is not paused, and not at its concurrency limit.

use futures::{StreamExt as _, TryStreamExt as _, stream};
use longshore_protocol::id::RunId;

use super::Engine;
use crate::{Error, ErrorKind};

/// How many runs are looked at for those that go on, the newest ones: what a submit may cost where there is a limit. A
/// run that has ended takes one request.
const LOOKED_AT_MAX: usize = 500;
/// As many side by side as hide a store's latency and stay below its rate limits.
const SIDE_BY_SIDE: usize = 16;

impl Engine {
    /// Refuses what the pool does not take now.
    ///
    /// The limit is looked at, not locked: two that submit in the same moment do not see each other.
    pub(super) async fn check_pool_is_open(&self) -> Result<(), Error> {
        let name = &self.pool.name;
        if self.pool.is_paused {
            let text = format!("the pool {name} is paused, so it takes no runs");
            return Err(Error::new(ErrorKind::BadInput, text)
                .hint(format!("longshore pool resume {name}, or name another pool with --pool")));
        }
        let limit = self.pool.concurrency_limit.and_then(|limit| limit.runs());
        let Some(limit) = limit else { return Ok(()) };
        let going_on = self.runs_going_on(limit).await?;
        if going_on < limit {
            return Ok(());
        }
        let text = format!("the pool {name} takes {limit} runs at a time, and so many go on");
        Err(Error::new(ErrorKind::BadInput, text)
            .hint(format!("wait for one of them to end: longshore list --pool {name}; the limit: longshore pool set-concurrency-limit {name} N")))
    }

    /// Counts the pool's runs that are not over, up to `enough`.
    async fn runs_going_on(&self, enough: usize) -> Result<usize, Error> {
        let (mut found, mut left) = (0, LOOKED_AT_MAX);
        for day in self.store.days().await? {
            let mut runs = self.store.runs_of(&day).await?;
            runs.truncate(left);
            left -= runs.len();
            let looks = stream::iter(runs).map(|run| self.goes_on_in_pool(run));
            let mut looks = looks.buffer_unordered(SIDE_BY_SIDE);
            while let Some(goes_on) = looks.try_next().await? {
                found += usize::from(goes_on);
                if found == enough {
                    return Ok(found);
                }
            }
            if left == 0 {
                break;
            }
        }
        Ok(found)
    }

    async fn goes_on_in_pool(&self, run: RunId) -> Result<bool, Error> {
        if self.store.size(&self.store.layout(&run).outcome()).await?.is_some() {
            return Ok(false);
        }
        let view = match self.view(&run).await {
            Ok(view) => view,
            // It is being removed, or was never ordered.
            Err(error) if error.kind() == ErrorKind::BadInput => return Ok(false),
            Err(error) => return Err(error),
        };
        let is_of_pool = view.job.is_some_and(|job| job.pool.as_ref() == Some(&self.pool.name));
        Ok(is_of_pool && !view.derived.state.is_final())
    }
}
