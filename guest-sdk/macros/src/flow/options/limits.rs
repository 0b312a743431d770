//! The limits that a flow asks for: `limits(cpu = "10s", sockets = 4)`, and three of them under names of their own.

use proc_macro2::Ident;
use syn::{Error, Lit};

use super::{Given, values};
use crate::suggest;

#[derive(Clone, Copy)]
enum Unit {
    Bytes,
    Milliseconds,
    Count,
}

/// Word, key in the descriptor, unit: as `longshore_protocol::limits::LimitName`, which a test compares.
const LIMITS: [(&str, &str, Unit); 21] = [
    ("memory", "memory_bytes", Unit::Bytes),
    ("table_elements", "table_elements", Unit::Count),
    ("instances", "instances", Unit::Count),
    ("memories", "memories", Unit::Count),
    ("tables", "tables", Unit::Count),
    ("timeout", "timeout_ms", Unit::Milliseconds),
    ("cpu", "cpu_ms", Unit::Milliseconds),
    ("fuel", "fuel", Unit::Count),
    ("stack", "stack_bytes", Unit::Bytes),
    ("params", "params_bytes", Unit::Bytes),
    ("result", "result_bytes", Unit::Bytes),
    ("log", "log_bytes", Unit::Bytes),
    ("log_rate", "log_records_per_s", Unit::Count),
    ("host_call", "host_call_bytes", Unit::Bytes),
    ("handles", "handles", Unit::Count),
    ("http_headers", "http_header_bytes", Unit::Bytes),
    ("random", "random_bytes", Unit::Bytes),
    ("sockets", "sockets", Unit::Count),
    ("http_requests", "http_requests", Unit::Count),
    ("files", "files_bytes", Unit::Bytes),
    ("child_runs", "child_runs", Unit::Count),
];

pub(super) fn timeout(value: &Lit) -> syn::Result<String> {
    values::milliseconds(value, "timeout = \"30s\"")
}

pub(super) fn memory(value: &Lit) -> syn::Result<String> {
    values::bytes(value, "memory = \"256MiB\"")
}

pub(super) fn log(value: &Lit) -> syn::Result<String> {
    values::bytes(value, "log_limit = \"1MiB\"")
}

/// Word, key and amount of each limit in `limits(..)`.
pub(super) fn nested(given: Given) -> syn::Result<Vec<(Ident, &'static str, String)>> {
    const HOW: &str = "write the limits in parentheses: `limits(cpu = \"10s\", sockets = 4)`";
    let pairs = match given {
        Given::Nested(pairs) if !pairs.is_empty() => pairs,
        other => return Err(Error::new(other.span(), HOW)),
    };
    pairs.into_iter().map(one).collect()
}

fn one((word, value): (Ident, Lit)) -> syn::Result<(Ident, &'static str, String)> {
    let Some((name, key, unit)) = LIMITS.into_iter().find(|(name, ..)| word == *name) else {
        let words = LIMITS.map(|(word, ..)| word);
        let near = suggest::did_you_mean(&word.to_string(), &words);
        let text = format!("`{word}` is not a limit{near}\nthe limits are {}", words.join(", "));
        return Err(Error::new(word.span(), text));
    };
    let amount = match unit {
        Unit::Bytes => values::bytes(&value, &format!("{name} = \"1MiB\""))?,
        Unit::Milliseconds => values::milliseconds(&value, &format!("{name} = \"10s\""))?,
        Unit::Count => values::positive(&value, &format!("{name} = 100"))?,
    };
    Ok((word, key, amount))
}
