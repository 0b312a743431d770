use longshore_sdk::data;

#[data]
#[serde(rename_all = "camelCase")]
struct RenameAll {
    user_name: String,
}

#[data]
#[serde(rename_all_fields = "camelCase")]
enum RenameAllFields {
    A { user_name: String },
}

#[data]
#[serde(untagged)]
enum Untagged {
    A(u8),
}

#[data]
#[serde(tag = "kind", content = "value")]
enum Tagged {
    A(u8),
}

#[data]
#[serde(transparent)]
struct Transparent {
    n: u8,
}

#[data]
#[serde(from = "u8", into = "u8")]
struct Converted(u8);

#[data]
#[serde(try_from = "u8")]
struct TryConverted(u8);

#[data]
#[serde(remote = "std::time::Duration")]
struct Remote {
    secs: u64,
}

#[data]
#[serde(crate = "serde")]
struct Crate(u8);

#[data]
#[serde(colour = "red")]
struct Unknown(u8);

fn main() {}
