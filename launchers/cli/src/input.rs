//! What a person hands over: components and parameters.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use longshore_launchers::engine::{FileContent, Params, Request};
use longshore_launchers::pool::Overrides;
use longshore_protocol::grants::FilePattern;
use longshore_protocol::label;
use longshore_protocol::limits::{LimitName, LimitSet, parse_duration, parse_size};
use serde_json::Value;

use crate::build;
use crate::failure::Failure;
use crate::job::JobArgs;
use crate::settings::Settings;

/// A component's own stack takes one MiB.
const MEMORY_BYTES_MIN: u64 = 1 << 20;

/// A flow, its parameters, and what it may use.
#[derive(Debug, Args)]
pub(crate) struct FlowArgs {
    /// A component (.wasm), or the folder of a crate, which is built first.
    source: PathBuf,
    /// The flow, where the component has several.
    flow: Option<String>,
    /// A parameter: JSON, or bare text where the flow takes a string. @FILE takes the content of a file, @@ is an @.
    #[arg(short, long = "param", value_name = "NAME=VALUE")]
    param: Vec<String>,
    /// A file with a JSON object of all parameters; - is standard input. -p overrides it.
    #[arg(long, value_name = "FILE")]
    params: Option<PathBuf>,
    /// Wall time of one attempt, for example 30s.
    #[arg(long, value_parser = parse_duration)]
    timeout: Option<std::time::Duration>,
    /// Wall time of all attempts together.
    #[arg(long, value_parser = parse_duration)]
    deadline: Option<std::time::Duration>,
    /// Memory of the flow, for example 256MiB.
    #[arg(long, value_parser = parse_size)]
    memory: Option<u64>,
    /// Any limit, for example cpu=10s or sockets=4; longshore inspect --limits shows all.
    #[arg(long, value_name = "NAME=VALUE", value_parser = LimitSet::parse)]
    limit: Vec<(LimitName, u64)>,
    /// Grant what the flow asks for: network=HOST:PORT, env=NAME, secret=NAME, job=KEY, file=PATTERN, files for all of
    /// its files, or all. For pools without a policy.
    #[arg(long, value_name = "GRANT")]
    allow: Vec<String>,
    /// The value of an environment variable that the flow reads. Default: the one around longshore.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Where a secret is read: env:NAME or file:/PATH. Default: the environment variable of the same name.
    #[arg(long, value_name = "NAME=PLACE")]
    secret: Vec<String>,
    /// Files to ship besides those that the flow asks for: a pattern as in .gitignore, for the folder of the crate, or the
    /// current one. The flow reads them below /files.
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    include: Vec<FilePattern>,
    /// Further attempts after one that failed.
    #[arg(long)]
    retries: Option<u32>,
    /// A label, for people and filters.
    #[arg(long, value_name = "KEY=VALUE", value_parser = label::parse)]
    label: Vec<(String, String)>,
    #[command(flatten)]
    job: JobArgs,
    /// Print what would be requested, and do nothing: nothing is stored or compiled, and nobody is contacted. With
    /// =manifest, print only the request, in the form that other tools of the infrastructure take.
    #[arg(
        long,
        value_name = "WHAT",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "all"
    )]
    dry_run: Option<Shown>,
}

/// What a dry run shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Shown {
    /// All that would be done.
    All,
    /// What would be requested.
    Manifest,
}

impl FlowArgs {
    /// What is to be said of what would be done. `None`: it is to be done.
    pub(crate) fn dry_run(&self) -> Option<Shown> {
        self.dry_run
    }

    /// Builds where there is something to build, and checks everything against the component.
    pub(crate) fn request(&self, settings: &Settings) -> Result<Request, Failure> {
        let Self { source, flow, param, params, deadline, retries, label, .. } = self;
        if let Some(word) = flow.as_ref().filter(|word| word.contains('=')) {
            return Err(Failure::input(format!("{word:?} is not the name of a flow"))
                .hint(format!("a parameter needs -p before it: -p {word}")));
        }
        // What is wrong with the words should not take a build to find out.
        let given = parameters(param, params.as_deref())?;
        let labels = labels(label)?;
        let overrides = self.overrides()?;
        let component = component(source, settings)?;
        let terms = settings.terms(&overrides);
        let mut request = Request::new(component, flow.as_deref(), given, folder(source), &terms)?;
        request.labels.extend(labels);
        request.deadline = *deadline;
        request.retry.retries = retries.unwrap_or(request.retry.retries);
        Ok(request)
    }

    fn overrides(&self) -> Result<Overrides, Failure> {
        let Self { timeout, memory, limit, allow, env, secret, job, include, .. } = self;
        if let Some(bytes) = memory.filter(|bytes| *bytes < MEMORY_BYTES_MIN) {
            return Err(Failure::input(format!(
                "--memory {bytes} bytes is less than any flow needs"
            ))
            .hint("write the unit: 64MiB"));
        }
        let mut overrides = Overrides {
            limits: limit.iter().copied().collect(),
            job: job.changes()?,
            patches: job.patches()?,
            include: include.clone(),
            ..Overrides::default()
        };
        if let Some(timeout) = timeout {
            let timeout_ms = timeout.as_millis().try_into().unwrap_or(u64::MAX);
            overrides.limits.insert(LimitName::TimeoutMs, timeout_ms);
        }
        if let Some(memory) = memory {
            overrides.limits.insert(LimitName::MemoryBytes, *memory);
        }
        for text in allow {
            allow_one(text, &mut overrides)?;
        }
        for text in env {
            let (name, value) = pair(text, "an environment variable")?;
            overrides.env.insert(name.to_owned(), value.to_owned());
        }
        for text in secret {
            let (name, place) = pair(text, "the place of a secret")?;
            // What was typed may be the secret itself: it is not repeated.
            let place = place.parse().map_err(|_| {
                Failure::input(format!("--secret {name}=… does not say where the secret is"))
                    .hint("write env:NAME or file:/PATH; a value itself is never taken")
            })?;
            overrides.secrets.insert(name.to_owned(), place);
        }
        Ok(overrides)
    }
}

fn allow_one(text: &str, overrides: &mut Overrides) -> Result<(), Failure> {
    if text == "all" {
        overrides.allow_all = true;
        return Ok(());
    }
    if text == "files" {
        overrides.allow_files = true;
        return Ok(());
    }
    let wrong = |why: &str| {
        Failure::input(format!("--allow {text}: {why}")).hint(
            "write network=HOST:PORT, env=NAME, secret=NAME, job=KEY, file=PATTERN, files, or all",
        )
    };
    let (kind, value) = text.split_once('=').ok_or_else(|| wrong("this is not a grant"))?;
    match overrides.allow.add(kind, value) {
        Ok(true) => Ok(()),
        Ok(false) => Err(wrong(&format!("{kind:?} is not a kind of grant"))),
        Err(why) => Err(wrong(&why)),
    }
}

/// The folder whose files a flow may have with it: that of its crate, or the current one.
pub(crate) fn folder(source: &Path) -> &Path {
    if source.is_dir() { source } else { Path::new(".") }
}

/// The bytes of a component: from a file, or built from a crate.
pub(crate) fn component(source: &Path, settings: &Settings) -> Result<Bytes, Failure> {
    if source.is_dir() {
        let built = build::build(source, &build::Options::default(), settings)?;
        return read(&built.component);
    }
    read(source)
}

fn read(path: &Path) -> Result<Bytes, Failure> {
    std::fs::read(path).map(Bytes::from).map_err(|error| {
        Failure::input(format!("could not read {}: {error}", path.display())).hint(
            "name a component (.wasm) or the folder of a crate; longshore new makes such a crate",
        )
    })
}

fn parameters(given: &[String], file: Option<&Path>) -> Result<BTreeMap<String, Params>, Failure> {
    let mut parameters = match file {
        Some(path) => from_file(path)?,
        None => BTreeMap::new(),
    };
    let mut seen = Vec::new();
    for text in given {
        let (name, value) = pair(text, "a parameter")?;
        if seen.contains(&name) {
            return Err(Failure::input(format!("the parameter {name} is given twice")));
        }
        seen.push(name);
        let value = match value.strip_prefix('@') {
            Some(rest) if rest.starts_with('@') => Params::Typed(rest.to_owned()),
            Some(path) => Params::Content(FileContent::read(Path::new(path)).map_err(|error| {
                Failure::input(format!(
                    "parameter {name}: could not read the file {path:?}: {error}"
                ))
                .hint("write @@ for a value that begins with an @")
            })?),
            None => Params::Typed(value.to_owned()),
        };
        parameters.insert(name.to_owned(), value);
    }
    Ok(parameters)
}

pub(crate) fn pair<'a>(text: &'a str, what: &str) -> Result<(&'a str, &'a str), Failure> {
    text.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| Failure::input(format!("{text:?} is not {what}")).hint("write NAME=VALUE"))
}

fn labels(given: &[(String, String)]) -> Result<BTreeMap<String, String>, Failure> {
    let mut labels = BTreeMap::new();
    for (key, value) in given {
        if labels.insert(key.clone(), value.clone()).is_some() {
            return Err(Failure::input(format!("the label {key} is given twice")));
        }
    }
    if labels.len() > label::LABELS_MAX {
        let (count, max) = (labels.len(), label::LABELS_MAX);
        return Err(Failure::input(format!("{count} labels are given, and {max} are allowed")));
    }
    Ok(labels)
}

fn from_file(path: &Path) -> Result<BTreeMap<String, Params>, Failure> {
    let shown = if path == Path::new("-") {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    };
    let mut content = Vec::new();
    let result = if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut content).map(|_| ())
    } else {
        std::fs::read(path).map(|bytes| content = bytes)
    };
    result.map_err(|error| {
        Failure::input(format!("could not read the parameters from {shown}: {error}"))
    })?;
    let text = String::from_utf8(content).map_err(|error| {
        Failure::input(format!("the parameters in {shown} are not UTF-8 text: {error}"))
    })?;
    match serde_json::from_str(&text) {
        Ok(Value::Object(fields)) => {
            Ok(fields.into_iter().map(|(name, value)| (name, Params::Json(value))).collect())
        }
        Ok(_) => Err(Failure::input(format!("the parameters in {shown} are not a JSON object"))
            .hint(r#"write {"name": value, …}"#)),
        Err(error) => {
            Err(Failure::input(format!("the parameters in {shown} are not JSON: {error}")))
        }
    }
}
