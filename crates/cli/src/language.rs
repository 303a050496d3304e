//! The language of what people read: `--lang`, else the locale of the environment.

use clap::ValueEnum;

use crate::words::{English, French, Words};

/// A language that every sentence exists in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Language {
    /// English.
    #[default]
    #[value(name = "en")]
    English,
    /// Français.
    #[value(name = "fr")]
    French,
}

impl Language {
    /// The language of this process, before its command line is read.
    #[must_use]
    pub fn of_environment() -> Self {
        let arguments: Vec<String> = std::env::args().collect();
        let flag = arguments.iter().enumerate().find_map(|(place, argument)| {
            argument.strip_prefix("--lang=").map(str::to_owned).or_else(|| {
                (argument == "--lang").then(|| arguments.get(place + 1).cloned()).flatten()
            })
        });
        // The order of setlocale(3).
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|name| std::env::var(name).ok())
            .find(|value| !value.is_empty());
        Self::of(flag.or(locale).as_deref().unwrap_or_default())
    }

    /// The language of a locale, `fr_FR.UTF-8`.
    fn of(locale: &str) -> Self {
        if locale.starts_with("fr") { Language::French } else { Language::English }
    }

    /// Its tag, which asks a server for it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::French => "fr",
        }
    }

    /// Its sentences.
    #[must_use]
    pub fn words(self) -> &'static dyn Words {
        match self {
            Language::English => &English,
            Language::French => &French,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_names_its_language() {
        for (locale, expected) in [
            ("fr", Language::French),
            ("fr_CA.UTF-8", Language::French),
            ("en_US.UTF-8", Language::English),
            ("C", Language::English),
            ("", Language::English),
        ] {
            assert_eq!(Language::of(locale), expected, "{locale}");
        }
    }
}
