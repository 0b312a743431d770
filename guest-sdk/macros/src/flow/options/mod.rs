//! The options of `#[flow(..)]`, checked while the flow is compiled.

mod grants;
mod job;
mod limits;
mod values;

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Lit, LitStr, Token};

use crate::suggest;

/// All options.
const OPTIONS: [&str; 13] = [
    "timeout",
    "memory",
    "retries",
    "retry_delay",
    "retry_delay_max",
    "log_limit",
    "limits",
    "network",
    "env",
    "secrets",
    "job",
    "files",
    "name",
];

/// The options of a flow.
#[derive(Default)]
pub(super) struct Options {
    /// Another name than the function's.
    pub(super) name: Option<String>,
    /// What the flow asks for, as the descriptor has it.
    pub(super) settings: Vec<(String, String)>,
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
            options.add(&option, value)?;
            seen.push(key);
        }
        Ok(options)
    }
}

impl Options {
    fn add(&mut self, option: &Ident, value: Given) -> syn::Result<()> {
        match option.to_string().as_str() {
            "timeout" => self.limit(option, "timeout_ms", limits::timeout(&value.one()?)?),
            "memory" => self.limit(option, "memory_bytes", limits::memory(&value.one()?)?),
            "log_limit" => self.limit(option, "log_bytes", limits::log(&value.one()?)?),
            "limits" => {
                for (word, key, amount) in limits::nested(value)? {
                    self.limit(&word, key, amount)?;
                }
                Ok(())
            }
            "retries" => self.push("retries", values::count(&value.one()?)?),
            "retry_delay" => self.push(
                "retry_delay_ms",
                values::milliseconds(&value.one()?, "retry_delay = \"1s\"")?,
            ),
            "retry_delay_max" => self.push(
                "retry_delay_max_ms",
                values::milliseconds(&value.one()?, "retry_delay_max = \"1m\"")?,
            ),
            "network" => self.extend("network", grants::network(&value)?),
            "env" => self.extend("env", grants::env(&value)?),
            "secrets" => self.extend("secret", grants::secrets(&value)?),
            "job" => {
                self.settings.extend(value.job()?);
                Ok(())
            }
            "files" => self.extend("file", grants::files(&value)?),
            "name" => {
                self.name = Some(values::name(&value.one()?)?);
                Ok(())
            }
            _ => Err(unknown(option)),
        }
    }

    fn limit(&mut self, word: &Ident, key: &'static str, amount: String) -> syn::Result<()> {
        if self.settings.iter().any(|(other, _)| *other == key) {
            return Err(Error::new(word.span(), "this limit is given twice"));
        }
        self.push(key, amount)
    }

    fn push(&mut self, key: &'static str, value: String) -> syn::Result<()> {
        self.settings.push((key.to_owned(), value));
        Ok(())
    }

    fn extend(&mut self, key: &'static str, values: Vec<String>) -> syn::Result<()> {
        self.settings.extend(values.into_iter().map(|value| (key.to_owned(), value)));
        Ok(())
    }
}

/// `option = value`, `option = [value, ..]`, `option(inner = value, ..)` or `job(..)`.
struct Assignment {
    option: Ident,
    value: Given,
}

/// What stands after an option's name.
enum Given {
    One(Lit),
    List(Span, Vec<LitStr>),
    Nested(Vec<(Ident, Lit)>),
    Job(Vec<(String, String)>),
}

impl Given {
    fn job(self) -> syn::Result<Vec<(String, String)>> {
        match self {
            Self::Job(settings) => Ok(settings),
            other => Err(Error::new(other.span(), "this is not a job")),
        }
    }

    fn span(&self) -> Span {
        match self {
            Self::One(value) => value.span(),
            Self::List(span, _) => *span,
            Self::Nested(pairs) => {
                pairs.first().map_or_else(Span::call_site, |(word, _)| word.span())
            }
            Self::Job(_) => Span::call_site(),
        }
    }

    fn one(self) -> syn::Result<Lit> {
        match self {
            Self::One(value) => Ok(value),
            other => Err(Error::new(other.span(), "this option takes one value")),
        }
    }
}

impl Parse for Assignment {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let option = input.call(Ident::parse_any)?;
        if !OPTIONS.contains(&option.to_string().as_str()) {
            return Err(unknown(&option));
        }
        if option == "job" {
            let value = Given::Job(input.parse::<job::Job>()?.0);
            return Ok(Self { option, value });
        }
        if input.peek(syn::token::Paren) {
            let inside;
            syn::parenthesized!(inside in input);
            let pairs = Punctuated::<Pair, Token![,]>::parse_terminated(&inside)?;
            let pairs = pairs.into_iter().map(|Pair(word, value)| (word, value)).collect();
            return Ok(Self { option, value: Given::Nested(pairs) });
        }
        if !input.peek(Token![=]) {
            return Err(Error::new(
                option.span(),
                format!("write a value after it: `{option} = ..`"),
            ));
        }
        input.parse::<Token![=]>()?;
        if input.peek(syn::token::Bracket) {
            let inside;
            let brackets = syn::bracketed!(inside in input);
            let values = Punctuated::<LitStr, Token![,]>::parse_terminated(&inside)?;
            let value = Given::List(brackets.span.join(), values.into_iter().collect());
            return Ok(Self { option, value });
        }
        Ok(Self { option, value: Given::One(input.parse()?) })
    }
}

struct Pair(Ident, Lit);

impl Parse for Pair {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let word = input.call(Ident::parse_any)?;
        input.parse::<Token![=]>()?;
        Ok(Self(word, input.parse()?))
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
