//! What a flow's function may look like.

use proc_macro2::Ident;
use quote::format_ident;
use syn::ext::IdentExt as _;
use syn::{
    FnArg, GenericArgument, ItemFn, Pat, PatType, Path, PathArguments, ReturnType, Type,
    parse_quote,
};

use crate::types::{self, Problems, References};

/// The parts of a function that its registration needs.
pub(super) struct Signature {
    /// The function.
    pub(super) ident: Ident,
    /// Its name, without the `r#` of a raw identifier.
    pub(super) name: String,
    /// Its parameters.
    pub(super) parameters: Vec<Parameter>,
    /// What it returns.
    pub(super) returns: Returns,
}

/// A parameter.
pub(super) struct Parameter {
    /// Its name, without the `r#` of a raw identifier.
    pub(super) name: String,
    /// The variable that holds it, which no other name can clash with.
    pub(super) local: Ident,
    /// Its type.
    pub(super) ty: Type,
}

/// What a function returns.
pub(super) enum Returns {
    /// A value.
    Value(Box<Type>),
    /// A type whose last word is `Result`.
    Result(Box<Type>),
}

impl Signature {
    /// Checks the function.
    pub(super) fn of(function: &ItemFn) -> syn::Result<Self> {
        let mut problems = Problems::default();
        check_qualifiers(function, &mut problems);
        let signature = &function.sig;
        let parameters = signature
            .inputs
            .iter()
            .enumerate()
            .filter_map(|(position, argument)| parameter(position, argument, &mut problems))
            .collect();
        let returns = returns(&signature.output, &mut problems);
        problems.check()?;
        Ok(Self {
            ident: signature.ident.clone(),
            name: signature.ident.unraw().to_string(),
            parameters,
            returns,
        })
    }
}

fn check_qualifiers(function: &ItemFn, problems: &mut Problems) {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        problems.add(
            token,
            "a flow is not async: remove `async`, and run futures to completion inside of it",
        );
    }
    if let Some(token) = &signature.unsafety {
        problems.add(
            token,
            "a flow is called by the runtime, which can promise nothing: remove `unsafe`",
        );
    }
    if let Some(token) = &signature.constness {
        problems.add(token, "a flow runs in a sandbox, not in the compiler: remove `const`");
    }
    if let Some(abi) = &signature.abi {
        problems.add(abi, "a flow is exported by the SDK: remove `extern`");
    }
    if let Some(variadic) = &signature.variadic {
        problems.add(variadic, "a flow has a fixed number of parameters: take a `Vec`");
    }
    if !signature.generics.params.is_empty() {
        problems.add(
            &signature.generics,
            "a flow is called by name, with one type for each parameter: remove the generics",
        );
    } else if let Some(clause) = &signature.generics.where_clause {
        problems.add(clause, "a flow has no generics to restrict: remove the `where`");
    }
}

fn parameter(position: usize, argument: &FnArg, problems: &mut Problems) -> Option<Parameter> {
    let PatType { attrs, pat, ty, .. } = match argument {
        FnArg::Typed(typed) => typed,
        FnArg::Receiver(receiver) => {
            problems.add(receiver, "a flow is a free function: move it out of the `impl` and take the value as a parameter");
            return None;
        }
    };
    if let Some(condition) = attrs
        .iter()
        .find(|attribute| ["cfg", "cfg_attr"].iter().any(|name| attribute.path().is_ident(name)))
    {
        problems.add(
            condition,
            "a flow has the same parameters in every build: put the condition on the function",
        );
    }
    types::check(ty, References::Refused, problems);
    let Pat::Ident(name) = &**pat else {
        problems.add(pat, "give the parameter a name, and take it apart inside of the function: callers pass parameters by name");
        return None;
    };
    if let Some(token) = &name.by_ref {
        problems.add(token, "a flow owns its parameters: remove `ref`");
    }
    if let Some((_, pattern)) = &name.subpat {
        problems.add(pattern, "take the parameter apart inside of the function");
    }
    Some(Parameter {
        name: name.ident.unraw().to_string(),
        local: format_ident!("__param_{position}"),
        ty: (**ty).clone(),
    })
}

fn returns(output: &ReturnType, problems: &mut Problems) -> Returns {
    let ty = match output {
        ReturnType::Default => return Returns::Value(parse_quote!(())),
        ReturnType::Type(_, ty) => ty,
    };
    if let Type::Never(never) = &**ty {
        problems.add(never, "a flow returns, or its run would never complete: remove `-> !`");
    }
    match result_path(ty) {
        Some(path) => {
            if let Some(value) = first_type_argument(path) {
                types::check(value, References::Allowed, problems);
            }
            Returns::Result(ty.clone())
        }
        None => {
            types::check(ty, References::Allowed, problems);
            Returns::Value(ty.clone())
        }
    }
}

fn result_path(ty: &Type) -> Option<&Path> {
    match ty {
        Type::Path(ty) if ty.path.segments.last()?.ident == "Result" => Some(&ty.path),
        Type::Paren(inner) => result_path(&inner.elem),
        Type::Group(inner) => result_path(&inner.elem),
        _ => None,
    }
}

fn first_type_argument(path: &Path) -> Option<&Type> {
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
