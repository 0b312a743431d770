//! From the digests of an order to a program that can be called.

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use longshore_protocol::abi::Abi;
use longshore_protocol::id::Digest;
use longshore_protocol::limits::Metering;
use longshore_protocol::record::{CodeSource, Order};
use wasmtime::component::Component;

use crate::compile::{CompileLimits, Compiled};
use crate::engine::Engine;
use crate::files::Folder;
use crate::sandbox::{Network, Program};
use crate::secrets::Secrets;
use crate::store::RunStore;
use crate::{Error, ErrorKind, chain};

/// The order's code, ready to be called, with its parameters.
pub(super) struct Loaded {
    pub(super) program: Program,
    pub(super) params: Bytes,
    pub(super) secrets: Secrets,
    /// Where the guest's files are. Removed with this value.
    pub(super) files: Option<Folder>,
    pub(super) code: CodeSource,
}

/// Why the order will not be executed: a sentence for the outcome.
pub(super) struct Refusal(pub(super) String);

/// The outer error: the store does not work. The inner one: the order cannot be executed, now or ever.
pub(super) async fn load(
    store: &RunStore,
    order: &Order,
    engine: &Engine,
    network: &Network,
) -> Result<Result<Loaded, Refusal>, Error> {
    if !Abi::CURRENT.can_execute(order.abi) {
        let current = Abi::CURRENT;
        return refuse(format!(
            "the component was built for flow ABI {}, this runtime executes {current}",
            order.abi
        ));
    }
    let secrets = match Secrets::read(&order.grants, variable) {
        Ok(secrets) => secrets,
        Err(why) => return refuse(why),
    };
    let (params, precompiled, files) = futures::try_join!(
        store.read_params(&order.params),
        precompiled(store, order, engine),
        files(store, order)
    )?;
    let files = match files {
        Ok(files) => files,
        Err(why) => return refuse(why),
    };
    let Some(params) = params else {
        return refuse(
            "the parameters are not in the store, or do not have the digest that the order says"
                .into(),
        );
    };
    let (component, code) = match precompiled {
        Ok(component) => (component, CodeSource::Precompiled),
        Err(because) => {
            let Some(bytes) = store.read_component(&order.component).await? else {
                return refuse("the component is not in the store, or does not have the digest that the order says".into());
            };
            match compiled_here(&bytes, engine, order.limits.metering()).await {
                Ok(component) => (component, CodeSource::CompiledHere { because }),
                Err(error) => return refuse(chain(&error)),
            }
        }
    };
    match Program::link(engine, &component) {
        Ok(program) => {
            let program = program.over(network.clone());
            let program = match &files {
                Some(folder) => program.with_files(folder),
                None => program,
            };
            Ok(Ok(Loaded { program, params, secrets, files, code }))
        }
        Err(error) => {
            refuse(format!("the component does not fit this runtime: {}", chain(error.as_ref())))
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where a secret is taken from there")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn refuse(reason: String) -> Result<Result<Loaded, Refusal>, Error> {
    Ok(Err(Refusal(reason)))
}

/// Lays the order's files out. The inner error says why they are of no use.
async fn files(store: &RunStore, order: &Order) -> Result<Result<Option<Folder>, String>, Error> {
    let Some(files) = &order.files else { return Ok(Ok(None)) };
    if files.bytes > order.limits.files_bytes {
        let (has, allowed) = (files.bytes, order.limits.files_bytes);
        return Ok(Err(format!("the files have {has} bytes, and {allowed} bytes are allowed")));
    }
    let Some(archive) = store.read_files(files).await? else {
        return Ok(Err(
            "the files are not in the store, or do not have the digest that the order says".into(),
        ));
    };
    Ok(Folder::lay_out(&archive, files).map(Some))
}

/// The inner error says why the order's artefact is of no use.
async fn precompiled(
    store: &RunStore,
    order: &Order,
    engine: &Engine,
) -> Result<Result<Component, String>, Error> {
    let Some(compiled) = &order.compiled else {
        return Ok(Err("the order names no compiled artefact".into()));
    };
    if compiled.engine != engine.fingerprint() {
        let ours = engine.fingerprint();
        return Ok(Err(format!(
            "the artefact was made by engine {}, this runtime has {ours}",
            compiled.engine
        )));
    }
    let Some(content) = store.read_compiled(compiled).await? else {
        return Ok(Err("the artefact is not in the store, or is damaged".into()));
    };
    Ok(engine.load(&content).map_err(|error| chain(error.as_ref())))
}

/// Compiles in a process of its own: see [`crate::compile`].
async fn compiled_here(
    component: &[u8],
    engine: &Engine,
    metering: Metering,
) -> Result<Component, Error> {
    let attempted =
        |error| Error::caused(ErrorKind::NotCompiled, "could not start the compiler", error);
    let folder = std::env::temp_dir().join(format!("longshore-compile-{}", std::process::id()));
    // What a process of the same id has left. What somebody else has put there, stays in the way.
    drop(fs::remove_dir_all(&folder));
    fs::DirBuilder::new().mode(0o700).create(&folder).map_err(attempted)?;
    let result = compile_in(&folder, component, engine, metering).await;
    // The folder is in the way of nobody; what matters is the result.
    drop(fs::remove_dir_all(&folder));
    result
}

async fn compile_in(
    folder: &std::path::Path,
    component: &[u8],
    engine: &Engine,
    metering: Metering,
) -> Result<Component, Error> {
    let attempted =
        |error| Error::caused(ErrorKind::NotCompiled, "could not start the compiler", error);
    let (input, output) = (folder.join("component.wasm"), folder.join("component.cwasm"));
    fs::write(&input, component).map_err(attempted)?;
    let mut command = tokio::process::Command::new(std::env::current_exe().map_err(attempted)?);
    command.arg("compile").arg("--component").arg(&input).arg("--output").arg(&output);
    command.args((metering == Metering::Fuel).then_some("--metered"));
    command.arg("--target").arg(engine.target().word());
    command.stdin(Stdio::null()).env_clear().kill_on_drop(true);
    // The compiler watches itself; this is for one that cannot any more.
    let patience = CompileLimits::default().timeout + Duration::from_secs(10);
    let done = tokio::time::timeout(patience, command.output())
        .await
        .map_err(|_| Error::new(ErrorKind::CompileLimit, "the compiler did not end in time"))?
        .map_err(attempted)?;
    if !done.status.success() {
        let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
        return Err(Error::new(ErrorKind::NotCompiled, said));
    }
    let compiled: Compiled = serde_json::from_slice(&done.stdout).map_err(|error| {
        Error::caused(ErrorKind::NotCompiled, "the compiler gave no answer", error)
    })?;
    let content = fs::read(&output).map_err(attempted)?;
    if compiled.engine != engine.fingerprint() || compiled.sha256 != Digest::of(&content) {
        return Err(Error::new(
            ErrorKind::NotCompiled,
            "the compiler's artefact is not what it said",
        ));
    }
    engine.load(&content).map_err(|error| {
        Error::caused(
            ErrorKind::NotCompiled,
            "could not load the compiled component",
            error.into_boxed_dyn_error(),
        )
    })
}
