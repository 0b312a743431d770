//! Finds the newest runs that somebody wants to see.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use longshore_protocol::id::RunId;
use longshore_protocol::record::Order;
use longshore_protocol::state::State;

use super::{Engine, RunView};
use crate::store::{Period, SIDE_BY_SIDE};
use crate::{Error, ErrorKind};

/// Which runs are wanted. The default wants all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Those that were ordered in this time. Needs no request: the id says when.
    pub period: Period,
    /// Those of this flow. Needs the order only, …
    pub flow: Option<String>,
    /// … as do those with all of these labels.
    pub labels: BTreeMap<String, String>,
    /// Those that went through this pool.
    pub pool: Option<String>,
    /// Those in this state.
    pub state: Option<State>,
}

impl Filter {
    fn is_of_order(&self) -> bool {
        self.flow.is_some() || !self.labels.is_empty()
    }

    fn is_of_run(&self) -> bool {
        self.is_of_order() || self.pool.is_some() || self.state.is_some()
    }

    fn wants_order(&self, order: &Order) -> bool {
        self.flow.as_ref().is_none_or(|flow| order.flow == *flow)
            && self.labels.iter().all(|(key, value)| order.labels.get(key) == Some(value))
    }

    fn wants(&self, view: &RunView) -> bool {
        let pool = view.job.as_ref().and_then(|job| job.pool.as_ref());
        self.wants_order(&view.order)
            && (self.pool.is_none() || self.pool.as_ref() == pool)
            && self.state.is_none_or(|state| view.derived.state == state)
    }
}

impl Engine {
    /// The newest runs that `filter` wants, the newest first, at most `limit`. Days are listed from the newest on, and
    /// runs are looked at until there are enough.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self, filter: &Filter, limit: usize) -> Result<Vec<RunView>, Error> {
        let mut found = Vec::new();
        if limit == 0 {
            return Ok(found);
        }
        for day in self.store.days().await?.iter().filter(|day| filter.period.meets(day)) {
            let runs = self.store.runs_of(day).await?;
            let mut runs = runs.into_iter().filter(|run| filter.period.has(run));
            loop {
                // Where every run counts, no more are looked at than are missing. One may be just being removed.
                let missing = limit - found.len();
                let many = if filter.is_of_run() { usize::MAX } else { missing };
                let next: Vec<_> = runs.by_ref().take(many).collect();
                if next.is_empty() {
                    break;
                }
                let looks = stream::iter(next).map(|run| self.look(run, filter));
                let mut wanted = looks
                    .buffered(SIDE_BY_SIDE)
                    .try_filter_map(|view| std::future::ready(Ok(view)));
                while let Some(view) = wanted.try_next().await? {
                    found.push(view);
                    if found.len() == limit {
                        return Ok(found);
                    }
                }
            }
        }
        Ok(found)
    }

    /// `None`: it is not wanted, or there is nothing to see: it is being removed, or was never ordered.
    async fn look(&self, run: RunId, filter: &Filter) -> Result<Option<RunView>, Error> {
        let looked = async {
            if !filter.is_of_order() {
                return self.view(&run).await.map(Some);
            }
            let order = self.store.order(&run).await?;
            if !filter.wants_order(&order) {
                return Ok(None);
            }
            self.view_of(order).await.map(Some)
        };
        match looked.await {
            Ok(view) => Ok(view.filter(|view| filter.wants(view))),
            Err(error) if error.kind() == ErrorKind::BadInput => Ok(None),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use longshore_protocol::Timestamp;
    use longshore_protocol::id::Tenant;
    use longshore_protocol::layout::RunLayout;
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;
    use object_store::path::Path;
    use serde_json::json;

    use super::*;
    use crate::counting::Counting;
    use crate::engine::Places;
    use crate::pool::Pool;
    use crate::store::Store;
    use crate::surroundings::Surroundings;

    /// An engine over runs that were ordered at these times, of the flows `even` and `odd` in turns.
    async fn engine_with(times: &[&str]) -> (Engine, Arc<Counting>, Vec<RunId>) {
        let (objects, mut ids) = (InMemory::new(), Vec::new());
        for (n, time) in times.iter().enumerate() {
            let at: Timestamp = time.parse().unwrap();
            let run = RunId::new(at, [u8::try_from(n).unwrap(); 10]);
            let order = json!({
                "format": "1.1", "run": run, "tenant": "default", "abi": {"major": 1, "minor": 0},
                "component": {"sha256": "0".repeat(64), "bytes": 1}, "params": {"inline": ""},
                "flow": (if n % 2 == 0 { "even" } else { "odd" }), "ordered_at": at,
            });
            let key = RunLayout::new(&Tenant::default(), &run).order();
            objects.put(&Path::from(key), order.to_string().into()).await.unwrap();
            ids.push(run);
        }
        let counting = Arc::new(Counting::new(objects));
        let store = Store::new(Arc::clone(&counting) as _, "memory:///", Tenant::default());
        let nowhere = || PathBuf::from("/nonexistent");
        let places = Places {
            runtime: nowhere(),
            image_runtime: None,
            cache: nowhere(),
            state: nowhere(),
            surroundings: Surroundings::default(),
        };
        (Engine::new(store, Pool::local(), places), counting, ids)
    }

    fn runs(views: &[RunView]) -> Vec<RunId> {
        views.iter().map(|view| view.order.run).collect()
    }

    const DAYS: [&str; 4] = [
        "2026-02-01T00:00:00Z",
        "2026-02-02T00:00:00Z",
        "2026-02-03T00:00:00Z",
        "2026-02-03T01:00:00Z",
    ];

    #[tokio::test]
    async fn no_more_days_are_listed_and_runs_read_than_are_needed() {
        let (engine, counting, ids) = engine_with(&DAYS).await;
        let found = engine.list(&Filter::default(), 1).await.unwrap();
        assert_eq!(runs(&found), [ids[3]]);
        let asked = counting.take();
        let days: Vec<_> = asked.iter().filter(|it| it.starts_with("list runs/default")).collect();
        assert_eq!(days[..2], ["list runs/default", "list runs/default/20260203"]);
        assert!(
            asked.iter().all(|it| !it.contains("20260202") && !it.contains(&ids[2].to_string()))
        );
        assert!(engine.list(&Filter::default(), 0).await.unwrap().is_empty());
        assert_eq!(counting.take(), [""; 0]);
    }

    #[tokio::test]
    async fn what_only_needs_the_order_asks_for_no_more() {
        let (engine, counting, ids) = engine_with(&DAYS).await;
        let filter = Filter { flow: Some("other".to_owned()), ..Filter::default() };
        assert!(engine.list(&filter, 20).await.unwrap().is_empty());
        let mut asked = counting.take();
        asked.retain(|it| !it.starts_with("list"));
        assert_eq!(asked.len(), ids.len(), "{asked:?}");
        assert!(asked.iter().all(|it| it.ends_with("/order.json")), "{asked:?}");
        let filter = Filter { flow: Some("even".to_owned()), ..Filter::default() };
        assert_eq!(runs(&engine.list(&filter, 20).await.unwrap()), [ids[2], ids[0]]);
    }

    #[tokio::test]
    async fn what_only_needs_the_id_asks_for_nothing_else() {
        let (engine, counting, ids) = engine_with(&DAYS).await;
        let until = Some("2026-02-02T00:00:00Z".parse().unwrap());
        let filter = Filter { period: Period { since: None, until }, ..Filter::default() };
        assert_eq!(runs(&engine.list(&filter, 20).await.unwrap()), [ids[0]]);
        let asked = counting.take();
        assert!(asked.iter().all(|it| !it.contains("20260203")), "{asked:?}");
    }
}
