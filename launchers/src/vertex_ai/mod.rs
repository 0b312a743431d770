//! Stub, replaced before it is merged: custom jobs of Vertex AI.

use crate::left_out::LeftOut;
use crate::settings::settings;
use crate::surroundings::Surroundings;

settings! {
    /// Settings.
    pub struct VertexAiSettings {
        /// The image.
        guarded image: Option<String> = None,
    }
}

pub(crate) struct VertexAiLauncher;

impl VertexAiLauncher {
    #[expect(clippy::new_ret_no_self, reason = "a stub")]
    pub(crate) fn new(_: Surroundings) -> LeftOut {
        LeftOut("vertex_ai")
    }
}
