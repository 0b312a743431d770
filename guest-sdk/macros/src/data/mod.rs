//! `#[data]`: derives what a parameter or a result needs, and refuses what would make its schema lie.

mod attributes;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, GenericParam, parse_quote};

use crate::types::{self, Problems, References};

/// Expands the attribute on `item`.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    if !options.is_empty() {
        return Err(Error::new_spanned(options, "`#[data]` has no options"));
    }
    let mut item: DeriveInput = syn::parse2(item)?;
    let mut problems = Problems::default();
    check_generics(&item, &mut problems);
    check_derives(&item.attrs, &mut problems);
    item.attrs = attributes::checked(&item.attrs, &mut problems);
    match &mut item.data {
        Data::Struct(data) => check_fields(&mut data.fields, &mut problems),
        Data::Enum(data) => {
            for variant in &mut data.variants {
                variant.attrs = attributes::checked(&variant.attrs, &mut problems);
                keep_raw_name(&variant.ident, &mut variant.attrs);
                check_fields(&mut variant.fields, &mut problems);
            }
        }
        Data::Union(data) => {
            problems.add(data.union_token, "a union does not know what it holds: use an enum");
        }
    }
    problems.check()?;
    let parts = parts(&item);
    Ok(quote! {
        #parts
        #[derive(
            ::longshore_sdk::__private::serde::Serialize,
            ::longshore_sdk::__private::serde::Deserialize,
            ::longshore_sdk::__private::postcard_schema::Schema,
        )]
        #[serde(crate = "::longshore_sdk::__private::serde")]
        #[postcard(crate = ::longshore_sdk::__private::postcard_schema)]
        #item
    })
}

/// Checks the types of all fields, so that the first error about one is ours. A generic type is checked where it is
/// used, when its parameters are known.
fn parts(item: &DeriveInput) -> Option<TokenStream> {
    let fields: Vec<&Field> = match &item.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => return None,
    };
    let checks = fields.into_iter().map(
        |Field { ty, .. }| quote_spanned!(ty.span()=> ::longshore_sdk::__private::part::<#ty>();),
    );
    item.generics.params.is_empty().then(|| quote!(const _: () = { #(#checks)* };))
}

fn check_generics(item: &DeriveInput, problems: &mut Problems) {
    for parameter in &item.generics.params {
        if let GenericParam::Lifetime(lifetime) = parameter {
            problems.add(lifetime, "data owns what it holds: hold a `String` or `longshore_sdk::Bytes` instead of a reference");
        }
    }
}

fn check_derives(attributes: &[Attribute], problems: &mut Problems) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let parsed = attribute.parse_nested_meta(|derived| {
            let name = derived
                .path
                .segments
                .last()
                .map(|segment| segment.ident.to_string())
                .unwrap_or_default();
            if ["Serialize", "Deserialize", "Schema"].contains(&name.as_str()) {
                problems.add(&derived.path, format!("`#[data]` derives `{name}`: remove it here"));
            }
            Ok(())
        });
        if let Err(error) = parsed {
            problems.push(error);
        }
    }
}

fn check_fields(fields: &mut Fields, problems: &mut Problems) {
    for Field { attrs, ident, ty, .. } in fields.iter_mut() {
        *attrs = attributes::checked(attrs, problems);
        if let Some(ident) = ident {
            keep_raw_name(ident, attrs);
        }
        types::check(ty, References::Refused, problems);
    }
}

/// serde calls a field `r#type` "type"; the schema's derive would call it "r#type".
fn keep_raw_name(ident: &syn::Ident, attributes: &mut Vec<Attribute>) {
    let name = ident.unraw().to_string();
    if *ident != name && !attributes.iter().any(attributes::is_rename) {
        attributes.push(parse_quote!(#[serde(rename = #name)]));
    }
}
