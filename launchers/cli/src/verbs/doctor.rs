//! `longshore doctor`

use std::path::Path;

use clap::Args;
use longshore_launchers::engine::Check;
use longshore_protocol::exit::{self, ExitCode};
use serde_json::json;

use crate::build;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Format, Settings};

/// Check that everything a run needs is there
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {}

pub(super) async fn doctor(_: &DoctorArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let mut checks = vec![match build::check_target(Path::new(".")) {
        Ok(library) => {
            let found = format!("{} in {}", build::TARGET, library.display());
            Check { name: "target".into(), is_ok: true, found, hint: None }
        }
        Err(failure) => {
            Check { name: "target".into(), is_ok: false, found: failure.text, hint: failure.hint }
        }
    }];
    match settings.engine() {
        Ok(engine) => checks.extend(engine.doctor().await),
        Err(failure) => {
            checks.push(Check {
                name: "store".into(),
                is_ok: false,
                found: failure.text,
                hint: failure.hint,
            });
        }
    }
    match settings.format {
        Format::Json => output::answer_json(&json!(checks))?,
        Format::Human => {
            for Check { name, is_ok, found, hint } in &checks {
                let mark = if *is_ok { "ok  " } else { "FAIL" };
                output::answer(&format!("{mark}  {name:<11}  {}", output::safe(found)))?;
                if let Some(hint) = hint {
                    output::answer(&format!("      {:<11}  hint: {}", "", output::safe(hint)))?;
                }
            }
        }
    }
    // Without the target, components still run; they only cannot be built here.
    Ok(if checks.iter().skip(1).all(|check| check.is_ok) { exit::OK } else { exit::INFRASTRUCTURE })
}
