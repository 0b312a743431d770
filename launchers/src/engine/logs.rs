//! Reads a run's log in order, each record once.

use longshore_protocol::id::RunId;
use longshore_protocol::record::LogRecord;

use crate::Error;
use crate::store::Store;

/// How far a reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// The next segment of it.
    pub segment: u32,
}

/// Reads the log of one run from where it stopped the last time.
#[derive(Debug)]
pub struct LogReader {
    store: Store,
    run: RunId,
    cursor: Cursor,
}

impl LogReader {
    /// A reader at the beginning.
    pub fn new(store: &Store, run: &RunId) -> Self {
        Self { store: store.clone(), run: *run, cursor: Cursor { attempt: 1, segment: 0 } }
    }

    /// Where the reader is.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The records of all segments that are closed by now and were not read before, with their attempt.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn read(&mut self) -> Result<Vec<(u32, LogRecord)>, Error> {
        let mut records = Vec::new();
        loop {
            let Cursor { attempt, segment } = self.cursor;
            if let Some(found) = self.store.log(&self.run, attempt, segment).await? {
                records.extend(found.into_iter().map(|record| (attempt, record)));
                self.cursor.segment += 1;
            } else if self.store.started(&self.run, attempt + 1).await?.is_some() {
                // The next attempt starts only after this one has shipped its log. Between our two questions it may
                // have done both, so this attempt is asked once more.
                if self.store.log(&self.run, attempt, segment).await?.is_none() {
                    self.cursor = Cursor { attempt: attempt + 1, segment: 0 };
                }
            } else {
                return Ok(records);
            }
        }
    }
}
