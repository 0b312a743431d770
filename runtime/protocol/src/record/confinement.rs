//! What held the runtime's process, beside the sandbox of the guest.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the means that a kernel has to hold a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// It was in force.
    Active {
        /// What it covered, in a few words.
        covers: String,
    },
    /// The kernel does not have it.
    Missing {
        /// Why.
        because: String,
    },
}

impl Layer {
    /// Whether it was in force.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Active { .. })
    }
}

/// What was left of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Network {
    /// Nothing: there were no sockets.
    None,
    /// Connections and datagrams to others; nobody could connect to the process.
    Connect,
}

/// What held the runtime's process while its guest was executed, so that one who breaks out of the sandbox is not free.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// No program that it could start would have had more rights.
    pub no_new_privs: bool,
    /// Which files, ports and processes it could reach.
    pub landlock: Layer,
    /// Which system calls it could make.
    pub seccomp: Layer,
    /// What was left of the network.
    pub network: Network,
    /// How many environment variables its launcher gave it. The guest sees none of them.
    #[serde(default)]
    pub environment_variables: u64,
}

/// In one line, as people are shown it.
impl fmt::Display for Confinement {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { no_new_privs, landlock, seccomp, network, environment_variables: _ } = self;
        for (name, layer) in [("landlock", landlock), ("seccomp", seccomp)] {
            match layer {
                Layer::Active { covers } => write!(out, "{name} ({covers}), ")?,
                Layer::Missing { because } => write!(out, "no {name} ({because}), ")?,
            }
        }
        out.write_str(match network {
            Network::None => "no network",
            Network::Connect => "network",
        })?;
        out.write_str(if *no_new_privs { ", no new privileges" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_in_force_and_what_was_not() {
        let confinement = Confinement {
            no_new_privs: true,
            landlock: Layer::Missing { because: "the kernel does not have it".into() },
            seccomp: Layer::Active { covers: "90 system calls".into() },
            network: Network::None,
            environment_variables: 0,
        };
        assert_eq!(
            confinement.to_string(),
            "no landlock (the kernel does not have it), seccomp (90 system calls), no network, no new privileges"
        );
    }
}
