//! Two ways to tell what happens: for people and for programs.

mod human;
mod json;

use longshore_launchers::engine::{Report, Silent};

use crate::settings::{Format, Settings};

pub(crate) use human::log_line;

/// The reporter that the settings ask for.
pub(crate) fn reporter(settings: &Settings) -> Box<dyn Report> {
    match settings.format {
        _ if settings.is_quiet => Box::new(Silent),
        Format::Human => Box::new(human::Human::new(settings)),
        Format::Json => Box::new(json::Json),
    }
}
