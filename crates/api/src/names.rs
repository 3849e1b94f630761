//! Names as request bodies give them: canonical, of few characters (PDNS-DIALECT 4.3).

use wire::{Name, ZoneName};

use crate::error::{ApiError, invalid};

/// A zone's name, in lower case: `example.com.` or, for a variant, `example.com..internal`.
///
/// # Errors
///
/// 422 without the apex's final dot, if it is no name, or holds other characters than `a-z A-Z 0-9 _ / . -`.
pub(crate) fn zone_name(text: &str) -> Result<ZoneName, ApiError> {
    check_canonical(text, text.ends_with('.') || text.contains(".."))?;
    let name = ZoneName::parse(text).map_err(|why| unreadable("Zone Name", text, &why))?;
    check_characters(text, text)?;
    Ok(name)
}

/// The name of a zone that has no variant.
///
/// # Errors
///
/// As [`zone_name`].
pub(crate) fn apex(text: &str) -> Result<Name, ApiError> {
    let name = canonical(text, "Zone Name")?;
    check_characters(text, text)?;
    Ok(name)
}

/// The name of a catalog zone: as [`apex`], but its final dot may be missing, as PowerDNS has it.
///
/// # Errors
///
/// As [`apex`], the dot apart.
pub(crate) fn catalog(text: &str) -> Result<Name, ApiError> {
    if text.ends_with('.') { apex(text) } else { apex(&format!("{text}.")) }
}

/// An RRset's owner, in lower case: as a zone's name, plus one leading `*.`.
///
/// # Errors
///
/// As [`zone_name`].
pub(crate) fn owner_name(text: &str) -> Result<Name, ApiError> {
    let name = canonical(text, "DNS Name")?;
    check_characters(text, text.strip_prefix("*.").unwrap_or(text))?;
    Ok(name)
}

/// A name that must only be canonical: it ends in a dot and parses.
pub(crate) fn canonical(text: &str, what: &str) -> Result<Name, ApiError> {
    check_canonical(text, text.ends_with('.'))?;
    Ok(Name::parse(text).map_err(|why| unreadable(what, text, &why))?.to_lowercase())
}

fn check_canonical(text: &str, is_canonical: bool) -> Result<(), ApiError> {
    if is_canonical { Ok(()) } else { Err(invalid(format!("DNS Name '{text}' is not canonical"))) }
}

fn unreadable(what: &str, text: &str, why: &dyn std::fmt::Display) -> ApiError {
    invalid(format!("Unable to parse {what} '{text}': {why}"))
}

fn check_characters(whole: &str, rest: &str) -> Result<(), ApiError> {
    let is_legal = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'_' | b'/' | b'.' | b'-');
    match rest.bytes().all(is_legal) {
        true => Ok(()),
        false => Err(invalid(format!("Name '{whole}' contains unsupported characters"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(result: Result<impl std::fmt::Display, ApiError>) -> String {
        match result {
            Ok(name) => name.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn section_4_3_names_are_canonical_and_plain() {
        assert_eq!(text(zone_name("Example.TEST.")), "example.test.");
        assert_eq!(text(zone_name("_a.b/c.")), "_a.b/c.");
        assert_eq!(text(zone_name(".")), ".");
        assert_eq!(text(zone_name("x")), "DNS Name 'x' is not canonical");
        assert_eq!(text(zone_name("")), "DNS Name '' is not canonical");
        assert!(text(zone_name("a..b.")).starts_with("Unable to parse Zone Name 'a..b.': 'b.' is no variant"));
        assert_eq!(text(zone_name("Example.TEST..In_1")), "example.test..in_1");
        assert_eq!(text(zone_name(".a.")), "Unable to parse Zone Name '.a.': empty label");
        assert_eq!(text(owner_name("a..b.")), "Unable to parse DNS Name 'a..b.': empty label");
        assert_eq!(text(zone_name("a b.")), "Name 'a b.' contains unsupported characters");
        assert_eq!(text(zone_name("*.b.")), "Name '*.b.' contains unsupported characters");
        assert_eq!(text(zone_name("a\\.")), "Name 'a\\.' contains unsupported characters");
    }

    #[test]
    fn section_4_3_owners_may_be_wildcards_at_the_front_only() {
        assert_eq!(text(owner_name("*.Example.")), "*.example.");
        for bad in ["a-*.example.", "a.*.example.", "*.*.example.", "a\\046b.example.", "é.example.", "\u{0}.example."]
        {
            assert!(text(owner_name(bad)).contains("contains unsupported characters"), "{bad}");
        }
    }
}
