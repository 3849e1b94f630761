//! A name that turns from CNAME to addresses, or back, under External-DNS.
//!
//! External-DNS sends the new record before it deletes the old one, and a CNAME tolerates no other type at its name (RFC
//! 1034 section 3.6.2): refused, the deletion never comes, and the name stays as it was for ever. Each of its requests also
//! carries the TXT that says whose the new record is. Where the TXT of the old record says the same owner, the old record is
//! what the deletion would have taken, and goes first.
//!
//! Where these TXTs stand depends on External-DNS's flags (`--txt-prefix`, `--txt-suffix`, `--txt-wildcard-replacement`), which
//! we are not told. The request shows it: one [`Form`] has to lead from every record in it to a TXT in it.

use std::collections::{HashMap, HashSet};

use store::{RrsetChange, external_dns_owner};
use wire::{Name, RecordType};

/// Types that External-DNS manages and that a CNAME drives out.
const BESIDE_CNAME: [RecordType; 9] = [
    RecordType::A,
    RecordType::AAAA,
    RecordType::ALIAS,
    RecordType::MX,
    RecordType::NAPTR,
    RecordType::NS,
    RecordType::PTR,
    RecordType::SRV,
    RecordType::TXT,
];

/// Forms that are tried: a name of one label of 63 letters `a` has that many.
const FORMS_MAX: usize = 64;

/// What has to go before `changes` can be done, each on the condition that the same owner made it. Empty when External-DNS
/// did not send them, or when it cannot be told where its TXTs stand.
pub(crate) fn deletions(changes: &[RrsetChange], zone: &Name) -> Vec<RrsetChange> {
    let Some(request) = Request::read(changes, zone) else { return Vec::new() };
    let Some(form) = request.form() else { return Vec::new() };
    request.records.iter().flat_map(|record| request.deletions_for(record, &form)).collect()
}

/// A record that External-DNS writes, its name in two: `label` is what its TXT's name is made from.
struct Record<'a> {
    name: &'a Name,
    rtype: RecordType,
    label: String,
    /// The name above, with its leading dot and without its final one.
    rest: String,
}

/// The TXTs' names without what External-DNS was told to add: `{before}{label}{after}{rest}`, where one of the two holds the
/// type in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Form {
    before: Affix,
    after: Affix,
}

/// Text, with the place of the type in it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Affix {
    Plain(String),
    Typed(String, String),
}

impl Affix {
    fn with(&self, token: &str) -> String {
        match self {
            Affix::Plain(text) => text.clone(),
            Affix::Typed(before, after) => format!("{before}{token}{after}"),
        }
    }
}

/// What External-DNS calls a type in names. Up to v0.21 an ALIAS is `cname` there, then what it answers with.
fn tokens(rtype: RecordType) -> Vec<String> {
    match rtype {
        RecordType::ALIAS => vec!["cname".to_owned(), "a".to_owned()],
        other => vec![other.to_string().to_ascii_lowercase()],
    }
}

/// A request of External-DNS.
struct Request<'a> {
    records: Vec<Record<'a>>,
    /// Owner by name of the TXT, in lower case without final dot.
    owners: HashMap<String, &'a str>,
}

impl<'a> Request<'a> {
    fn read(changes: &'a [RrsetChange], zone: &Name) -> Option<Request<'a>> {
        let mut request = Request { records: Vec::new(), owners: HashMap::new() };
        for change in changes {
            let RrsetChange::Replace { name, rtype, records: Some(records), .. } = change else { continue };
            let Some(first) = records.first() else { continue };
            if *rtype == RecordType::TXT
                && let Some(owner) = external_dns_owner(&first.content)
            {
                request.owners.insert(text(name), owner);
            // The TXT of the apex may stand in another zone, and nothing at an apex turns into a CNAME.
            } else if name != zone {
                let whole = text(name);
                let label = whole.split('.').next()?.to_owned();
                let rest = whole[label.len()..].to_owned();
                request.records.push(Record { name, rtype: *rtype, label, rest });
            }
        }
        (!request.owners.is_empty()).then_some(request)
    }

    /// The likeliest form that explains every record.
    fn form(&self) -> Option<Form> {
        let sample = self.records.iter().find(|record| !record.is_wildcard()).or(self.records.first())?;
        let mut forms: Vec<(Place, Form)> = Vec::new();
        for name in self.owners.keys() {
            let Some(left) = name.strip_suffix(&sample.rest) else { continue };
            for (at, length) in sample.places(left) {
                for token in tokens(sample.rtype) {
                    push_forms(&left[..at], &left[at + length..], &token, &mut forms);
                }
            }
        }
        forms.sort_by_key(|(place, form)| (*place, form.before.with("").len() + form.after.with("").len()));
        forms.truncate(FORMS_MAX);
        let mut explaining = forms.into_iter().map(|(_, form)| form);
        explaining.find(|form| self.records.iter().all(|record| self.registry(record, form).is_some()))
    }

    /// The label that stands in the record's TXT, and that TXT's name: of a wildcard what stands for the asterisk.
    fn registry(&self, record: &Record<'_>, form: &Form) -> Option<(String, String)> {
        tokens(record.rtype).iter().find_map(|token| {
            let (before, after) = (form.before.with(token), form.after.with(token));
            let plain = format!("{before}{}{after}{}", record.label, record.rest);
            if self.owners.contains_key(&plain) {
                return Some((record.label.clone(), plain));
            }
            if !record.is_wildcard() {
                return None;
            }
            let taken: HashSet<String> = self.of_others(&before, &after, record);
            let mut stands_for = self.owners.keys().filter_map(|name| {
                let label = name.strip_suffix(&record.rest)?.strip_prefix(&before)?.strip_suffix(&after)?;
                (!label.is_empty() && !label.contains('.') && !taken.contains(name))
                    .then(|| (label.to_owned(), name.clone()))
            });
            let found = stands_for.next()?;
            stands_for.next().is_none().then_some(found)
        })
    }

    /// TXTs of records that are not wildcards, at the wildcard's level.
    fn of_others(&self, before: &str, after: &str, wildcard: &Record<'_>) -> HashSet<String> {
        let others = self.records.iter().filter(|other| !other.is_wildcard() && other.rest == wildcard.rest);
        others.map(|other| format!("{before}{}{after}{}", other.label, other.rest)).collect()
    }

    fn deletions_for(&self, record: &Record<'_>, form: &Form) -> Vec<RrsetChange> {
        let Some((label, registry)) = self.registry(record, form) else { return Vec::new() };
        let Some(owner) = self.owners.get(&registry) else { return Vec::new() };
        let in_the_way = match record.rtype {
            RecordType::CNAME => BESIDE_CNAME.as_slice(),
            _ => &[RecordType::CNAME],
        };
        let mut deletions = Vec::new();
        for &rtype in in_the_way {
            for token in tokens(rtype) {
                let (before, after) = (form.before.with(&token), form.after.with(&token));
                if let Ok(registry) = Name::parse(&format!("{before}{label}{after}{}.", record.rest)) {
                    let (name, owner) = (record.name.clone(), (*owner).to_owned());
                    deletions.push(RrsetChange::DeleteOwned { name, rtype, registry, owner });
                }
            }
        }
        deletions
    }
}

impl Record<'_> {
    fn is_wildcard(&self) -> bool {
        self.label == "*"
    }

    /// Where the label may be in the TXT's name, and how long it is there. What stands for an asterisk is unknown: all that
    /// follows a hyphen or a dot may.
    fn places(&self, left: &str) -> Vec<(usize, usize)> {
        if self.is_wildcard() {
            return left.match_indices(['-', '.']).map(|(at, _)| (at + 1, left.len() - at - 1)).collect();
        }
        left.match_indices(&self.label).map(|(at, found)| (at, found.len())).collect()
    }
}

/// Where what looks like the type stands in an affix, the likeliest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    /// With a hyphen right before the label: there External-DNS puts it when its affix has no place for it.
    Default,
    /// As a word of its own.
    Word,
    /// Within a word: the letter of A is in most of them.
    Within,
}

impl Place {
    fn of(text: &str, at: usize, token: &str) -> Place {
        let is_apart = |octet: Option<&u8>| octet.is_none_or(|octet| !octet.is_ascii_alphanumeric());
        let (left, right) = (&text.as_bytes()[..at], &text.as_bytes()[at + token.len()..]);
        if is_apart(left.last()) && is_apart(right.first()) { Place::Word } else { Place::Within }
    }
}

/// All ways in which the type is in one of the affixes.
fn push_forms(before: &str, after: &str, token: &str, forms: &mut Vec<(Place, Form)>) {
    let split = |text: &str, at: usize| Affix::Typed(text[..at].to_owned(), text[at + token.len()..].to_owned());
    for (at, _) in before.match_indices(token) {
        let place = if before[at + token.len()..] == *"-" { Place::Default } else { Place::of(before, at, token) };
        forms.push((place, Form { before: split(before, at), after: Affix::Plain(after.to_owned()) }));
    }
    for (at, _) in after.match_indices(token) {
        let form = Form { before: Affix::Plain(before.to_owned()), after: split(after, at) };
        forms.push((Place::of(after, at, token), form));
    }
}

fn text(name: &Name) -> String {
    name.to_dotless().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use store::StoredRecord;

    fn replace(owner: &str, rtype: RecordType, content: &str) -> RrsetChange {
        let records = Some(vec![StoredRecord { content: content.to_owned(), prio: 0, disabled: false }]);
        RrsetChange::Replace { name: Name::parse(owner).unwrap(), rtype, ttl: 60, records, comments: None }
    }

    /// A record and its TXT, as External-DNS sends them.
    fn owned(owner: &str, rtype: RecordType, registry: &str) -> [RrsetChange; 2] {
        let text = "\"heritage=external-dns,external-dns/owner=me,external-dns/resource=service/a/b\"";
        [replace(registry, RecordType::TXT, text), replace(owner, rtype, "content")]
    }

    /// "name type registry" of what would go.
    fn shown(changes: &[RrsetChange]) -> Vec<String> {
        let shown = deletions(changes, &Name::parse("x.").unwrap()).into_iter().map(|change| match change {
            RrsetChange::DeleteOwned { name, rtype, registry, owner } if owner == "me" => {
                format!("{name} {rtype} {registry}")
            }
            other => panic!("{other:?}"),
        });
        shown.collect()
    }

    #[test]
    fn each_form_of_the_flags_is_read_from_the_request() {
        for (registry, of_cname) in [
            ("a-www.x.", "cname-www.x."),
            ("edns-a-www.x.", "edns-cname-www.x."),
            ("ednsa-www.x.", "ednscname-www.x."),
            ("a.edns.www.x.", "cname.edns.www.x."),
            ("a-www-edns.x.", "cname-www-edns.x."),
            ("www-a-edns.x.", "www-cname-edns.x."),
            ("data-a-www.x.", "data-cname-www.x."),
            ("data.a.www.x.", "data.cname.www.x."),
            ("externaldns-a.www.x.", "externaldns-cname.www.x."),
            ("www-managed-a.x.", "www-managed-cname.x."),
        ] {
            let wanted = format!("www.x. CNAME {of_cname}");
            assert_eq!(shown(&owned("www.x.", RecordType::A, registry)), [wanted], "{registry}");
        }
    }

    #[test]
    fn a_label_that_looks_like_a_type_does_not_mislead() {
        assert_eq!(shown(&owned("a.x.", RecordType::A, "a-a.x.")), ["a.x. CNAME cname-a.x."]);
        assert_eq!(shown(&owned("aaaa.x.", RecordType::AAAA, "aaaa-aaaa.x.")), ["aaaa.x. CNAME cname-aaaa.x."]);
    }

    #[test]
    fn a_cname_drives_out_every_type() {
        let shown = shown(&owned("www.x.", RecordType::CNAME, "cname-www.x."));
        for line in
            ["www.x. A a-www.x.", "www.x. AAAA aaaa-www.x.", "www.x. TXT txt-www.x.", "www.x. ALIAS cname-www.x."]
        {
            assert!(shown.contains(&line.to_owned()), "{line}: {shown:?}");
        }
    }

    #[test]
    fn wildcards_stand_under_their_replacement() {
        assert_eq!(shown(&owned("*.x.", RecordType::A, "a-any.x.")), ["*.x. CNAME cname-any.x."]);
        assert_eq!(shown(&owned("*.x.", RecordType::A, "a-*.x.")), ["*.x. CNAME cname-*.x."]);
        let both = [owned("*.x.", RecordType::A, "p-a-any.x."), owned("www.x.", RecordType::A, "p-a-www.x.")].concat();
        assert_eq!(shown(&both), ["*.x. CNAME p-cname-any.x.", "www.x. CNAME p-cname-www.x."]);
    }

    #[test]
    fn the_txt_of_another_record_is_not_taken_for_this_ones() {
        // web-www.x has a TXT that ends like one of www.x; www.x has none here.
        let mixed = [
            owned("web-www.x.", RecordType::A, "a-web-www.x.").to_vec(),
            vec![replace("www.x.", RecordType::A, "192.0.2.1")],
        ];
        assert!(shown(&mixed.concat()).is_empty());
        let both = [owned("www.x.", RecordType::A, "a-www.x."), owned("web-www.x.", RecordType::A, "a-web-www.x.")];
        assert_eq!(shown(&both.concat()), ["www.x. CNAME cname-www.x.", "web-www.x. CNAME cname-web-www.x."]);
    }

    #[test]
    fn requests_of_others_take_nothing() {
        assert!(shown(&[replace("www.x.", RecordType::A, "192.0.2.1")]).is_empty());
        let text = replace("a-www.x.", RecordType::TXT, "\"v=spf1 -all\"");
        assert!(shown(&[replace("www.x.", RecordType::A, "192.0.2.1"), text]).is_empty());
        // Encrypted: nobody can say whose it is.
        let text = replace("a-www.x.", RecordType::TXT, "\"q83vEjRWeJA=\"");
        assert!(shown(&[replace("www.x.", RecordType::A, "192.0.2.1"), text]).is_empty());
    }

    #[test]
    fn the_old_txt_beside_the_record_itself_is_no_hindrance() {
        // Up to v0.17 External-DNS also wrote one at a name without the type.
        let text = "\"heritage=external-dns,external-dns/owner=me\"";
        let changes =
            [&owned("www.x.", RecordType::A, "p-a-www.x.")[..], &[replace("p-www.x.", RecordType::TXT, text)]];
        assert_eq!(shown(&changes.concat()), ["www.x. CNAME p-cname-www.x."]);
    }
}
