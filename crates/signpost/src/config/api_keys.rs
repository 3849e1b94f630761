//! `[[api-keys]]` in `signpost.toml`: API keys with names and limits (docs/api.md). The keys themselves do not stand there, only hashes.

use api::{Scope, SecretHash};
use toml::de::DeValue;

use super::toml_file::Refusal;

/// One of the tables.
#[derive(Debug, Clone)]
pub struct NamedKey {
    /// As the journal shows it, after `api:`.
    pub name: String,
    /// What it is recognised by.
    pub hash: SecretHash,
    /// What it may do.
    pub scope: Scope,
    /// Seconds since 1970 from which on it is refused.
    pub expires_at: Option<i64>,
}

/// Reads all of them.
///
/// # Errors
///
/// The first that is wrong, by its number, with the field.
pub(super) fn read(value: DeValue<'_>) -> Result<Vec<NamedKey>, Refusal> {
    let DeValue::Array(items) = value else {
        return Err("expected tables, each under [[api-keys]]".to_owned());
    };
    let mut keys: Vec<NamedKey> = Vec::new();
    for (at, item) in items.into_iter().enumerate() {
        let key = one(item.into_inner()).map_err(|why| format!("key {}: {why}", at + 1))?;
        // The key that stands by itself has the name of its setting.
        if key.name == "api-key" || keys.iter().any(|other| other.name == key.name) {
            return Err(format!("key {}: the name '{}' is taken", at + 1, key.name));
        }
        keys.push(key);
    }
    Ok(keys)
}

fn one(value: DeValue<'_>) -> Result<NamedKey, Refusal> {
    let DeValue::Table(table) = value else { return Err("expected a table".to_owned()) };
    let (mut name, mut hash, mut expires_at, mut read_only) = (None, None, None, false);
    let (mut zones, mut types, mut names) = (Vec::new(), Vec::new(), Vec::new());
    for (field, value) in table {
        let field = field.get_ref().as_ref().to_owned();
        let value = value.into_inner();
        match field.as_str() {
            "name" => name = Some(text(&field, value)?),
            "hash" => hash = Some(text(&field, value)?),
            "expires" => expires_at = Some(time(&text(&field, value)?)?),
            "read-only" => match value {
                DeValue::Boolean(on) => read_only = on,
                _ => return Err("read-only: expected true or false".to_owned()),
            },
            "zones" => zones = texts(&field, value)?,
            "types" => types = texts(&field, value)?,
            "names" => names = texts(&field, value)?,
            _ => {
                return Err(format!(
                    "unknown field '{field}'; expected name, hash, zones, types, names, read-only or expires"
                ));
            }
        }
    }
    let name = name.ok_or("name: is missing")?;
    api::check_api_key_name(&name)?;
    let hash = hash.ok_or("hash: is missing")?;
    let hash = SecretHash::parse(&hash).map_err(|why| format!("hash: {why}"))?;
    let scope = Scope::read(&zones, &types, &names, read_only).map_err(|why| why.to_string())?;
    Ok(NamedKey { name, hash, scope, expires_at })
}

fn text(field: &str, value: DeValue<'_>) -> Result<String, Refusal> {
    match value {
        DeValue::String(text) => Ok(text.into_owned()),
        _ => Err(format!("{field}: expected a string")),
    }
}

fn texts(field: &str, value: DeValue<'_>) -> Result<Vec<String>, Refusal> {
    let DeValue::Array(items) = value else { return Err(format!("{field}: expected an array of strings")) };
    items.into_iter().map(|item| text(field, item.into_inner())).collect()
}

/// Seconds since 1970 of a date, whose day begins in UTC, or of an RFC 3339 time.
///
/// # Errors
///
/// It is neither.
pub fn time(text: &str) -> Result<i64, Refusal> {
    let timestamp =
        [text.to_owned(), format!("{text}T00:00:00Z")].iter().find_map(|text| text.parse::<jiff::Timestamp>().ok());
    let timestamp =
        timestamp.ok_or_else(|| format!("'{text}' is not a date like 2027-01-31 or 2027-01-31T12:00:00Z"))?;
    Ok(timestamp.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_dates_or_moments() {
        assert_eq!(time("1970-01-02"), Ok(86_400));
        assert_eq!(time("1970-01-01T00:00:01Z"), Ok(1));
        assert_eq!(time("1970-01-01T01:00:01+01:00"), Ok(1));
        assert_eq!(time("soon").unwrap_err(), "'soon' is not a date like 2027-01-31 or 2027-01-31T12:00:00Z");
    }
}
