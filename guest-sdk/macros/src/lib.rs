//! The attributes of `longshore-sdk`, which documents and re-exports them. Depend on that crate, not on this one.
//!
//! **Invariant:** everything an expansion needs is reached through `::longshore_sdk::__private`.

mod data;
mod flow;
mod suggest;
mod types;

use proc_macro::TokenStream;
use quote::quote;

/// Makes a function a flow. `longshore_sdk::flow` documents it.
#[proc_macro_attribute]
pub fn flow(options: TokenStream, item: TokenStream) -> TokenStream {
    let item = proc_macro2::TokenStream::from(item);
    match flow::expand(options.into(), item.clone()) {
        Ok(expanded) => expanded.into(),
        // The function stays, so that the error is the only one.
        Err(error) => {
            let error = error.into_compile_error();
            quote!(#item #error).into()
        }
    }
}

/// Makes a struct or an enum a parameter or a result of flows. `longshore_sdk::data` documents it.
#[proc_macro_attribute]
pub fn data(options: TokenStream, item: TokenStream) -> TokenStream {
    data::expand(options.into(), item.into()).unwrap_or_else(syn::Error::into_compile_error).into()
}
