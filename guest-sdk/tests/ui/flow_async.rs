use longshore_sdk::flow;

#[flow]
async fn fetch(url: String) -> String {
    url
}

fn main() {}
