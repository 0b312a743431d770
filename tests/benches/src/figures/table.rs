//! Figures as they are printed.

use std::fmt;
use std::time::{Duration, Instant};

/// One figure.
struct Row {
    what: String,
    measured: String,
    baseline: String,
    ratio: String,
    goal: String,
    is_met: bool,
}

/// All figures.
#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    /// A time against a baseline.
    pub(crate) fn times(
        &mut self,
        what: &str,
        measured: Duration,
        baseline: Duration,
        ratio_max: f64,
    ) {
        let ratio = measured.as_secs_f64() / baseline.as_secs_f64();
        self.0.push(Row {
            what: what.to_owned(),
            measured: show(measured),
            baseline: show(baseline),
            ratio: format!("{ratio:.2}"),
            goal: format!("≤ {ratio_max} ×"),
            is_met: ratio <= ratio_max,
        });
    }

    /// A value with a bound of its own, in `unit`.
    pub(crate) fn bounded(&mut self, what: &str, measured: f64, max: f64, unit: &str) {
        self.0.push(Row {
            what: what.to_owned(),
            measured: format!("{measured:.2} {unit}"),
            baseline: String::new(),
            ratio: String::new(),
            goal: format!("≤ {max} {unit}"),
            is_met: measured <= max,
        });
    }
}

impl fmt::Display for Table {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "{:<58} {:>12} {:>12} {:>6}  {:<12}",
            "figure", "measured", "baseline", "ratio", "goal"
        )?;
        for Row { what, measured, baseline, ratio, goal, is_met } in &self.0 {
            let verdict = if *is_met { "met" } else { "MISSED" };
            writeln!(
                out,
                "{what:<58} {measured:>12} {baseline:>12} {ratio:>6}  {goal:<12} {verdict}"
            )?;
        }
        Ok(())
    }
}

fn show(time: Duration) -> String {
    if time < Duration::from_millis(1) {
        return format!("{:.1} µs", time.as_secs_f64() * 1e6);
    }
    format!("{:.2} ms", time.as_secs_f64() * 1e3)
}

/// How long something takes.
pub(crate) fn timed(act: impl FnOnce()) -> Duration {
    let began = Instant::now();
    act();
    began.elapsed()
}

/// The medians of several acts, measured in turns so that a noisy moment meets all of them.
pub(crate) fn medians<const N: usize>(
    rounds: usize,
    mut acts: [&mut dyn FnMut(); N],
) -> [Duration; N] {
    let mut times: [Vec<Duration>; N] = std::array::from_fn(|_| Vec::with_capacity(rounds));
    for act in &mut acts {
        // Once without measuring: caches, lazy pages.
        act();
    }
    for _ in 0..rounds {
        for (act, times) in acts.iter_mut().zip(&mut times) {
            times.push(timed(act));
        }
    }
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    })
}
