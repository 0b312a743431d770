//! Finds in a type what no parameter, result or field can have.

use quote::ToTokens as _;
use syn::visit::{self, Visit};
use syn::{Error, Type, TypeImplTrait, TypePath, TypeReference};

/// Whether references are refused: what is deserialized must own what it holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum References {
    /// In a parameter or a field.
    Refused,
    /// In a result.
    Allowed,
}

/// Reports everything in `ty` that cannot be serialized portably.
pub(crate) fn check(ty: &Type, references: References, problems: &mut Problems) {
    let mut check = Check { references, problems };
    check.visit_type(ty);
}

/// The problems of an item, reported together.
#[derive(Default)]
pub(crate) struct Problems(Option<Error>);

impl Problems {
    /// Adds a problem at `place`.
    pub(crate) fn add(&mut self, place: impl quote::ToTokens, text: impl std::fmt::Display) {
        self.push(Error::new_spanned(place, text));
    }

    /// Adds a problem that knows its place.
    pub(crate) fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// Fails if there are any.
    pub(crate) fn check(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}

struct Check<'a> {
    references: References,
    problems: &'a mut Problems,
}

impl<'ast> Visit<'ast> for Check<'_> {
    fn visit_type_path(&mut self, ty: &'ast TypePath) {
        for (name, narrow, wide) in [("usize", "u32", "u64"), ("isize", "i32", "i64")] {
            if ty.path.is_ident(name) {
                let why = "has 32 bits in a guest and 64 in most callers";
                self.problems.add(ty, format!("`{name}` {why}: use `{narrow}` or `{wide}`"));
            }
        }
        visit::visit_type_path(self, ty);
    }

    fn visit_type_reference(&mut self, ty: &'ast TypeReference) {
        if self.references == References::Allowed {
            return visit::visit_type_reference(self, ty);
        }
        let owned = match &*ty.elem {
            Type::Path(path) if path.path.is_ident("str") => "String".to_owned(),
            Type::Slice(slice) if slice.elem.to_token_stream().to_string() == "u8" => {
                "longshore_sdk::Bytes".to_owned()
            }
            Type::Slice(slice) => format!("Vec<{}>", slice.elem.to_token_stream()),
            other => other.to_token_stream().to_string(),
        };
        self.problems.add(ty, format!("use `{owned}`: what is deserialized owns what it holds"));
    }

    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        self.problems.add(
            ty,
            "name a type: a caller must know what to serialize, and `impl Trait` does not tell",
        );
    }
}
