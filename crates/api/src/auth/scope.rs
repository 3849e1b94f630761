//! What a key may do (docs/api.md). Nothing is read here but the question: whether a zone exists plays no part, so that an answer does
//! not tell.

use wire::{Name, RecordType};

use crate::error::ApiError;

/// What an action asks of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Any key.
    Nothing,
    /// Any key; what it may not see is left out.
    Filtered,
    /// Reading what belongs to no zone: no limit to zones.
    ServerRead,
    /// Changing that, or reading secrets in it: a full key.
    Full,
    /// Reading the zone in the path.
    ZoneRead,
    /// Changing RRsets of the zone in the path, each of which the handler asks about, or telling secondaries of such changes.
    RrsetWrite,
    /// Changing anything about the zone in the path: no limit to types or names.
    ZoneWrite,
    /// Making a zone, whose name the handler asks about: no limit to types or names.
    ZoneCreate,
}

/// Limits of a key; the default has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Zones it may see and change. Empty: all.
    pub zones: Vec<ZonePattern>,
    /// Record types it may change. Empty: all.
    pub types: Vec<RecordType>,
    /// Names that it may change with all below them, in lower case. Empty: all.
    pub names: Vec<Name>,
    /// Whether it may change nothing at all.
    pub read_only: bool,
}

/// Why a scope cannot be read: which list, which item, why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{list}: '{item}' {why}")]
pub struct ScopeError {
    list: &'static str,
    item: String,
    why: String,
}

/// Items of one list at most.
const ITEMS_MAX: usize = 100;

impl Scope {
    /// Reads lists of text.
    ///
    /// # Errors
    ///
    /// [`ScopeError`] naming the first bad item.
    pub fn read<S: AsRef<str>>(zones: &[S], types: &[S], names: &[S], read_only: bool) -> Result<Scope, ScopeError> {
        fn each<S: AsRef<str>, T>(
            list: &'static str,
            items: &[S],
            read: impl Fn(&str) -> Result<T, String>,
        ) -> Result<Vec<T>, ScopeError> {
            if items.len() > ITEMS_MAX {
                let why = format!("is beyond the {ITEMS_MAX} items that a list may have");
                return Err(ScopeError { list, item: items[ITEMS_MAX].as_ref().to_owned(), why });
            }
            let one =
                |item: &S| read(item.as_ref()).map_err(|why| ScopeError { list, item: item.as_ref().to_owned(), why });
            items.iter().map(one).collect()
        }
        Ok(Scope {
            zones: each("zones", zones, ZonePattern::parse)?,
            types: each("types", types, |text| {
                text.to_ascii_uppercase().parse().map_err(|_| "is not a record type".to_owned())
            })?,
            names: each("names", names, |text| match Name::parse(text) {
                Ok(name) if !text.is_empty() => Ok(name.to_lowercase()),
                Ok(_) => Err("is empty".to_owned()),
                Err(why) => Err(format!("is not a name: {why}")),
            })?,
            read_only,
        })
    }

    /// Whether nothing is beyond it.
    pub fn is_full(&self) -> bool {
        !self.read_only && self.zones.is_empty() && !self.limits_rrsets()
    }

    fn limits_rrsets(&self) -> bool {
        !self.types.is_empty() || !self.names.is_empty()
    }

    /// Whether it may see `zone`.
    pub(crate) fn sees(&self, zone: &Name) -> bool {
        self.zones.is_empty() || self.zones.iter().any(|pattern| pattern.matches(zone))
    }

    /// # Errors
    ///
    /// 403 with the reason; 404 for reading a zone beyond the key, as if it were not there: clients try the zones above a name one after
    /// the other, and go on after that alone.
    pub(crate) fn check(&self, needs: Needs, zone: Option<&Name>) -> Result<(), ApiError> {
        let writes = matches!(needs, Needs::RrsetWrite | Needs::ZoneWrite | Needs::ZoneCreate);
        match needs {
            Needs::Nothing | Needs::Filtered => return Ok(()),
            Needs::Full if self.is_full() => return Ok(()),
            Needs::Full => return Err(forbidden("this API key is limited, and this needs one that is not")),
            Needs::ServerRead if self.zones.is_empty() => return Ok(()),
            Needs::ServerRead => return Err(forbidden("this API key is limited to zones, and this is beyond any")),
            Needs::ZoneRead | Needs::RrsetWrite | Needs::ZoneWrite | Needs::ZoneCreate => {}
        }
        if writes && self.read_only {
            return Err(forbidden("this API key is read-only"));
        }
        if matches!(needs, Needs::ZoneWrite | Needs::ZoneCreate) && self.limits_rrsets() {
            return Err(forbidden("this API key may change records of some types or names, and nothing else"));
        }
        match zone {
            Some(zone) if needs == Needs::ZoneRead && !self.sees(zone) => Err(ApiError::NotFound),
            Some(zone) => self.check_zone(zone),
            None => Ok(()),
        }
    }

    /// # Errors
    ///
    /// 403 naming the zone, whether it exists or not.
    pub(crate) fn check_zone(&self, zone: &Name) -> Result<(), ApiError> {
        match self.sees(zone) {
            true => Ok(()),
            false => Err(forbidden(&format!("zone {zone} is beyond what this API key may use"))),
        }
    }

    /// # Errors
    ///
    /// 403 naming the RRset.
    pub(crate) fn check_rrset(&self, name: &Name, rtype: RecordType) -> Result<(), ApiError> {
        let is_type = self.types.is_empty() || self.types.contains(&rtype);
        let is_name = self.names.is_empty() || self.names.iter().any(|top| name.is_under(top));
        match is_type && is_name {
            true => Ok(()),
            false => Err(forbidden(&format!("RRset {name} IN {rtype} is beyond what this API key may change"))),
        }
    }
}

fn forbidden(why: &str) -> ApiError {
    ApiError::Forbidden(format!("Forbidden: {why}"))
}

/// Which zones: a name, or one with wildcards. `*` as the first label stands for one or more labels; elsewhere `*` is any number of
/// characters within a label, and `?` one. `*` alone is every zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZonePattern {
    text: String,
    /// From the left; empty: the root.
    labels: Vec<Vec<u8>>,
    /// The first label was `*`, and is left out of `labels`.
    any_above: bool,
}

impl ZonePattern {
    fn parse(text: &str) -> Result<ZonePattern, String> {
        let lower = text.to_ascii_lowercase();
        // `?` and `*` are characters of names, so that what is no name is no pattern.
        let name = Name::parse(&lower).map_err(|why| format!("is not a name or pattern: {why}"))?;
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        let mut labels: Vec<Vec<u8>> = name.labels().map(<[u8]>::to_vec).collect();
        let any_above = labels.first().is_some_and(|label| label == b"*");
        if any_above {
            labels.remove(0);
        }
        Ok(ZonePattern { text: lower, labels, any_above })
    }

    fn matches(&self, zone: &Name) -> bool {
        let zone = zone.to_lowercase();
        let labels: Vec<&[u8]> = zone.labels().collect();
        let above = labels.len().checked_sub(self.labels.len());
        let fits = match above {
            None => false,
            Some(0) => !self.any_above || self.labels.is_empty(),
            Some(_) => self.any_above,
        };
        let rest = above.unwrap_or(0);
        fits && self.labels.iter().zip(&labels[rest.min(labels.len())..]).all(|(pattern, label)| glob(pattern, label))
    }

    /// Patterns of a search, one for the zones and one for their variants. They match more than this one does: `*` and `?` are
    /// not held up by dots.
    pub(crate) fn search_patterns(&self) -> [String; 2] {
        let name = self.text.strip_suffix('.').unwrap_or(&self.text);
        // As names are stored or not: that is not for a pattern to know.
        let name = if name.contains('\\') { "*" } else { name };
        [name.to_owned(), format!("{name}..*")]
    }

    /// As it was given, in lower case.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// `*` any number of octets, `?` one. Goes back to the last `*` only, which suffices, so that its cost is a product.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(&octet) if octet == b'?' || octet == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((at, from)) = star else { return false };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|&octet| octet == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn scope(zones: &[&str], types: &[&str], names: &[&str], read_only: bool) -> Scope {
        Scope::read(zones, types, names, read_only).unwrap()
    }

    #[test]
    fn patterns_of_zones_match_from_both_sides() {
        for (pattern, zone, matches) in [
            ("example.com", "example.com.", true),
            ("Example.com.", "EXAMPLE.com.", true),
            ("example.com", "a.example.com.", false),
            ("example.com", "badexample.com.", false),
            ("example.com", "com.", false),
            ("*.example.com", "example.com.", false),
            ("*.example.com", "a.example.com.", true),
            ("*.example.com", "b.a.example.com.", true),
            ("*.example.com", "a.example.com.evil.", false),
            ("*.example.com", "aexample.com.", false),
            ("team-*.example.com", "team-red.example.com.", true),
            ("team-*.example.com", "team-.example.com.", true),
            ("team-*.example.com", "x.team-red.example.com.", false),
            ("team-*.example.com", "steam-red.example.com.", false),
            ("*.team-*.example.com", "x.team-red.example.com.", true),
            ("a?.test", "ab.test.", true),
            ("a?.test", "a.test.", false),
            ("a?.test", "abc.test.", false),
            ("a*b*c.test", "a-b-b-c.test.", true),
            ("a*b*c.test", "a-b-b.test.", false),
            ("*", "anything.example.", true),
            ("*", ".", true),
            (".", ".", true),
            (".", "test.", false),
        ] {
            assert_eq!(ZonePattern::parse(pattern).unwrap().matches(&name(zone)), matches, "{pattern} {zone}");
        }
    }

    #[test]
    fn scopes_name_the_item_that_is_wrong() {
        let error = |zones: &[&str], types: &[&str], names: &[&str]| {
            Scope::read(zones, types, names, false).unwrap_err().to_string()
        };
        assert_eq!(error(&["a..b"], &[], &[]), "zones: 'a..b' is not a name or pattern: empty label");
        assert_eq!(error(&[""], &[], &[]), "zones: '' is empty");
        assert_eq!(error(&[], &["A", "NOPE"], &[]), "types: 'NOPE' is not a record type");
        assert_eq!(error(&[], &[], &["a..b"]), "names: 'a..b' is not a name: empty label");
        assert!(error(&vec!["a.test"; 101], &[], &[]).contains("beyond the 100 items"));
    }

    #[test]
    fn each_limit_is_felt_where_it_should_be() {
        let zone = name("a.test.");
        let passes = |scope: &Scope, needs| scope.check(needs, Some(&zone)).is_ok();
        let all = [
            Needs::Nothing,
            Needs::Filtered,
            Needs::ServerRead,
            Needs::Full,
            Needs::ZoneRead,
            Needs::RrsetWrite,
            Needs::ZoneWrite,
            Needs::ZoneCreate,
        ];
        let allowed = |scope: Scope| all.map(|needs| passes(&scope, needs));
        assert_eq!(allowed(Scope::default()), [true; 8]);
        assert_eq!(allowed(scope(&["a.test"], &[], &[], false)), [true, true, false, false, true, true, true, true]);
        assert_eq!(
            allowed(scope(&["b.test"], &[], &[], false)),
            [true, true, false, false, false, false, false, false]
        );
        assert_eq!(allowed(scope(&[], &[], &[], true)), [true, true, true, false, true, false, false, false]);
        assert_eq!(allowed(scope(&[], &["TXT"], &[], false)), [true, true, true, false, true, true, false, false]);
        assert_eq!(allowed(scope(&[], &[], &["x.a.test"], false)), [true, true, true, false, true, true, false, false]);
    }

    #[test]
    fn rrsets_are_within_by_type_and_by_name() {
        let scope = scope(&[], &["txt", "TYPE65"], &["K8s.a.test"], false);
        let may = |owner: &str, rtype: &str| scope.check_rrset(&name(owner), rtype.parse().unwrap()).is_ok();
        assert!(may("k8s.a.test.", "TXT") && may("x.K8S.a.test.", "TXT") && may("*.k8s.a.test.", "HTTPS"));
        assert!(!may("k8s.a.test.", "A") && !may("a.test.", "TXT") && !may("xk8s.a.test.", "TXT"));
        let error = scope.check_rrset(&name("a.test."), RecordType::A).unwrap_err();
        assert_eq!(error.to_string(), "Forbidden: RRset a.test. IN A is beyond what this API key may change");
    }
}
