//! From a request to the plan of a job: what an infrastructure will be asked for, before anything is stored.

use longshore_protocol::Timestamp;
use longshore_protocol::id::Digest;
use longshore_protocol::limits;
use longshore_protocol::record::{
    CompiledRef, ComponentRef, FormatVersion, Order, Payload, Record as _,
};
use serde::Serialize;

use super::submit::{new_run, secret_variables};
use super::ticket::work_max;
use super::{Engine, Request};
use crate::artefact::{self, Runtime};
use crate::image::{self, RuntimeImage};
use crate::launcher::{Entry, Job, Plan};
use crate::settings::{Effective, Origin, Patch};
use crate::{Error, clock};

/// Something that a run needs in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Upload {
    /// What.
    pub what: &'static str,
    /// Its size. `None`: it is not made yet.
    pub bytes: Option<u64>,
    /// Its name in the store. `None`: it is not made yet.
    pub sha256: Option<Digest>,
}

/// What a submit would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DryRun {
    /// The pool.
    pub pool: String,
    /// Its kind.
    pub kind: &'static str,
    /// The store.
    pub store: String,
    /// What would be ordered. Run and times are those of this rehearsal.
    pub order: Order,
    /// The job settings in force, and where each comes from.
    pub settings: Vec<Effective>,
    /// Who has patched the request.
    pub patched_by: Vec<Origin>,
    /// What would be uploaded, where the store does not have it yet.
    pub uploads: Vec<Upload>,
    /// What would be requested.
    pub plan: Plan,
    /// The same in a form that other tools of the infrastructure take, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
}

impl Engine {
    /// Says what a submit would do, and does none of it: nothing is compiled, the store is not looked at, nobody is
    /// contacted.
    ///
    /// # Errors
    /// Where a submit would refuse before it stores anything.
    pub async fn dry_run(&self, request: &Request) -> Result<DryRun, Error> {
        let runtime = self.runtime_for(request).await?;
        let metering = request.limits.metering();
        let artefact = artefact::find(&request.digest, &runtime, self.code(metering), &self.cache);
        let compiled = artefact.map(|artefact| artefact.reference);
        let (order, plan) =
            self.rehearse(request, (Payload::of(&request.params), compiled), &runtime)?;
        let component = Upload {
            what: "component",
            bytes: Some(order.component.bytes),
            sha256: Some(order.component.sha256),
        };
        let compiled = Upload {
            what: "compiled artefact",
            bytes: order.compiled.as_ref().map(|compiled| compiled.bytes),
            sha256: order.compiled.as_ref().map(|compiled| compiled.sha256),
        };
        let params = match &order.params {
            Payload::Object { bytes, sha256 } => {
                Some(Upload { what: "parameters", bytes: Some(*bytes), sha256: Some(*sha256) })
            }
            Payload::Inline { .. } => None,
        };
        let files = order.files.as_ref().map(|files| Upload {
            what: "files",
            bytes: Some(files.bytes),
            sha256: Some(files.sha256),
        });
        Ok(DryRun {
            pool: self.pool.name.clone(),
            kind: self.pool.kind.word(),
            store: self.store.location().to_owned(),
            settings: request.settings.effective(),
            patched_by: request.patches.iter().map(|patch| patch.origin().clone()).collect(),
            uploads: [component, compiled].into_iter().chain(params).chain(files).collect(),
            order,
            manifest: self.pool.kind.manifest(&plan)?,
            plan,
        })
    }

    /// The plan of a run of `request` that nobody has ordered. What cannot be planned is bad input, and of that nothing
    /// is to be stored.
    pub(super) fn rehearse(
        &self,
        request: &Request,
        (params, compiled): (Payload, Option<CompiledRef>),
        runtime: &Runtime,
    ) -> Result<(Order, Plan), Error> {
        let order = self.order(request, params, compiled, clock::now())?;
        let entry = self.rehearsed_entry(&order)?;
        let plan = self.plan(&self.job(&order, entry, runtime, request)?, &request.patches)?;
        Ok((order, plan))
    }

    /// The order for a request, with an id of its own.
    pub(super) fn order(
        &self,
        request: &Request,
        params: Payload,
        compiled: Option<CompiledRef>,
        now: Timestamp,
    ) -> Result<Order, Error> {
        let Request {
            component,
            digest,
            abi,
            flow,
            params: _,
            files,
            limits,
            grants,
            settings: _,
            patches: _,
            retry,
            deadline,
            labels,
            retry_of,
        } = request;
        Ok(Order {
            format: FormatVersion::CURRENT,
            run: new_run(now)?,
            tenant: self.store.tenant().clone(),
            abi: *abi,
            component: ComponentRef { sha256: *digest, bytes: component.len() as u64 },
            compiled,
            flow: flow.name.clone(),
            params,
            limits: limits.clone(),
            grants: grants.clone(),
            retry: retry.clone(),
            deadline: deadline.map(|time| limits::deadline(now, time)),
            labels: labels.clone(),
            files: files.reference().cloned(),
            ordered_at: now,
            retry_of: *retry_of,
        })
    }

    /// The job of an order.
    pub(super) fn job(
        &self,
        order: &Order,
        entry: Entry,
        runtime: &Runtime,
        request: &Request,
    ) -> Result<Job, Error> {
        let is_remote = matches!(entry, Entry::Ticket { .. }) || self.store.is_remote();
        Ok(Job {
            run: order.run,
            tenant: order.tenant.clone(),
            store_endpoint: self.store.endpoint_of_runtime(),
            needs_network: is_remote || !order.grants.network.is_empty(),
            entry,
            pool: self.pool.name.clone(),
            flow: order.flow.clone(),
            store_mark: self.store_mark(),
            runtime: runtime.path.clone(),
            image: self.image(runtime)?,
            settings: request.settings.clone(),
            limits: order.limits.clone(),
            work_max: work_max(order),
            secret_variables: secret_variables(&order.grants),
            labels: order.labels.clone(),
        })
    }

    /// The image that can be made here of the release of `runtime`, where jobs are containers. `None`: there is no
    /// binary for it.
    ///
    /// # Errors
    /// When there is one, and it cannot be used.
    pub(super) fn image(&self, runtime: &Runtime) -> Result<Option<RuntimeImage>, Error> {
        if !self.pool.kind.starts_containers() {
            return Ok(None);
        }
        let named = self.places.image_runtime.clone();
        let Some(binary) = named.or_else(|| image::find(&runtime.path)) else { return Ok(None) };
        RuntimeImage::of(&binary, runtime, &self.cache).map(Some)
    }

    /// Tells this store from others on one infrastructure. Where it is may be nobody's business there.
    pub(super) fn store_mark(&self) -> String {
        Digest::of(self.store.location().as_bytes()).short()
    }

    /// What to request for `job`, as the patches leave it.
    pub(super) fn plan(&self, job: &Job, patches: &[Patch]) -> Result<Plan, Error> {
        let planned = self.launcher.plan(job)?;
        if patches.is_empty() {
            return Ok(planned);
        }
        let request = patches
            .iter()
            .fold(planned.request.clone(), |request, patch| patch.applied_to(&request));
        let patched = Plan { request, ..planned.clone() };
        self.launcher.check_patched(&planned, &patched)?;
        Ok(patched)
    }

    /// Like [`Engine::entry`], of a run that is not in the store: of a ticket there is only where it would be.
    fn rehearsed_entry(&self, order: &Order) -> Result<Entry, Error> {
        let digest = Digest::of(&order.to_json());
        Ok(match self.signer_of_tickets()? {
            None => self.entry_by_itself(order, digest),
            Some(_) => {
                super::ticket::check(order)?;
                let key = self.store.layout(&order.run).ticket();
                Entry::Ticket { url: format!("<signed address of {key}>"), sha256: digest }
            }
        })
    }
}

/// What the run's job remembers of who has asked for what, so that a retry can ask for it again.
pub(super) fn patches_of_caller(patches: &[Patch]) -> Vec<serde_json::Value> {
    let callers = patches.iter().filter(|patch| patch.is_callers());
    callers.map(|patch| patch.value().clone()).collect()
}
