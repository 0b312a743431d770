//! What was asked of a store, and what was written.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::operation::{Operation, Side, Verb};
use crate::trouble::Trouble;

/// An operation and what happened to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The operation.
    pub operation: Operation,
    /// What happened to it.
    pub trouble: Option<Trouble>,
}

/// An object that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Its whole key.
    pub key: String,
    /// Its content.
    pub content: Bytes,
    /// What was there before.
    pub before: Option<Bytes>,
}

/// Records one play. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Written>>);

#[derive(Debug, Default)]
struct Written {
    lines: Vec<Line>,
    effects: Vec<Effect>,
    counts: HashMap<(Side, Verb, String), u32>,
}

impl Journal {
    /// Names the operation that `side` is about to ask for.
    pub(crate) fn name(&self, side: Side, verb: Verb, key: String) -> Operation {
        let mut written = self.lock();
        let count = written.counts.entry((side, verb, key.clone())).or_default();
        *count += 1;
        Operation { side, verb, key, nth: *count }
    }

    pub(crate) fn note(&self, operation: Operation, trouble: Option<Trouble>) {
        self.lock().lines.push(Line { operation, trouble });
    }

    pub(crate) fn note_effect(&self, effect: Effect) {
        self.lock().effects.push(effect);
    }

    /// All operations so far.
    pub fn lines(&self) -> Vec<Line> {
        self.lock().lines.clone()
    }

    /// All that was written so far.
    pub fn effects(&self) -> Vec<Effect> {
        self.lock().effects.clone()
    }

    /// The newest object.
    pub(crate) fn newest(&self) -> Option<Effect> {
        self.lock().effects.last().cloned()
    }

    /// What is the same each time the same combination is played: all but what is repeated for as long as something
    /// takes. Sorted, since what a side asks for at the same moment has no order.
    pub fn trace(&self) -> Vec<String> {
        let mut lines = self.lines();
        lines.retain(|line| !line.operation.is_repeated());
        lines.sort_by(|a, b| a.operation.cmp(&b.operation));
        let text = |Line { operation, trouble }| match trouble {
            Some(trouble) => format!("{operation} {trouble}"),
            None => format!("{operation}"),
        };
        lines.into_iter().map(text).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
