//! What patterns match: the decisions about paths, without a look at any file.

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use longshore_protocol::grants::FilePattern;

use crate::{Error, ErrorKind};

/// Patterns in the order in which they were given: the last one that matches a file, or a folder that it is in, decides.
#[derive(Debug)]
pub(super) struct Patterns(Vec<Pattern>);

/// A pattern that was understood.
#[derive(Debug)]
pub(super) struct Pattern {
    text: String,
    is_negated: bool,
    /// Whether it is about one place, not about every folder.
    is_anchored: bool,
    /// What stands between its slashes.
    parts: Vec<String>,
    matcher: Gitignore,
    /// Its parts that begin with a dot and have wildcards.
    hidden: Gitignore,
}

impl Patterns {
    /// Understands patterns.
    ///
    /// # Errors
    /// Names the one that is none.
    pub(super) fn parse(patterns: &[FilePattern]) -> Result<Self, Error> {
        patterns.iter().map(Pattern::parse).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter()
    }

    /// Whether a file or a folder is wanted.
    pub(super) fn select(&self, path: &str, is_folder: bool) -> bool {
        let decides = self.0.iter().rev().find(|pattern| pattern.matches(path, is_folder));
        decides.is_some_and(|pattern| !pattern.is_negated)
    }

    /// Whether something below a folder may be wanted.
    pub(super) fn may_hold(&self, folder: &str) -> bool {
        self.wanting().any(|pattern| pattern.may_hold(folder))
    }

    /// Whether a name stands in one of the patterns. One that begins with a dot is found by wildcards behind the dot.
    pub(super) fn name(&self, name: &str) -> bool {
        self.wanting().any(|pattern| {
            pattern.parts.iter().any(|part| part == name)
                || pattern.hidden.matched(name, false).is_ignore()
        })
    }

    /// Whether one of the patterns is this very path, without wildcards.
    pub(super) fn name_exactly(&self, path: &str) -> bool {
        self.wanting().any(|pattern| {
            !pattern.parts.iter().any(|part| part.contains(is_wildcard))
                && pattern.parts.iter().map(String::as_str).eq(path.split('/'))
        })
    }

    /// Whether one of the patterns names something below this path.
    pub(super) fn lead_through(&self, path: &str) -> bool {
        let depth = path.split('/').count();
        self.wanting().any(|pattern| {
            pattern.parts.len() > depth
                && pattern.parts.iter().map(String::as_str).take(depth).eq(path.split('/'))
        })
    }

    fn wanting(&self) -> impl Iterator<Item = &Pattern> {
        self.0.iter().filter(|pattern| !pattern.is_negated)
    }
}

impl Pattern {
    fn parse(pattern: &FilePattern) -> Result<Self, Error> {
        let wrong = |why: String| {
            Error::new(
                ErrorKind::BadInput,
                format!("{:?} is not a pattern for files: {why}", pattern.as_str()),
            )
            .hint("patterns are those of .gitignore: data/, *.csv, !x.csv")
        };
        // `./a` is the one in the folder itself, which .gitignore writes `/a`. `.` is all of the folder.
        let body = pattern.body();
        let (body, is_here) = match body.strip_prefix("./").or(body.strip_prefix('.')) {
            Some("") => ("**", true),
            Some(rest) if body.starts_with("./") => (rest.trim_start_matches('/'), true),
            _ => (body, false),
        };
        let path = body.trim_end_matches('/');
        let parts: Vec<_> = path.split('/').map(str::to_owned).collect();
        let hidden =
            parts.iter().filter(|part| part.starts_with('.') && part.contains(is_wildcard));
        let line = match body.chars().next() {
            _ if is_here => format!("/{body}"),
            Some('!' | '#') => format!("\\{body}"),
            _ => body.to_owned(),
        };
        let matcher = gitignore([line.as_str()]).map_err(&wrong)?;
        if matcher.is_empty() {
            return Err(wrong("it is empty".to_owned()));
        }
        Ok(Self {
            text: pattern.to_string(),
            is_negated: pattern.is_negated(),
            is_anchored: is_here || parts.len() > 1,
            hidden: gitignore(hidden.map(String::as_str)).map_err(&wrong)?,
            matcher,
            parts,
        })
    }

    /// The pattern, as it was written.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn is_negated(&self) -> bool {
        self.is_negated
    }

    /// Whether it is about this path, or about a folder that it is in.
    pub(super) fn matches(&self, path: &str, is_folder: bool) -> bool {
        self.matcher.matched_path_or_any_parents(path, is_folder).is_ignore()
    }

    fn may_hold(&self, folder: &str) -> bool {
        if !self.is_anchored {
            return true;
        }
        for (part, name) in self.parts.iter().zip(folder.split('/')) {
            if part.contains(is_wildcard) {
                return true;
            }
            if part != name {
                return false;
            }
        }
        true
    }
}

fn is_wildcard(c: char) -> bool {
    matches!(c, '*' | '?' | '[' | '\\')
}

fn gitignore<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Gitignore, String> {
    let mut builder = GitignoreBuilder::new("");
    // A class without its end would match nothing, which is what nobody means.
    builder.allow_unclosed_class(false);
    for line in lines {
        builder.add_line(None, line).map_err(|error| error.to_string())?;
    }
    builder.build().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(texts: &[&str]) -> Patterns {
        let texts: Vec<FilePattern> = texts.iter().map(|text| text.parse().unwrap()).collect();
        Patterns::parse(&texts).unwrap()
    }

    #[test]
    fn patterns_are_those_of_gitignore() {
        for (texts, path, is_wanted) in [
            (&["config.yaml"][..], "config.yaml", true),
            (&["config.yaml"], "deep/config.yaml", true),
            (&["./config.yaml"], "config.yaml", true),
            (&["./config.yaml"], "deep/config.yaml", false),
            (&["data/"], "data/a/b.csv", true),
            (&["data"], "data/a/b.csv", true),
            (&["data/"], "data", false),
            (&["data"], "data", true),
            (&["a/b"], "a/b", true),
            (&["a/b"], "x/a/b", false),
            (&["*.csv"], "x/y.csv", true),
            (&["*.csv"], "y.csv.gz", false),
            (&["x/*.csv"], "x/y/z.csv", false),
            (&["x/**/*.csv"], "x/y/z.csv", true),
            (&["x/**/*.csv"], "x/z.csv", true),
            (&["**/z.csv"], "x/y/z.csv", true),
            (&["?.csv"], "a.csv", true),
            (&["?.csv"], "ab.csv", false),
            (&["[ab].csv"], "b.csv", true),
            (&["[!ab].csv"], "b.csv", false),
            (&["[a-c].csv"], "d.csv", false),
            (&["."], "a/b", true),
            (&["./"], "b", true),
            (&["\\#a"], "#a", true),
            (&["*.csv", "!x.csv"], "x.csv", false),
            (&["*.csv", "!x.csv"], "y.csv", true),
            (&["!x.csv", "*.csv"], "x.csv", true),
            (&["data/", "!data/x.csv"], "data/x.csv", false),
            (&["*.csv", "!data/"], "data/x.csv", false),
            (&["data/", "!data/a/", "data/a/b"], "data/a/b", true),
            (&["*", "!#a"], "#a", false),
            (&["!a"], "b", false),
        ] {
            assert_eq!(patterns(texts).select(path, false), is_wanted, "{texts:?} {path}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_understood_is_named() {
        for (text, why) in [("[a", "unclosed"), ("a{b", "unclosed"), ("[z-a]", "invalid range")] {
            let error = Patterns::parse(&[text.parse().unwrap()]).unwrap_err();
            let text = format!("{text:?} is not a pattern for files: ");
            assert!(error.to_string().starts_with(&text), "{error}");
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn folders_that_cannot_hold_anything_are_known() {
        for (text, folder, may_hold) in [
            ("*.csv", "any/where", true),
            ("data/", "any", true),
            ("a/b/c", "a", true),
            ("a/b/c", "a/b", true),
            ("a/b/c", "a/b/c/d", true),
            ("a/b/c", "a/x", false),
            ("a/b/c", "b", false),
            ("a/*/c", "a/x", true),
            ("./x", "y", false),
            (".", "y", true),
        ] {
            assert_eq!(patterns(&[text]).may_hold(folder), may_hold, "{text} {folder}");
        }
    }

    #[test]
    fn a_name_is_named_without_wildcards_or_by_its_dot() {
        for (text, name, is_named) in [
            (".env", ".env", true),
            ("a/.env", ".env", true),
            (".env*", ".env.local", true),
            (".*", ".env", true),
            ("*", ".env", false),
            ("?env", ".env", false),
            ("**/.git/x", ".git", true),
            ("!.env", ".env", false),
            ("target/x", "target", true),
            ("*/x", "target", false),
        ] {
            assert_eq!(patterns(&[text]).name(name), is_named, "{text} {name}");
        }
        assert!(patterns(&["a/.env"]).name_exactly("a/.env"));
        assert!(patterns(&["./.env"]).name_exactly(".env"));
        assert!(!patterns(&[".env"]).name_exactly("a/.env"));
        assert!(!patterns(&[".en?"]).name_exactly(".en?"));
        assert!(patterns(&["a/b/c"]).lead_through("a/b"));
        assert!(!patterns(&["a/b"]).lead_through("a/b"));
    }
}
