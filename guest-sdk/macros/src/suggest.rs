//! "Did you mean", as in `longshore_protocol::suggest`.

/// Returns `; did you mean "..."?` if one of the candidates is near enough to be meant, else nothing.
pub(crate) fn did_you_mean(typed: &str, candidates: &[&str]) -> String {
    const NEAR: f64 = 0.7;
    candidates
        .iter()
        .map(|name| (strsim::jaro_winkler(&typed.to_lowercase(), name), name))
        .filter(|(score, _)| *score >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}
