//! Two ways to tell what happens: for people and for programs.

mod human;
mod json;

use longshore_launchers::engine::Report;

use crate::settings::{Format, Settings};

pub(crate) use human::log_line;

/// The reporter that the settings ask for.
pub(crate) fn reporter(settings: &Settings) -> Box<dyn Report> {
    match settings.format {
        Format::Human => Box::new(human::Human::new(settings)),
        Format::Json => Box::new(json::Json),
    }
}
