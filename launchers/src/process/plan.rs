//! Job → command line. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::ProcessSettings;
use crate::launcher::{Handle, Hidden, Job, Plan};
use crate::settings::{AbsolutePath, Variables, readable, unchanged};
use crate::{Error, ErrorKind};

/// What a patch must leave as it is: by these the runtime finds its run and verifies it, and gets its credentials.
const FIXED: [&str; 2] = ["/arguments", "/env_from_launcher"];

/// A process to start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Command {
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<String>,
    pub(super) working_dir: PathBuf,
    pub(super) env: BTreeMap<String, String>,
    /// Variables that are copied from around the launcher when the process is started. They hold secrets, so the
    /// plan, which people print, has their names only.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub(super) env_from_launcher: BTreeSet<String>,
}

pub(super) fn plan(state_folder: &Path, job: &Job) -> Result<Plan, Error> {
    let Job { run, entry, runtime, settings, secret_variables, .. } = job;
    let ProcessSettings { env: Variables(env), working_dir, stream_output } =
        ProcessSettings::of(settings)?;
    let folder = state_folder.join("jobs").join(run.to_string());
    let command = Command {
        program: runtime.clone(),
        arguments: entry.arguments(),
        working_dir: working_dir.map_or_else(|| folder.clone(), |AbsolutePath(path)| path),
        env,
        env_from_launcher: secret_variables | &entry.variables(),
    };
    let request = serde_json::to_value(&command).map_err(|error| {
        Error::caused(ErrorKind::BadInput, "a path of the job is not Unicode text", error)
    })?;
    let handle = handle(&folder)?;
    Ok(Plan { handle, request, streams_output: stream_output, hidden: Hidden::default() })
}

pub(super) fn check_patched(planned: &Plan, patched: &Plan) -> Result<(), Error> {
    unchanged(&planned.request, &patched.request, &FIXED)?;
    readable::<Command>(&planned.request, &patched.request)
}

fn handle(folder: &Path) -> Result<Handle, Error> {
    let folder = folder.to_str().ok_or_else(|| {
        Error::new(
            ErrorKind::BadInput,
            format!("the state folder {} is not Unicode text", folder.display()),
        )
    })?;
    Ok(Handle(format!("{}:{folder}", this_host())))
}

pub(super) fn command_of(plan: &Plan) -> Result<Command, Error> {
    serde_json::from_value(plan.request.clone()).map_err(|error| {
        Error::caused(ErrorKind::BadInput, "the request is not one for a process", error)
    })
}

pub(super) fn folder_of(handle: &Handle) -> Result<PathBuf, Error> {
    Ok(PathBuf::from(parts_of(handle)?.1))
}

/// Why the job cannot be asked about from this machine, if it cannot.
pub(super) fn not_from_here(handle: &Handle) -> Result<Option<String>, Error> {
    let (host, _) = parts_of(handle)?;
    Ok((host != this_host())
        .then(|| format!("its process is on host {host}, and this is {}", this_host())))
}

fn parts_of(handle: &Handle) -> Result<(&str, &str), Error> {
    handle.0.split_once(':').filter(|(_, folder)| folder.starts_with('/')).ok_or_else(|| {
        Error::new(ErrorKind::Store, format!("{handle:?} is not the handle of a process"))
    })
}

fn this_host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::Kind;
    use crate::launcher::Entry;
    use crate::settings::{Change, Origin, Patch, Shape};
    use longshore_protocol::id::{Digest, RunId, Tenant};

    fn job() -> Job {
        let run: RunId = "019d0000-0000-7000-8000-000000000001".parse().unwrap();
        Job {
            run,
            tenant: Tenant::default(),
            pool: "local".into(),
            flow: "hello".into(),
            store_mark: "0".into(),
            image: None,
            store_endpoint: None,
            needs_network: false,
            entry: Entry::Store {
                location: "/data/store".into(),
                tenant: Tenant::default(),
                run,
                order: Digest::of(b""),
                content: Vec::new(),
                variables: BTreeSet::from(["AWS_ACCESS_KEY_ID".to_owned()]),
            },
            runtime: "/usr/bin/longshore-runtime".into(),
            settings: Kind::Process.resolve([]).unwrap(),
            limits: longshore_protocol::limits::Limits::default(),
            work_max: std::time::Duration::from_secs(60),
            secret_variables: BTreeSet::from(["API_KEY".to_owned()]),
            labels: BTreeMap::new(),
        }
    }

    #[test]
    fn a_plan_is_the_whole_request() {
        let plan = plan(Path::new("/state"), &job()).unwrap();
        let arguments: Vec<_> = command_of(&plan).unwrap().arguments;
        assert_eq!(
            arguments.join(" "),
            "execute --store /data/store --tenant default --run 019d0000-0000-7000-8000-000000000001 \
             --order-sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert_eq!(
            plan.request["env_from_launcher"],
            serde_json::json!(["API_KEY", "AWS_ACCESS_KEY_ID"])
        );
        assert_eq!(
            folder_of(&plan.handle).unwrap(),
            Path::new("/state/jobs/019d0000-0000-7000-8000-000000000001")
        );
        assert_eq!(not_from_here(&plan.handle).unwrap(), None);
    }

    #[test]
    fn every_setting_reaches_the_plan() {
        let planned = plan(Path::new("/state"), &job()).unwrap();
        for setting in ProcessSettings::table() {
            let (key, probe) = match &setting.shape {
                Shape::Map => (format!("{}.PROBE", setting.key), "probe"),
                Shape::Path => (setting.key.to_owned(), "/probe"),
                Shape::Bool if setting.default == true => (setting.key.to_owned(), "false"),
                Shape::Bool => (setting.key.to_owned(), "true"),
                other => panic!("there is no probe for {other}"),
            };
            let change = Change::typed(&key, probe, Origin::caller("--set")).unwrap();
            let job = Job { settings: Kind::Process.resolve([&change]).unwrap(), ..job() };
            let with_probe = plan(Path::new("/state"), &job).unwrap();
            assert_ne!(with_probe, planned, "{key} makes no difference");
            let text = serde_json::to_string(&with_probe).unwrap();
            assert!(text.contains(probe), "{key} = {probe} is not in {text}");
        }
    }

    #[test]
    fn a_patch_changes_the_request_but_not_what_the_run_needs() {
        let planned = plan(Path::new("/state"), &job()).unwrap();
        let patched = |text: &str| {
            let patch = Patch::new(&text.into(), Origin::caller("--patch")).unwrap();
            let request = patch.applied_to(&planned.request);
            check_patched(&planned, &Plan { request, ..planned.clone() })
        };
        assert!(patched(r#"{"program": "/opt/wrapper", "env": {"A": "1"}}"#).is_ok());
        for (text, why) in [
            (r#"{"arguments": ["execute"]}"#, "the patch changes arguments, which"),
            (r#"{"env_from_launcher": null}"#, "the patch changes env_from_launcher, which"),
            (r#"{"wroking_dir": "/"}"#, "the patch leaves wroking_dir as no launcher"),
            (r#"{"env": {"A": 1}}"#, "the patch leaves env as no launcher"),
            (r#"{"program": null}"#, "the patch leaves program as no launcher"),
        ] {
            let error = crate::chain(&patched(text).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn a_job_of_another_host_is_not_asked_about() {
        let because = not_from_here(&Handle("elsewhere:/x".into())).unwrap().unwrap();
        assert!(because.starts_with("its process is on host elsewhere, and this is "), "{because}");
        assert!(not_from_here(&Handle("nonsense".into())).is_err());
    }
}
