//! The options of `#[flow(..)]`, checked while the flow is compiled.

use std::time::Duration;

use proc_macro2::Ident;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Lit, LitInt, LitStr, Token};

use crate::suggest;

/// All options.
const OPTIONS: [&str; 7] =
    ["timeout", "memory", "retries", "retry_delay", "retry_delay_max", "log_limit", "name"];

/// The options of a flow.
#[derive(Default)]
pub(super) struct Options {
    /// Another name than the function's.
    pub(super) name: Option<String>,
    /// What the flow asks for, as the descriptor has it.
    pub(super) settings: Vec<(&'static str, String)>,
}

impl Parse for Options {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut options = Self::default();
        let mut seen: Vec<String> = Vec::new();
        for Assignment { option, value } in
            Punctuated::<Assignment, Token![,]>::parse_terminated(input)?
        {
            let key = option.to_string();
            if seen.contains(&key) {
                return Err(Error::new(option.span(), format!("`{key}` is given twice")));
            }
            match key.as_str() {
                "timeout" => options
                    .settings
                    .push(("timeout_ms", milliseconds(&value, "timeout = \"30s\"")?)),
                "memory" => {
                    options.settings.push(("memory_bytes", bytes(&value, "memory = \"256MiB\"")?));
                }
                "retries" => options.settings.push(("retries", count(&value)?)),
                "retry_delay" => options
                    .settings
                    .push(("retry_delay_ms", milliseconds(&value, "retry_delay = \"1s\"")?)),
                "retry_delay_max" => {
                    options.settings.push((
                        "retry_delay_max_ms",
                        milliseconds(&value, "retry_delay_max = \"1m\"")?,
                    ));
                }
                "log_limit" => {
                    options.settings.push(("log_bytes", bytes(&value, "log_limit = \"1MiB\"")?));
                }
                "name" => options.name = Some(name(&value)?),
                _ => return Err(unknown(&option)),
            }
            seen.push(key);
        }
        Ok(options)
    }
}

/// `option = value`.
struct Assignment {
    option: Ident,
    value: Lit,
}

impl Parse for Assignment {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let option = input.call(Ident::parse_any)?;
        if !OPTIONS.contains(&option.to_string().as_str()) {
            return Err(unknown(&option));
        }
        if !input.peek(Token![=]) {
            return Err(Error::new(
                option.span(),
                format!("write a value after it: `{option} = ..`"),
            ));
        }
        input.parse::<Token![=]>()?;
        Ok(Self { option, value: input.parse()? })
    }
}

fn unknown(option: &Ident) -> Error {
    let near = suggest::did_you_mean(&option.to_string(), &OPTIONS);
    Error::new(
        option.span(),
        format!(
            "`{option}` is not an option of a flow{near}\nthe options are {}",
            OPTIONS.join(", ")
        ),
    )
}

fn text(value: &Lit, example: &str) -> syn::Result<LitStr> {
    match value {
        Lit::Str(text) => Ok(text.clone()),
        other => Err(Error::new(other.span(), format!("write text with a unit: `{example}`"))),
    }
}

/// As `longshore_protocol::limits::parse_duration`.
fn milliseconds(value: &Lit, example: &str) -> syn::Result<String> {
    let text = text(value, example)?;
    let time = humantime::parse_duration(&text.value()).map_err(|error| {
        Error::new(
            text.span(),
            format!("this is not a duration: {error}; write for example `{example}`"),
        )
    })?;
    if time < Duration::from_millis(1) {
        return Err(Error::new(text.span(), "this is less than a millisecond"));
    }
    let milliseconds = u64::try_from(time.as_millis())
        .map_err(|_| Error::new(text.span(), "this is more milliseconds than fit into 64 bits"))?;
    Ok(milliseconds.to_string())
}

/// As `longshore_protocol::limits::parse_size`.
fn bytes(value: &Lit, example: &str) -> syn::Result<String> {
    let text = text(value, example)?;
    match text.value().parse::<bytesize::ByteSize>() {
        Ok(size) if size.as_u64() > 0 => Ok(size.as_u64().to_string()),
        Ok(_) => Err(Error::new(text.span(), "this is zero; a size must be at least one byte")),
        Err(_) => Err(Error::new(
            text.span(),
            format!("this is not a size; write for example `{example}`"),
        )),
    }
}

fn count(value: &Lit) -> syn::Result<String> {
    let parsed = match value {
        Lit::Int(number) => LitInt::base10_parse::<u32>(number),
        other => Err(Error::new(other.span(), "not a number")),
    };
    match parsed {
        Ok(count) => Ok(count.to_string()),
        Err(_) => Err(Error::new(
            value.span(),
            "this is not a number of retries; write for example `retries = 3`",
        )),
    }
}

fn name(value: &Lit) -> syn::Result<String> {
    let text = text(value, "name = \"word-count\"")?;
    let name = text.value();
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter));
    if is_name {
        Ok(name)
    } else {
        Err(Error::new(
            text.span(),
            "a flow's name starts with a letter and has letters, digits, `-` and `_`",
        ))
    }
}
