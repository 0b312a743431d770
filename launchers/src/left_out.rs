//! What stands for a kind of infrastructure that was left out when this program was built.

use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use longshore_protocol::state::JobState;

use crate::image::RuntimeImage;
use crate::launcher::{FoundJob, Handle, Job, Launcher, Plan, Tell};
use crate::settings::JobSettings;
use crate::{Error, ErrorKind};

/// That a kind of infrastructure is not in this build. Its cargo feature has the kind's own name, written as cargo's are.
pub(crate) fn error(kind: &str) -> Error {
    let feature = kind.replace('_', "-");
    let text =
        format!("this build has no {kind:?}: it was made without that kind of infrastructure");
    Error::new(ErrorKind::BadInput, text).hint(format!(
        "use a build that has it: releases have all kinds; from source, cargo build --features {feature}"
    ))
}

/// A launcher that launches nothing, and says why. It has the kind's name.
#[derive(Debug)]
pub(crate) struct LeftOut(pub(crate) &'static str);

impl LeftOut {
    fn refuse<T>(&self) -> Result<T, Error> {
        Err(error(self.0))
    }
}

#[async_trait::async_trait]
impl Launcher for LeftOut {
    fn plan(&self, _job: &Job) -> Result<Plan, Error> {
        self.refuse()
    }

    async fn check(
        &self,
        _settings: &JobSettings,
        _image: Option<&RuntimeImage>,
    ) -> Result<String, Error> {
        self.refuse()
    }

    fn check_patched(&self, _planned: &Plan, _patched: &Plan) -> Result<(), Error> {
        self.refuse()
    }

    async fn launch(&self, _plan: &Plan, _tell: &Tell<'_>) -> Result<(), Error> {
        self.refuse()
    }

    async fn state(&self, _handle: &Handle) -> Result<JobState, Error> {
        self.refuse()
    }

    async fn changed(&self, _handle: &Handle, _seen: &JobState) -> Result<JobState, Error> {
        self.refuse()
    }

    fn logs(&self, _handle: &Handle) -> BoxStream<'static, Result<String, Error>> {
        stream::iter([self.refuse()]).boxed()
    }

    async fn cancel(&self, _handle: &Handle, _grace: Duration) -> Result<(), Error> {
        self.refuse()
    }

    async fn finish(&self, _handle: &Handle) -> Result<(), Error> {
        self.refuse()
    }

    async fn cleanup(&self, _handle: &Handle) -> Result<(), Error> {
        self.refuse()
    }

    async fn jobs(&self, _settings: &JobSettings, _tenant: &str) -> Result<Vec<FoundJob>, Error> {
        self.refuse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;

    #[tokio::test]
    async fn whatever_it_is_asked_for_it_says_that_it_is_not_there() {
        let launcher = LeftOut("ecs");
        let handle = Handle("x".into());
        let why = "this build has no \"ecs\": it was made without that kind of infrastructure";
        let error = launcher.state(&handle).await.unwrap_err();
        assert_eq!(error.to_string(), why);
        assert!(error.what_to_do().unwrap().ends_with("cargo build --features ecs"));
        // Each feature that is named is one of the program.
        let manifest = include_str!("../cli/Cargo.toml");
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Process) {
            let error = super::error(kind.word());
            let (_, feature) = error.what_to_do().unwrap().rsplit_once(' ').unwrap();
            assert!(manifest.contains(&format!("\n{feature} = [")), "{feature}");
        }
        let told: Vec<_> = launcher.logs(&handle).collect().await;
        assert_eq!(told[0].as_ref().unwrap_err().to_string(), why);
    }
}
