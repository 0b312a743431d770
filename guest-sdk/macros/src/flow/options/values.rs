//! Values of options: durations, sizes, counts, names. As `longshore_protocol::limits` reads them.

use std::time::Duration;

use syn::{Error, Lit, LitInt, LitStr};

fn text(value: &Lit, example: &str) -> syn::Result<LitStr> {
    match value {
        Lit::Str(text) => Ok(text.clone()),
        other => Err(Error::new(other.span(), format!("write text with a unit: `{example}`"))),
    }
}

pub(super) fn milliseconds(value: &Lit, example: &str) -> syn::Result<String> {
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

pub(super) fn bytes(value: &Lit, example: &str) -> syn::Result<String> {
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

pub(super) fn count(value: &Lit) -> syn::Result<String> {
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

pub(super) fn positive(value: &Lit, example: &str) -> syn::Result<String> {
    let parsed = match value {
        Lit::Int(number) => number.base10_parse::<u64>().ok().filter(|count| *count > 0),
        _ => None,
    };
    parsed.map(|count| count.to_string()).ok_or_else(|| {
        Error::new(
            value.span(),
            format!("this is not a number of 1 or more; write for example `{example}`"),
        )
    })
}

pub(super) fn name(value: &Lit) -> syn::Result<String> {
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
