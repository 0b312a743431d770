//! What is asked for, checked before anything is stored.

use std::collections::BTreeMap;
use std::path::Path as FilePath;
use std::time::Duration;

use bytes::Bytes;
use longshore_protocol::abi::Abi;
use longshore_protocol::component::{self, Description};
use longshore_protocol::descriptor::{FlowDescriptor, ParamDescriptor};
use longshore_protocol::grants::Grants;
use longshore_protocol::id::{Digest, RunId};
use longshore_protocol::limits::Limits;
use longshore_protocol::retry::RetryPolicy;
use longshore_protocol::schema::{self, Path};
use longshore_protocol::suggest;
use serde_json::Value;

use super::FileContent;
use crate::files::{Files, Selection};
use crate::pool::{Admitted, Overrides, Pool};
use crate::settings::{JobSettings, Patch};
use crate::surroundings::Surroundings;
use crate::{Error, ErrorKind};

/// A value for a parameter, as it was given.
#[derive(Debug)]
pub enum Params {
    /// One JSON value.
    Json(Value),
    /// Text as typed: JSON, or the string itself where the schema wants a string.
    Typed(String),
    /// The content of a file: bytes, text or JSON, as the schema wants.
    Content(FileContent),
}

/// A run that is asked for: everything in it has been checked against the component.
#[derive(Debug, Clone)]
pub struct Request {
    /// The component.
    pub component: Bytes,
    /// Its digest.
    pub digest: Digest,
    /// The guest contract that it was built for.
    pub abi: Abi,
    /// The flow.
    pub flow: FlowDescriptor,
    /// Its serialized parameters.
    pub params: Bytes,
    /// The files that it has with it.
    pub files: Files,
    /// What each attempt may use.
    pub limits: Limits,
    /// What the sandbox lets it do besides.
    pub grants: Grants,
    /// What is set about its job.
    pub settings: JobSettings,
    /// What is changed in the job's request: the pool's patches, then the caller's.
    pub patches: Vec<Patch>,
    /// When a failed attempt is repeated.
    pub retry: RetryPolicy,
    /// The time that all attempts together have.
    pub deadline: Option<Duration>,
    /// For people and filters.
    pub labels: BTreeMap<String, String>,
    /// The run that this one repeats.
    pub retry_of: Option<RunId>,
}

/// On which terms a run is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// Where it is to run.
    pub pool: &'a Pool,
    /// What whoever asks says besides.
    pub overrides: &'a Overrides,
    /// Where values of environment variables come from.
    pub surroundings: &'a Surroundings,
}

impl Request {
    /// Checks a component, a flow's name and its parameters, and packs the files that belong to it from `folder`.
    ///
    /// # Errors
    /// Says what is wrong with which of them; nothing has been stored then.
    pub fn new(
        component: Bytes,
        flow: Option<&str>,
        params: BTreeMap<String, Params>,
        folder: &FilePath,
        terms: &Terms<'_>,
    ) -> Result<Self, Error> {
        let described = describe(&component)?;
        let (abi, flow) = (described.abi, described.flow(flow)?.clone());
        let params = encode(&flow, params)?;
        let request = Self::with_params(component, (abi, flow), params, terms)?;
        request.with_files(folder, terms.overrides)
    }

    fn with_files(self, folder: &FilePath, overrides: &Overrides) -> Result<Self, Error> {
        let patterns = [self.flow.asks()?.files, overrides.include.clone()].concat();
        if patterns.is_empty() {
            return Ok(self);
        }
        let packed = Selection::of(folder, &patterns)?.pack(self.limits.files_bytes)?;
        Ok(Self { files: Files::Packed(packed), ..self })
    }

    /// A request with parameters that are serialized already.
    ///
    /// # Errors
    /// When the pool does not admit the flow, the parameters are over their limit, or the flow's settings cannot be
    /// read.
    pub fn with_params(
        component: Bytes,
        (abi, flow): (Abi, FlowDescriptor),
        params: Bytes,
        terms: &Terms<'_>,
    ) -> Result<Self, Error> {
        let Terms { pool, overrides, surroundings } = terms;
        let Admitted { limits, grants, settings } = pool.admit(&flow, overrides, surroundings)?;
        if params.len() as u64 > limits.params_bytes {
            return Err(Error::new(
                ErrorKind::BadInput,
                format!(
                    "the parameters of {} have {} bytes, and {} bytes are allowed",
                    flow.name,
                    params.len(),
                    limits.params_bytes
                ),
            )
            .hint("put large data into object storage and pass its address"));
        }
        let retry = flow.retry()?;
        let digest = Digest::of(&component);
        let labels = pool.labels.clone();
        let patches = pool.patches.iter().chain(&overrides.patches).cloned().collect();
        Ok(Self {
            component,
            digest,
            abi,
            flow,
            params,
            files: Files::None,
            limits,
            grants,
            settings,
            patches,
            retry,
            deadline: None,
            labels,
            retry_of: None,
        })
    }
}

/// Describes a component, with a hint where that fails.
///
/// # Errors
/// Says what is wrong with the bytes.
pub fn describe(component: &[u8]) -> Result<Description, Error> {
    component::describe(component).map_err(|error| {
        let text = error.to_string();
        let hint = if text.contains("core module") {
            "build it for wasm32-wasip2: longshore build, or cargo build --release --target wasm32-wasip2"
        } else if text.contains("flow ABI") {
            "rebuild the component with the version of longshore-sdk that belongs to this longshore"
        } else if text.contains("no section") {
            "mark a function with #[flow] from longshore-sdk, and build the crate as a cdylib"
        } else {
            "longshore build makes a component from a crate; longshore new makes such a crate"
        };
        Error::from(error).hint(hint)
    })
}

fn encode(flow: &FlowDescriptor, mut given: BTreeMap<String, Params>) -> Result<Bytes, Error> {
    let names = || flow.params.iter().map(|param| param.name.as_str());
    if let Some(unknown) = given.keys().find(|name| names().all(|known| known != name.as_str())) {
        let error = Error::new(
            ErrorKind::BadInput,
            format!("the flow {} has no parameter {unknown:?}", flow.name),
        );
        return Err(match suggest::nearest(unknown, names()) {
            Some(near) => error.hint(format!("did you mean {near:?}?")),
            None => error.hint(parameters_hint(flow)),
        });
    }
    let mut serialized = Vec::new();
    for param in &flow.params {
        serialized.push(match given.remove(&param.name) {
            Some(value) => encode_one(param, value)?,
            None if schema::is_optional(&param.schema) => {
                encode_one(param, Params::Json(Value::Null))?
            }
            None => {
                let expected = schema::describe(&param.schema);
                let text = format!(
                    "the flow {} needs the parameter {}: {expected}",
                    flow.name, param.name
                );
                return Err(
                    Error::new(ErrorKind::BadInput, text).hint(format!("add -p {}=…", param.name))
                );
            }
        });
    }
    Ok(match serialized.as_slice() {
        // It may be large, and is not copied.
        [only] => only.clone(),
        all => all.concat().into(),
    })
}

fn parameters_hint(flow: &FlowDescriptor) -> String {
    if flow.params.is_empty() {
        return "it takes none".to_owned();
    }
    let list = flow
        .params
        .iter()
        .map(|param| format!("{}: {}", param.name, schema::describe(&param.schema)));
    format!("its parameters are {}", list.collect::<Vec<_>>().join(", "))
}

fn encode_one(param: &ParamDescriptor, given: Params) -> Result<Bytes, Error> {
    let mut path = Path::root("params");
    path.in_field(&param.name, |path| {
        let value = match given {
            Params::Json(value) => value,
            Params::Typed(text) => typed(param, &text, path)?,
            Params::Content(content) if schema::is_bytes(&param.schema) => {
                return Ok(content.serialized());
            }
            Params::Content(content) => {
                let text = String::from_utf8(content.bytes().to_vec()).map_err(|error| {
                    let text = format!("{path}: the file is not UTF-8 text");
                    Error::caused(ErrorKind::BadInput, text, error)
                        .hint("only parameters of type bytes take any file")
                })?;
                if schema::is_text(&param.schema) {
                    Value::String(text)
                } else {
                    json(param, &text, path)?
                }
            }
        };
        Ok(schema::encode(&param.schema, &value, path)?.into())
    })
}

/// What was typed on a command line: a bare word where the schema says string, JSON elsewhere.
fn typed(param: &ParamDescriptor, text: &str, path: &Path) -> Result<Value, Error> {
    if schema::is_byte_string(&param.schema) {
        return Ok(Value::String(text.trim_matches('"').to_owned()));
    }
    if !schema::is_text(&param.schema) {
        return json(param, text, path);
    }
    // `"5"` with its quotes is the string 5, and `null` is None where the parameter is optional.
    match serde_json::from_str(text) {
        Ok(Value::String(quoted)) => Ok(Value::String(quoted)),
        Ok(Value::Null) if schema::is_optional(&param.schema) => Ok(Value::Null),
        Ok(object @ Value::Object(_)) => Ok(object),
        _ => Ok(Value::String(text.to_owned())),
    }
}

fn json(param: &ParamDescriptor, text: &str, path: &Path) -> Result<Value, Error> {
    serde_json::from_str(text).map_err(|error| {
        let expected = schema::describe(&param.schema);
        let shown: String = text.chars().take(40).collect();
        Error::caused(
            ErrorKind::BadInput,
            format!("{path}: expected {expected} as JSON, got {shown:?}"),
            error,
        )
    })
}
