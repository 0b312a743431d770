use longshore_sdk::data;

#[data]
struct Borrowed<'a> {
    text: &'a str,
}

#[data]
struct Static {
    text: &'static str,
    count: usize,
}

#[data]
union Bits {
    int: u32,
    float: f32,
}

#[data(option)]
struct Options;

#[data]
#[derive(Debug, serde::Serialize)]
struct Derived;

fn main() {}
