//! Engine and runtime in one process, over one store in memory that fails by a seed, and that kills.
//!
//! Reading order: [`Trouble`] is what can happen to an operation, [`Plan`] says to which, [`FaultyStore`] lets it
//! happen. [`Infrastructure`] executes jobs on threads of this process. [`Combination`] names one play, [`World::play`]
//! plays it, [`Played::violations`] says what was wrong with it.
//!
//! **Invariant:** a combination is all in its text: the same text leads to the same trouble for the same operations.
//! **Invariant:** whoever is killed does nothing more: an operation of a dead side never returns.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod check;
mod collect;
mod combination;
mod death;
mod flaw;
mod flow;
mod infrastructure;
mod journal;
mod operation;
mod plan;
mod play;
mod store;
mod trouble;
mod turns;
mod world;

pub use check::Violation;
pub use collect::{AGES, Collected, Collector};
pub use combination::Combination;
pub use flaw::Flaw;
pub use flow::{FLOWS, Flow};
pub use infrastructure::{InProcess, Infrastructure};
pub use journal::{Effect, Journal, Line};
pub use operation::{Operation, Side, Verb};
pub use plan::Plan;
pub use play::Played;
pub use store::FaultyStore;
pub use trouble::{Fault, Moment, Trouble};
pub use turns::{Player, Schedule};
pub use world::World;

/// Stands for any secret: a launcher has it in its environment, a flow is granted it from a file and spills it wherever
/// it can, a store's errors quote it as part of an address. No object may ever have it inside.
pub const SECRET: &str = "swordfish-5c1d2e";
