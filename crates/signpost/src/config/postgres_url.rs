//! Database URLs: made of PowerDNS's `gpgsql-*` settings, given a password, shown without one.

use super::error::{ConfigError, Warning};
use super::layers::Layers;
use super::pdns_conf::PdnsSettings;
use super::translate::{refuse, strongest};
use super::value::switch;

/// Connection parameters of libpq that the driver has too.
const PARAMETERS: &[&str] = &[
    "application_name",
    "dbname",
    "host",
    "hostaddr",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslrootcert",
    "user",
];

/// Makes `database-url` of `gpgsql-host`, `-port`, `-dbname`, `-user` and `-extra-connection-parameters`.
///
/// What is not set is left to the driver, as PowerDNS leaves it to libpq: `PGHOST` and the like, then the socket of
/// the local server. Everything goes into the query of the URL, where a host may also be a socket's folder.
///
/// # Errors
///
/// [`ConfigError::Value`] for a malformed value; parameters that the driver lacks are warnings.
pub fn from_gpgsql(pdns: &PdnsSettings, layers: &mut Layers, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
    let names =
        ["launch", "gpgsql-host", "gpgsql-port", "gpgsql-dbname", "gpgsql-user", "gpgsql-extra-connection-parameters"];
    let mut parameters: Vec<(String, String)> = Vec::new();
    for (setting, parameter) in names[1..5].iter().zip(["host", "port", "dbname", "user"]) {
        let Some(assigned) = pdns.at(setting).filter(|assigned| !assigned.text.is_empty()) else { continue };
        if parameter == "port" && assigned.text.parse::<u16>().is_err() {
            return Err(refuse(setting, assigned, &format!("'{}' is not a port number", assigned.text)));
        }
        parameters.push((parameter.to_owned(), assigned.text.clone()));
    }
    if let Some(assigned) = pdns.at("gpgsql-extra-connection-parameters") {
        let extra = conninfo(&assigned.text).map_err(|reason| refuse(names[5], assigned, &reason))?;
        for (parameter, value) in extra {
            if PARAMETERS.contains(&parameter.as_str()) {
                parameters.push((parameter, value));
            } else {
                warnings.push(Warning {
                    name: names[5].to_owned(),
                    origin: assigned.origin.clone(),
                    reason: format!("parameter {parameter} has no effect"),
                });
            }
        }
    }
    if let Some(assigned) = pdns.at("gpgsql-prepared-statements")
        && !switch(&assigned.text).map_err(|reason| refuse("gpgsql-prepared-statements", assigned, &reason))?
    {
        parameters.push(("statement-cache-capacity".to_owned(), "0".to_owned()));
    }
    let query: Vec<String> =
        parameters.iter().map(|(name, value)| format!("{name}={}", percent_encode(value))).collect();
    let (origin, rank) = strongest(pdns, &names);
    layers.set_text("database-url", "launch", &format!("postgres:///?{}", query.join("&")), &origin, rank)
}

/// Adds the password to a Postgres URL. It wins over one that stands in the URL.
pub fn with_password(url: &str, password: &str) -> String {
    let separator = match url.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{url}{separator}password={}", percent_encode(password))
}

/// The URL as it may be logged: passwords in either place left out.
pub fn redacted(url: &str) -> String {
    let (before, query) = url.split_once('?').map_or((url, None), |(before, query)| (before, Some(query)));
    let before = match before.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?))) {
        Some((scheme, (user, rest))) => {
            let user = user.split_once(':').map_or(user, |(user, _)| user);
            format!("{scheme}://{user}@{rest}")
        }
        None => before.to_owned(),
    };
    let Some(query) = query else { return before };
    let shown: Vec<&str> = query.split('&').filter(|pair| !pair.starts_with("password=")).collect();
    if shown.is_empty() { before } else { format!("{before}?{}", shown.join("&")) }
}

/// Host, port, database and user of a Postgres URL, those that it names, without anything secret.
pub fn place(url: &str) -> Vec<(&'static str, String)> {
    let url = redacted(url);
    let (before, query) = url.split_once('?').unwrap_or((&url, ""));
    let rest = before.split_once("://").map_or("", |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (user, address) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|octet| octet.is_ascii_digit()) => (host, port),
        _ => (address, ""),
    };
    let named = |parameter: &str, in_path: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let text = pairs.find(|(name, _)| *name == parameter).map_or(in_path, |(_, value)| value);
        percent_decode(text)
    };
    [("host", host), ("port", port), ("dbname", path), ("user", user)]
        .into_iter()
        .map(|(parameter, in_path)| (parameter, named(parameter, in_path)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

/// What is not UTF-8, or not encoded as it should be, stays as it is.
fn percent_decode(text: &str) -> String {
    let mut octets = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = (*first == b'%').then(|| after.get(..2)).flatten();
        let octet = digits.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        octets.push(octet.unwrap_or(*first));
        rest = if octet.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(octets).unwrap_or_else(|_| text.to_owned())
}

/// libpq's `name=value name='a value'`, with backslash escapes.
fn conninfo(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=').ok_or("expected name=value pairs")?;
        let name = name.trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err("expected name=value pairs".to_owned());
        }
        let after = after.trim_start();
        let quoted = after.strip_prefix('\'');
        let mut chars = quoted.unwrap_or(after).char_indices();
        let body = quoted.unwrap_or(after);
        let mut value = String::new();
        let mut end = None;
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
                '\'' if quoted.is_some() => {
                    end = Some(at + 1);
                    break;
                }
                c if quoted.is_none() && c.is_whitespace() => {
                    end = Some(at);
                    break;
                }
                c => value.push(c),
            }
        }
        if quoted.is_some() && end.is_none() {
            return Err(format!("the quote around the value of {name} is not closed"));
        }
        pairs.push((name.to_owned(), value));
        rest = body[end.unwrap_or(body.len())..].trim_start();
    }
    Ok(pairs)
}

/// RFC 3986 section 2.1: everything but unreserved characters is encoded.
fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(octet)),
            _ => encoded.push_str(&format!("%{octet:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn url(conf: &str) -> Result<(String, Vec<Warning>), ConfigError> {
        let mut pdns = PdnsSettings::default();
        super::super::pdns_conf::parse(conf, Path::new("p"), &mut pdns)?;
        let (mut layers, mut warnings) = (Layers::new(), Vec::new());
        from_gpgsql(&pdns, &mut layers, &mut warnings)?;
        Ok((layers.secret("database-url").0.clone(), warnings))
    }

    #[test]
    fn gpgsql_settings_become_a_url() {
        let conf = "launch=gpgsql\ngpgsql-host=/run/postgresql\ngpgsql-port=5433\ngpgsql-dbname=p d\ngpgsql-user=u@x\n";
        assert_eq!(url(conf).unwrap().0, "postgres:///?host=%2Frun%2Fpostgresql&port=5433&dbname=p%20d&user=u%40x");
        assert_eq!(url("launch=gpgsql\n").unwrap().0, "postgres:///?");
        let error = url("launch=gpgsql\ngpgsql-port=x\n").unwrap_err().to_string();
        assert_eq!(error, "setting gpgsql-port (p:2): 'x' is not a port number");
    }

    #[test]
    fn extra_parameters_are_those_of_libpq() {
        let conf = "launch=gpgsql\ngpgsql-extra-connection-parameters=sslmode=require connect_timeout=10 options='-c a=\\'b'\n";
        let (url_, warnings) = url(conf).unwrap();
        assert_eq!(url_, "postgres:///?sslmode=require&options=-c%20a%3D%27b");
        assert_eq!(warnings[0].reason, "parameter connect_timeout has no effect");
        let error = url("launch=gpgsql\ngpgsql-extra-connection-parameters=options='x\n").unwrap_err().to_string();
        assert!(error.ends_with("the quote around the value of options is not closed"), "{error}");
        assert!(url("launch=gpgsql\ngpgsql-extra-connection-parameters=nonsense\n").is_err());
    }

    #[test]
    fn the_place_of_a_database_is_told_without_its_password() {
        let told = |url: &str| -> Vec<String> {
            place(url).into_iter().map(|(parameter, value)| format!("{parameter}={value}")).collect()
        };
        assert_eq!(told("postgres://u:p@h:5433/d?sslmode=require"), ["host=h", "port=5433", "dbname=d", "user=u"]);
        assert_eq!(told("postgres:///?host=%2Frun%2Fpg&dbname=p%20d&password=x"), ["host=/run/pg", "dbname=p d"]);
        assert_eq!(told("postgres://[2001:db8::1]/d"), ["host=[2001:db8::1]", "dbname=d"]);
        assert_eq!(told("postgres://h"), ["host=h"]);
        assert_eq!(told("postgres:///?"), [""; 0]);
    }

    #[test]
    fn prepared_statements_can_be_turned_off() {
        assert_eq!(
            url("launch=gpgsql\ngpgsql-prepared-statements=no\n").unwrap().0,
            "postgres:///?statement-cache-capacity=0"
        );
    }

    #[test]
    fn passwords_are_added_and_never_shown() {
        assert_eq!(with_password("postgres://u@h/d", "a&b"), "postgres://u@h/d?password=a%26b");
        assert_eq!(with_password("postgres:///?", "x"), "postgres:///?password=x");
        assert_eq!(with_password("postgres:///?user=u", "x"), "postgres:///?user=u&password=x");
        assert_eq!(redacted("postgres://u:p@h/d?sslmode=require&password=x"), "postgres://u@h/d?sslmode=require");
        assert_eq!(redacted("postgres://u:p:q@r@h/d"), "postgres://u@h/d");
        assert_eq!(redacted("postgres:///?password=x"), "postgres:///");
        assert_eq!(redacted("sqlite:/a/b.db"), "sqlite:/a/b.db");
    }
}
