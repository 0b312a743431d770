//! Files that a run has with it: selected by patterns, packed, and named by their content.
//!
//! A flow asks for files (`#[flow(files = […])]`), and whoever starts it adds more (`--include`). Both are patterns as in
//! `.gitignore`, for paths below one folder: that of the flow's crate, or the current one where the flow is a component.
//! The flow sees the files read-only below `/files`.
//!
//! - Patterns apply in order: the last one that matches a file, or a folder that it is in, decides.
//! - Left out, unless a pattern has the name in it: hidden files, `target`, `node_modules`, `__pycache__`, `venv`. Left
//!   out in any case: what a `.longshoreignore` of the folder or of the project's root lists, and that file itself.
//! - Links are followed within the folder, and one that leads out of it is an error. A loop ends.
//! - What looks like a secret is an error, unless a pattern names the file exactly.
//!
//! [`Selection::of`] looks and changes nothing; [`Selection::pack`] reads the files; the engine uploads.
//!
//! **Invariant:** nothing outside of the folder is ever shipped.

mod ignored;
mod pack;
mod pattern;
mod secret;
mod select;

use bytes::Bytes;
use longshore_protocol::record::FilesRef;

pub use select::{Selected, Selection};

/// Selected files as an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The archive.
    pub archive: Bytes,
    /// How the order names it.
    pub reference: FilesRef,
    /// What is in it.
    pub selection: Selection,
}

/// The files of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Files {
    /// None were asked for.
    #[default]
    None,
    /// From this machine.
    Packed(Packed),
    /// Of an earlier run, from the store.
    Stored(FilesRef),
}

impl Files {
    /// How the order names them.
    pub fn reference(&self) -> Option<&FilesRef> {
        match self {
            Self::None => None,
            Self::Packed(packed) => Some(&packed.reference),
            Self::Stored(reference) => Some(reference),
        }
    }
}
