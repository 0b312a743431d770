//! What every launcher must do.

use std::time::{Duration, Instant};

use futures::future::join_all;
use futures::{StreamExt as _, TryStreamExt as _};
use longshore_launchers::launcher::{Handle, Plan};
use longshore_protocol::state::JobState;
use serde_json::json;
use tokio::time::timeout;

use crate::Stand;

/// A job that was asked to end ends within this, also where somebody else has to make it.
const GRACE: Duration = Duration::from_secs(1);
/// Nothing here takes longer, but for a machine that has stopped.
const PATIENCE: Duration = Duration::from_secs(180);

async fn lines(stand: &Stand, handle: &Handle) -> Vec<String> {
    let lines = stand.launcher.logs(handle).try_collect();
    let lines = timeout(PATIENCE, lines).await.expect("the output of a job that is over ends");
    lines.unwrap_or_else(|error| panic!("{}", longshore_launchers::chain(&error)))
}

/// A flow runs there, and its result comes back.
pub async fn a_run_completes(stand: &Stand) {
    let (submitted, plan) = stand.submit("add_one", &[("n", json!(41))]).await;
    assert_eq!(submitted.handle, plan.handle);
    assert_eq!(stand.result(&submitted).await, json!(42));
    stand.cleanup(&plan.handle).await;
    stand.is_removed(&plan.handle).await;
}

/// Exit codes are those of the program.
pub async fn exit_codes_are_told(stand: &Stand) {
    for code in [0, 3, 74] {
        let plan = stand.launched(&format!("exit {code}")).await;
        assert_eq!(stand.until_over(&plan.handle).await.0, Some(code));
        stand.cleanup(&plan.handle).await;
    }
}

/// The last words of a job that is over are in the reason.
pub async fn a_failure_is_explained_by_its_last_output(stand: &Stand) {
    let plan = stand.launched("echo no space left >&2; exit 74").await;
    let (code, reason) = stand.until_over(&plan.handle).await;
    assert_eq!(code, Some(74));
    assert!(reason.contains("no space left"), "{reason}");
    stand.cleanup(&plan.handle).await;
}

/// A launch that is repeated finds its own job, while it runs and after its end.
pub async fn a_repeated_launch_finds_its_own_job(stand: &Stand) {
    let plan = stand.launched("echo once; sleep 1").await;
    let again = stand.another_launcher();
    for _ in 0..2 {
        again.launch(&plan, &|_| ()).await.expect("a repetition is harmless");
        stand.launch(&plan).await;
    }
    assert_eq!(stand.hands.count(&plan.handle), 1);
    stand.until_over(&plan.handle).await;
    stand.launch(&plan).await;
    assert!(matches!(stand.state(&plan.handle).await, JobState::Exited { .. }));
    assert_eq!(lines(stand, &plan.handle).await, ["once"]);
    stand.cleanup(&plan.handle).await;
}

/// Two that launch the same run in the same moment start it once.
pub async fn two_launches_at_once_start_one_job(stand: &Stand) {
    let plan = stand.script("echo once").await;
    let again = stand.another_launcher();
    let (one, two) =
        tokio::join!(stand.launcher.launch(&plan, &|_| ()), again.launch(&plan, &|_| ()));
    assert!(one.is_ok() && two.is_ok(), "{one:?} {two:?}");
    assert_eq!(stand.hands.count(&plan.handle), 1);
    stand.until_over(&plan.handle).await;
    assert_eq!(lines(stand, &plan.handle).await, ["once"]);
    stand.cleanup(&plan.handle).await;
}

/// The output is there while the job runs, and all of it afterwards, whoever asks and however often.
pub async fn output_is_live_and_complete(stand: &Stand) {
    let last = if stand.hands.keeps_lines_without_end() { "printf" } else { "echo" };
    // Two pipes have no order between them, but for the time at which somebody reads them. On a busy machine, who asks
    // from time to time hears of the first line seconds later.
    let script = format!("echo first; sleep 8; echo last >&2; sleep 1; {last} without-end");
    let plan = stand.launched(&script).await;
    let mut live = stand.launcher.logs(&plan.handle);
    let first = timeout(PATIENCE, live.next()).await.expect("it comes").expect("there is one");
    assert_eq!(first.expect("it can be read"), "first");
    assert_eq!(stand.state(&plan.handle).await, JobState::Running);
    let rest: Vec<_> = live.try_collect().await.expect("it can be read");
    let all = ["first", "last", "without-end"];
    assert_eq!(rest, all[1..]);
    stand.until_over(&plan.handle).await;
    for _ in 0..2 {
        assert_eq!(lines(stand, &plan.handle).await, all);
    }
    stand.cleanup(&plan.handle).await;
}

/// A lot of output is complete.
pub async fn much_output_is_complete(stand: &Stand) {
    // Where only what runs has all of its output, it runs until that was read.
    let rest = if stand.hands.keeps_output_of_the_past() { "" } else { "sleep 8" };
    let script = format!("i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; {rest}");
    let plan = stand.launched(&script).await;
    let lines = lines(stand, &plan.handle).await;
    let is_right = lines.iter().enumerate().all(|(at, line)| *line == format!("line {at}"));
    assert!(lines.len() == 20_000 && is_right, "{} lines", lines.len());
    stand.cleanup(&plan.handle).await;
}

/// Whoever waits hears of the end at once.
pub async fn the_end_is_told_at_once(stand: &Stand) {
    // Long enough to be seen running by those who ask from time to time.
    let plan = stand.launched("sleep 8").await;
    stand.until_running(&plan.handle).await;
    let began = Instant::now();
    stand.until_over(&plan.handle).await;
    let took = began.elapsed();
    assert!(took < Duration::from_secs(20), "the end was told after {took:?}");
    stand.cleanup(&plan.handle).await;
}

async fn cancel(stand: &Stand, plan: &Plan) -> Duration {
    let began = Instant::now();
    let done = timeout(PATIENCE, stand.launcher.cancel(&plan.handle, GRACE)).await;
    let done = done.expect("a cancellation ends");
    done.unwrap_or_else(|error| panic!("{}", longshore_launchers::chain(&error)));
    let state = stand.state(&plan.handle).await;
    assert!(matches!(state, JobState::Exited { .. } | JobState::Gone), "{state:?}");
    began.elapsed()
}

/// A job that listens ends by itself, and one that does not is made to; one that is over or unknown is no error.
pub async fn a_cancellation_ends_the_job(stand: &Stand) {
    let listens = "trap 'exit 7' TERM; echo ready; while true; do sleep 0.1; done";
    let plan = stand.launched(listens).await;
    stand.until_running(&plan.handle).await;
    // It listens from then on.
    drop(timeout(PATIENCE, stand.launcher.logs(&plan.handle).next()).await.expect("it comes"));
    cancel(stand, &plan).await;
    cancel(stand, &plan).await;
    stand.cleanup(&plan.handle).await;
    cancel(stand, &plan).await;

    let deaf = stand.launched("trap '' TERM; while true; do sleep 0.1; done").await;
    stand.until_running(&deaf.handle).await;
    cancel(stand, &deaf).await;
    stand.cleanup(&deaf.handle).await;

    let never = stand.script("exit 0").await;
    cancel(stand, &never).await;
}

/// What is removed is gone, and removing it again is harmless.
pub async fn a_cleanup_leaves_nothing(stand: &Stand) {
    let plan = stand.launched("exit 0").await;
    stand.until_over(&plan.handle).await;
    for _ in 0..2 {
        stand.cleanup(&plan.handle).await;
        stand.is_removed(&plan.handle).await;
    }
    // There is nothing to read, which is an answer or an error, and never a wait.
    let output: Vec<_> = timeout(PATIENCE, stand.launcher.logs(&plan.handle).collect())
        .await
        .expect("the output of a job that is gone ends");
    assert!(output.iter().all(Result::is_err), "{output:?}");
}

/// A job that somebody kills is over, and the reason says how.
pub async fn a_kill_from_outside_is_told(stand: &Stand) {
    let plan = stand.launched("sleep 600").await;
    stand.until_running(&plan.handle).await;
    stand.hands.kill(&plan.handle);
    let (_, reason) = stand.until_over(&plan.handle).await;
    assert!(reason.contains("SIGKILL"), "{reason}");
    stand.cleanup(&plan.handle).await;
}

/// Any other launcher, as a later command has it, says the same of a job.
pub async fn another_launcher_says_the_same(stand: &Stand) {
    let plan = stand.launched("sleep 8; exit 5").await;
    stand.until_running(&plan.handle).await;
    let later = stand.another_launcher();
    let ask = async || later.state(&plan.handle).await.expect("it can be asked");
    assert_eq!(ask().await, JobState::Running);
    stand.until_over(&plan.handle).await;
    assert!(matches!(ask().await, JobState::Exited { .. }));
    later.cleanup(&plan.handle).await.expect("it can be removed");
    stand.is_removed(&plan.handle).await;
}

/// Two runs at once get their own results.
pub async fn two_runs_at_once(stand: &Stand) {
    many_runs_at_once(stand, 2).await;
}

/// Fifty runs at once get their own results.
pub async fn fifty_runs_at_once(stand: &Stand) {
    many_runs_at_once(stand, 50).await;
}

async fn many_runs_at_once(stand: &Stand, count: i64) {
    let runs = join_all((0..count).map(async |n| {
        let (submitted, plan) = stand.submit("add_one", &[("n", json!(n))]).await;
        assert_eq!(stand.result(&submitted).await, json!(n + 1));
        plan.handle
    }));
    for handle in runs.await {
        stand.cleanup(&handle).await;
        stand.is_removed(&handle).await;
    }
}

/// The infrastructure can be checked, and says something.
pub async fn a_check_finds_it_well(stand: &Stand) {
    let found = stand.engine.doctor().await;
    let bad: Vec<_> = found.iter().filter(|check| !check.is_ok).collect();
    assert!(bad.is_empty(), "{bad:?}");
}

/// A job that takes more memory than its container has is told to have done so. Not for processes: they have none.
pub async fn out_of_memory_is_told(stand: &Stand, setting: &str) {
    let plan = stand.script_with(&[(setting, "32MiB")], "tail /dev/zero").await;
    stand.launch(&plan).await;
    let (_, reason) = stand.until_over(&plan.handle).await;
    assert!(reason.contains("out of memory") && reason.contains("32 MiB"), "{reason}");
    stand.cleanup(&plan.handle).await;
}
