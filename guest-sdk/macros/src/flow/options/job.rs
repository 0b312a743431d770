//! What a flow asks for of its job: `job(env(REGION = "eu"), kubernetes(memory_limit = "1Gi"))`.
//!
//! Which settings there are is up to the kind of infrastructure, which nobody knows here: the launcher checks names and
//! values before it starts anything.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Lit, LitStr, Token};

/// A kind, a map, an entry.
const NESTED_MAX: usize = 3;
const HOW: &str = "write the settings in parentheses: `job(env(REGION = \"eu\"))`";

/// The settings of `job(..)`: dotted keys with their values as text.
pub(super) struct Job(pub(super) Vec<(String, String)>);

impl Parse for Job {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut settings = Vec::new();
        nested(input, "job", 1, &mut settings)?;
        Ok(Self(settings))
    }
}

/// How a value is named: by a word, or by text where it is no word of Rust.
struct Name(String, Span);

impl Parse for Name {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) {
            let text: LitStr = input.parse()?;
            return Ok(Self(text.value(), text.span()));
        }
        let word = input.call(Ident::parse_any)?;
        Ok(Self(word.unraw().to_string(), word.span()))
    }
}

fn nested(
    input: ParseStream<'_>,
    above: &str,
    depth: usize,
    settings: &mut Vec<(String, String)>,
) -> syn::Result<()> {
    if !input.peek(syn::token::Paren) {
        return Err(input.error(HOW));
    }
    let inside;
    let parentheses = syn::parenthesized!(inside in input);
    if inside.is_empty() {
        return Err(Error::new(parentheses.span.join(), HOW));
    }
    while !inside.is_empty() {
        let Name(name, span) = inside.parse()?;
        let key = format!("{above}.{name}");
        if inside.peek(syn::token::Paren) {
            if depth == NESTED_MAX {
                return Err(Error::new(span, "a setting is not nested any deeper"));
            }
            nested(&inside, &key, depth + 1, settings)?;
        } else if settings.iter().any(|(other, _)| *other == key) {
            return Err(Error::new(span, format!("`{name}` is given twice")));
        } else {
            inside.parse::<Token![=]>()?;
            settings.push((key, value(&inside)?));
        }
        if !inside.is_empty() {
            inside.parse::<Token![,]>()?;
        }
    }
    Ok(())
}

/// A value as text, as `longshore run --set` takes it.
fn value(input: ParseStream<'_>) -> syn::Result<String> {
    if input.peek(syn::token::Bracket) {
        let inside;
        syn::bracketed!(inside in input);
        let texts = Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)?;
        let texts: Vec<_> = texts.iter().map(|text| json(&text.value())).collect();
        return Ok(format!("[{}]", texts.join(",")));
    }
    match input.parse()? {
        Lit::Str(text) => Ok(text.value()),
        Lit::Int(number) => Ok(number.base10_digits().to_owned()),
        Lit::Bool(switch) => Ok(switch.value.to_string()),
        other => Err(Error::new(
            other.span(),
            "write text, a whole number, `true`, `false`, or a list of texts",
        )),
    }
}

fn json(text: &str) -> String {
    let mut json = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => json.extend(['\\', letter]),
            letter if letter.is_ascii_control() => {
                json.extend(format!("\\u{:04x}", u32::from(letter)).chars());
            }
            letter => json.push(letter),
        }
    }
    json + "\""
}
