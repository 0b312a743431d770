//! Removes what nobody needs any more: runs that ended long ago, and content to which no order refers.
//!
//! **Invariant:** whatever is cut off here can be repeated.

use std::time::Duration;

use futures::{StreamExt as _, stream};
use longshore_protocol::Timestamp;
use longshore_protocol::id::RunId;
use longshore_protocol::state::State;

use super::Engine;
use crate::store::{RunFiles, SIDE_BY_SIDE};
use crate::{Error, clock};

/// Parameters without an order are left by a submit that died. This long after, it is not only slow.
const SUBMIT_MAX: Duration = Duration::from_hours(24);

/// A run that is older than somebody wants to keep.
#[derive(Debug)]
pub struct OldRun {
    /// The run.
    pub run: RunId,
    /// What there is of it.
    pub files: RunFiles,
    /// Whether it may be removed.
    pub verdict: OldVerdict,
}

/// Whether an old run may be removed.
#[derive(Debug)]
pub enum OldVerdict {
    /// It is over.
    Over,
    /// It is not over.
    NotOver(State),
    /// Its records cannot be read, so it is left to a person.
    Unreadable(Error),
}

impl Engine {
    /// The tenant's runs that ended before `before`, and those that were ordered before that and are not over.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub async fn old_runs(&self, before: Timestamp) -> Result<Vec<OldRun>, Error> {
        let last = longshore_protocol::layout::day_of(before);
        let mut days = self.store.days().await?;
        days.retain(|day| day.0 <= last);
        let mut old = Vec::new();
        for day in days.iter().rev() {
            let runs = self.store.files_of(day).await?;
            let runs = runs.into_iter().filter(|(run, _)| run.ordered_at() < before);
            let judged = stream::iter(runs)
                .map(|(run, files)| async move { self.judge(run, files, before).await })
                .buffered(SIDE_BY_SIDE);
            old.extend(judged.filter_map(std::future::ready).collect::<Vec<_>>().await);
        }
        Ok(old)
    }

    /// `None`: it is not old yet.
    async fn judge(&self, run: RunId, files: RunFiles, before: Timestamp) -> Option<OldRun> {
        let of = |verdict| Some(OldRun { run, files, verdict });
        if !files.has_order {
            let oldest = clock::now().saturating_sub(SUBMIT_MAX).unwrap_or(Timestamp::MIN);
            let is_left = files.was_ordered || run.ordered_at() < oldest;
            return of(OldVerdict::Over).filter(|_| is_left);
        }
        let view = match self.view(&run).await {
            Ok(view) => view,
            Err(error) => return of(OldVerdict::Unreadable(error)),
        };
        let ended_at = view.outcome.as_ref().map_or(view.order.ordered_at, |it| it.ended_at);
        match view.derived.state {
            state if !state.is_final() => of(OldVerdict::NotOver(state)),
            _ if ended_at < before => of(OldVerdict::Over),
            _ => None,
        }
    }

    /// Removes an old run that is over, as [`Engine::remove`] does, which looks again whether it is.
    ///
    /// # Errors
    /// When it is not over, or something is left.
    pub async fn remove_old(&self, old: &OldRun) -> Result<(), Error> {
        if old.files.has_order || old.files.was_ordered {
            return self.remove(&old.run).await;
        }
        self.store.remove_run(&old.run).await
    }
}
