//! Which serde attributes `#[data]` understands.
//!
//! Postcard writes values only, in the order of their declaration, and the schema is made from the declaration. So
//! an attribute that changes which values are written, or how, would make the schema lie, and the caller's side
//! would send something else than the flow reads.

use proc_macro2::TokenStream;
use syn::meta::ParseNestedMeta;
use syn::{Attribute, Expr, Token, parse_quote};

use crate::types::Problems;

/// Attributes that change neither what is written nor its schema.
const HARMLESS: [&str; 5] = ["alias", "bound", "default", "deny_unknown_fields", "expecting"];

/// Attributes that would make the schema lie, with what to do instead.
const REFUSED: [(&str, &str); 25] = [
    ("borrow", "data owns what it holds: hold a `String` or `longshore_sdk::Bytes`"),
    ("content", "postcard writes enums by number: remove it"),
    ("crate", "`#[data]` sets it: remove it"),
    ("deserialize_with", ANOTHER_TYPE),
    ("field_identifier", "postcard writes no names: remove it"),
    (
        "flatten",
        "hold the inner struct as a field: postcard writes fields by position, and flattening needs names",
    ),
    ("from", ANOTHER_TYPE),
    ("getter", ANOTHER_TYPE),
    ("into", ANOTHER_TYPE),
    ("other", "postcard writes enums by number, so an unknown one cannot be recognized: remove it"),
    ("remote", ANOTHER_TYPE),
    ("rename_all", RENAME),
    ("rename_all_fields", RENAME),
    ("serialize_with", ANOTHER_TYPE),
    ("skip", SKIP),
    ("skip_deserializing", SKIP),
    ("skip_serializing", SKIP),
    (
        "skip_serializing_if",
        "postcard writes every field: remove it, or make the field an `Option`",
    ),
    ("tag", "postcard writes enums by number: remove it"),
    ("transparent", "write a struct with one unnamed field: postcard writes it as that field"),
    ("try_from", ANOTHER_TYPE),
    ("untagged", "postcard writes enums by number and cannot guess: remove it"),
    ("variant_identifier", "postcard writes no names: remove it"),
    ("with", ANOTHER_TYPE),
    ("rename", "give one name: `rename = \"name\"`"),
];

const ANOTHER_TYPE: &str = "it writes another type than the schema says: give the field that other type, and convert in the flow";
const RENAME: &str =
    "the schema would keep the names of the source: write `#[serde(rename = \"name\")]` on each";
const SKIP: &str =
    "the schema would still have it: remove it, or keep it in a type of your own that is not data";

/// Returns the attributes with each serde option in an attribute of its own, and reports those that are refused.
///
/// The schema's derive reads a `#[serde(..)]` only up to the first option with a value that it does not know, and
/// would miss a `rename` after it.
pub(super) fn checked(attributes: &[Attribute], problems: &mut Problems) -> Vec<Attribute> {
    let mut checked = Vec::new();
    for attribute in attributes {
        if !attribute.path().is_ident("serde") {
            checked.push(attribute.clone());
            continue;
        }
        let parsed = attribute.parse_nested_meta(|option| {
            checked.extend(understood(&option, problems)?);
            Ok(())
        });
        if let Err(error) = parsed {
            problems.push(error);
        }
    }
    checked
}

/// Whether an attribute made by [`checked`] gives another name.
pub(super) fn is_rename(attribute: &Attribute) -> bool {
    let is_serde = attribute.path().is_ident("serde");
    is_serde
        && attribute
            .meta
            .require_list()
            .is_ok_and(|list| list.tokens.to_string().starts_with("rename"))
}

fn understood(
    option: &ParseNestedMeta<'_>,
    problems: &mut Problems,
) -> syn::Result<Option<Attribute>> {
    let path = &option.path;
    let name = path.get_ident().map(ToString::to_string).unwrap_or_default();
    let value: Option<Expr> =
        if option.input.peek(Token![=]) { Some(option.value()?.parse()?) } else { None };
    let has_list = option.input.peek(syn::token::Paren);
    if has_list {
        let content;
        syn::parenthesized!(content in option.input);
        content.parse::<TokenStream>()?;
    }
    match (name.as_str(), value) {
        ("rename", Some(value)) => return Ok(Some(parse_quote!(#[serde(rename = #value)]))),
        (name, Some(value)) if HARMLESS.contains(&name) => {
            return Ok(Some(parse_quote!(#[serde(#path = #value)])));
        }
        (name, None) if HARMLESS.contains(&name) && !has_list => {
            return Ok(Some(parse_quote!(#[serde(#path)])));
        }
        _ => {}
    }
    match REFUSED.iter().find(|(refused, _)| *refused == name) {
        Some((_, instead)) => problems.add(path, format!("data cannot have `{name}`: {instead}")),
        None => problems.add(path, "`#[data]` does not know this option of serde"),
    }
    Ok(None)
}
