use longshore_sdk::data;

#[data]
enum Variants {
    #[serde(skip)]
    Skip,
    #[serde(untagged)]
    Untagged(u8),
    #[serde(with = "module")]
    With(u8),
    #[serde(other)]
    Other,
}

fn main() {}
