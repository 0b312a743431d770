//! `#[flow]`: checks the function, makes its descriptor and registers it.

mod options;
mod signature;

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Attribute, Expr, ExprLit, ItemFn, Lit, Meta};

use options::Options;
use signature::{Parameter, Returns, Signature};

/// Expands the attribute on `item`.
pub(crate) fn expand(options: TokenStream, item: TokenStream) -> syn::Result<TokenStream> {
    let function: ItemFn = syn::parse2(item)?;
    let options: Options = syn::parse2(options)?;
    let signature = Signature::of(&function)?;
    let registration = registration(&function, &options, &signature);
    Ok(quote!(#function #registration))
}

/// Makes the items beside the function. Their names start with two underscores, since they share a scope with
/// whatever the parameters' types are called.
fn registration(function: &ItemFn, options: &Options, signature: &Signature) -> TokenStream {
    let name = options.name.clone().unwrap_or_else(|| signature.name.clone());
    let descriptor = descriptor(&name, &doc(&function.attrs), options, signature);
    let (call, ident) = (call(signature), &signature.ident);
    // Where the function is compiled out, its registration must be too.
    let conditions = function.attrs.iter().filter(|attribute| attribute.path().is_ident("cfg"));
    quote! {
        #(#conditions)*
        const _: () = {
            const __DESCRIPTOR: ::longshore_sdk::__private::Descriptor = #descriptor;
            const __LENGTH: usize = __DESCRIPTOR.frame_length();
            #[used]
            #[cfg_attr(target_family = "wasm", unsafe(link_section = "longshore:flows"))]
            static __FRAME: [u8; __LENGTH] = __DESCRIPTOR.frame();

            #call

            ::longshore_sdk::__private::inventory::submit! {
                ::longshore_sdk::Flow::new(
                    #name,
                    __call,
                    || ::longshore_sdk::__private::id_of(#ident),
                    if ::core::cfg!(target_family = "wasm") { &[] } else { &__FRAME },
                )
            }
        };
    }
}

fn descriptor(name: &str, doc: &str, options: &Options, signature: &Signature) -> TokenStream {
    let params = signature.parameters.iter().map(|Parameter { name, ty, .. }| {
        let schema = quote_spanned!(ty.span()=> ::longshore_sdk::__private::param_schema::<#ty>());
        quote!(::longshore_sdk::__private::ParamDescriptor { name: #name, schema: #schema })
    });
    let result = match &signature.returns {
        Returns::Value(ty) => {
            quote_spanned!(ty.span()=> ::longshore_sdk::__private::result_schema::<#ty>())
        }
        Returns::Result(ty) => {
            quote_spanned!(ty.span()=> ::longshore_sdk::__private::fallible_schema::<#ty>())
        }
    };
    let settings = options.settings.iter().map(|(key, value)| quote!((#key, #value)));
    quote! {
        ::longshore_sdk::__private::Descriptor {
            name: #name,
            doc: #doc,
            params: &[#(#params),*],
            result: #result,
            settings: &[#(#settings,)* ("sdk", ::longshore_sdk::__private::VERSION)],
        }
    }
}

fn call(signature: &Signature) -> TokenStream {
    let Signature { ident, parameters, returns, .. } = signature;
    let take = parameters.iter().map(|Parameter { name, local, ty }| {
        quote_spanned!(ty.span()=> let #local = __params.take::<#ty>(#name)?;)
    });
    let locals = parameters.iter().map(|parameter| &parameter.local);
    let called = quote!(#ident(#(#locals),*));
    let mutable = (!parameters.is_empty()).then(|| quote!(mut));
    let ended = match returns {
        Returns::Value(ty) => {
            quote_spanned!(ty.span()=> ::longshore_sdk::__private::encode(#called))
        }
        Returns::Result(ty) => {
            let encode = quote_spanned!(ty.span()=> ::longshore_sdk::__private::encode(__value));
            let fail = quote_spanned! {
                ty.span()=> ::longshore_sdk::__private::fail(&(&__error).__longshore_kind(), __error)
            };
            quote! {
                match #called {
                    ::core::result::Result::Ok(__value) => #encode,
                    ::core::result::Result::Err(__error) => {
                        use ::longshore_sdk::__private::{AnyKind as _, ObjectKind as _};
                        #fail
                    }
                }
            }
        }
    };
    quote! {
        fn __call(
            #mutable __params: ::longshore_sdk::__private::Params,
        ) -> ::core::result::Result<::std::vec::Vec<u8>, ::longshore_sdk::Failure> {
            #(#take)*
            __params.end()?;
            #ended
        }
    }
}

/// Returns the doc comment as it was meant: without the space after the slashes and empty lines around it.
fn doc(attributes: &[Attribute]) -> String {
    let lines: Vec<String> = attributes.iter().filter_map(doc_line).collect();
    let text: Vec<&str> = lines
        .iter()
        .flat_map(|line| line.split('\n'))
        .map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end())
        .collect();
    text.join("\n").trim().to_owned()
}

fn doc_line(attribute: &Attribute) -> Option<String> {
    match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
