//! Finds runs: by day, newest first, or by the ending of an id.

use std::collections::BTreeMap;
use std::io;

use longshore_protocol::Timestamp;
use longshore_protocol::id::RunId;
use longshore_protocol::layout;
use object_store::path::Path;

use super::Store;
use super::requests::could_not;
use crate::{Error, ErrorKind};

/// A day on which runs were ordered, as `yyyymmdd` in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub String);

/// When runs were ordered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Period {
    /// Not before this time.
    pub since: Option<Timestamp>,
    /// Before this time.
    pub until: Option<Timestamp>,
}

impl Period {
    /// Whether a run of this id was ordered in it.
    pub fn has(&self, run: &RunId) -> bool {
        let at = run.ordered_at();
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }

    /// Whether any run of this day can have been.
    pub fn meets(&self, day: &Day) -> bool {
        self.since.is_none_or(|since| day.0 >= layout::day_of(since))
            && self.until.is_none_or(|until| day.0 <= layout::day_of(until))
    }
}

/// What there is of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunFiles {
    /// How many objects.
    pub objects: u64,
    /// What they hold together.
    pub bytes: u64,
    /// Whether the order is among them.
    pub has_order: bool,
    /// Whether something is among them that is there only after the order.
    pub was_ordered: bool,
}

impl Store {
    /// The days on which the tenant ordered runs, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn days(&self) -> Result<Vec<Day>, Error> {
        let prefix = layout::tenant(&self.tenant);
        let mut days: Vec<_> = self.folders(&prefix).await?.into_iter().map(Day).collect();
        days.sort_by(|a, b| b.cmp(a));
        Ok(days)
    }

    /// The runs of one day, newest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn runs_of(&self, day: &Day) -> Result<Vec<RunId>, Error> {
        let folders = self.folders(&layout::day(&self.tenant, &day.0)).await?;
        let mut runs: Vec<RunId> = folders.iter().filter_map(|name| name.parse().ok()).collect();
        runs.sort_unstable_by(|a, b| b.cmp(a));
        Ok(runs)
    }

    /// What there is of each run of a day, the oldest first. Unlike [`Store::runs_of`], this lists every object.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn files_of(&self, day: &Day) -> Result<BTreeMap<RunId, RunFiles>, Error> {
        let mut runs = BTreeMap::<_, RunFiles>::new();
        for meta in self.objects_below(&layout::day(&self.tenant, &day.0)).await? {
            let Some(run) = layout::run_of(meta.location.as_ref()) else { continue };
            let files = runs.entry(run).or_default();
            files.objects += 1;
            files.bytes += meta.size;
            let (layout, key) = (self.layout(&run), meta.location.as_ref());
            files.has_order |= key == layout.order();
            files.was_ordered |= key == layout.job() || key == layout.outcome();
        }
        Ok(runs)
    }

    /// How many attempts of a run were started.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn attempts(&self, run: &RunId) -> Result<u32, Error> {
        let folders = self.folders(&self.layout(run).attempts()).await?;
        Ok(folders.iter().filter_map(|name| name.parse().ok()).max().unwrap_or(0))
    }

    /// The run whose id ends with `ending`; a whole id needs no listing.
    ///
    /// # Errors
    /// When there is none, or several.
    pub async fn find(&self, ending: &str) -> Result<RunId, Error> {
        if let Ok(run) = ending.parse::<RunId>() {
            return Ok(run);
        }
        if ending.is_empty() || ending.chars().any(|c| c != '-' && !c.is_ascii_hexdigit()) {
            return Err(Error::new(
                ErrorKind::BadInput,
                format!("{ending:?} is not a run id or the ending of one"),
            )
            .hint("longshore list shows the runs; any unique ending of an id names one"));
        }
        let mut found = Vec::new();
        for day in self.days().await? {
            found.extend(self.runs_of(&day).await?.into_iter().filter(|run| run.ends_with(ending)));
        }
        match found.as_slice() {
            [only] => Ok(*only),
            [] => Err(Error::new(
                ErrorKind::BadInput,
                format!(
                    "no run in the store {} has an id that ends with {ending:?}",
                    self.location
                ),
            )
            .hint("longshore list shows the runs; --store names another store")),
            several => {
                let ids: Vec<_> = several.iter().take(5).map(ToString::to_string).collect();
                Err(Error::new(
                    ErrorKind::BadInput,
                    format!("{} runs have an id that ends with {ending:?}", several.len()),
                )
                .hint(format!("give more of the id: {}", ids.join(", "))))
            }
        }
    }

    /// The names of the folders below `prefix`.
    async fn folders(&self, prefix: &str) -> Result<Vec<String>, Error> {
        if let Some(folder) = &self.folder {
            let folder = folder.join(prefix);
            let listed = blocking(move || folders_in(&folder)).await;
            return listed.map_err(|error| {
                Error::caused(
                    ErrorKind::Store,
                    format!("could not list {prefix} in the store"),
                    error,
                )
            });
        }
        let path = Path::from(prefix);
        let listed = self.patiently(|| self.objects().list_with_delimiter(Some(&path))).await;
        let listed = listed.map_err(|error| could_not("list", prefix, error))?;
        Ok(listed
            .common_prefixes
            .iter()
            .filter_map(|path| path.filename().map(str::to_owned))
            .collect())
    }
}

/// A general store asks the system for each entry of a folder. Their names are enough here, and a day can have a hundred
/// thousand.
fn folders_in(folder: &std::path::Path) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    Ok(names)
}

/// A file system that hangs holds up no other request.
async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(read).await.map_err(io::Error::other)?
}
