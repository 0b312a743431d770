//! A flow: a function that `longshore run` executes anywhere.

use longshore_sdk::flow;

/// Greets somebody.
#[flow(timeout = "1m")]
pub fn hello(name: String) -> Result<String, String> {
    if name.is_empty() {
        return Err("there is nobody to greet".to_owned());
    }
    Ok(format!("Hello, {name}!"))
}

#[cfg(test)]
mod tests {
    use super::hello;

    #[test]
    fn it_greets() {
        assert_eq!(hello("World".to_owned()).as_deref(), Ok("Hello, World!"));
        assert!(hello(String::new()).is_err());
    }
}
