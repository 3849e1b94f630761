//! `signpost.toml`: a flat table of our own settings, and API keys after it.

use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::api_keys::{self, NamedKey};
use super::catalog;
use super::error::{ConfigError, Origin};
use super::layers::{Layers, Rank, Sourced};
use super::value::Literal;

/// Why a value is refused, for the reader.
pub(super) type Refusal = String;

/// Reads a settings file into `layers`, and returns the keys it defines.
///
/// # Errors
///
/// [`ConfigError::Read`], [`ConfigError::Syntax`] with the line, [`ConfigError::Unknown`] for a name that is not in
/// the catalog, [`ConfigError::Value`] for a value that its setting cannot have.
pub fn read(path: &Path, layers: &mut Layers) -> Result<Vec<NamedKey>, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    parse(&text, path, layers)
}

/// The same for text that was read from `path`.
pub(crate) fn parse(text: &str, path: &Path, layers: &mut Layers) -> Result<Vec<NamedKey>, ConfigError> {
    let mut keys = Vec::new();
    let origin_at = |offset: usize| Origin::File { path: path.to_owned(), line: line_of(text, offset) };
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        origin: origin_at(error.span().map_or(0, |span| span.start)),
        reason: error.message().to_owned(),
    })?;
    for (key, value) in table.into_inner() {
        let origin = origin_at(key.span().start);
        let written = key.get_ref().as_ref();
        if written == "api-keys" {
            let refuse = |reason| ConfigError::Value { name: written.to_owned(), origin: origin.clone(), reason };
            keys = api_keys::read(value.into_inner()).map_err(refuse)?;
            continue;
        }
        let Some(setting) = catalog::find(written) else {
            return Err(ConfigError::Unknown { hint: hint(written), name: written.to_owned(), origin });
        };
        let refuse = |reason| ConfigError::Value { name: setting.name.to_owned(), origin: origin.clone(), reason };
        let literal = literal(value.into_inner()).map_err(refuse)?;
        let value = setting.kind.from_literal(literal).map_err(refuse)?;
        layers.set(setting.name, Sourced { value, origin, rank: Rank::Toml });
    }
    Ok(keys)
}

fn hint(written: &str) -> String {
    let dashed = written.replace('_', "-").to_ascii_lowercase();
    if super::powerdns::find(&dashed).is_some() && catalog::find(&dashed).is_none() {
        return " (a setting of PowerDNS: those go into a pdns.conf, PDNS_ variables or flags)".to_owned();
    }
    match catalog::nearest(&dashed) {
        Some(name) => format!(", did you mean '{name}'?"),
        None => "; all settings are in config/signpost.toml".to_owned(),
    }
}

fn literal(value: DeValue<'_>) -> Result<Literal, String> {
    match value {
        DeValue::String(text) => Ok(Literal::Text(text.into_owned())),
        DeValue::Boolean(on) => Ok(Literal::Boolean(on)),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Literal::Integer)
            .map_err(|_| format!("{number} is too large")),
        DeValue::Array(items) => {
            let texts = items.into_iter().map(|item| match item.into_inner() {
                DeValue::String(text) => Ok(text.into_owned()),
                _ => Err("an array may hold strings only".to_owned()),
            });
            texts.collect::<Result<_, _>>().map(Literal::List)
        }
        DeValue::Float(_) => Err("no setting takes a fraction".to_owned()),
        DeValue::Datetime(_) => Err("no setting takes a date".to_owned()),
        DeValue::Table(_) => Err("no setting is a table".to_owned()),
    }
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.as_bytes()[..offset.min(text.len())].iter().filter(|octet| **octet == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        parse(text, Path::new("s.toml"), &mut Layers::new()).unwrap_err().to_string()
    }

    #[test]
    fn values_of_every_kind_are_taken() {
        let mut layers = Layers::new();
        let text = "api-key = \"k\"\napi = false\nudp-workers = 0x10\ndns-listen = [\"192.0.2.1:53\"]\n";
        parse(text, Path::new("s.toml"), &mut layers).unwrap();
        assert_eq!(layers.secret("api-key").0, "k");
        assert!(!layers.is_on("api"));
        assert_eq!(layers.count::<usize>("udp-workers"), 16);
        assert_eq!(layers.list("dns-listen"), ["192.0.2.1:53"]);
        assert_eq!(layers.at("udp-workers").origin.to_string(), "s.toml:3");
    }

    #[test]
    fn an_unknown_key_is_an_error_with_line_and_neighbour() {
        assert_eq!(
            error("api = true\n\napi-lsten = []\n"),
            "s.toml:3: unknown setting 'api-lsten', did you mean 'api-listen'?"
        );
        assert_eq!(
            error("gpgsql-host = \"db\"\n"),
            "s.toml:1: unknown setting 'gpgsql-host' (a setting of PowerDNS: those go into a pdns.conf, PDNS_ variables or flags)"
        );
        assert_eq!(
            error("[database]\nurl = \"\"\n"),
            "s.toml:1: unknown setting 'database'; all settings are in config/signpost.toml"
        );
    }

    #[test]
    fn a_bad_value_names_setting_line_and_reason() {
        assert_eq!(error("\napi = \"yes\"\n"), "setting api (s.toml:2): expected true or false, found a string");
        assert_eq!(
            error("udp-payload-max = 100\n"),
            "setting udp-payload-max (s.toml:1): 100 is not between 512 and 4096"
        );
        assert_eq!(error("dns-listen = [53]\n"), "setting dns-listen (s.toml:1): an array may hold strings only");
        assert_eq!(
            error("udp-workers = 99999999999999999999\n"),
            "setting udp-workers (s.toml:1): 99999999999999999999 is too large"
        );
    }

    #[test]
    fn keys_with_limits_are_read_and_what_is_wrong_is_named() {
        let hash = "$scrypt$ln=10,p=1,r=8$vvKBpW9UrUvIyYb5xH51Qw==$SSU2YjyssOh4mFlNz1MrIsMqTauJnG7LQZpT5Q5GLu0=";
        let text = format!(
            "api = true\n[[api-keys]]\nname = \"k8s\"\nhash = \"{hash}\"\nzones = [\"*.example.com\"]\n\
             types = [\"A\"]\nnames = [\"k8s.example.com\"]\nread-only = true\nexpires = \"2027-01-31\"\n"
        );
        let keys = parse(&text, Path::new("s.toml"), &mut Layers::new()).unwrap();
        let [key] = keys.as_slice() else { panic!("{keys:?}") };
        assert_eq!((key.name.as_str(), key.hash.to_string().as_str()), ("k8s", hash));
        assert_eq!(key.expires_at, Some(1_801_353_600));
        assert_eq!(key.scope, api::Scope::read(&["*.example.com"], &["A"], &["k8s.example.com"], true).unwrap());
        let start = "setting api-keys (s.toml:1): key 1: ";
        for (fields, why) in [
            ("name = \"a\"", "hash: is missing"),
            ("hash = \"sha256:00\"", "name: is missing"),
            (
                "name = \"a b\"\nhash = \"\"",
                "name: expected 1 to 64 letters, digits, '.', '_' and '-', not beginning with '.'",
            ),
            (
                "name = \"a\"\nhash = \"hush\"",
                "hash: expected sha256: and 64 hex digits, or $scrypt$... as pdnsutil hash-password prints it",
            ),
            ("names = [1]", "names: expected a string"),
            ("key = \"hush\"", "unknown field 'key'; expected name, hash, zones, types, names, read-only or expires"),
        ] {
            assert_eq!(error(&format!("[[api-keys]]\n{fields}\n")), format!("{start}{why}"));
        }
        let one = format!("[[api-keys]]\nname = \"a\"\nhash = \"{hash}\"\n");
        assert!(error(&format!("{one}{one}")).ends_with("key 2: the name 'a' is taken"));
        assert!(error("api-keys = 7").ends_with("expected tables, each under [[api-keys]]"));
    }

    #[test]
    fn bad_syntax_names_the_line() {
        assert!(error("api = true\nnonsense\n").starts_with("s.toml:2: "), "{}", error("api = true\nnonsense\n"));
        assert!(error("api = true\napi = false\n").starts_with("s.toml:2: "));
    }
}
