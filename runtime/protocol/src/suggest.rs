//! "Did you mean": the nearest of the names that exist.

/// The candidate nearest to `typed`, if one is near enough to be meant.
pub fn nearest<'a>(typed: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Below 0.7, Jaro-Winkler starts to pair words that have little more than a letter in common.
    const NEAR: f64 = 0.7;
    candidates
        .into_iter()
        .map(|name| (strsim::jaro_winkler(&typed.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(score, _)| *score >= NEAR)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_finds_its_word_and_nonsense_none() {
        assert_eq!(nearest("wrod_count", ["word_count", "thumbnail"]), Some("word_count"));
        assert_eq!(nearest("zzz", ["word_count", "thumbnail"]), None);
    }
}
