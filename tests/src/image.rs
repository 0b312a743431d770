//! The image of the runtime under test.

use std::sync::OnceLock;

use crate::Home;

/// Brings the image into the Docker Engine of this machine, which stands for a registry; says what it is called.
#[track_caller]
pub fn loaded_image() -> &'static str {
    static IMAGE: OnceLock<String> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let home = Home::new().with_pool("docker", "");
        let text = home.longshore(&["image", "load"]).succeeds().text();
        text.lines().next().expect("it says so").to_owned()
    })
}
