//! Flows that try to break out, to starve their host, or to lie to it. `../README.md` lists them with their verdicts.
//!
//! A flow here asserts what it can see itself, and panics where the sandbox gave it more than it should; its host test
//! in `tests/tests/hostile/` names the verdict. A flow without a host test of its name does not compile: `tests/build.rs`
//! lists the flows of each module for the module of the same name there.

mod children;
mod ends;
mod files;
mod floods;
mod hoards;
mod host;
mod loops;
mod memory;
mod reaches;
mod results;
mod stacks;
mod workers;
