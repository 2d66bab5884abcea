//! The command line of an adapter: a program and its arguments, split as a shell does, without one.
//!
//! It does not cover anything else that a shell does: no variables, no pipes, no patterns.

use std::ffi::OsStr;
use std::fmt;
use std::str::FromStr;

/// A program with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandLine {
    text: String,
    /// At least one.
    words: Vec<String>,
}

impl CommandLine {
    /// This program with these arguments.
    ///
    /// # Errors
    ///
    /// When they can't be written on a command line.
    pub(crate) fn of(words: Vec<String>) -> Result<Self, String> {
        match shlex::try_join(words.iter().map(String::as_str)) {
            Ok(text) if !words.is_empty() => Ok(CommandLine { text, words }),
            _ => Err(format!("expected words of a command, found {words:?}")),
        }
    }

    pub(super) fn program(&self) -> &OsStr {
        self.words[0].as_ref()
    }

    pub(super) fn arguments(&self) -> &[String] {
        &self.words[1..]
    }
}

impl FromStr for CommandLine {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match shlex::split(text) {
            None => Err("expected a command whose quotes are closed".into()),
            Some(words) if words.first().is_none_or(String::is_empty) => {
                Err("expected a command, found none".into())
            }
            Some(words) => Ok(CommandLine { text: text.to_owned(), words }),
        }
    }
}

impl fmt::Display for CommandLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let line: CommandLine = r#"./mine --level 3 'two words' "a \"b\"""#.parse().unwrap();
        assert_eq!(line.program(), "./mine");
        assert_eq!(line.arguments(), ["--level", "3", "two words", "a \"b\""]);
    }

    #[test]
    fn a_command_has_a_program_and_closes_its_quotes() {
        for text in ["", "  ", "''", "'./mine", "./mine \"x"] {
            assert!(text.parse::<CommandLine>().is_err(), "{text}");
        }
    }

    #[test]
    fn words_survive_the_line_that_is_made_of_them() {
        let words = ["a program", "it's", "$HOME", "plain"].map(str::to_owned).to_vec();
        let line = CommandLine::of(words.clone()).unwrap();
        assert_eq!(line.to_string().parse::<CommandLine>().unwrap().words, words);
    }
}
