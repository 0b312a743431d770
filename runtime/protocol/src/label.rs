//! Labels: what people note on a run, to find it again.

/// A run has no more labels than this: they are for people, and a record stays readable.
pub const LABELS_MAX: usize = 32;
const KEY_CHARS_MAX: usize = 63;
const VALUE_BYTES_MAX: usize = 256;

/// Reads `key=value`.
///
/// A key has 1 to 63 of `a-z A-Z 0-9 . _ - /` and begins and ends with a letter or a digit: what the labels of most
/// infrastructures can hold. A value has at most 256 bytes, on one line.
///
/// # Errors
/// Says what a label looks like.
pub fn parse(text: &str) -> Result<(String, String), String> {
    let (key, value) =
        text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(|| {
            format!("{text:?} is not a label (write KEY=VALUE, for example team=search)")
        })?;
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_key = key.len() <= KEY_CHARS_MAX
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/'))
        && is_end(key.chars().next())
        && is_end(key.chars().next_back());
    if !is_key {
        return Err(format!(
            "{key:?} is not the key of a label (1 to {KEY_CHARS_MAX} of a-z, A-Z, 0-9, '.', '_', '-' and '/', with a \
             letter or a digit at both ends)"
        ));
    }
    if value.len() > VALUE_BYTES_MAX {
        return Err(format!(
            "the value of the label {key} has {} bytes, and {VALUE_BYTES_MAX} are allowed",
            value.len()
        ));
    }
    if value.chars().any(char::is_control) {
        return Err(format!("the value of the label {key} has a control character"));
    }
    Ok((key.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_key_and_a_value() {
        for (text, key, value) in [
            ("team=search", "team", "search"),
            ("n=", "n", ""),
            ("example.com/a_b-c=x=y z", "example.com/a_b-c", "x=y z"),
            ("Ω=1", "", ""),
        ] {
            let expected = Some((key.to_owned(), value.to_owned())).filter(|_| !key.is_empty());
            assert_eq!(parse(text).ok(), expected, "{text}");
        }
        assert!(parse(&format!("{}=x", "k".repeat(63))).is_ok());
        assert!(parse(&format!("k={}", "v".repeat(256))).is_ok());
    }

    #[test]
    fn what_is_no_label_is_refused_with_the_reason() {
        let too_long = (format!("{}=x", "k".repeat(64)), format!("k={}", "v".repeat(257)));
        for (text, why) in [
            ("plain", "write KEY=VALUE"),
            ("=x", "write KEY=VALUE"),
            ("a b=x", "is not the key of a label"),
            ("-a=x", "is not the key of a label"),
            ("a/=x", "is not the key of a label"),
            ("a=x\ny", "has a control character"),
            (&too_long.0, "is not the key of a label"),
            (&too_long.1, "has 257 bytes, and 256 are allowed"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(why), "{text}: {said}");
        }
    }
}
