use longshore_sdk::flow;

#[flow]
fn count(_from: usize, _steps: Vec<isize>) -> Option<usize> {
    None
}

#[flow]
fn fallible() -> Result<usize, String> {
    Ok(0)
}

fn main() {}
