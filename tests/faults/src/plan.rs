//! What happens to which operation. A pure function of the plan and the operation's name: neither threads nor clocks
//! have a say in it.

use crate::flaw::Flaw;
use crate::operation::{Operation, Side, Verb};
use crate::trouble::{Fault, Moment, Trouble};

/// What happens to which operation.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Plan {
    /// Nothing.
    Calm,
    /// One trouble.
    At(Operation, Trouble),
    /// As often and as bad as the seed says.
    Storm(u64),
    /// A plan, and a violation that must be found.
    Planted(Flaw, Box<Self>),
}

impl Plan {
    /// What happens to `operation`.
    pub fn trouble_of(&self, operation: &Operation) -> Option<Trouble> {
        match self {
            Self::Calm => None,
            Self::At(at, trouble) => (at == operation).then_some(*trouble),
            Self::Storm(seed) => storm(*seed, operation),
            Self::Planted(_, plan) => plan.trouble_of(operation),
        }
    }

    /// The violation that is planted.
    pub(crate) fn flaw(&self) -> Option<Flaw> {
        match self {
            Self::Planted(flaw, _) => Some(*flaw),
            Self::Calm | Self::At(..) | Self::Storm(_) => None,
        }
    }

    /// The plan without the violation.
    pub(crate) fn honest(&self) -> &Self {
        match self {
            Self::Planted(_, plan) => plan.honest(),
            Self::Calm | Self::At(..) | Self::Storm(_) => self,
        }
    }
}

/// A storm decides on its strength, then for each operation whether it strikes, and how.
fn storm(seed: u64, operation: &Operation) -> Option<Trouble> {
    const STRENGTHS_PERCENT: [u64; 4] = [5, 15, 30, 50];
    const DEATHS_PERCENT: u64 = 3;
    let strength = STRENGTHS_PERCENT[(mixed(seed) % 4) as usize];
    let drawn = draw(seed, operation);
    let (chance, choice) = (drawn % 100, mixed(drawn));
    if chance < DEATHS_PERCENT && !operation.is_repeated() {
        let moments = [Moment::Before, Moment::After];
        let moment = moments[(choice % 2) as usize];
        return Some(match operation.side {
            Side::Runtime { life: 1 } if choice % 4 < 2 => Trouble::Restarts(moment),
            Side::Engine | Side::Runtime { .. } => Trouble::Dies(moment),
        });
    }
    if chance >= strength {
        return None;
    }
    let fitting: Vec<_> = [
        Fault::Fails,
        Fault::LosesAnswer,
        Fault::SentTwice,
        Fault::CutOff,
        Fault::Stale,
        Fault::Slow,
    ]
    .map(Trouble::Fault)
    .into_iter()
    .filter(|fault| fault.fits(operation.verb))
    .collect();
    Some(fitting[(choice % fitting.len() as u64) as usize])
}

fn draw(seed: u64, operation: &Operation) -> u64 {
    let Operation { side, verb, key, nth } = operation;
    let life = match side {
        Side::Engine => 0,
        Side::Runtime { life } => *life,
    };
    let verb = match verb {
        Verb::Put => 1,
        Verb::Get => 2,
        Verb::Head => 3,
        Verb::List => 4,
        Verb::Delete => 5,
    };
    let numbers = [u64::from(life), verb, u64::from(*nth)];
    let bytes = key.bytes().map(u64::from);
    numbers.into_iter().chain(bytes).fold(mixed(seed), |sum, number| mixed(sum ^ number))
}

/// Spreads a number over all numbers (the finalizer of SplitMix64).
pub(crate) fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operations() -> impl Iterator<Item = Operation> {
        (1..=1_000).map(|nth| Operation {
            side: Side::Runtime { life: 1 },
            verb: if nth % 2 == 0 { Verb::Get } else { Verb::Put },
            key: "order.json".into(),
            nth,
        })
    }

    #[test]
    fn a_storm_strikes_the_same_operations_each_time_and_others_with_another_seed() {
        let struck = |seed| -> Vec<_> {
            operations().map(|operation| Plan::Storm(seed).trouble_of(&operation)).collect()
        };
        assert_eq!(struck(7), struck(7));
        assert_ne!(struck(7), struck(8));
    }

    #[test]
    fn storms_have_every_trouble_that_fits() {
        let mut seen = std::collections::HashSet::new();
        for seed in 0..40 {
            for operation in operations() {
                let trouble = Plan::Storm(seed).trouble_of(&operation);
                assert!(trouble.is_none_or(|trouble| trouble.fits(operation.verb)
                    || matches!(trouble, Trouble::Dies(_) | Trouble::Restarts(_))));
                seen.extend(trouble);
            }
        }
        assert_eq!(seen.len(), 10, "all but being overtaken: {seen:?}");
    }
}
