use longshore_sdk::flow;

struct Shop;

impl Shop {
    #[flow]
    fn sell(&self, n: u8) -> u8 {
        n
    }
}

fn main() {}
