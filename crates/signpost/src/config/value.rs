//! Values as they come from a file, a variable or a flag, and their kinds.

use std::fmt;

/// Text that is never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "(none)" } else { "(hidden)" })
    }
}

/// What values a setting takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text.
    Text,
    /// Text that must not be shown, not even in an error.
    Secret,
    /// yes or no; `true` and `false` in TOML.
    Switch,
    /// A whole number within bounds.
    Count {
        /// Least.
        min: u64,
        /// Greatest.
        max: u64,
    },
    /// Several texts; separated by commas or spaces outside TOML.
    List,
    /// One of these words.
    Choice(&'static [&'static str]),
}

/// A value of one of the kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, Choice.
    Text(String),
    /// Secret.
    Secret(Secret),
    /// Switch.
    Switch(bool),
    /// Count.
    Count(u64),
    /// List.
    List(Vec<String>),
}

/// What a TOML file may hold as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Boolean(bool),
    /// An array of strings.
    List(Vec<String>),
}

impl Kind {
    /// Reads a value as it stands in a variable, on the command line or in a `pdns.conf`.
    ///
    /// # Errors
    ///
    /// The reason, in words; a secret is never part of it.
    pub fn from_text(self, text: &str) -> Result<Value, String> {
        let trimmed = text.trim();
        match self {
            Kind::Text => Ok(Value::Text(trimmed.to_owned())),
            Kind::Secret => Ok(Value::Secret(Secret(trimmed.to_owned()))),
            Kind::Switch => switch(trimmed).map(Value::Switch),
            Kind::Count { min, max } => {
                let count = trimmed.parse::<i128>().map_err(|_| format!("'{trimmed}' is not a whole number"))?;
                bounded(count, min, max).map(Value::Count)
            }
            Kind::List => Ok(Value::List(split_list(trimmed))),
            Kind::Choice(words) => choice(trimmed, words),
        }
    }

    /// Takes a value of a TOML file.
    ///
    /// # Errors
    ///
    /// The reason, in words.
    pub fn from_literal(self, literal: Literal) -> Result<Value, String> {
        match (self, literal) {
            (Kind::Text, Literal::Text(text)) => Ok(Value::Text(text)),
            (Kind::Secret, Literal::Text(text)) => Ok(Value::Secret(Secret(text))),
            (Kind::Switch, Literal::Boolean(on)) => Ok(Value::Switch(on)),
            (Kind::Count { min, max }, Literal::Integer(count)) => {
                bounded(i128::from(count), min, max).map(Value::Count)
            }
            (Kind::List, Literal::List(items)) => Ok(Value::List(items)),
            (Kind::List, Literal::Text(text)) => Ok(Value::List(split_list(&text))),
            (Kind::Choice(words), Literal::Text(text)) => choice(&text, words),
            (kind, literal) => Err(format!("expected {}, found {}", kind.noun(), literal.noun())),
        }
    }

    fn noun(self) -> &'static str {
        match self {
            Kind::Text | Kind::Secret | Kind::Choice(_) => "a string",
            Kind::Switch => "true or false",
            Kind::Count { .. } => "a whole number",
            Kind::List => "an array of strings",
        }
    }
}

impl Literal {
    fn noun(&self) -> &'static str {
        match self {
            Literal::Text(_) => "a string",
            Literal::Integer(_) => "a whole number",
            Literal::Boolean(_) => "true or false",
            Literal::List(_) => "an array",
        }
    }
}

/// PowerDNS's words for yes and no.
///
/// # Errors
///
/// Any other word.
pub fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "true" | "1" => Ok(true),
        "no" | "off" | "false" | "0" => Ok(false),
        _ => Err(format!("'{text}' is neither yes nor no")),
    }
}

/// Items separated by commas, spaces or both.
pub fn split_list(text: &str) -> Vec<String> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

fn bounded(count: i128, min: u64, max: u64) -> Result<u64, String> {
    match u64::try_from(count) {
        Ok(count) if (min..=max).contains(&count) => Ok(count),
        _ => Err(format!("{count} is not between {min} and {max}")),
    }
}

fn choice(text: &str, words: &[&str]) -> Result<Value, String> {
    let wanted = text.to_ascii_lowercase();
    if words.contains(&wanted.as_str()) {
        Ok(Value::Text(wanted))
    } else {
        Err(format!("'{text}' is not one of {}", words.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn switches_take_the_words_of_powerdns() {
        for (text, on) in [("yes", true), ("On", true), ("1", true), ("no", false), ("FALSE", false), ("0", false)] {
            assert_eq!(Kind::Switch.from_text(text), Ok(Value::Switch(on)), "{text}");
        }
        assert_eq!(Kind::Switch.from_text("ja"), Err("'ja' is neither yes nor no".to_owned()));
    }

    #[test]
    fn counts_are_bounded() {
        let kind = Kind::Count { min: 1, max: 10 };
        assert_eq!(kind.from_text(" 10 "), Ok(Value::Count(10)));
        assert_eq!(kind.from_text("11"), Err("11 is not between 1 and 10".to_owned()));
        assert_eq!(kind.from_text("-1"), Err("-1 is not between 1 and 10".to_owned()));
        assert_eq!(kind.from_text("ten"), Err("'ten' is not a whole number".to_owned()));
        assert_eq!(kind.from_literal(Literal::Integer(0)), Err("0 is not between 1 and 10".to_owned()));
    }

    #[test]
    fn lists_are_split_at_commas_and_spaces() {
        assert_eq!(
            Kind::List.from_text("10.0.0.0/8, ::1  192.0.2.1"),
            Ok(Value::List(vec!["10.0.0.0/8".into(), "::1".into(), "192.0.2.1".into()]))
        );
    }

    #[test]
    fn a_literal_of_the_wrong_kind_says_what_was_expected() {
        assert_eq!(
            Kind::Switch.from_literal(Literal::Text("yes".into())),
            Err("expected true or false, found a string".to_owned())
        );
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", Secret("hunter2".into())), "(hidden)");
    }
}
