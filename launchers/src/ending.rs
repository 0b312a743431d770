//! How a job ended, in the words that are the same wherever it ran. Pure.

/// What a shell and container engines add to a signal's number in an exit code.
#[cfg(any(
    test,
    feature = "aci",
    feature = "cloud-run",
    feature = "docker",
    feature = "ecs",
    feature = "kubernetes",
    feature = "vertex-ai"
))]
pub(crate) const SIGNAL_BASE: i32 = 128;

/// What killed a job with this exit code. `None`: it ended by itself. `by`: who may send a SIGKILL there.
#[cfg(any(
    test,
    feature = "aci",
    feature = "cloud-run",
    feature = "docker",
    feature = "ecs",
    feature = "kubernetes",
    feature = "vertex-ai"
))]
pub(crate) fn killed_of_code(code: i32, by: &str) -> Option<String> {
    killed(code.checked_sub(SIGNAL_BASE)?, by)
}

/// What a signal says. `None`: there is none of this number. `by`: who may send a SIGKILL there.
pub(crate) fn killed(signal: i32, by: &str) -> Option<String> {
    match signal {
        6 => Some("killed by signal 6 (SIGABRT: it gave up by itself)".to_owned()),
        9 => Some(format!("killed by signal 9 (SIGKILL: {by})")),
        15 => Some("killed by signal 15 (SIGTERM)".to_owned()),
        1..=64 => Some(format!("killed by signal {signal}")),
        _ => None,
    }
}

/// What it means, and what was said.
#[cfg(any(
    test,
    feature = "aci",
    feature = "cloud-run",
    feature = "ecs",
    feature = "kubernetes",
    feature = "vertex-ai"
))]
pub(crate) fn with(what: &str, words: &str) -> String {
    let words = words.trim();
    if words.is_empty() { what.to_owned() } else { format!("{what}: {words}") }
}

/// Why it ended, and the last that it put out.
pub(crate) fn with_output(why: Option<String>, output: &str) -> Option<String> {
    match (why, output.trim()) {
        (why, "") => why,
        (Some(why), output) => Some(format!("{why}; its last output: {output}")),
        (None, output) => Some(output.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names_and_exit_codes_of_ones_own_have_none() {
        let by = "by hand";
        assert_eq!(killed_of_code(137, by).unwrap(), "killed by signal 9 (SIGKILL: by hand)");
        assert_eq!(killed_of_code(139, by).unwrap(), "killed by signal 11");
        for code in [i32::MIN, -1, 0, 74, 128, 193, i32::MAX] {
            assert_eq!(killed_of_code(code, by), None, "{code}");
        }
    }

    #[test]
    fn the_last_output_explains() {
        let why = || Some("killed".to_owned());
        assert_eq!(with_output(why(), " \n"), why());
        assert_eq!(with_output(why(), "x\n").unwrap(), "killed; its last output: x");
        assert_eq!(with_output(None, "x").unwrap(), "x");
        assert_eq!(with_output(None, ""), None);
        assert_eq!(with("a", " b "), "a: b");
        assert_eq!(with("a", ""), "a");
    }
}
