//! What the service says.

/// The longest name that is shown, so that a greeting fits on one line.
const NAME_LENGTH_MAX: usize = 12;

/// A greeting for one visitor.
pub fn greet(name: &str) -> String {
    let name = name.trim();
    let shown = &name[..name.len().min(NAME_LENGTH_MAX)];
    format!("Hello, {shown}!\n")
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

    #[test]
    fn cuts_a_long_name() {
        assert_eq!(greet("Wolfeschlegelstein"), "Hello, Wolfeschlege!\n");
    }
}
