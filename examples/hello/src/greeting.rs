//! What the service says.

/// A greeting for one visitor.
pub fn greet(name: &str) -> String {
    format!("Hello, {}!\n", name.trim())
}

#[cfg(test)]
mod tests {
    use super::greet;

    #[test]
    fn greets_by_name() {
        assert_eq!(greet("Ada"), "Hello, Ada!\n");
    }

    #[test]
    fn ignores_white_space_around_the_name() {
        assert_eq!(greet("  Ada "), "Hello, Ada!\n");
    }
}
