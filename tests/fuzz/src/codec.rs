//! The schema codec: values are exact, or refused with their place. The schema is a stranger's as well.
//!
//! An input is a serialized schema, and behind it the JSON text or the postcard bytes.

use longshore_protocol::schema::{self, Path};
use longshore_protocol::{Error, ErrorKind};
use postcard_schema::schema::owned::OwnedNamedType;
use serde_json::Value;

/// JSON → postcard → JSON → postcard: what is accepted can be shown, and is the same when it comes back.
pub(crate) fn json_becomes_postcard_or_is_refused(input: &[u8]) {
    let Ok((schema, text)) = schema::take(input) else { return };
    let Ok(value) = serde_json::from_slice::<Value>(text) else { return };
    let content = match encode(&schema, &value) {
        Ok(content) => content,
        Err(error) => return check_place(&error, "params"),
    };
    match schema::decode(&schema, &content, "result") {
        Ok(shown) => assert_eq!(encode(&schema, &shown), Ok(content), "{shown}"),
        Err(error) => check_loss(&error),
    }
}

/// Postcard → JSON text → postcard: what is shown means what was there.
pub(crate) fn postcard_becomes_json_or_is_refused(input: &[u8]) {
    let Ok((schema, content)) = schema::take(input) else { return };
    let value = match schema::decode(&schema, content, "result") {
        Ok(value) => value,
        Err(error) => return check_place(&error, "result"),
    };
    let text = value.to_string();
    assert_eq!(serde_json::from_str::<Value>(&text).ok().as_ref(), Some(&value), "{text}");
    let again = encode(&schema, &value).unwrap_or_else(|error| panic!("{error}: {text}"));
    assert_eq!(schema::decode(&schema, &again, "result"), Ok(value), "{text}");
    // A NaN has many forms, and a number may be written longer than needed: it then ends in a byte without content.
    let is_longer = content.windows(2).any(|pair| pair[0] >= 0x80 && pair[1] == 0);
    assert!(
        again == content || is_longer || text.contains("NaN"),
        "{content:?} became {again:?}: {text}"
    );
}

fn encode(schema: &OwnedNamedType, value: &Value) -> Result<Vec<u8>, Error> {
    schema::encode(schema, value, &mut Path::root("params"))
}

fn check_place(error: &Error, root: &str) {
    let text = error.to_string();
    super::check_refusal(&text);
    assert_eq!(error.kind(), ErrorKind::Value, "{text}");
    assert!(text.starts_with(root), "{text}");
}

/// A person may write what a guest may hold and JSON cannot show.
fn check_loss(error: &Error) {
    check_place(error, "result");
    let text = error.to_string();
    assert!(
        ["cannot be told from", "far more memory", "levels deep"]
            .iter()
            .any(|why| text.contains(why)),
        "what was accepted is damaged: {text}"
    );
}
