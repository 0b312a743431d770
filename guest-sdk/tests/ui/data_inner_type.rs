use longshore_sdk::data;

struct Line;

#[data]
struct Order {
    lines: Vec<Line>,
}

fn main() {}
