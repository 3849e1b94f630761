//! A zone as External-DNS, cert-manager and people write it, and what is asked of it.

use std::collections::BTreeSet;

/// The longest label.
pub(crate) const LABEL_63: &str = "a23456789012345678901234567890123456789012345678901234567890123";

/// A host's name in a zone; `@` is the apex.
pub(crate) fn at(zone: &str, host: &str) -> String {
    if host == "@" { zone.to_owned() } else { format!("{host}.{zone}") }
}

/// Host, type, contents of all RRsets but the apex's own, with final dots where the API wants them.
pub(crate) fn records(zone: &str) -> Vec<(&'static str, &'static str, Vec<String>)> {
    let text = |words: &[&str]| words.iter().map(|word| word.replace('%', zone)).collect::<Vec<_>>();
    let heritage = "\"heritage=external-dns,external-dns/owner=default,external-dns/resource=ingress/web/shop\"";
    // A key of 4096 bits: three character-strings, the first two as long as they can be.
    let key = format!("v=DKIM1; k=rsa; p={}", "MIIBIjANBgkqhkiG".repeat(43));
    let strings = key.as_bytes().chunks(255).map(|part| format!("\"{}\"", String::from_utf8_lossy(part)));
    vec![
        ("@", "MX", text(&["10 mail.%"])),
        ("@", "TXT", text(&["\"v=spf1 -all\"", heritage])),
        ("@", "CAA", text(&["0 issue \"letsencrypt.org\""])),
        ("ns1", "A", text(&["127.0.0.1"])),
        ("mail", "A", text(&["192.0.2.25"])),
        ("mail", "AAAA", text(&["2001:db8::25"])),
        ("shop", "A", (1..=40).map(|octet| format!("198.51.100.{octet}")).collect()),
        ("shop", "AAAA", text(&["2001:db8::80", "2001:db8::81"])),
        ("shop", "TXT", text(&[heritage])),
        ("a-shop", "TXT", text(&[heritage])),
        ("aaaa-shop", "TXT", text(&[heritage])),
        ("www", "CNAME", text(&["shop.%"])),
        ("cname-www", "TXT", text(&[heritage])),
        ("*.apps", "A", text(&["192.0.2.81"])),
        ("*.apps", "TXT", text(&[heritage])),
        ("a-any.apps", "TXT", text(&[heritage])),
        ("here.apps", "A", text(&["192.0.2.82"])),
        ("*.alias", "CNAME", text(&["shop.%"])),
        ("_acme-challenge", "TXT", text(&["\"gfj9Xq-Rg85nM\"", "\"LoqXcYV8q5ONb\""])),
        ("_acme-challenge.shop", "CNAME", text(&["token._acme.%"])),
        ("token._acme", "TXT", text(&["\"evaGxfADs6pSR\""])),
        ("_sip._tcp", "SRV", text(&["10 60 5060 mail.%", "20 60 5060 shop.%"])),
        ("_dmarc", "TXT", text(&["\"v=DMARC1; p=reject\""])),
        ("selector._domainkey", "TXT", vec![strings.collect::<Vec<_>>().join(" ")]),
        ("_443._tcp.shop", "TLSA", text(&["3 1 1 cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"])),
        ("https", "HTTPS", text(&["1 shop.% alpn=h2,h3 port=8443"])),
        (LABEL_63, "A", text(&["192.0.2.63"])),
        ("moved", "DNAME", text(&["apps.%"])),
        ("host.deep.ent", "A", text(&["192.0.2.83"])),
        ("insecure", "NS", text(&["ns1.%"])),
        ("under.insecure-ent", "NS", text(&["ns1.%"])),
    ]
}

/// Child of the zone that is served, not signed, and has the name `www`.
pub(crate) const INSECURE_CHILD: &str = "insecure";

/// What one name and type must give.
pub(crate) struct Question {
    pub(crate) host: &'static str,
    pub(crate) rtype: &'static str,
    pub(crate) status: &'static str,
    pub(crate) kind: Kind,
}

/// What a reply stands on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Data of the zone's own, or that it does not exist, where only a record that matches has to prove it.
    Exact,
    /// What a covering NSEC3 record proves: under opt-out only that there may be an insecure delegation.
    Covered,
    /// Data below an insecure delegation.
    Insecure,
}

const fn question(host: &'static str, rtype: &'static str, status: &'static str, kind: Kind) -> Question {
    Question { host, rtype, status, kind }
}

/// One of each kind of answer, for every tool.
pub(crate) const QUESTIONS: &[Question] = &[
    question("@", "SOA", "NOERROR", Kind::Exact),
    question("@", "DNSKEY", "NOERROR", Kind::Exact),
    question("@", "AAAA", "NOERROR", Kind::Exact),
    question("shop", "A", "NOERROR", Kind::Exact),
    question("shop", "MX", "NOERROR", Kind::Exact),
    question("www", "A", "NOERROR", Kind::Exact),
    question("www", "TXT", "NOERROR", Kind::Exact),
    question("selector._domainkey", "TXT", "NOERROR", Kind::Exact),
    question("_sip._tcp", "SRV", "NOERROR", Kind::Exact),
    question("_tcp", "SRV", "NOERROR", Kind::Exact),
    question("_acme-challenge.shop", "TXT", "NOERROR", Kind::Exact),
    question("_acme-challenge.mail", "TXT", "NXDOMAIN", Kind::Covered),
    question("nothing", "A", "NXDOMAIN", Kind::Covered),
    question("any.apps", "A", "NOERROR", Kind::Covered),
    question("a.b.apps", "TXT", "NOERROR", Kind::Covered),
    question("any.apps", "AAAA", "NOERROR", Kind::Covered),
    question("*.apps", "A", "NOERROR", Kind::Exact),
    question("below.here.apps", "A", "NXDOMAIN", Kind::Covered),
    question("any.alias", "AAAA", "NOERROR", Kind::Covered),
    question("any.moved", "A", "NOERROR", Kind::Covered),
    question(LABEL_63, "A", "NOERROR", Kind::Exact),
    question(LABEL_63, "TXT", "NOERROR", Kind::Exact),
    question("insecure", "DS", "NOERROR", Kind::Covered),
    question("under.insecure-ent", "DS", "NOERROR", Kind::Covered),
    question("insecure-ent", "A", "NOERROR", Kind::Covered),
    question("www.insecure", "A", "NOERROR", Kind::Insecure),
];

/// Every name and type with data of its own, below no delegation.
pub(crate) fn existing(zone: &str, is_signed: bool) -> Vec<(String, String)> {
    let own = records(zone).into_iter().filter(|(_, rtype, _)| *rtype != "NS");
    let mut existing: Vec<(String, String)> = own.map(|(host, rtype, _)| (at(zone, host), rtype.to_owned())).collect();
    existing.extend(["SOA", "NS"].map(|rtype| (zone.to_owned(), rtype.to_owned())));
    if is_signed {
        existing.push((zone.to_owned(), "DNSKEY".to_owned()));
    }
    existing
}

/// Types that each name of `existing` does not have, and names beside and below it: as near as can be to what is there.
///
/// Some of them are there by a wildcard.
pub(crate) fn absent(zone: &str, existing: &[(String, String)]) -> Vec<(String, String)> {
    let names: BTreeSet<&String> = existing.iter().map(|(name, _)| name).collect();
    let mut absent = Vec::new();
    for name in names {
        for rtype in ["A", "AAAA", "MX", "TXT", "SRV", "CAA", "DS", "NS", "HTTPS", "TYPE65400"] {
            if !existing.contains(&(name.clone(), rtype.to_owned())) {
                absent.push((name.clone(), rtype.to_owned()));
            }
        }
        if name == zone {
            continue;
        }
        // The label with one character more, and one less.
        let (first, rest) = name.split_once('.').expect("every name has a dot");
        let more = (first.len() < 63).then(|| format!("{first}0.{rest}"));
        let less = (first.len() > 1).then(|| format!("{}.{rest}", &first[..first.len() - 1]));
        // unbound rejects right proofs for names that begin with an asterisk under a wildcard.
        let is_sane = |other: &String| !other.starts_with('*') && !other.contains(".*.");
        let others = [Some(format!("below.{name}")), more, less].into_iter().flatten().filter(is_sane);
        absent.extend(others.map(|other| (other, "A".to_owned())));
    }
    absent
}
