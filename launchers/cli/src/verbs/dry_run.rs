//! `--dry-run`: what `longshore run` and `submit` would do.

use bytesize::ByteSize;
use longshore_launchers::engine::{DryRun, Request, Upload};
use longshore_launchers::settings::Effective;
use longshore_protocol::exit::{self, ExitCode};
use longshore_protocol::limits::LimitName;
use longshore_protocol::record::{Order, Payload};
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::input::Shown;
use crate::output;
use crate::settings::{Format, Settings};

/// Prints what would be done. Nothing is stored, and nobody is contacted.
pub(super) async fn dry_run(
    request: &Request,
    shown: Shown,
    settings: &Settings,
) -> Result<ExitCode, Failure> {
    let would = settings.rehearsing_engine()?.dry_run(request).await?;
    match (shown, settings.format) {
        (Shown::All, Format::Human) => output::answer(&output::safe(&human(&would)))?,
        (Shown::All, Format::Json) => output::answer_json(&json!(would))?,
        (Shown::Manifest, _) => {
            let manifest = would.manifest.as_deref().ok_or_else(|| no_manifest(would.kind))?;
            output::answer(&output::safe(manifest.trim_end()))?;
        }
    }
    Ok(exit::OK)
}

fn no_manifest(kind: &str) -> Failure {
    Failure::input(format!("no other tool takes what is requested of the kind {kind}"))
        .hint("--dry-run without =manifest shows the request")
}

fn human(would: &DryRun) -> String {
    let DryRun { pool, kind, store, order, settings, patched_by, uploads, plan, manifest: _ } =
        would;
    let mut lines = vec![
        "dry run: nothing is stored, and nobody is contacted".to_owned(),
        String::new(),
        format!("flow        {}", order.flow),
        format!("pool        {pool} ({kind})"),
        format!("store       {store}"),
        format!("parameters  {}", parameters(&order.params)),
    ];
    lines.extend(order.deadline.map(|deadline| format!("deadline    {deadline}")));
    if order.retry.retries > 0 {
        lines.push(format!("retries     {}", order.retry.retries));
    }
    lines.extend(order.labels.iter().map(|(key, value)| format!("label       {key}={value}")));
    section(&mut lines, "uploaded, where the store does not have it", uploads.iter().map(upload));
    section(&mut lines, "job settings", settings.iter().map(setting));
    section(&mut lines, "limits", limits(order));
    section(&mut lines, "grants", grants(order));
    let by: Vec<_> = patched_by.iter().map(ToString::to_string).collect();
    let by = if by.is_empty() { String::new() } else { format!(", patched by {}", by.join(", ")) };
    let request = format!("{:#}", plan.request);
    section(&mut lines, &format!("request{by}"), request.lines().map(str::to_owned));
    lines.join("\n")
}

fn section(lines: &mut Vec<String>, head: &str, of: impl Iterator<Item = String>) {
    let of: Vec<_> = of.map(|line| format!("  {line}")).collect();
    if !of.is_empty() {
        lines.extend([String::new(), head.to_owned()]);
        lines.extend(of);
    }
}

fn parameters(params: &Payload) -> String {
    let bytes = ByteSize(params.bytes());
    match params {
        Payload::Inline { .. } => format!("{bytes}, in the order"),
        Payload::Object { .. } => format!("{bytes}, an object of their own"),
    }
}

fn upload(Upload { what, bytes, sha256 }: &Upload) -> String {
    match (bytes, sha256) {
        (Some(bytes), Some(sha256)) => format!("{what:<18} {}, sha256:{sha256}", ByteSize(*bytes)),
        _ => format!("{what:<18} not compiled yet"),
    }
}

fn setting(Effective { key, value, origin }: &Effective) -> String {
    let value = if value.is_null() { "none".to_owned() } else { value.to_string() };
    format!("{:<40} # {origin}", format!("{key} = {value}"))
}

fn limits(order: &Order) -> impl Iterator<Item = String> {
    LimitName::ALL.into_iter().map(|name| {
        let value = order.limits.get(name);
        let value = value.map_or_else(|| "not counted".to_owned(), |value| name.show(value));
        format!("{:<16} {value}", name.word())
    })
}

fn grants(order: &Order) -> impl Iterator<Item = String> {
    let grants = &order.grants;
    let network = grants.network.iter().map(|grant| format!("network {grant}"));
    let env =
        grants.env.iter().map(|(name, value)| format!("env {name}={}", Value::from(&**value)));
    let secrets =
        grants.secrets.iter().map(|(name, grant)| format!("secret {name} from {}", grant.from));
    network.chain(env).chain(secrets)
}
