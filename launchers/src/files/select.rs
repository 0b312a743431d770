//! Which files patterns select in a folder. Looks at names and sizes, opens no file but those that say what to ignore.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use bytesize::ByteSize;
use longshore_protocol::grants::FilePattern;

use super::ignored::{IGNORE_FILE, Ignored};
use super::pattern::Patterns;
use super::secret;
use crate::{Error, ErrorKind};

/// Folders that hold what can be made again. They are left out like hidden files, unless a pattern names them.
const LEFT_OUT: [&str; 4] = ["target", "node_modules", "__pycache__", "venv"];
/// A file that is larger than this may be there by mistake.
const LARGE_BYTES: u64 = 10_000_000;
/// Who looks at more names than this was started in the wrong folder.
const NAMES_MAX: u64 = 1_000_000;
/// Deeper folders are not entered: links can lead from one into another for long.
const DEPTH_MAX: usize = 64;

/// A file that will be shipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selected {
    /// Its path for the flow, relative, its parts divided by `/`.
    pub path: String,
    /// Where it is on this machine.
    pub source: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// What patterns select.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// The files, by their paths.
    pub files: Vec<Selected>,
    /// What whoever asked for them should know.
    pub warnings: Vec<String>,
}

impl Selection {
    /// Selects files in `folder`.
    ///
    /// # Errors
    /// Names a pattern that is none, a link that leads out of the folder, a file that is likely to be a secret, or what
    /// could not be read.
    pub fn of(folder: &Path, patterns: &[FilePattern]) -> Result<Self, Error> {
        let patterns = Patterns::parse(patterns)?;
        let root = folder.canonicalize().map_err(could_not("find the folder", folder))?;
        let ignored = Ignored::above(&root)?;
        let mut walk = Walk::new(&root, &patterns, &ignored);
        walk.enter("", &root)?;
        let Walk { mut files, mut warnings, matched, .. } = walk;
        files.sort_by(|a, b| a.path.cmp(&b.path));
        for file in &files {
            check_secret(file, &patterns)?;
            if file.bytes > LARGE_BYTES {
                warnings.push(format!("{} has {}", file.path, ByteSize(file.bytes)));
            }
        }
        let lost = patterns.iter().enumerate().filter(|(n, _)| !matched.contains(n));
        for (_, pattern) in lost.filter(|(_, pattern)| !pattern.is_negated()) {
            warnings.push(format!("no file matches {:?} in {}", pattern.text(), root.display()));
        }
        Ok(Self { files, warnings })
    }

    /// The sizes of all files together.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }
}

/// A link with an innocent name may lead to a secret: both names count.
fn check_secret(file: &Selected, patterns: &Patterns) -> Result<(), Error> {
    let name = file.path.rsplit('/').next().unwrap_or_default();
    let real = file.source.file_name().unwrap_or_default().to_string_lossy();
    if !(secret::is_likely(name) || secret::is_likely(&real)) || patterns.name_exactly(&file.path) {
        return Ok(());
    }
    let path = &file.path;
    let place = if path.contains('/') { path.clone() } else { format!("./{path}") };
    Err(Error::new(
        ErrorKind::BadInput,
        format!("{path} looks like a secret, so it is not shipped"),
    )
    .hint(format!("leave it out (!{path}), or name it exactly, without wildcards: {place}")))
}

struct Walk<'a> {
    root: &'a Path,
    patterns: &'a Patterns,
    ignored: &'a Ignored<'a>,
    /// The real folders that it is in: a link to one of them is a loop.
    inside: Vec<PathBuf>,
    names: u64,
    files: Vec<Selected>,
    warnings: Vec<String>,
    /// The patterns that matched something, by their numbers.
    matched: BTreeSet<usize>,
}

/// What a name in a folder turned out to be.
struct Found {
    real: PathBuf,
    meta: Metadata,
}

impl<'a> Walk<'a> {
    fn new(root: &'a Path, patterns: &'a Patterns, ignored: &'a Ignored<'a>) -> Self {
        Self {
            root,
            patterns,
            ignored,
            inside: vec![],
            names: 0,
            files: vec![],
            warnings: vec![],
            matched: BTreeSet::new(),
        }
    }

    /// Looks at all names in the folder `real`, which is at `path` below the root.
    fn enter(&mut self, path: &str, real: &Path) -> Result<(), Error> {
        if self.inside.len() >= DEPTH_MAX || self.inside.iter().any(|folder| folder == real) {
            return Ok(());
        }
        self.inside.push(real.to_owned());
        let entries = fs::read_dir(real).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let mut entries = entries.map_err(could_not("read the folder", real))?;
        entries.sort_by_key(fs::DirEntry::file_name);
        self.names += entries.len() as u64;
        if self.names > NAMES_MAX {
            let text = format!("{} has more than {NAMES_MAX} files", self.root.display());
            return Err(Error::new(ErrorKind::BadInput, text)
                .hint(format!("name folders (data/), or leave some out in {IGNORE_FILE}")));
        }
        for entry in entries {
            let name = entry.file_name();
            let Some(text) = name.to_str() else {
                self.warn_of_name(path, &name.to_string_lossy());
                continue;
            };
            let path = below(path, text);
            if text != IGNORE_FILE
                && let Some(Found { real, meta }) = self.find(&path, &entry)?
            {
                self.visit(&path, text, real, &meta)?;
            }
        }
        self.inside.pop();
        Ok(())
    }

    fn visit(
        &mut self,
        path: &str,
        name: &str,
        real: PathBuf,
        meta: &Metadata,
    ) -> Result<(), Error> {
        let is_folder = meta.is_dir();
        let is_left_out = name.starts_with('.') || is_folder && LEFT_OUT.contains(&name);
        if is_left_out && !self.patterns.name(name) || self.ignored.ignores(path, is_folder) {
            return Ok(());
        }
        if is_folder {
            return if self.patterns.may_hold(path) { self.enter(path, &real) } else { Ok(()) };
        }
        let matched = self.patterns.iter().enumerate();
        let matched = matched.filter(|(_, pattern)| pattern.matches(path, false));
        self.matched.extend(matched.map(|(n, _)| n));
        if !self.patterns.select(path, false) {
            return Ok(());
        }
        if meta.is_file() {
            self.files.push(Selected { path: path.to_owned(), source: real, bytes: meta.len() });
        } else {
            self.warnings.push(format!("{path} is no file, and is left out"));
        }
        Ok(())
    }

    /// Follows links. `None`: there is nothing that could be shipped.
    fn find(&mut self, path: &str, entry: &fs::DirEntry) -> Result<Option<Found>, Error> {
        let place = entry.path();
        let meta = entry.metadata().map_err(could_not("look at", &place))?;
        if !meta.is_symlink() {
            return Ok(Some(Found { real: place, meta }));
        }
        let followed = place.canonicalize().and_then(|real| Ok((fs::metadata(&real)?, real)));
        let is_wanted = |is_folder| {
            let Self { patterns, ignored, .. } = &*self;
            (patterns.select(path, is_folder) || patterns.lead_through(path))
                && !ignored.ignores(path, is_folder)
        };
        match followed {
            Ok((meta, real)) if real.starts_with(self.root) => Ok(Some(Found { real, meta })),
            Ok((meta, real)) if is_wanted(meta.is_dir()) => {
                let text =
                    format!("the link {path} leads out of the folder, to {}", real.display());
                Err(Error::new(ErrorKind::BadInput, text).hint(format!(
                    "copy what it leads to into {}, or leave it out (!{path})",
                    self.root.display()
                )))
            }
            Ok(_) => Ok(None),
            Err(_) => {
                if is_wanted(false) || is_wanted(true) {
                    self.warnings.push(format!("the link {path} leads nowhere, and is left out"));
                }
                Ok(None)
            }
        }
    }

    fn warn_of_name(&mut self, folder: &str, name: &str) {
        let path = below(folder, name);
        if self.patterns.select(&path, false) || self.patterns.select(&path, true) {
            self.warnings.push(format!("the name of {path} is not Unicode, so it is left out"));
        }
    }
}

fn below(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

fn could_not(verb: &str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    let text = format!("could not {verb} {}", path.display());
    move |error| Error::caused(ErrorKind::BadInput, text, error)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for path in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "12345").unwrap();
        }
        folder
    }

    fn select(folder: &tempfile::TempDir, patterns: &[&str]) -> Result<Selection, Error> {
        let patterns: Vec<_> = patterns.iter().map(|text| text.parse().unwrap()).collect();
        Selection::of(folder.path(), &patterns)
    }

    #[track_caller]
    fn paths(folder: &tempfile::TempDir, patterns: &[&str]) -> Vec<String> {
        select(folder, patterns).unwrap().files.into_iter().map(|file| file.path).collect()
    }

    #[test]
    fn files_are_selected_once_and_in_order() {
        let folder = folder(&["b.csv", "a.csv", "data/x/y.csv", "data/z.txt", "config.yaml"]);
        assert_eq!(paths(&folder, &["config.yaml"]), ["config.yaml"]);
        for pattern in ["data", "data/", "data/**"] {
            assert_eq!(paths(&folder, &[pattern]), ["data/x/y.csv", "data/z.txt"], "{pattern}");
        }
        assert_eq!(
            paths(&folder, &["*.csv", "data/", "b.csv", "!a.csv"]),
            ["b.csv", "data/x/y.csv", "data/z.txt"]
        );
        assert_eq!(paths(&folder, &["."]).len(), 5);
        assert_eq!(select(&folder, &["."]).unwrap().bytes(), 25);
    }

    #[test]
    fn what_can_be_made_again_or_is_hidden_is_left_out_unless_it_is_named() {
        let files =
            [".git/x", "target/x", "node_modules/x", "a/__pycache__/x", ".venv/x", ".h", "x"];
        let folder = folder(&files);
        assert_eq!(paths(&folder, &["."]), ["x"]);
        assert_eq!(paths(&folder, &["x", "target/x", ".h"]), [".h", "target/x", "x"]);
        assert_eq!(paths(&folder, &[".*", "!.git", "!.venv"]), [".h"]);
    }

    #[test]
    fn what_matches_nothing_is_a_warning() {
        let folder = folder(&["a"]);
        let selection = select(&folder, &["a", "b*", "!c"]).unwrap();
        assert_eq!((selection.files.len(), selection.warnings.len()), (1, 1));
        assert!(selection.warnings[0].starts_with("no file matches \"b*\" in "));
        assert_eq!(select(&folder, &["a", "!a"]).unwrap(), Selection::default());
    }

    #[test]
    fn a_large_file_is_a_warning() {
        let folder = folder(&["a"]);
        let file = fs::File::options().write(true).open(folder.path().join("a")).unwrap();
        file.set_len(LARGE_BYTES + 1).unwrap();
        assert_eq!(select(&folder, &["a"]).unwrap().warnings, ["a has 9.5 MiB"]);
    }

    #[test]
    fn links_are_followed_within_the_folder_only() {
        let outside = folder(&["secret"]);
        let folder = folder(&["data/x", "y"]);
        let link = |to: &Path, name: &str| symlink(to, folder.path().join(name)).unwrap();
        link(Path::new("../y"), "data/inside");
        link(Path::new("."), "data/loop");
        link(Path::new("missing"), "data/broken");
        link(Path::new("itself"), "data/itself");
        link(&outside.path().join("secret"), "escapes");
        link(outside.path(), "away");
        let selection = select(&folder, &["data"]).unwrap();
        let found: Vec<_> = selection.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(found, ["data/inside", "data/x"]);
        assert_eq!(
            selection.warnings,
            [
                "the link data/broken leads nowhere, and is left out",
                "the link data/itself leads nowhere, and is left out"
            ]
        );
        for (pattern, name) in [("escapes", "escapes"), ("e*", "escapes"), ("away/secret", "away")]
        {
            let error = select(&folder, &[pattern]).unwrap_err();
            let text = format!("the link {name} leads out of the folder, to ");
            assert!(error.to_string().starts_with(&text), "{error}");
        }
        assert_eq!(paths(&folder, &["y", "e*", "!escapes"]), ["y"]);
    }

    #[test]
    fn a_likely_secret_has_to_be_named_exactly() {
        let folder = folder(&[".env", "a/server.pem", "a/b"]);
        symlink("server.pem", folder.path().join("a/innocent")).unwrap();
        for (patterns, name) in [
            (&["a/*.pem"][..], "a/server.pem"),
            (&[".env*"], ".env"),
            (&["server.pem"], "a/server.pem"),
            (&["a/", "!a/*.pem"], "a/innocent"),
        ] {
            let error = select(&folder, patterns).unwrap_err();
            let text = format!("{name} looks like a secret, so it is not shipped");
            assert_eq!(error.to_string(), text);
        }
        assert_eq!(paths(&folder, &["a/b", "a/server.pem", ".env"]).len(), 3);
        assert_eq!(paths(&folder, &["a/", "!server.pem", "!innocent"]), ["a/b"]);
    }

    #[test]
    fn what_is_ignored_is_not_shipped_nor_is_the_list() {
        let folder = folder(&[".git/config", "flow/a", "flow/b", "flow/c/d", "flow/c/e"]);
        let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).unwrap();
        write(IGNORE_FILE, "a\n/flow/c/d\n");
        let flow = |patterns: &[&str]| {
            let patterns: Vec<_> = patterns.iter().map(|text| text.parse().unwrap()).collect();
            let selection = Selection::of(&folder.path().join("flow"), &patterns).unwrap();
            selection.files.into_iter().map(|file| file.path).collect::<Vec<_>>()
        };
        assert_eq!(flow(&["."]), ["b", "c/e"]);
        // The nearer one goes before.
        write(&format!("flow/{IGNORE_FILE}"), "# not these\n!a\nc/\n");
        assert_eq!(flow(&[".", IGNORE_FILE]), ["a", "b"]);
    }
}
