//! Asks for many tasks with one request: a thousand runs of one launcher are ten requests.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_ecs::types::Task;
use futures::future::BoxFuture;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::refusal::Refusal;

/// What `DescribeTasks` takes.
pub(super) const TASKS_MAX: usize = 100;
/// Requests are at least this far apart: half of what an account may ask, so that there is something left for others.
const APART: Duration = Duration::from_millis(100);

/// The tasks that were found, by their ARNs.
pub(super) type Found = HashMap<String, Task>;
/// Asks for tasks of one cluster.
pub(super) type Ask =
    Arc<dyn Fn(String, Vec<String>) -> BoxFuture<'static, Result<Found, Refusal>> + Send + Sync>;
type Answer = Result<Option<Task>, Refusal>;
/// Which task, and who wants to know.
type Wanted = (String, oneshot::Sender<Answer>);

/// Gathers what is asked at once.
pub(super) struct Batch {
    ask: Ask,
    queue: Arc<Mutex<Queue>>,
}

struct Queue {
    /// By clusters.
    waiting: BTreeMap<String, Vec<Wanted>>,
    is_worked_on: bool,
    last: Option<Instant>,
}

impl fmt::Debug for Batch {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Batch").finish_non_exhaustive()
    }
}

impl Batch {
    pub(super) fn new(ask: Ask) -> Self {
        let queue = Queue { waiting: BTreeMap::new(), is_worked_on: false, last: None };
        Self { ask, queue: Arc::new(Mutex::new(queue)) }
    }

    /// A task. `None`: ECS does not know it.
    pub(super) async fn task(&self, cluster: &str, arn: &str) -> Answer {
        let (tell, told) = oneshot::channel();
        let begins = {
            let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            queue.waiting.entry(cluster.to_owned()).or_default().push((arn.to_owned(), tell));
            !std::mem::replace(&mut queue.is_worked_on, true)
        };
        if begins {
            // By itself: whoever asked first may give up, and others wait for the same answer.
            tokio::spawn(work(Arc::clone(&self.ask), Arc::clone(&self.queue)));
        }
        told.await.unwrap_or_else(|_| Err(Refusal::new("", "nobody asks any more")))
    }
}

async fn work(ask: Ask, queue: Arc<Mutex<Queue>>) {
    loop {
        let last = queue.lock().unwrap_or_else(PoisonError::into_inner).last;
        if let Some(last) = last {
            tokio::time::sleep_until(last + APART).await;
        }
        let Some((cluster, wanted)) = next(&queue) else { return };
        let arns = wanted.iter().map(|(arn, _)| arn.clone()).collect();
        let found = ask(cluster, arns).await;
        for (arn, tell) in wanted {
            let answer = match &found {
                Ok(found) => Ok(found.get(&arn).cloned()),
                Err(refusal) => Err(refusal.clone()),
            };
            // Who has given up needs no answer.
            drop(tell.send(answer));
        }
    }
}

/// What is asked for next. `None`: nothing, and nobody works on it any more.
fn next(queue: &Mutex<Queue>) -> Option<(String, Vec<Wanted>)> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    let Some((cluster, mut waiting)) = queue.waiting.pop_first() else {
        queue.is_worked_on = false;
        return None;
    };
    queue.last = Some(Instant::now());
    let rest = waiting.split_off(waiting.len().min(TASKS_MAX));
    if !rest.is_empty() {
        queue.waiting.insert(cluster.clone(), rest);
    }
    Some((cluster, waiting))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::FutureExt as _;
    use futures::future::join_all;

    use super::*;

    /// One that notes how many it is asked for at once.
    fn counting() -> (Batch, Arc<Mutex<Vec<usize>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let ask: Ask = Arc::new(move |_, arns| {
            noted.lock().unwrap().push(arns.len());
            let task = |arn: String| {
                (!arn.starts_with("missing"))
                    .then(|| (arn.clone(), Task::builder().task_arn(arn).build()))
            };
            let found: Found = arns.into_iter().filter_map(task).collect();
            async move { Ok(found) }.boxed()
        });
        (Batch::new(ask), asked)
    }

    #[tokio::test]
    async fn everybody_gets_the_task_that_they_asked_for() {
        let (batch, asked) = counting();
        let arns: Vec<_> = (0..1_000).map(|n| format!("task-{n}")).collect();
        let tasks = join_all(arns.iter().map(|arn| batch.task("c", arn))).await;
        for (arn, task) in arns.iter().zip(tasks) {
            assert_eq!(task.unwrap().unwrap().task_arn(), Some(arn.as_str()));
        }
        assert_eq!(*asked.lock().unwrap(), [100; 10]);
        assert_eq!(batch.task("c", "missing-1").await, Ok(None));
    }

    #[tokio::test]
    async fn a_thousand_watched_runs_ask_ten_times_a_second_at_most() {
        let (batch, asked) = counting();
        let began = Instant::now();
        let watch = async |n: u32| {
            while began.elapsed() < Duration::from_secs(3) {
                tokio::time::sleep(Duration::from_millis(250 + u64::from(n))).await;
                batch.task("c", &format!("task-{n}")).await.unwrap();
            }
        };
        join_all((0..1_000).map(watch)).await;
        let requests = asked.lock().unwrap().len() as f64 / began.elapsed().as_secs_f64();
        assert!(requests <= 10.5, "{requests} requests a second");
    }

    #[tokio::test]
    async fn who_gives_up_takes_nobody_with_them() {
        let (batch, _) = counting();
        drop(batch.task("c", "first").now_or_never());
        let second = tokio::time::timeout(Duration::from_secs(5), batch.task("c", "second")).await;
        assert!(second.unwrap().unwrap().is_some());
    }

    #[tokio::test]
    async fn a_refusal_reaches_everybody() {
        let times = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&times);
        let ask: Ask = Arc::new(move |_, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Err(Refusal::new("ThrottlingException", "Rate exceeded")) }.boxed()
        });
        let batch = Batch::new(ask);
        let both = tokio::join!(batch.task("c", "a"), batch.task("c", "b"));
        assert!(both.0.is_err() && both.1.is_err());
        assert_eq!(times.load(Ordering::Relaxed), 1);
    }
}
