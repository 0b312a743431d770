use longshore_sdk::data;

#[data]
struct Fields {
    #[serde(skip)]
    skip: u8,
    #[serde(skip_serializing)]
    skip_serializing: u8,
    #[serde(skip_deserializing)]
    skip_deserializing: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    skip_serializing_if: Option<u8>,
    #[serde(flatten)]
    flatten: Vec<u8>,
    #[serde(with = "module")]
    with: u8,
    #[serde(serialize_with = "function")]
    serialize_with: u8,
    #[serde(deserialize_with = "function")]
    deserialize_with: u8,
    #[serde(rename(serialize = "a", deserialize = "b"))]
    rename: u8,
    #[serde(getter = "function")]
    getter: u8,
}

fn main() {}
