//! The flows of a program.

use std::any::TypeId;
use std::fmt;

use crate::error::Failure;
use crate::params::Params;

/// A flow as the program knows it. [`flow`](macro@crate::flow) makes one of each function.
pub struct Flow {
    name: &'static str,
    call: fn(Params) -> Result<Vec<u8>, Failure>,
    id: fn() -> TypeId,
    frame: &'static [u8],
}

inventory::collect!(Flow);

impl Flow {
    /// For `#[flow]`. On WebAssembly the frame is empty: there it stands in a section that a guest cannot read.
    #[doc(hidden)]
    pub const fn new(
        name: &'static str,
        call: fn(Params) -> Result<Vec<u8>, Failure>,
        id: fn() -> TypeId,
        frame: &'static [u8],
    ) -> Self {
        Self { name, call, id, frame }
    }

    /// The type of its function, of which there is one each.
    pub(crate) fn id(&self) -> TypeId {
        (self.id)()
    }

    /// The name by which it is run.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The flow's frame of the section `longshore:flows`, as it stands in the component. Empty inside of a guest.
    pub fn frame(&self) -> &'static [u8] {
        self.frame
    }

    /// Calls the flow as a run does: with postcard-serialized parameters, one after another, for a serialized result.
    ///
    /// ```
    /// use longshore_sdk::{flow, flows};
    ///
    /// #[flow]
    /// fn add(a: u8, b: u8) -> u8 {
    ///     a + b
    /// }
    ///
    /// let add = flows().find(|flow| flow.name() == "add").unwrap();
    /// assert_eq!(add.call(vec![2, 3]).unwrap(), [5]);
    /// assert_eq!(add.call(vec![2]).unwrap_err().message, "could not decode parameter b");
    /// ```
    ///
    /// # Errors
    /// The flow's own error, or what is wrong with the parameters.
    pub fn call(&self, params: Vec<u8>) -> Result<Vec<u8>, Failure> {
        (self.call)(Params::new(params))
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Flow").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Returns all flows of the program, those of other crates included, in no particular order.
pub fn flows() -> impl Iterator<Item = &'static Flow> {
    inventory::iter::<Flow>.into_iter()
}
