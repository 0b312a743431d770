//! What can happen to an operation.

use std::fmt;
use std::str::FromStr;

use crate::operation::Verb;

/// What a store does wrong while both of its sides live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// It answers with an error and has done nothing.
    Fails,
    /// It has done what it was asked to, and answers with an error.
    LosesAnswer,
    /// The request arrives twice; the answer is that to the second one.
    SentTwice,
    /// The body of the answer ends too early.
    CutOff,
    /// The answer is from before the newest object was written.
    Stale,
    /// The answer takes its time.
    Slow,
}

/// On which side of an operation's effect something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Moment {
    /// The store does not know of the operation yet.
    Before,
    /// The store has done it, and has not answered yet.
    After,
}

/// What can happen to an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The store does something wrong.
    Fault(Fault),
    /// Whoever asked is killed.
    Dies(Moment),
    /// It is killed, and the infrastructure starts another one.
    Restarts(Moment),
    /// It is held, meanwhile the infrastructure starts another one, and goes on when that one has ended.
    Overtaken(Moment),
}

impl Trouble {
    /// Every trouble with its name, the same everywhere.
    pub const ALL: [(Self, &'static str); 12] = [
        (Self::Fault(Fault::Fails), "fails"),
        (Self::Fault(Fault::LosesAnswer), "loses-answer"),
        (Self::Fault(Fault::SentTwice), "sent-twice"),
        (Self::Fault(Fault::CutOff), "cut-off"),
        (Self::Fault(Fault::Stale), "stale"),
        (Self::Fault(Fault::Slow), "slow"),
        (Self::Dies(Moment::Before), "dies-before"),
        (Self::Dies(Moment::After), "dies-after"),
        (Self::Restarts(Moment::Before), "restarts-before"),
        (Self::Restarts(Moment::After), "restarts-after"),
        (Self::Overtaken(Moment::Before), "overtaken-before"),
        (Self::Overtaken(Moment::After), "overtaken-after"),
    ];

    /// Whether whoever asks for `verb` would notice.
    pub fn fits(self, verb: Verb) -> bool {
        let writes = matches!(verb, Verb::Put | Verb::Delete);
        match self {
            Self::Fault(Fault::LosesAnswer | Fault::SentTwice) => writes,
            Self::Fault(Fault::CutOff) => verb == Verb::Get,
            Self::Fault(Fault::Stale) => !writes,
            Self::Fault(Fault::Fails | Fault::Slow) => true,
            // What reads leaves nothing behind, so both moments are the same.
            Self::Dies(moment) | Self::Restarts(moment) | Self::Overtaken(moment) => {
                writes || moment == Moment::Before
            }
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.iter().find(|(trouble, _)| trouble == self);
        out.pad(known.map_or("unknown", |(_, name)| name))
    }
}

impl FromStr for Trouble {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(_, name)| *name == text);
        known.map(|(trouble, _)| *trouble).ok_or_else(|| format!("{text:?} is no trouble"))
    }
}
