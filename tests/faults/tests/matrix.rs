//! The whole matrix: every trouble at every step that engine and runtime take, and storms.

use std::collections::{BTreeMap, HashSet};
use std::io::Write as _;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use longshore_faults::{Combination, FLOWS, Flaw, Flow, Operation, Plan, Side, Trouble, World};

/// Names one combination that is played instead of all.
const ONE: &str = "LONGSHORE_FAULT_SEED";
/// Storms for each flow. Their seeds are the same each time, so a failure here is a failure everywhere.
const STORMS: u64 = 20;
/// Most of a play is waiting for threads.
const SIDE_BY_SIDE: usize = 4;

fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(|| World::below(Path::new(env!("CARGO_TARGET_TMPDIR"))))
}

#[test]
fn every_combination_ends_with_one_right_outcome() {
    if let Some(one) = variable(ONE) {
        let combination: Combination = one.parse().unwrap_or_else(|error| panic!("{ONE}: {error}"));
        let verdict = judge(&combination);
        let trace = world().play(&combination).journal().trace();
        say(&format!("{combination}\n  {}\n{}", trace.join("\n  "), verdict.text()));
        assert!(verdict.wrong.is_empty(), "{}", verdict.text());
        return;
    }
    let (world, began) = (world(), Instant::now());
    let combinations: Vec<_> = FLOWS.iter().flat_map(|flow| all(world, flow)).collect();
    let verdicts = side_by_side(&combinations);
    let took = began.elapsed();
    say(&summary(&verdicts, took));
    let wrong: Vec<_> = verdicts.iter().filter(|verdict| !verdict.wrong.is_empty()).collect();
    let texts: Vec<_> = wrong.iter().map(|verdict| verdict.text()).collect();
    assert!(wrong.is_empty(), "{} combinations went wrong:\n{}", wrong.len(), texts.join("\n"));
    assert!(combinations.len() >= 300, "there are only {} combinations", combinations.len());
}

#[test]
fn the_same_text_leads_to_the_same_trace() {
    let world = world();
    // A request to stop comes at any step of the runtime, so what it meets there differs.
    for flow in FLOWS.iter().filter(|flow| !flow.is_cancelled) {
        for seed in 0..3 {
            let combination = Combination { flow, plan: Plan::Storm(seed) };
            let text = combination.to_string();
            let again = text.parse().unwrap();
            let traces = [&combination, &again].map(|it| world.play(it).journal().trace());
            assert_eq!(traces[0], traces[1], "{text}");
        }
    }
}

#[test]
fn a_planted_violation_is_found() {
    let overtaken = "value:runtime1:put:outcome.json:1:overtaken-before";
    let table = [
        (Flaw::Replaces, overtaken, "outcome.json was written twice"),
        (Flaw::Forgets, "value:calm", "a runtime was left, and yet it is Crashed"),
        (Flaw::MixesUp, "large-result:calm", "the outcome has another digest than the result"),
        (Flaw::Keeps, "removed:calm", "a run that was removed can be found"),
        (Flaw::Tells, "value:calm", "job.json has the secret in it"),
        (Flaw::StartsAnother, "value:calm", "there is a job without order.json"),
        (Flaw::StartsNothing, "value:calm", "was submitted, and has no job"),
    ];
    for (flaw, text, expected) in table {
        let honest: Combination = text.parse().unwrap();
        let plan = Plan::Planted(flaw, Box::new(honest.plan));
        let verdict = judge(&Combination { flow: honest.flow, plan });
        let is_found = verdict.wrong.iter().any(|wrong| wrong.ends_with(expected));
        assert!(is_found, "{flaw:?} is not found: {}", verdict.text());
    }
}

#[test]
fn the_matrix_knows_every_write_of_a_run() {
    let flow = FLOWS.iter().find(|flow| flow.name == "large-params").unwrap();
    let calm = Combination { flow, plan: Plan::Calm };
    let writes: Vec<_> = world()
        .play(&calm)
        .journal()
        .trace()
        .into_iter()
        .filter(|step| step.contains(":put:"))
        .collect();
    assert_eq!(
        writes,
        [
            "engine:put:artefact:1",
            "engine:put:component:1",
            "engine:put:job.json:1",
            "engine:put:order.json:1",
            "engine:put:params.bin:1",
            "runtime1:put:attempts/1/started.json:1",
            "runtime1:put:outcome.json:1",
            "runtime1:put:result.bin:1",
        ]
    );
}

/// Every combination of a flow: the steps are those that it takes when nothing happens.
fn all(world: &World, flow: &'static Flow) -> Vec<Combination> {
    let calm = Combination { flow, plan: Plan::Calm };
    let mut seen = HashSet::new();
    let steps: Vec<Operation> = world
        .play(&calm)
        .journal()
        .lines()
        .into_iter()
        .map(|line| line.operation)
        // What is repeated for as long as something takes is the same step each time.
        .filter(|step| !step.is_repeated() || step.is_first())
        .filter(|step| seen.insert(step.clone()))
        .collect();
    let at = steps.iter().flat_map(|step| {
        let fitting = Trouble::ALL.into_iter().map(|(trouble, _)| trouble).filter(|trouble| {
            let is_for_runtimes = matches!(trouble, Trouble::Restarts(_) | Trouble::Overtaken(_));
            trouble.fits(step.verb) && (!is_for_runtimes || step.side != Side::Engine)
        });
        fitting.map(|trouble| Plan::At(step.clone(), trouble))
    });
    let storms = (0..STORMS).map(Plan::Storm);
    let plans = at.chain(storms).map(|plan| Combination { flow, plan });
    std::iter::once(calm).chain(plans).collect()
}

/// What came of one combination.
struct Verdict {
    combination: Combination,
    ended: &'static str,
    wrong: Vec<String>,
}

impl Verdict {
    fn text(&self) -> String {
        let Self { combination, ended, wrong } = self;
        let how = if wrong.is_empty() { "as it should" } else { &wrong.join("; ") };
        format!(
            "{combination}: {ended}: {how}\n  {ONE}={combination} cargo test -p longshore-faults"
        )
    }
}

fn judge(combination: &Combination) -> Verdict {
    let played = world().play(combination);
    let mut wrong: Vec<_> = played.violations().iter().map(ToString::to_string).collect();
    // Whether there is time for what is done from time to time, and what a request to stop meets, depends on the
    // machine.
    let is_sure = matches!(&combination.plan, Plan::At(step, _) if !step.is_repeated())
        && !combination.flow.is_cancelled;
    if is_sure && !played.has_struck() {
        wrong.push("the step was never taken".to_owned());
    }
    Verdict { combination: combination.clone(), ended: played.ended(), wrong }
}

fn side_by_side(combinations: &[Combination]) -> Vec<Verdict> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut verdicts = Vec::new();
        while let Some(combination) = combinations.get(next.fetch_add(1, Ordering::Relaxed)) {
            verdicts.push(judge(combination));
        }
        verdicts
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..SIDE_BY_SIDE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("it has not panicked")).collect()
    })
}

fn summary(verdicts: &[Verdict], took: Duration) -> String {
    let mut kinds: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
    for verdict in verdicts {
        let ends = kinds.entry(verdict.combination.kind()).or_default();
        *ends.entry(verdict.ended).or_default() += 1;
    }
    let rows = kinds.iter().map(|(kind, ends)| {
        let count: usize = ends.values().sum();
        let ends: Vec<_> = ends.iter().map(|(end, count)| format!("{count} {end}")).collect();
        format!("  {kind:<24} {count:>5}  {}", ends.join(", "))
    });
    let wrong = verdicts.iter().filter(|verdict| !verdict.wrong.is_empty()).count();
    let head = format!(
        "{} combinations in {:.1} s, {wrong} of them wrong",
        verdicts.len(),
        took.as_secs_f64()
    );
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

/// Past the harness, which keeps what a test prints to itself until it fails.
fn say(text: &str) {
    let written = writeln!(std::io::stderr(), "\n{text}\n");
    written.expect("somebody reads the tests' output");
}

#[expect(clippy::disallowed_methods, reason = "the test's own setting: which combination to play")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
