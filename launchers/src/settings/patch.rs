//! Changes a request where no typed setting does: a JSON merge patch (RFC 7386).

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Origin, Source};
use crate::{Error, ErrorKind};

/// A merge patch: objects are merged, `null` removes a field, anything else replaces what was there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The patch, an object.
    value: Value,
    /// Who wants it.
    origin: Origin,
}

impl Patch {
    /// A patch from a file's table, or from JSON text in its place: TOML has no `null`.
    ///
    /// # Errors
    /// When it is not an object: that would replace the whole request.
    pub fn new(value: &Value, origin: Origin) -> Result<Self, Error> {
        let refused = |why: &str| {
            Error::new(ErrorKind::BadInput, format!("{origin}: the patch is {why}"))
                .hint("write what is to be merged into the request: {\"field\": value}; null removes a field")
        };
        let value = match value {
            Value::String(text) => serde_json::from_str(text)
                .map_err(|error| refused(&format!("not JSON: {error}")))?,
            other => other.clone(),
        };
        if value.is_object() { Ok(Self { value, origin }) } else { Err(refused("not an object")) }
    }

    /// The patch.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// Who wants it.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether whoever starts the run wants it, and not the pool.
    pub fn is_callers(&self) -> bool {
        self.origin.source == Source::Caller
    }

    /// `request` as the patch leaves it.
    #[must_use]
    pub fn applied_to(&self, request: &Value) -> Value {
        let mut patched = request.clone();
        json_patch::merge(&mut patched, &self.value);
        patched
    }
}

/// Checks that a patch has left the places `pointers` of a request as they were: what the launcher needs of it.
///
/// # Errors
/// Names the first that is another one.
pub fn unchanged(planned: &Value, patched: &Value, pointers: &[&str]) -> Result<(), Error> {
    match pointers.iter().find(|place| planned.pointer(place) != patched.pointer(place)) {
        None => Ok(()),
        Some(place) => {
            let field = place.trim_start_matches('/').replace('/', ".");
            let text = format!("the patch changes {field}, which the launcher needs as it is");
            Err(Error::new(ErrorKind::BadInput, text)
                .hint("--dry-run shows the request that a patch applies to"))
        }
    }
}

/// Checks that a patched request still is one that the launcher reads, as a `T`.
///
/// # Errors
/// Names the field that no longer fits.
pub fn readable<T: DeserializeOwned>(planned: &Value, patched: &Value) -> Result<(), Error> {
    let Err(error) = T::deserialize(patched) else { return Ok(()) };
    let fields = |request: &Value| -> Vec<String> {
        request.as_object().into_iter().flatten().map(|(field, _)| field.clone()).collect()
    };
    // Each field by itself, since the error of a whole request does not say in which field it is.
    let is_wrong = |field: &String| {
        let mut one = planned.clone();
        let fields = one.as_object_mut()?;
        match patched.get(field) {
            Some(value) => drop(fields.insert(field.clone(), value.clone())),
            None => drop(fields.remove(field)),
        }
        T::deserialize(&one).is_err().then(|| field.clone())
    };
    let field = fields(patched).iter().chain(&fields(planned)).find_map(is_wrong);
    let field = field.unwrap_or_else(|| "several fields".to_owned());
    let text = format!("the patch leaves {field} as no launcher of this kind reads it");
    Err(Error::caused(ErrorKind::BadInput, text, error)
        .hint("--dry-run shows the request that a patch applies to"))
}

/// Checks that all of `request` is something that a `T` has: types of APIs skip what they do not know, and whoever has
/// misspelt a field would never hear of it. `place` is where in the whole request it is.
///
/// # Errors
/// Names the first field that a `T` does not have, or that does not fit.
pub fn exact<T: DeserializeOwned + Serialize>(request: &Value, place: &str) -> Result<(), Error> {
    let refused = |text: String| {
        Error::new(ErrorKind::BadInput, text)
            .hint("--dry-run shows the request that a patch applies to")
    };
    let read = T::deserialize(request).map_err(|error| {
        let text = format!("the patch leaves {place} as no launcher of this kind reads it");
        Error::caused(ErrorKind::BadInput, text, error)
    })?;
    let kept = serde_json::to_value(read)
        .map_err(|error| Error::caused(ErrorKind::BadInput, "the patch cannot be used", error))?;
    match lost(request, &kept, place) {
        None => Ok(()),
        Some(field) => Err(refused(format!("the patch sets {field}, which does not exist"))),
    }
}

/// The first field of `given` that is not in `kept`. What is empty may be left out.
fn lost(given: &Value, kept: &Value, place: &str) -> Option<String> {
    match (given, kept) {
        (Value::Object(given), Value::Object(kept)) => given.iter().find_map(|(name, value)| {
            let place = format!("{place}.{name}");
            match kept.get(name) {
                Some(kept) => lost(value, kept, &place),
                None => (!is_empty(value)).then_some(place),
            }
        }),
        (Value::Array(given), Value::Array(kept)) => given
            .iter()
            .zip(kept)
            .enumerate()
            .find_map(|(index, (given, kept))| lost(given, kept, &format!("{place}.{index}"))),
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patch(value: Value) -> Patch {
        Patch::new(&value, Origin::caller("--patch")).unwrap()
    }

    #[test]
    fn a_patch_merges_and_removes() {
        let request = json!({"a": 1, "b": {"c": 2, "d": 3}, "list": [1, 2]});
        let patch = patch(json!({"a": null, "b": {"d": 4}, "list": [3]}));
        assert_eq!(patch.applied_to(&request), json!({"b": {"c": 2, "d": 4}, "list": [3]}));
    }

    #[test]
    fn text_is_json_and_only_an_object_is_a_patch() {
        assert_eq!(*patch(json!("{\"a\": null}")).value(), json!({"a": null}));
        for (value, why) in [
            (json!([1]), "longshore.toml: the patch is not an object"),
            (json!("{"), "longshore.toml: the patch is not JSON: "),
        ] {
            let error = Patch::new(&value, Origin::pool("longshore.toml")).unwrap_err();
            assert!(error.to_string().starts_with(why), "{error}");
        }
    }

    #[test]
    fn what_no_longer_fits_is_named() {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Request {
            #[expect(dead_code, reason = "only whether it can be read is looked at")]
            count: u8,
        }
        let planned = json!({"count": 1});
        assert!(readable::<Request>(&planned, &json!({"count": 2})).is_ok());
        for (patched, field) in [
            (json!({"count": "x"}), "count"),
            (json!({}), "count"),
            (json!({"count": 1, "cuont": 2}), "cuont"),
        ] {
            let error = readable::<Request>(&planned, &patched).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("the patch leaves {field} as no launcher of this kind reads it")
            );
        }
    }

    #[test]
    fn what_the_launcher_needs_is_named() {
        let planned = json!({"a": {"b": [1]}, "c": 1});
        assert!(unchanged(&planned, &json!({"a": {"b": [1]}}), &["/a/b"]).is_ok());
        let error = unchanged(&planned, &json!({"a": {"b": [2]}}), &["/c/x", "/a/b"]).unwrap_err();
        assert_eq!(error.to_string(), "the patch changes a.b, which the launcher needs as it is");
    }
}
