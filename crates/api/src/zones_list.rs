//! `GET .../zones` (PDNS-DIALECT 4.1). External-DNS asks two to five times a cycle, so it is one query and one pass.
//!
//! Pages and filters are ours: PowerDNS has neither, and stock clients ask for neither.

use axum::response::Response;
use store::{ZoneFilter, ZoneKind, ZoneSummary};

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::state::Api;
use crate::zone_view::{ViewContext, ZoneListItem};
use crate::{json, names, reply, zone_id};

/// All zones, or those that the query asks for.
pub(crate) async fn list(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let name = match call.query("zone") {
        None => None,
        Some(name) => Some(names::zone_name(name)?),
    };
    let selection = Selection::of(call)?;
    let with_dnssec = !call.query("dnssec").is_some_and(|value| value.eq_ignore_ascii_case("false"));
    let mut zones = api.state.store.zones(&ZoneFilter { name, without_dnssec: !with_dnssec }).await?;
    zones.retain(|zone| call.scope.sees(zone.name.apex()));
    let zones = selection.apply(zones);
    let context = ViewContext::new(api);
    let mut text = Vec::with_capacity(zones.len() * 320 + 2);
    text.push(b'[');
    for (at, zone) in zones.iter().enumerate() {
        if at > 0 {
            text.extend_from_slice(b", ");
        }
        json::append(&mut text, &ZoneListItem::new(zone, &context, with_dnssec));
        // Other tasks get their turn: 100,000 zones take about 100 ms.
        if at % 1000 == 999 {
            tokio::task::yield_now().await;
        }
    }
    text.push(b']');
    Ok(reply::json_unless_had(call, text))
}

/// Which of the zones are listed, and how many.
#[derive(Debug, Default)]
struct Selection {
    kind: Option<ZoneKind>,
    account: Option<String>,
    /// In lower case.
    pattern: Option<String>,
    /// Only what comes behind this name. With it or `limit`, zones come in the order of their names.
    after: Option<String>,
    limit: Option<usize>,
}

impl Selection {
    fn of(call: &Call) -> Result<Selection, ApiError> {
        let unsupported =
            |name: &str, value: &str| invalid(format!("'{name}' request parameter value '{value}' is not supported"));
        let kind = match call.query("kind") {
            None => None,
            Some(text) => match ZoneKind::parse_lenient(text) {
                // Unlike a zone's own kind, a filter by what is no kind is a mistake.
                ZoneKind::Native if !text.eq_ignore_ascii_case("native") => return Err(unsupported("kind", text)),
                kind => Some(kind),
            },
        };
        let limit = match call.query("limit") {
            None => None,
            Some(text) => match text.parse() {
                Ok(limit @ 1..) => Some(limit),
                _ => return Err(unsupported("limit", text)),
            },
        };
        Ok(Selection {
            kind,
            account: call.query("account").map(str::to_owned),
            pattern: call.query("q").map(str::to_lowercase),
            after: call.query("after").map(|id| zone_id::decode(id).map(|name| name.to_string())).transpose()?,
            limit,
        })
    }

    fn apply(&self, mut zones: Vec<ZoneSummary>) -> Vec<ZoneSummary> {
        zones.retain(|zone| {
            self.kind.is_none_or(|kind| zone.kind == kind)
                && self.account.as_ref().is_none_or(|account| zone.account == *account)
                && self.pattern.as_ref().is_none_or(|pattern| matches(pattern, &zone.name.to_dotless()))
                && self.after.as_ref().is_none_or(|after| zone.name.to_string() > *after)
        });
        if self.after.is_some() || self.limit.is_some() {
            zones.sort_by_cached_key(|zone| zone.name.to_string());
            zones.truncate(self.limit.unwrap_or(usize::MAX));
        }
        zones
    }
}

/// Whether `text` fits: `*` stands for any characters, `?` for one, as in search-data.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where to go on if what follows the last star does not fit: it takes one character more.
    let mut retry = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(&octet) if octet == b'?' || octet == text[t] => (p, t) = (p + 1, t + 1),
            _ => match retry {
                Some((star, from)) => {
                    retry = Some((star, from + 1));
                    (p, t) = (star + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|octet| *octet == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_as_in_search_data() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a*c", "abcbc", true),
            ("a*cd", "abcbc", false),
            ("*.test", "a.test", true),
            ("?.test", "ab.test", false),
            ("*a*b*", "xxaxxb", true),
            ("test", "a.test", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
