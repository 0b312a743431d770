//! Names, labels and annotations: what Kubernetes takes, and what becomes of texts that it does not. Pure.
//!
//! Source: <https://kubernetes.io/docs/concepts/overview/working-with-objects/names/> and `…/labels/`.

use longshore_protocol::id::RunId;

/// A name that becomes the value of a label, as a Job's does.
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 253;

/// A Job's name, which follows from the run, so that a repeated launch finds its own.
pub(super) fn job_name(wanted: Option<&str>, run: &RunId) -> String {
    let run = run.to_string();
    let valid: String = wanted
        .unwrap_or("longshore")
        .to_ascii_lowercase()
        .chars()
        .map(|one| if is_lower(one) { one } else { '-' })
        .take(LABEL_MAX - 1 - run.len())
        .collect();
    match valid.trim_matches('-') {
        "" => format!("longshore-{run}"),
        valid => format!("{valid}-{run}"),
    }
}

/// The nearest text that can be the value of a label. Others stand in an annotation as they are.
pub(super) fn label_value(text: &str) -> String {
    let valid: String = text
        .chars()
        .map(|one| if is_inner(one) { one } else { '-' })
        .skip_while(|one| !one.is_ascii_alphanumeric())
        .take(LABEL_MAX)
        .collect();
    valid.trim_end_matches(|last: char| !last.is_ascii_alphanumeric()).to_owned()
}

/// Whether this can be a label.
pub(super) fn is_label(key: &str, value: &str) -> bool {
    is_annotation_key(key) && (value.is_empty() || is_part(value))
}

/// Whether this can be the key of a label or an annotation: a name, perhaps below a domain.
pub(super) fn is_annotation_key(key: &str) -> bool {
    match key.split_once('/') {
        Some((domain, name)) => is_name(domain) && is_part(name),
        None => is_part(key),
    }
}

/// Whether this can be the name of an object.
pub(super) fn is_name(text: &str) -> bool {
    let is_word = |word: &str| {
        !word.is_empty()
            && word.chars().all(is_lower)
            && !word.starts_with('-')
            && !word.ends_with('-')
    };
    text.len() <= NAME_MAX && text.split('.').all(is_word)
}

/// Whether a Secret can hold a value by this name, and a container get it as an environment variable of this name.
pub(super) fn is_variable(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.chars().all(is_inner)
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && !matches!(name, "" | "." | "..")
}

/// A text that Kubernetes, which expands `$(NAME)` in arguments and variables, leaves as it is.
pub(super) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

fn is_part(text: &str) -> bool {
    (1..=LABEL_MAX).contains(&text.len())
        && text.chars().all(is_inner)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.ends_with(|last: char| last.is_ascii_alphanumeric())
}

fn is_inner(one: char) -> bool {
    one.is_ascii_alphanumeric() || "-_.".contains(one)
}

fn is_lower(one: char) -> bool {
    one.is_ascii_lowercase() || one.is_ascii_digit() || one == '-'
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "019d0000-0000-7000-8000-000000000001";

    #[test]
    fn a_name_is_valid_whatever_was_wanted() {
        let run = RUN.parse().unwrap();
        for (wanted, beginning) in [
            (None, "longshore"),
            (Some("Nightly Report_1"), "nightly-report-1"),
            (Some("-x."), "x"),
            (Some("\u{e9}"), "longshore"),
            (Some("abcdefghijklmnopqrstuvwxyz0123"), "abcdefghijklmnopqrstuvwxyz"),
        ] {
            let name = job_name(wanted, &run);
            assert_eq!(name, format!("{beginning}-{RUN}"));
            assert!(is_name(&name) && name.len() <= LABEL_MAX, "{name}");
        }
    }

    #[test]
    fn a_label_is_valid_whatever_the_text() {
        let long = "a".repeat(80);
        for (text, expected) in [
            ("hello", "hello"),
            ("a b/c", "a-b-c"),
            ("_x_", "x"),
            ("\u{fc}ber", "ber"),
            ("", ""),
            (&long, &long[..63]),
        ] {
            assert_eq!(label_value(text), expected);
            assert!(is_label("longshore/flow", expected));
        }
    }

    #[test]
    fn what_can_be_a_variable_in_a_secret() {
        for name in ["API_KEY", "a.b-c", "_X"] {
            assert!(is_variable(name), "{name}");
        }
        for name in ["", "1X", "A B", "A=B", ".."] {
            assert!(!is_variable(name), "{name}");
        }
    }

    #[test]
    fn nothing_is_expanded_that_was_not_meant() {
        assert_eq!(literal("s3://b/$(HOME)/$x"), "s3://b/$$(HOME)/$$x");
    }
}
