//! One play of the matrix, as text.

use std::fmt;
use std::str::FromStr;

use crate::flow::Flow;
use crate::operation::Side;
use crate::plan::Plan;
use crate::trouble::Trouble;

/// One play: a flow, and what happens meanwhile. `value:calm`, `value:storm:17`,
/// `value:runtime1:put:outcome.json:1:dies-after`.
#[derive(Debug, Clone)]
pub struct Combination {
    /// What is run.
    pub flow: &'static Flow,
    /// What happens meanwhile.
    pub plan: Plan,
}

impl Combination {
    /// What kind of combination it is, for the summary.
    pub fn kind(&self) -> String {
        match &self.plan {
            Plan::Planted(flaw, _) => format!("planted {flaw:?}"),
            Plan::Calm => "calm".to_owned(),
            Plan::Storm(_) => "storm".to_owned(),
            Plan::At(operation, trouble) => match operation.side {
                Side::Engine => format!("engine {trouble}"),
                Side::Runtime { .. } => format!("runtime {trouble}"),
            },
        }
    }

    /// Whether it must end as if nothing had happened.
    pub(crate) fn is_harmless(&self) -> bool {
        matches!(self.plan.honest(), Plan::Calm | Plan::At(_, Trouble::Fault(_)))
    }

    /// Whether more than one thing happens.
    pub(crate) fn is_storm(&self) -> bool {
        matches!(self.plan.honest(), Plan::Storm(_))
    }

    /// Whether some runtime is left that can do the work.
    pub(crate) fn can_succeed(&self) -> bool {
        let succeeds = |trouble: &Trouble| {
            matches!(trouble, Trouble::Fault(_) | Trouble::Restarts(_) | Trouble::Overtaken(_))
        };
        match self.plan.honest() {
            Plan::Calm => true,
            Plan::At(_, trouble) => succeeds(trouble),
            Plan::Storm(_) | Plan::Planted(..) => false,
        }
    }
}

impl fmt::Display for Combination {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.flow.name;
        match self.plan.honest() {
            Plan::Planted(..) | Plan::Calm => write!(out, "{name}:calm"),
            Plan::Storm(seed) => write!(out, "{name}:storm:{seed}"),
            Plan::At(operation, trouble) => write!(out, "{name}:{operation}:{trouble}"),
        }
    }
}

impl FromStr for Combination {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text.split_once(':').unwrap_or((text, ""));
        let flow = Flow::named(name).ok_or_else(|| format!("{name:?} is no flow of the matrix"))?;
        let plan = match (rest, rest.split_once(':'), rest.rsplit_once(':')) {
            ("calm", _, _) => Plan::Calm,
            (_, Some(("storm", seed)), _) => {
                Plan::Storm(seed.parse().map_err(|error| format!("{seed:?}: {error}"))?)
            }
            (_, _, Some((operation, trouble))) => Plan::At(operation.parse()?, trouble.parse()?),
            _ => return Err(format!("{text:?} is no combination: flow:calm, flow:storm:seed, …")),
        };
        Ok(Self { flow, plan })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_combination_is_all_in_its_text() {
        for text in [
            "value:calm",
            "dice:storm:18446744073709551615",
            "cancelled:engine:put:cancel.json:1:loses-answer",
            "talks:runtime1:put:attempts/1/log/000000.jsonl:2:overtaken-before",
        ] {
            assert_eq!(text.parse::<Combination>().unwrap().to_string(), text);
        }
        for text in ["", "value", "value:storm:x", "value:runtime1:put:x:1:bored", "nobody:calm"] {
            text.parse::<Combination>().unwrap_err();
        }
    }
}
