//! The grammar with its examples, in the reader's language.
//!
//! English stands in the grammar itself, as documentation comments; examples and French stand beside
//! it, and tests see to it that nothing is missing and that each example is understood.

mod examples;
mod french;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, CommandFactory};

use crate::arguments::Arguments;
use crate::failure::Exit;
use crate::language::Language;
use crate::output;

/// The whole command line in a language.
#[must_use]
pub fn command(language: Language) -> Command {
    let english = with_examples(Arguments::command(), "", language);
    match language {
        Language::English => english,
        Language::French => in_french(english, ""),
    }
}

/// Ends the process as the grammar wants it: help and version with code 0, refusals with code 2.
pub fn refuse(error: &clap::Error, language: Language) -> ! {
    let is_answer = !error.use_stderr();
    if is_answer || language == Language::English {
        error.exit();
    }
    output::complain(&refusal(error));
    std::process::exit(Exit::Usage as i32)
}

fn path_of(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent} {name}") }
}

/// Adds the examples of each command below its help.
fn with_examples(command: Command, path: &str, language: Language) -> Command {
    let lines = examples::of(path).map(|example| {
        let says = match language {
            Language::English => example.english,
            Language::French => example.french,
        };
        format!("  {:<52} {says}", example.line)
    });
    let lines: Vec<String> = lines.collect();
    let head = match language {
        Language::English => "Examples:",
        Language::French => "Exemples :",
    };
    let mut text = String::new();
    if !lines.is_empty() {
        text = format!("{head}\n{}", lines.join("\n"));
    }
    if path.is_empty() {
        text.push_str(match language {
            Language::English => examples::EXIT_CODES,
            Language::French => french::EXIT_CODES,
        });
    }
    let command = if text.is_empty() { command } else { command.after_help(text) };
    command.mut_subcommands(|child| {
        let path = path_of(path, child.get_name());
        with_examples(child, &path, language)
    })
}

/// Replaces each text by the French one, the words that clap itself brings included.
fn in_french(command: Command, path: &str) -> Command {
    let is_root = path.is_empty();
    let mut command = command.disable_help_flag(true).disable_help_subcommand(true);
    if let Some(about) = french::about(path) {
        command = command.about(about).long_about(about);
    }
    command = command
        .help_template("{about-with-newline}\nUtilisation : {usage}\n\n{all-args}{after-help}")
        .subcommand_help_heading("Commandes")
        .subcommand_value_name("COMMANDE")
        .mut_args(|argument| argument_in_french(argument, path))
        .arg(flag("help", 'h', "Afficher l’aide", ArgAction::Help));
    if is_root {
        let version = flag("version", 'V', "Afficher la version", ArgAction::Version);
        command = command.disable_version_flag(true).arg(version);
    }
    command.mut_subcommands(|child| {
        let path = path_of(path, child.get_name());
        in_french(child, &path)
    })
}

fn flag(name: &'static str, short: char, help: &'static str, action: ArgAction) -> Arg {
    Arg::new(name).short(short).long(name).help(help).action(action)
}

fn argument_in_french(argument: Arg, path: &str) -> Arg {
    let Some(help) = french::argument(path, argument.get_id().as_str()) else { return argument };
    let mut help = help.to_owned();
    let values: Vec<String> =
        argument.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    if !values.is_empty() && argument.get_action().takes_values() {
        help.push_str(&format!(" [valeurs : {}]", values.join(", ")));
    }
    let defaults = argument.get_default_values();
    let default = defaults.first().and_then(|value| value.to_str()).unwrap_or_default();
    if !default.is_empty() && !argument.is_hide_default_value_set() {
        help.push_str(&format!(" [par défaut : {default}]"));
    }
    let takes_values = argument.get_action().takes_values();
    let argument = argument.help(help.clone()).long_help(help);
    if takes_values {
        argument.hide_possible_values(true).hide_default_value(true)
    } else {
        argument
    }
}

/// What is wrong with a command line, in French.
fn refusal(error: &clap::Error) -> String {
    let context = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        _ => String::new(),
    };
    let argument = context(ContextKind::InvalidArg);
    let value = context(ContextKind::InvalidValue);
    let kind = error.kind();
    let said = if kind == ErrorKind::UnknownArgument {
        format!("l’argument « {argument} » est inconnu")
    } else if kind == ErrorKind::InvalidSubcommand {
        format!("la commande « {} » est inconnue", context(ContextKind::InvalidSubcommand))
    } else if kind == ErrorKind::MissingRequiredArgument {
        format!("il manque : {argument}")
    } else if kind == ErrorKind::MissingSubcommand
        || kind == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    {
        "il manque une commande".into()
    } else if kind == ErrorKind::ArgumentConflict {
        format!("{argument} ne va pas avec {}", context(ContextKind::PriorArg))
    } else if kind == ErrorKind::InvalidValue || kind == ErrorKind::ValueValidation {
        format!("« {value} » n’est pas une valeur pour {argument}")
    } else {
        "la ligne de commande n’est pas comprise".into()
    };
    let close = [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand].map(context);
    let close = close.into_iter().find(|text| !text.is_empty());
    let hint = close.map(|text| format!("\n  essayez : {text}")).unwrap_or_default();
    format!("erreur : {said}{hint}\n\nPour en savoir plus, essayez « --help ».")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each command with its path, `pr merge`; the root's is empty.
    fn commands(command: &Command, path: &str, found: &mut Vec<(String, Command)>) {
        found.push((path.to_owned(), command.clone()));
        for child in command.get_subcommands() {
            commands(child, &path_of(path, child.get_name()), found);
        }
    }

    fn all() -> Vec<(String, Command)> {
        let mut found = Vec::new();
        commands(&Arguments::command(), "", &mut found);
        found
    }

    #[test]
    fn the_grammar_is_consistent_in_each_language() {
        command(Language::English).debug_assert();
        command(Language::French).debug_assert();
    }

    #[test]
    fn each_command_that_does_something_has_an_example() {
        for (path, command) in all() {
            let leaf = command.get_subcommands().next().is_none();
            assert!(!leaf || examples::of(&path).next().is_some(), "`{path}` has no example");
        }
    }

    #[test]
    fn each_example_is_understood_and_belongs_to_its_command() {
        for (path, _) in all() {
            for example in examples::of(&path) {
                assert!(example.line.starts_with(&format!("boucle {path}")), "{}", example.line);
                let words = example.line.split(' ').map(|word| word.trim_matches('\''));
                let parsed = command(Language::French).try_get_matches_from(words);
                assert!(parsed.is_ok(), "{}: {}", example.line, parsed.unwrap_err());
            }
        }
    }

    #[test]
    fn every_text_exists_in_french_and_none_is_left_over() {
        let mut used = std::collections::BTreeSet::new();
        for (path, command) in all() {
            assert!(french::about(&path).is_some(), "the command `{path}` has no French text");
            for argument in command.get_arguments() {
                let name = argument.get_id().as_str();
                if ["help", "version"].contains(&name) {
                    continue;
                }
                let key = french::key(&path, name);
                assert!(key.is_some(), "`{name}` of `{path}` has no French text");
                used.extend(key);
            }
        }
        let left: Vec<_> = french::ARGUMENTS.iter().filter(|one| !used.contains(one.0)).collect();
        assert!(left.is_empty(), "texts of arguments that are not there: {left:?}");
    }

    #[test]
    fn french_help_has_no_english_heading() {
        for (path, _) in all() {
            let line = format!("boucle {path} --help");
            let words = line.split(' ').filter(|word| !word.is_empty());
            let help =
                command(Language::French).try_get_matches_from(words).unwrap_err().to_string();
            for english in ["Usage:", "Commands:", "Print help", "[default:", "[possible"] {
                assert!(!help.contains(english), "`{english}` in the help of `{path}`:\n{help}");
            }
        }
    }

    #[track_caller]
    fn check(line: &str, expected: &str) {
        let parsed = command(Language::French).try_get_matches_from(line.split(' '));
        let said = refusal(&parsed.expect_err(line));
        assert!(said.starts_with(expected), "{said}");
    }

    #[test]
    fn a_wrong_line_is_refused_in_french() {
        check("boucle status --wach", "erreur : l’argument « --wach » est inconnu");
        check("boucle statu", "erreur : la commande « statu » est inconnue\n  essayez : status");
        check("boucle pr show me/one", "erreur : il manque : <NUMBER>");
        check("boucle status -o xml", "erreur : « xml » n’est pas une valeur pour --output");
        check("boucle pr show me/one x", "erreur : « x » n’est pas une valeur pour <NUMBER>");
    }
}
