//! What a flow asks to be granted: hosts, environment variables, secrets, files. `longshore_protocol::grants` has the
//! whole grammar; what is checked here is what authors get wrong.

use syn::{Error, LitStr};

use super::Given;

pub(super) fn network(given: &Given) -> syn::Result<Vec<String>> {
    each(given, "network = [\"api.example.com:443\"]", |text| {
        let place = text.rsplit(' ').next().unwrap_or_default();
        if place.contains("://") {
            return Err("leave out what stands before and with `://`: `api.example.com:443`");
        }
        match place.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() => match port.parse::<u16>() {
                Ok(port) if port > 0 => Ok(()),
                _ if port == "*" => Ok(()),
                _ => Err("the port is not a number from 1 to 65535, or `*`"),
            },
            _ => Err("a host needs a port: `api.example.com:443`"),
        }
    })
}

pub(super) fn env(given: &Given) -> syn::Result<Vec<String>> {
    each(given, "env = [\"REGION\"]", variable)
}

pub(super) fn secrets(given: &Given) -> syn::Result<Vec<String>> {
    each(given, "secrets = [\"API_KEY\"]", |text| {
        let (name, place) = text.split_once('@').unwrap_or((text, "host:*"));
        if !place.contains(':') {
            return Err("a place needs a port: `API_KEY@api.example.com:443`");
        }
        variable(name)
    })
}

pub(super) fn files(given: &Given) -> syn::Result<Vec<String>> {
    each(given, "files = [\"data/\", \"*.csv\", \"!x.csv\"]", |text| {
        let body = text.strip_prefix('!').unwrap_or(text);
        if body.trim_end().is_empty() || body.contains('\0') {
            return Err("no file has this name");
        }
        if text.starts_with('#') {
            return Err("this is a comment; write `\\#` for a name that begins so");
        }
        if body.starts_with('/') {
            return Err(
                "files are found below the crate's root: leave out the `/` in front, or write `./`",
            );
        }
        if body.split('/').any(|part| part == "..") {
            return Err("files are found below the crate's root: `..` leads out of it");
        }
        Ok(())
    })
}

fn variable(name: &str) -> Result<(), &'static str> {
    let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_name { Ok(()) } else { Err("a variable's name has letters, digits and `_`") }
}

fn each(
    given: &Given,
    example: &str,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> syn::Result<Vec<String>> {
    let texts = match given {
        Given::List(_, texts) => texts,
        other => return Err(Error::new(other.span(), format!("write a list: `{example}`"))),
    };
    texts.iter().map(|text| one(text, &check)).collect()
}

fn one(text: &LitStr, check: impl Fn(&str) -> Result<(), &'static str>) -> syn::Result<String> {
    check(&text.value()).map_err(|why| Error::new(text.span(), why))?;
    Ok(text.value())
}
