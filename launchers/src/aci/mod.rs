//! Stub, replaced before it is merged: container groups of Azure Container Instances.

use crate::left_out::LeftOut;
use crate::settings::settings;
use crate::surroundings::Surroundings;

settings! {
    /// Settings.
    pub struct AciSettings {
        /// The image.
        guarded image: Option<String> = None,
    }
}

pub(crate) struct AciLauncher;

impl AciLauncher {
    #[expect(clippy::new_ret_no_self, reason = "a stub")]
    pub(crate) fn new(_: Surroundings) -> LeftOut {
        LeftOut("aci")
    }
}
