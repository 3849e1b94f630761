//! Fields of request bodies, with the dialect's leniency and its messages (PDNS-DIALECT section 5, "JSON leniency").
//!
//! Unknown fields are never looked at. `null` counts as absent.

use serde_json::Value;

use crate::error::{ApiError, invalid};

/// The largest TTL (RFC 2181 section 8).
pub(crate) const TTL_MAX: i64 = 0x7fff_ffff;

/// A needed string.
pub(crate) fn string<'a>(object: &'a Value, key: &str) -> Result<&'a str, ApiError> {
    object[key].as_str().ok_or_else(|| invalid(format!("Key '{key}' not present or not a String")))
}

/// A string if there is one; another type counts as absent.
pub(crate) fn string_if_any<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object[key].as_str()
}

/// A needed boolean.
pub(crate) fn boolean(object: &Value, key: &str) -> Result<bool, ApiError> {
    object[key].as_bool().ok_or_else(|| invalid(format!("Key '{key}' not present or not a Bool")))
}

/// A boolean that may be absent, but not of another type.
pub(crate) fn boolean_if_present(object: &Value, key: &str, default: bool) -> Result<bool, ApiError> {
    if object[key].is_null() { Ok(default) } else { boolean(object, key) }
}

/// A boolean with a default, also for another type: `"active": "true"` gives an inactive key.
pub(crate) fn boolean_or(object: &Value, key: &str, default: bool) -> bool {
    object[key].as_bool().unwrap_or(default)
}

/// An integer, given as a number or as a string of one.
pub(crate) fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64().or_else(|| {
            // A number such as 60.0 or 1e3; what is beyond 2^53 is not exact and no field reaches there.
            let float = number.as_f64()?;
            (float.fract() == 0.0 && float.abs() < 9.0e15).then_some(float as i64)
        }),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// A needed TTL.
pub(crate) fn ttl(object: &Value) -> Result<u32, ApiError> {
    match integer(&object["ttl"]) {
        None => Err(invalid("New RRsets are invalid: Key 'ttl' not an Integer or not present")),
        Some(ttl) if ttl < 0 => Err(invalid("New RRsets are invalid: Key 'ttl' is not a positive Integer")),
        Some(ttl) if ttl > TTL_MAX => Err(invalid(format!("New RRsets are invalid: Key 'ttl' is above {TTL_MAX}"))),
        Some(ttl) => Ok(ttl as u32),
    }
}

/// A list of strings, if the key is there.
pub(crate) fn strings(object: &Value, key: &str) -> Result<Option<Vec<String>>, ApiError> {
    let value = &object[key];
    if value.is_null() {
        return Ok(None);
    }
    let wrong = || invalid(format!("Key '{key}' is not an array of Strings"));
    let items = value.as_array().ok_or_else(wrong)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect::<Result<_, _>>().map(Some)
}

/// Refuses text longer than its column, before the database does.
pub(crate) fn at_most<'a>(what: &str, text: &'a str, characters_max: usize) -> Result<&'a str, ApiError> {
    match text.chars().count() <= characters_max {
        true => Ok(text),
        false => Err(invalid(format!("'{what}' is longer than {characters_max} characters"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn section_5_integers_may_be_strings_and_ttl_has_its_bounds() {
        for (value, wanted) in
            [(json!(60), 60), (json!("60"), 60), (json!(60.0), 60), (json!(0), 0), (json!(2147483647), 2147483647)]
        {
            assert_eq!(ttl(&json!({ "ttl": value })).unwrap(), wanted);
        }
        for bad in [
            json!(-1),
            json!(2147483648u32),
            json!(60.5),
            json!("x"),
            json!(null),
            json!([1]),
            json!(1e300),
            json!(u64::MAX),
        ] {
            assert!(ttl(&json!({ "ttl": bad })).is_err(), "{bad}");
        }
        assert!(ttl(&json!([])).is_err() && ttl(&json!("x")).is_err());
    }

    #[test]
    fn section_5_booleans_must_be_booleans_unless_they_have_a_default() {
        assert!(boolean_if_present(&json!({"disabled": "true"}), "disabled", false).is_err());
        assert!(!boolean_if_present(&json!({"disabled": null}), "disabled", false).unwrap());
        assert!(!boolean_or(&json!({"active": "true"}), "active", false));
    }

    #[test]
    fn lists_hold_strings_only() {
        assert_eq!(strings(&json!({}), "masters").unwrap(), None);
        assert_eq!(strings(&json!({"masters": ["a"]}), "masters").unwrap(), Some(vec!["a".to_owned()]));
        assert!(strings(&json!({"masters": "a"}), "masters").is_err());
        assert!(strings(&json!({"masters": [1]}), "masters").is_err());
    }
}
