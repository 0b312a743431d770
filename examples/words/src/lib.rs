//! How often each word of a text occurs.

use std::cmp::Reverse;
use std::collections::HashMap;

use longshore_sdk::{data, flow};

/// A word of the text.
#[data]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The word, in lower case.
    pub word: String,
    /// How often it occurs.
    pub count: u32,
}

/// Counts the words of a text, the most frequent first.
///
/// Without `top`, all of them are returned.
#[flow(timeout = "1m", memory = "256MiB")]
pub fn words(text: String, top: Option<u32>) -> Vec<Word> {
    let text = text.to_lowercase();
    let mut counts = HashMap::<&str, u32>::new();
    for word in split(&text) {
        *counts.entry(word).or_default() += 1;
    }
    let mut counts = counts.into_iter().collect::<Vec<_>>();
    counts.sort_unstable_by_key(|&(word, count)| (Reverse(count), word));
    let top = top.map_or(counts.len(), |top| top as usize);
    counts
        .into_iter()
        .take(top)
        .map(|(word, count)| Word { word: word.to_owned(), count })
        .collect()
}

/// Words consist of letters, and of apostrophes between them: `heaven's` is one.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphabetic() && letter != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str, top: Option<u32>) -> Vec<(String, u32)> {
        words(text.to_owned(), top).into_iter().map(|Word { word, count }| (word, count)).collect()
    }

    #[test]
    fn the_most_frequent_word_comes_first_and_equals_are_sorted_by_name() {
        let expected = [("an".to_owned(), 2), ("apple".to_owned(), 1), ("orange".to_owned(), 1)];
        assert_eq!(count("An orange, an apple.", None), expected);
        assert_eq!(count("An orange, an apple.", Some(1)), expected[..1]);
    }

    #[test]
    fn an_apostrophe_belongs_to_the_word_only_between_letters() {
        assert_eq!(count("'heaven's'", None), [("heaven's".to_owned(), 1)]);
    }

    #[test]
    fn a_text_without_words_has_none() {
        assert_eq!(count("-- 1667 --", None), []);
    }

    #[test]
    fn paradise_lost_begins_with_and() {
        assert_eq!(words(include_str!("../paradise-lost.txt").to_owned(), Some(1))[0].word, "and");
    }
}
