use longshore_sdk::flow;

#[flow]
fn generic<T>(value: T) -> T {
    value
}

#[flow]
fn lifetime<'a>(text: std::borrow::Cow<'a, str>) -> String {
    text.into_owned()
}

#[flow]
fn restricted(n: u8) -> u8
where
    u8: Copy,
{
    n
}

fn main() {}
