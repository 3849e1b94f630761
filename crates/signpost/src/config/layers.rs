//! Values by setting, each from the source that has the last word.

use std::collections::BTreeMap;

use super::catalog::{self, SETTINGS};
use super::error::{ConfigError, Origin};
use super::value::{Secret, Value};

/// Sources in the order in which they overrule one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// Built in.
    Default,
    /// `signpost.toml`.
    Toml,
    /// `pdns.conf`.
    PdnsConf,
    /// `PDNS_*`.
    PdnsVariable,
    /// `SIGNPOST_*`.
    OwnVariable,
    /// PowerDNS's name as a flag.
    PdnsFlag,
    /// Our own flag.
    OwnFlag,
}

/// A value and who said it.
#[derive(Debug, Clone)]
pub struct Sourced {
    /// The value.
    pub value: Value,
    /// For errors.
    pub origin: Origin,
    /// For precedence.
    pub rank: Rank,
}

/// All settings with their values.
#[derive(Debug)]
pub struct Layers(BTreeMap<&'static str, Sourced>);

impl Layers {
    /// The defaults.
    pub fn new() -> Layers {
        let defaults = SETTINGS.iter().map(|setting| {
            let value = setting.kind.from_text(setting.default).expect("a test checks every default");
            (setting.name, Sourced { value, origin: Origin::Default, rank: Rank::Default })
        });
        Layers(defaults.collect())
    }

    /// Sets `name` unless a higher source already has. Unknown names are the caller's to refuse.
    pub fn set(&mut self, name: &'static str, sourced: Sourced) {
        let present = self.at_mut(name);
        if sourced.rank >= present.rank {
            *present = sourced;
        }
    }

    /// Sets `name` from text.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Value`] if the text is no value of the setting's kind; `spoken` is the name its writer used.
    pub fn set_text(
        &mut self,
        name: &'static str,
        spoken: &str,
        text: &str,
        origin: &Origin,
        rank: Rank,
    ) -> Result<(), ConfigError> {
        let setting = catalog::find(name).expect("callers name settings of the catalog");
        let value = setting.kind.from_text(text).map_err(|reason| ConfigError::Value {
            name: spoken.to_owned(),
            origin: origin.clone(),
            reason,
        })?;
        self.set(name, Sourced { value, origin: origin.clone(), rank });
        Ok(())
    }

    fn at_mut(&mut self, name: &str) -> &mut Sourced {
        self.0.get_mut(name).expect("callers name settings of the catalog")
    }

    /// Value and source of a setting of the catalog.
    pub fn at(&self, name: &str) -> &Sourced {
        self.0.get(name).expect("callers name settings of the catalog")
    }

    /// Whether anything but the default speaks.
    pub fn is_set(&self, name: &str) -> bool {
        self.at(name).rank > Rank::Default
    }

    /// A text or a choice.
    pub fn text(&self, name: &str) -> &str {
        match &self.at(name).value {
            Value::Text(text) => text,
            other => unreachable!("{name} is not text but {other:?}: its kind is fixed in the catalog"),
        }
    }

    /// A secret.
    pub fn secret(&self, name: &str) -> &Secret {
        match &self.at(name).value {
            Value::Secret(secret) => secret,
            other => unreachable!("{name} is not a secret but {other:?}: its kind is fixed in the catalog"),
        }
    }

    /// A switch.
    pub fn is_on(&self, name: &str) -> bool {
        match &self.at(name).value {
            Value::Switch(on) => *on,
            other => unreachable!("{name} is not a switch but {other:?}: its kind is fixed in the catalog"),
        }
    }

    /// A count, in a type that holds the setting's upper bound.
    pub fn count<T: TryFrom<u64>>(&self, name: &str) -> T {
        match &self.at(name).value {
            Value::Count(count) => T::try_from(*count)
                .unwrap_or_else(|_| unreachable!("the catalog bounds {name} below what its reader can hold")),
            other => unreachable!("{name} is not a count but {other:?}: its kind is fixed in the catalog"),
        }
    }

    /// A list.
    pub fn list(&self, name: &str) -> &[String] {
        match &self.at(name).value {
            Value::List(list) => list,
            other => unreachable!("{name} is not a list but {other:?}: its kind is fixed in the catalog"),
        }
    }

    /// Every setting as text, secrets hidden.
    pub fn shown(&self) -> Vec<(String, String)> {
        let text = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Secret(secret) if secret.0.is_empty() => String::new(),
            Value::Secret(_) => "***".to_owned(),
            Value::Switch(on) => if *on { "yes" } else { "no" }.to_owned(),
            Value::Count(count) => count.to_string(),
            Value::List(list) => list.join(","),
        };
        self.0.iter().map(|(name, sourced)| ((*name).to_owned(), text(&sourced.value))).collect()
    }

    /// An error about the value of `name`.
    pub fn refuse(&self, name: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Value { name: name.to_owned(), origin: self.at(name).origin.clone(), reason: reason.into() }
    }
}

impl Default for Layers {
    fn default() -> Layers {
        Layers::new()
    }
}
