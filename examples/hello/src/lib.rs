//! The smallest flow: one parameter, one result.

use longshore_sdk::flow;

/// Greets somebody.
#[flow(timeout = "30s", memory = "16MiB")]
pub fn hello(name: String) -> String {
    format!("Hello, {name}!")
}

#[cfg(test)]
mod tests {
    use super::hello;

    #[test]
    fn it_greets_by_name() {
        assert_eq!(hello("World".to_owned()), "Hello, World!");
    }
}
