//! `longshore inspect`

use std::collections::BTreeMap;
use std::path::PathBuf;

use bytesize::ByteSize;
use clap::Args;
use longshore_launchers::engine::describe;
use longshore_launchers::files::{Packed, Selection};
use longshore_protocol::component::Description;
use longshore_protocol::descriptor::{FlowDescriptor, ParamDescriptor};
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::grants::{Asks, FILES, FilePattern};
use longshore_protocol::id::Digest;
use longshore_protocol::limits::{LimitName, Limits};
use longshore_protocol::schema;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::input;
use crate::output;
use crate::settings::{Format, Settings};

/// Show the flows of a component: parameters, results, limits, imports
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// A component (.wasm), or the folder of a crate, which is built first.
    source: PathBuf,
    /// Show every limit of each flow, by the names that --limit and the settings of pools take.
    #[arg(long)]
    limits: bool,
    /// Show the files that a run of each flow would have with it. Nothing is shipped.
    #[arg(long)]
    files: bool,
    /// Files besides those that the flow asks for, as run takes them; shows them like --files.
    #[arg(long, value_name = "PATTERN", allow_hyphen_values = true)]
    include: Vec<FilePattern>,
}

pub(super) fn inspect(args: &InspectArgs, settings: &Settings) -> Result<ExitCode, Failure> {
    let component = input::component(&args.source, settings)?;
    let described = describe(&component)?;
    let (sha256, bytes) = (Digest::of(&component), component.len());
    match settings.format {
        Format::Human => output::answer(&human(&described, (&sha256, bytes), args)?)?,
        Format::Json => {
            let flow = |flow| flow_json(flow, args);
            let flows = described.flows.iter().map(flow).collect::<Result<Vec<_>, _>>()?;
            output::answer_json(&json!({
                "sha256": sha256, "bytes": bytes, "abi": described.abi.to_string(), "flows": flows,
                "imports": described.imports,
            }))?;
        }
    }
    Ok(exit::OK)
}

fn human(
    described: &Description,
    (sha256, bytes): (&Digest, usize),
    args: &InspectArgs,
) -> Result<String, Failure> {
    let Description { abi, flows, imports } = described;
    let mut lines = vec![
        format!("component  sha256:{sha256}"),
        format!("size       {}", ByteSize(bytes as u64)),
        format!("flow ABI   {abi}"),
    ];
    for flow in flows {
        lines.push(String::new());
        lines.extend(flow_lines(flow)?);
        if args.limits {
            lines.extend(all_limits(&flow.limits()?));
        }
        lines.extend(preview(flow, args)?.iter().flat_map(preview_lines));
    }
    lines.extend([String::new(), "imports".to_owned()]);
    lines.extend(imports.iter().map(|import| format!("  {import}")));
    Ok(output::safe(&lines.join("\n")))
}

fn flow_lines(flow: &FlowDescriptor) -> Result<Vec<String>, Failure> {
    let (limits, retry) = (flow.limits()?, flow.retry()?);
    let mut lines = vec![format!("flow {}", flow.name)];
    lines.extend(flow.doc.lines().map(|line| format!("  {line}")));
    let param = |param: &ParamDescriptor| {
        format!("  -p {}=<{}>", param.name, schema::describe(&param.schema))
    };
    lines.extend(flow.params.iter().map(param));
    lines.push(format!("  returns {}", schema::describe(&flow.result)));
    let (memory, log) = (ByteSize(limits.memory_bytes), ByteSize(limits.log_bytes));
    lines.push(format!(
        "  limits  memory {memory}, timeout {}, log {log}",
        duration(limits.timeout_ms)
    ));
    let asks = flow.asks()?;
    lines.extend(asks.network.iter().map(|asked| format!("  asks for network {asked}")));
    lines.extend(asks.env.iter().map(|name| format!("  asks for env {name}")));
    lines.extend(asks.secrets.iter().map(|asked| format!("  asks for secret {asked}")));
    lines.extend(flow.job_settings().map(|(key, value)| format!("  sets job {key}={value}")));
    lines.extend(asks.files.iter().map(|asked| format!("  asks for file {asked}")));
    if retry.retries > 0 {
        lines.push(format!(
            "  retries {} after {}, doubling",
            retry.retries,
            duration(retry.delay_ms)
        ));
    }
    Ok(lines)
}

fn all_limits(limits: &Limits) -> impl Iterator<Item = String> {
    LimitName::ALL.into_iter().map(|name| {
        let value = limits.get(name).map_or_else(|| "not counted".to_owned(), |n| name.show(n));
        format!("  limit {:<16} {value}", name.word())
    })
}

/// What a run of the flow would have with it. `None`: nobody asked to see that, or there is nothing to see.
fn preview(flow: &FlowDescriptor, args: &InspectArgs) -> Result<Option<Packed>, Failure> {
    let InspectArgs { source, limits: _, files, include } = args;
    let patterns = [flow.asks()?.files, include.clone()].concat();
    if !files && include.is_empty() || patterns.is_empty() {
        return Ok(None);
    }
    let selection = Selection::of(input::folder(source), &patterns)?;
    Ok(Some(selection.pack(flow.limits()?.files_bytes)?))
}

fn preview_lines(packed: &Packed) -> Vec<String> {
    let Packed { archive: _, reference, selection } = packed;
    let mut lines: Vec<_> = selection
        .files
        .iter()
        .map(|file| format!("  ships {FILES}/{} ({})", file.path, ByteSize(file.bytes)))
        .collect();
    lines.extend(selection.warnings.iter().map(|text| format!("  warning: {text}")));
    let (all, packed) = (ByteSize(selection.bytes()), ByteSize(reference.bytes));
    lines.push(format!("  ships {} in all ({all}, packed {packed})", reference.count));
    lines
}

fn preview_json(packed: &Packed) -> Value {
    let Packed { archive: _, reference, selection } = packed;
    let files = selection.files.iter();
    let files: Vec<_> = files.map(|file| json!({"path": file.path, "bytes": file.bytes})).collect();
    json!({"files": files, "warnings": selection.warnings, "packed": reference})
}

fn asks_json(flow: &FlowDescriptor) -> Result<Value, Failure> {
    let Asks { network, env, secrets, files, job: _ } = flow.asks()?;
    let secrets: Vec<_> = secrets.iter().map(ToString::to_string).collect();
    Ok(json!({"network": network, "env": env, "secrets": secrets, "files": files}))
}

fn duration(ms: u64) -> humantime::FormattedDuration {
    humantime::format_duration(std::time::Duration::from_millis(ms))
}

fn flow_json(flow: &FlowDescriptor, args: &InspectArgs) -> Result<Value, Failure> {
    let params: Vec<_> = flow
        .params
        .iter()
        .map(|param| json!({"name": param.name, "type": schema::describe(&param.schema), "schema": param.schema}))
        .collect();
    Ok(json!({
        "name": flow.name, "doc": flow.doc, "params": params,
        "result": {"type": schema::describe(&flow.result), "schema": flow.result},
        "limits": flow.limits()?, "asks": asks_json(flow)?, "retry": flow.retry()?,
        "job": flow.job_settings().collect::<BTreeMap<_, _>>(), "sdk": flow.setting("sdk"),
        "ships": preview(flow, args)?.as_ref().map(preview_json),
    }))
}
