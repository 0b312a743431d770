//! What the tests in `tests/` are written with: programs as a person starts them, in a home of their own.
//!
//! Reading order: [`Home`] is where a test lives, [`Call`] starts a program there, [`Answer`] is what it said,
//! [`Run`] looks at a run from outside. `component` has the flows under test, whose source is in `guests/`.
//!
//! **Invariant:** nothing here links the code under test but the protocol: a test sees what a user sees, and reads
//! the store as the storage documentation says.

#![expect(clippy::panic, reason = "a test fails by panicking")]

mod answer;
mod build;
mod call;
mod cloud;
mod component;
mod home;
mod image;
mod mount;
mod process;
mod run;
mod running;
pub mod servers;
mod until;

pub use answer::Answer;
pub use build::{
    examples_target, fixtures_crate, fixtures_target, image_runtime, longshore, path_with,
    repository, runtime, scaffold_target, tools,
};
pub use call::Call;
pub use cloud::{InCloud, count};
pub use component::{
    core_module, damaged, fixtures, hostile, miscoded, net, of_other_abi, without_section,
};
pub use home::Home;
pub use image::loaded_image;
pub use mount::Mount;
pub use process::{Process, processes_in, processes_of};
pub use run::Run;
pub use running::Running;
pub use until::until;
