//! Finds runs: by day, newest first, or by the ending of an id.

use longshore_protocol::id::RunId;
use longshore_protocol::layout;
use object_store::path::Path;

use super::Store;
use super::requests::could_not;
use crate::{Error, ErrorKind};

/// A day on which runs were ordered, as `yyyymmdd` in UTC.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day(pub String);

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
        runs.sort_by(|a, b| b.cmp(a));
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

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let path = Path::from(prefix);
        let listed = self.patiently(|| self.objects.list_with_delimiter(Some(&path))).await;
        let listed = listed.map_err(|error| could_not("list", prefix, error))?;
        Ok(listed
            .common_prefixes
            .iter()
            .filter_map(|path| path.filename().map(str::to_owned))
            .collect())
    }
}
