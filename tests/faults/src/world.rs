//! What all plays share: the component, its machine code, and places for an engine.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use bytes::Bytes;
use longshore_launchers::engine::{Params, Places, Request, Terms};
use longshore_launchers::pool::{Overrides, Pool};
use longshore_launchers::surroundings::Surroundings;
use longshore_protocol::grants::SecretSource;
use longshore_protocol::id::Digest;
use longshore_runtime::engine::{Engine, EngineSettings};
use longshore_runtime::facts::Facts;
use tempfile::TempDir;

use crate::SECRET;
use crate::flow::{FLOWS, Flow};

/// What all plays share.
#[derive(Debug)]
pub struct World {
    folder: TempDir,
    requests: HashMap<&'static str, Request>,
}

impl World {
    /// Builds and compiles the fixtures, and keeps what an engine needs below `parent`.
    pub fn below(parent: &Path) -> Self {
        let component = fs::read(longshore_tests::fixtures()).expect("the fixtures were built");
        let folder = tempfile::tempdir_in(parent).expect("a folder can be made");
        prepare_runtime(folder.path(), &component);
        let (component, secret) = (Bytes::from(component), folder.path().join("secret"));
        fs::write(&secret, SECRET).expect("the folder can be written");
        fs::write(folder.path().join("config.yaml"), "port: 80")
            .expect("the folder can be written");
        let overrides = overrides(&secret);
        let request = |flow| request(flow, &component, folder.path(), &overrides);
        let requests = FLOWS.iter().map(|flow| (flow.name, request(flow))).collect();
        Self { folder, requests }
    }

    pub(crate) fn request(&self, flow: &Flow) -> Request {
        self.requests[flow.name].clone()
    }

    pub(crate) fn places(&self) -> Places {
        let at = |name| self.folder.path().join(name);
        let (runtime, cache, state) = (at("runtime"), at("cache"), at("state"));
        Places { runtime, image_runtime: None, cache, state, surroundings: surroundings() }
    }
}

/// A launcher has secrets in its environment, whether a flow asks for them or not.
fn surroundings() -> Surroundings {
    Surroundings::from_iter([("API_KEY".to_owned(), SECRET.to_owned())])
}

/// The flows that ask for a secret read it from the file `secret`.
fn overrides(secret: &Path) -> Overrides {
    let secret = SecretSource::File(secret.display().to_string());
    let secrets = BTreeMap::from([("API_KEY".to_owned(), secret)]);
    Overrides { allow_all: true, secrets, ..Overrides::default() }
}

fn request(flow: &Flow, component: &Bytes, folder: &Path, overrides: &Overrides) -> Request {
    let params: BTreeMap<_, _> = (flow.params)()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), Params::Json(value)))
        .collect();
    let (pool, surroundings) = (Pool::local(), surroundings());
    let terms = Terms { pool: &pool, overrides, surroundings: &surroundings };
    let mut request = Request::new(component.clone(), Some(flow.flow), params, folder, &terms)
        .unwrap_or_else(|error| panic!("{}: {}", flow.name, longshore_launchers::chain(&error)));
    if let Some(retry) = &flow.retry {
        request.retry = retry.clone();
    }
    request
}

/// An engine asks the runtime's program what it is, and has it compile. This one answers what was found out here, so
/// that both happen once.
fn prepare_runtime(folder: &Path, component: &[u8]) {
    let engine = Engine::new(EngineSettings::default()).expect("an engine can be started");
    let code = engine.compile(component).expect("the fixtures can be compiled");
    let compiled = serde_json::json!({
        "engine": engine.fingerprint(), "sha256": Digest::of(&code), "bytes": code.len(),
    });
    let facts = Facts::gather().expect("engines can be started");
    let facts = serde_json::to_vec(&facts).expect("facts are JSON");
    let compiled = serde_json::to_vec(&compiled).expect("what was compiled is JSON");
    let at = folder.display();
    let program = format!(
        "#!/bin/sh\nset -e\ncase $1 in\nfacts) exec /bin/cat {at}/facts.json ;;\n\
         compile) /bin/cp {at}/code \"$5\"; exec /bin/cat {at}/compiled.json ;;\nesac\nexit 64\n"
    );
    let files: [(&str, &[u8]); 4] = [
        ("facts.json", &facts),
        ("code", &code),
        ("compiled.json", &compiled),
        ("runtime", program.as_bytes()),
    ];
    for (name, content) in files {
        fs::write(folder.join(name), content).expect("the folder can be written");
    }
    fs::set_permissions(folder.join("runtime"), fs::Permissions::from_mode(0o700))
        .expect("the program is ours");
}
