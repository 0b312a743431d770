use longshore_sdk::flow;

#[flow]
struct Order;

fn main() {}
