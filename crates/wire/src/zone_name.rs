//! The name of a zone: its apex, and which variant it is where there are several zones of one apex (views).

use std::fmt;
use std::str::FromStr;

use crate::{Name, NameError};

/// Longest variant, in characters.
pub const VARIANT_CHARS_MAX: usize = 63;

/// A zone's name, `example.com.` or, for a variant that only some clients see, `example.com..internal`. In lower case.
///
/// The variant tells zones of one apex apart where they are stored and managed; DNS knows the apex alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZoneName {
    apex: Name,
    variant: Option<Box<str>>,
}

/// Why a text names no zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ZoneNameError {
    /// The apex is none.
    #[error(transparent)]
    Apex(#[from] NameError),
    /// The variant is empty, too long, or has other characters than `a-z 0-9 _ -`.
    #[error("'{0}' is no variant: 1 to {VARIANT_CHARS_MAX} characters of a-z, 0-9, _ and - are")]
    Variant(String),
}

impl ZoneName {
    /// Parses `example.com`, `example.com.`, `example.com..variant`, `.` and `..variant`.
    ///
    /// # Errors
    ///
    /// [`ZoneNameError`] names the part that is wrong.
    pub fn parse(text: &str) -> Result<ZoneName, ZoneNameError> {
        let Some((apex, variant)) = split_variant(text) else {
            return Ok(ZoneName::from(Name::parse(text)?));
        };
        let apex = if apex.is_empty() { Name::root() } else { Name::parse(apex)? };
        ZoneName::from(apex).with_variant(variant)
    }

    /// The variant of this name's apex that is called `variant`, in any case.
    ///
    /// # Errors
    ///
    /// [`ZoneNameError::Variant`]
    pub fn with_variant(self, variant: &str) -> Result<ZoneName, ZoneNameError> {
        let is_legal = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'-');
        if variant.is_empty() || variant.len() > VARIANT_CHARS_MAX || !variant.bytes().all(is_legal) {
            return Err(ZoneNameError::Variant(variant.to_owned()));
        }
        Ok(ZoneName { apex: self.apex, variant: Some(variant.to_ascii_lowercase().into()) })
    }

    /// What DNS knows of it.
    pub fn apex(&self) -> &Name {
        &self.apex
    }

    /// The apex alone.
    pub fn into_apex(self) -> Name {
        self.apex
    }

    /// Which of the zones of this apex, if it is not the one that everybody sees.
    pub fn variant(&self) -> Option<&str> {
        self.variant.as_deref()
    }

    /// As the database has it: without a dot at the end, `example.com` and `example.com..internal`.
    pub fn to_dotless(&self) -> String {
        match &self.variant {
            None => self.apex.to_dotless(),
            Some(variant) if self.apex.is_root() => format!("..{variant}"),
            Some(variant) => format!("{}..{variant}", self.apex.to_dotless()),
        }
    }
}

/// Apex and variant around the first two dots that stand together; an escaped dot is part of a label.
fn split_variant(text: &str) -> Option<(&str, &str)> {
    let octets = text.as_bytes();
    let mut at = 0;
    while at < octets.len() {
        match octets[at] {
            b'\\' => at += 2,
            b'.' if octets.get(at + 1) == Some(&b'.') => return Some((&text[..at], &text[at + 2..])),
            _ => at += 1,
        }
    }
    None
}

impl From<Name> for ZoneName {
    fn from(apex: Name) -> ZoneName {
        ZoneName { apex: apex.to_lowercase(), variant: None }
    }
}

impl From<&Name> for ZoneName {
    fn from(apex: &Name) -> ZoneName {
        ZoneName { apex: apex.to_lowercase(), variant: None }
    }
}

impl FromStr for ZoneName {
    type Err = ZoneNameError;

    fn from_str(text: &str) -> Result<ZoneName, ZoneNameError> {
        ZoneName::parse(text)
    }
}

/// With the dot of the apex: `example.com.`, `example.com..internal`.
impl fmt::Display for ZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.variant {
            None => self.apex.fmt(f),
            Some(variant) => write!(f, "{}.{variant}", self.apex),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> ZoneName {
        ZoneName::parse(text).unwrap()
    }

    #[test]
    fn dialect_section_11_a_variant_stands_behind_two_dots() {
        let both = zone("Example.com..Internal");
        assert_eq!((both.apex().to_string().as_str(), both.variant()), ("example.com.", Some("internal")));
        assert_eq!(both.to_string(), "example.com..internal");
        assert_eq!(both.to_dotless(), "example.com..internal");
        let plain = zone("example.com.");
        assert_eq!((plain.to_string().as_str(), plain.to_dotless().as_str()), ("example.com.", "example.com"));
        assert_ne!(both, plain);
        assert_eq!(ZoneName::from(both.apex()), plain);
        assert_eq!(plain.with_variant("INTERNAL").unwrap(), both);
    }

    #[test]
    fn the_root_has_variants_too() {
        let root = zone("..internal");
        assert!(root.apex().is_root());
        assert_eq!((root.to_string().as_str(), root.to_dotless().as_str()), ("..internal", "..internal"));
        assert_eq!(zone("."), ZoneName::from(Name::root()));
    }

    #[test]
    fn what_was_written_is_read_again() {
        for text in [".", "example.com.", "a\\.b.test.", "a\\.b.test..x", "..x-1", "example..a_b"] {
            assert_eq!(zone(&zone(text).to_string()), zone(text));
            assert_eq!(zone(&zone(text).to_dotless()), zone(text));
        }
    }

    #[test]
    fn a_variant_that_is_none_is_named() {
        for text in ["example.com..", "example.com..a.b", "example.com..ä", "..", "a..b c", "a..b..c"] {
            assert!(matches!(ZoneName::parse(text), Err(ZoneNameError::Variant(_))), "{text}");
        }
        assert!(matches!(ZoneName::parse(&format!("a..{}", "x".repeat(64))), Err(ZoneNameError::Variant(_))));
        assert!(matches!(ZoneName::parse(".a"), Err(ZoneNameError::Apex(_))));
        assert!(ZoneName::parse("a\\..b").is_ok(), "the first dot belongs to the label");
    }
}
