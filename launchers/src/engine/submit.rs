//! From a request to a job.

use std::collections::BTreeSet;
use std::time::Instant;

use bytes::Bytes;
use longshore_protocol::Timestamp;
use longshore_protocol::grants::{Grants, SecretSource};
use longshore_protocol::id::{Digest, RunId};
use longshore_protocol::layout;
use longshore_protocol::record::{FormatVersion, JobRecord, Order, Payload};

use super::plan::patches_of_caller;
use super::{Engine, Event, Report, Request};
use crate::artefact::{self, Artefact, Runtime};
use crate::files::{Files, Packed};
use crate::launcher::{Handle, Plan};
use crate::{Error, ErrorKind, clock};

/// A run that an infrastructure has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The run.
    pub run: RunId,
    /// Its job.
    pub handle: Handle,
    /// Whether who waits for it is to be shown the job's own output.
    pub streams_output: bool,
}

impl Engine {
    /// Uploads what is absent, writes the order, launches. Returns on acceptance.
    ///
    /// # Errors
    /// When the runtime, the store or the infrastructure refuse. A run whose order was written by then is seen as
    /// crashed later, never as running.
    pub async fn submit(&self, request: Request, report: &dyn Report) -> Result<Submitted, Error> {
        self.check_pool_is_open().await?;
        let runtime = self.runtime_for(&request).await?;
        // What cannot be planned is bad input, and of that nothing is stored. Of its parameters a plan knows nothing.
        self.rehearse(&request, (Payload::of(&Bytes::new()), None), &runtime)?;
        tell_files(&request.files, report);
        let artefact = self.upload_code(&request, &runtime, report).await?;
        self.upload_files(&request.files, report).await?;
        let (order, digest) = self.write_order(&request, &artefact, report).await?;
        let job = self.job(&order, self.entry(&order, digest).await?, &runtime, &request)?;
        let plan = self.plan(&job, &request.patches)?;
        self.launch(&request, (&job.run, &plan), &runtime.version, report).await?;
        report.hear(&Event::Launched { run: job.run, plan: &plan });
        let Plan { handle, request: _, streams_output, hidden: _ } = plan;
        Ok(Submitted { run: job.run, handle, streams_output })
    }

    /// The runtime of this machine, which is able to execute the request's component.
    pub(super) async fn runtime_for(&self, request: &Request) -> Result<Runtime, Error> {
        let runtime = Runtime::ask(&self.places.runtime, &self.cache).await?;
        check_abi(request, &runtime)?;
        Ok(runtime)
    }

    async fn upload_code(
        &self,
        request: &Request,
        runtime: &Runtime,
        report: &dyn Report,
    ) -> Result<Artefact, Error> {
        // What cannot be compiled is bad input, and of that nothing is stored.
        let artefact = self.compile(request, runtime, report).await?;
        let component = layout::component(&request.digest);
        let compiled = layout::compiled(&artefact.reference.engine, &artefact.reference.sha256);
        let (has_component, has_compiled) = futures::try_join!(
            self.store.can_rely_on(&component, request.component.len() as u64),
            self.store.can_rely_on(&compiled, artefact.reference.bytes)
        )?;
        if !has_component {
            self.upload(&component, "component", &request.component, report).await?;
        }
        if has_compiled {
            return Ok(artefact);
        }
        // The machine code itself is only looked at when it has to be uploaded.
        let (artefact, content) = match artefact.content(&self.cache) {
            Some(content) => (artefact, content),
            None => {
                artefact.forget(&self.cache);
                let again = self.compile(request, runtime, report).await?;
                let content = again.content(&self.cache).ok_or_else(|| {
                    Error::new(ErrorKind::Runtime, "the compiled artefact is damaged right after it was made")
                        .hint("check the disk that holds the cache, or set LONGSHORE_CACHE to another one")
                })?;
                (again, content)
            }
        };
        let key = layout::compiled(&artefact.reference.engine, &artefact.reference.sha256);
        self.upload(&key, "compiled artefact", &content, report).await?;
        Ok(artefact)
    }

    async fn upload_files(&self, files: &Files, report: &dyn Report) -> Result<(), Error> {
        let Some(reference) = files.reference() else { return Ok(()) };
        let key = layout::files(&reference.sha256);
        if self.store.can_rely_on(&key, reference.bytes).await? {
            return Ok(());
        }
        match files {
            Files::Packed(packed) => self.upload(&key, "files", &packed.archive, report).await,
            _ if self.store.size(&key).await? == Some(reference.bytes) => {
                self.store.upload_again(&key, &reference.sha256).await
            }
            _ => Err(Error::new(
                ErrorKind::Store,
                "the files of the run are not in the store any more",
            )
            .hint("start it anew, where its files are")),
        }
    }

    async fn compile(
        &self,
        request: &Request,
        runtime: &Runtime,
        report: &dyn Report,
    ) -> Result<Artefact, Error> {
        let code = self.code(request.limits.metering());
        if let Some(artefact) = artefact::find(&request.digest, runtime, code, &self.cache) {
            return Ok(artefact);
        }
        let began = Instant::now();
        report.hear(&Event::Compiling { bytes: request.component.len() as u64 });
        let artefact =
            artefact::make(&request.component, &request.digest, runtime, code, &self.cache).await?;
        report.hear(&Event::Compiled {
            took_ms: began.elapsed().as_millis().try_into().unwrap_or(u64::MAX),
        });
        Ok(artefact)
    }

    async fn upload(
        &self,
        key: &str,
        what: &'static str,
        content: &Bytes,
        report: &dyn Report,
    ) -> Result<(), Error> {
        let bytes = content.len() as u64;
        report.hear(&Event::Uploading { what, bytes });
        self.store.upload(key, content.clone(), &|arrived| tell(report, what, arrived, bytes)).await
    }

    async fn write_order(
        &self,
        request: &Request,
        artefact: &Artefact,
        report: &dyn Report,
    ) -> Result<(Order, Digest), Error> {
        let (none_yet, compiled) = (Payload::Inline(vec![]), Some(artefact.reference.clone()));
        let order = self.order(request, none_yet, compiled, clock::now())?;
        let params = self.write_params(&order.run, &request.params, report).await?;
        let order = Order { params, ..order };
        let digest = self.store.create_order(&order).await?;
        report.hear(&Event::Ordered { run: order.run });
        Ok((order, digest))
    }

    /// Writes parameters that are too large for the order.
    async fn write_params(
        &self,
        run: &RunId,
        content: &Bytes,
        report: &dyn Report,
    ) -> Result<Payload, Error> {
        if Payload::is_inline(content.len()) {
            return Ok(Payload::of(content));
        }
        let bytes = content.len() as u64;
        report.hear(&Event::Uploading { what: "parameters", bytes });
        // Their digest is not needed until they are there.
        let hashed = content.clone();
        let payload = tokio::task::spawn_blocking(move || Payload::of(&hashed));
        let told = |arrived| tell(report, "parameters", arrived, bytes);
        self.store.create_params(run, content.clone(), &told).await?;
        Ok(payload.await.expect("a digest is a matter of arithmetic"))
    }

    async fn launch(
        &self,
        request: &Request,
        (run, plan): (&RunId, &Plan),
        launcher: &str,
        report: &dyn Report,
    ) -> Result<(), Error> {
        let record = JobRecord {
            format: FormatVersion::CURRENT,
            kind: self.pool.kind.word().to_owned(),
            pool: Some(self.pool.name.clone()),
            settings: request.settings.asked(),
            patches: patches_of_caller(&request.patches),
            handle: plan.handle.to_string(),
            launcher: launcher.to_owned(),
            launched_at: clock::now(),
        };
        // Before the launch: should this process die right after it, others still find the job.
        self.store.create_job(run, &record).await?;
        self.launcher.launch(plan, &|text| report.hear(&Event::Preparing { text })).await
    }
}

fn tell(report: &dyn Report, what: &'static str, arrived: u64, bytes: u64) {
    report.hear(&Event::Arrived { what, arrived, bytes });
}

fn tell_files(files: &Files, report: &dyn Report) {
    let Files::Packed(Packed { archive, reference, selection }) = files else { return };
    for text in &selection.warnings {
        report.hear(&Event::Warning { text });
    }
    let (count, packed_bytes) = (reference.count, archive.len() as u64);
    report.hear(&Event::Files { count, bytes: selection.bytes(), packed_bytes });
}

pub(super) fn secret_variables(grants: &Grants) -> BTreeSet<String> {
    let variables = grants.secrets.values().filter_map(|secret| match &secret.from {
        SecretSource::Env(name) => Some(name.clone()),
        SecretSource::File(_) => None,
    });
    variables.collect()
}

fn check_abi(request: &Request, runtime: &Runtime) -> Result<(), Error> {
    if runtime.abi.can_execute(request.abi) {
        return Ok(());
    }
    let text = format!(
        "the component was built for flow ABI {}, and the runtime {} executes {}",
        request.abi, runtime.version, runtime.abi
    );
    Err(Error::new(ErrorKind::BadInput, text)
        .hint("rebuild the component with the longshore-sdk of the runtime's version"))
}

pub(super) fn new_run(now: Timestamp) -> Result<RunId, Error> {
    let mut random = [0; 10];
    rustix::rand::getrandom(&mut random, rustix::rand::GetRandomFlags::empty()).map_err(
        |error| {
            Error::caused(
                ErrorKind::Infrastructure,
                "could not get random bytes for a run id",
                error,
            )
        },
    )?;
    Ok(RunId::new(now, random))
}
