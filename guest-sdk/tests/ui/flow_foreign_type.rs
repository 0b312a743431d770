use longshore_sdk::flow;

struct Order {
    id: u64,
}

#[flow]
fn take(order: Order) -> u64 {
    order.id
}

#[flow]
fn give(id: u64) -> Order {
    Order { id }
}

#[flow]
fn try_give(id: u64) -> Result<Vec<Order>, String> {
    Ok(vec![Order { id }])
}

fn main() {}
