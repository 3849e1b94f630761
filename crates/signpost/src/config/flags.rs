//! Settings on the command line: our names and PowerDNS's, as `--name=value`.
//!
//! Container images of PowerDNS are run like `docker run IMAGE --launch=gpgsql --gpgsql-host=db`. What is no setting
//! stays in place for the command's own parser.

use super::catalog;
use super::error::Origin;
use super::pdns_conf::normal_name;
use super::powerdns;
use super::value::Kind;

/// One flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// Lower case, dashes.
    pub name: String,
    /// `yes` for a bare name.
    pub text: String,
    /// As written, with its dashes.
    pub origin: Origin,
}

/// Where settings are, said by a flag.
const LOCATIONS: &[&str] = &["config", "config-dir", "config-name"];

/// Takes the settings out of `args`; the rest keeps its order. Nothing after `--` is touched.
pub fn split(args: impl IntoIterator<Item = String>) -> (Vec<Flag>, Vec<String>) {
    let mut flags = Vec::new();
    let mut rest = Vec::new();
    let mut args = args.into_iter().peekable();
    while let Some(arg) = args.next() {
        if arg == "--" {
            rest.push(arg);
            rest.extend(args.by_ref());
            break;
        }
        let Some(body) = arg.strip_prefix("--") else {
            rest.push(arg);
            continue;
        };
        let (written, value) =
            body.split_once('=').map_or((body, None), |(name, value)| (name, Some(value.to_owned())));
        let name = normal_name(written);
        let own = catalog::find(&name);
        let takes_next = own.is_some_and(|own| !matches!(own.kind, Kind::Switch)) || LOCATIONS.contains(&name.as_str());
        if own.is_none() && powerdns::find(&name).is_none() && !LOCATIONS.contains(&name.as_str()) {
            rest.push(arg);
            continue;
        }
        let text = match value {
            Some(value) => value,
            // PowerDNS knows `--name=value` only: a bare name of its own is yes.
            None if takes_next => args.next_if(|next| !next.starts_with("--")).unwrap_or_default(),
            None => "yes".to_owned(),
        };
        flags.push(Flag { origin: Origin::Flag(format!("--{written}")), name, text });
    }
    (flags, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_words(line: &str) -> (Vec<(String, String)>, Vec<String>) {
        let (flags, rest) = split(line.split(' ').map(str::to_owned));
        (flags.into_iter().map(|flag| (flag.name, flag.text)).collect(), rest)
    }

    #[test]
    fn settings_leave_and_the_rest_stays() {
        let (flags, rest) =
            split_words("serve --launch=gpgsql --gpgsql_host=db --api-key k --api --signed zone -- --api");
        let pairs: Vec<(&str, &str)> = flags.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(pairs, [("launch", "gpgsql"), ("gpgsql-host", "db"), ("api-key", "k"), ("api", "yes")]);
        assert_eq!(rest, ["serve", "--signed", "zone", "--", "--api"]);
    }

    #[test]
    fn a_bare_name_of_powerdns_is_yes_and_takes_no_value() {
        let (flags, rest) = split_words("--disable-syslog serve");
        assert_eq!(flags, [("disable-syslog".to_owned(), "yes".to_owned())]);
        assert_eq!(rest, ["serve"]);
    }
}
