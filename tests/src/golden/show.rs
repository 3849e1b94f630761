//! A reply as text: the same in every run, and such that a person can check it against the RFCs.

use super::Ask;
use crate::query::decode;
use dnssec::key::key_tag;
use dnssec::rrsig::RrsigFields;
use dnssec::verify::verify;
use hickory_proto::op::Message;
use hickory_proto::rr::{RData, Record};
use hickory_proto::serialize::binary::{BinEncodable, BinEncoder, NameEncoding};
use std::collections::BTreeSet;
use std::fmt::Write;
use wire::{Name, RecordType};
use zone::Rrset;
use zone::nsec3hash::{Nsec3Hash, Nsec3Params, base32hex, nsec3_hash};

/// Names that one record is said to cover.
const SUBJECTS_MAX: usize = 8;

/// The keys of a run, by the names that stand for them.
#[derive(Debug, Clone)]
pub struct Known(Vec<(Vec<u8>, &'static str)>);

impl Known {
    /// DNSKEY data and the name that is shown in its place.
    pub fn new(keys: impl IntoIterator<Item = (Vec<u8>, &'static str)>) -> Known {
        Known(keys.into_iter().collect())
    }

    fn by_tag(&self, tag: u16) -> (&[u8], &'static str) {
        let known = self.0.iter().find(|(dnskey, _)| key_tag(dnskey) == tag);
        known.map_or((&[][..], "stranger"), |(dnskey, name)| (dnskey, name))
    }
}

/// A record as it was decoded.
struct Decoded {
    owner: Name,
    ttl: u32,
    class: u16,
    rtype: RecordType,
    rdata: Vec<u8>,
}

/// Shows `reply`: a line for the header and EDNS, then one for each record. Signatures are verified and shown without what differs
/// from run to run; NSEC and NSEC3 are followed by what they prove of the names that the question is about.
///
/// # Panics
///
/// When it is no message, or a signature in it does not verify at `now`.
pub fn show(ask: &Ask, reply: &[u8], keys: &Known, now: u32) -> String {
    let message = decode(reply);
    // The reserved bit of the header is the one thing that hickory-proto does not tell.
    let reserved = if reply[3] & 0x40 == 0 { "" } else { " z" };
    let mut text = format!("; {}\n{}\n", ask.line, head(&message, reserved));
    for query in &message.queries {
        let class = class(u16::from(query.query_class()));
        let rtype = RecordType(query.query_type().into());
        let _ = writeln!(text, "question   {}{class} {rtype}", name(&query.name));
    }
    let sections =
        [("answer", &message.answers), ("authority", &message.authorities), ("additional", &message.additionals)];
    let sections = sections.map(|(section, records)| (section, records.iter().map(decoded).collect::<Vec<_>>()));
    let subjects = subjects(ask, &sections[0].1);
    for (section, records) in &sections {
        for record in records {
            let owner = &record.owner;
            let class = class(record.class);
            let data = data(record, records, keys, now);
            let proof = proof(record, &subjects);
            let _ = writeln!(text, "{section:<10} {owner} {}{class} {} {data}{proof}", record.ttl, record.rtype);
        }
    }
    text
}

fn head(message: &Message, reserved: &str) -> String {
    let metadata = &message.metadata;
    let mut head = rcode(metadata.response_code.into());
    if u8::from(metadata.op_code) != 0 {
        let _ = write!(head, " opcode {}", u8::from(metadata.op_code));
    }
    for (is_set, flag) in [
        (metadata.authoritative, " aa"),
        (metadata.truncation, " tc"),
        (metadata.recursion_desired, " rd"),
        (metadata.recursion_available, " ra"),
        (metadata.authentic_data, " ad"),
        (metadata.checking_disabled, " cd"),
    ] {
        head.push_str(if is_set { flag } else { "" });
    }
    head.push_str(reserved);
    if let Some(edns) = &message.edns {
        let flags = if edns.flags().dnssec_ok { " do" } else { "" };
        let _ = write!(head, ", edns {} {}{flags}", edns.version(), edns.max_payload());
        if edns.flags().z != 0 {
            let _ = write!(head, " z{:04x}", edns.flags().z);
        }
        for (code, option) in &edns.options().options {
            let data: Vec<u8> = option.try_into().expect("an option that was decoded");
            let _ = write!(head, ", {}", option_text(u16::from(*code), &data));
        }
    }
    head
}

fn rcode(number: u16) -> String {
    let known = [(0, "NOERROR"), (1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (4, "NOTIMP"), (5, "REFUSED")];
    let more = [(6, "YXDOMAIN"), (16, "BADVERS"), (23, "BADCOOKIE")];
    let known = known.iter().chain(&more).find(|(other, _)| *other == number);
    known.map_or_else(|| format!("RCODE{number}"), |(_, text)| (*text).to_owned())
}

/// An EDNS option of a reply. A server's cookie is another in every run.
fn option_text(code: u16, data: &[u8]) -> String {
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    match (code, data) {
        (3, data) => format!("nsid {:?}", String::from_utf8_lossy(data)),
        (10, data) => format!("cookie {} and {} octets", hex(&data[..8.min(data.len())]), data.len().saturating_sub(8)),
        (15, [high, low, text @ ..]) => {
            let text = if text.is_empty() { String::new() } else { format!(" {:?}", String::from_utf8_lossy(text)) };
            format!("ede {}{text}", u16::from_be_bytes([*high, *low]))
        }
        _ => format!("option {code} {}", hex(data)),
    }
}

fn class(class: u16) -> String {
    match class {
        1 => String::new(),
        3 => " CH".into(),
        4 => " HS".into(),
        _ => format!(" CLASS{class}"),
    }
}

fn name(theirs: &hickory_proto::rr::Name) -> Name {
    Name::from_wire(&theirs.to_bytes().expect("a decoded name is encoded")).expect("both read the same names")
}

fn decoded(record: &Record) -> Decoded {
    let mut rdata = Vec::new();
    match &record.data {
        RData::Unknown { rdata: unknown, .. } => rdata.extend_from_slice(&unknown.anything),
        known => {
            let mut encoder = BinEncoder::new(&mut rdata);
            encoder.set_name_encoding(NameEncoding::Uncompressed);
            known.emit(&mut encoder).expect("decoded data is encoded");
        }
    }
    Decoded {
        owner: name(&record.name),
        ttl: record.ttl,
        class: record.dns_class.into(),
        rtype: RecordType(record.record_type().into()),
        rdata,
    }
}

/// The data of one record, with what differs between runs masked.
fn data(record: &Decoded, section: &[Decoded], keys: &Known, now: u32) -> String {
    let printed = || match wire::rdata::print(record.rtype, &record.rdata) {
        Ok(text) => text,
        Err(error) => panic!("{} {}: {error}", record.owner, record.rtype),
    };
    match record.rtype {
        RecordType::RRSIG => signature(record, section, keys, now),
        RecordType::DNSKEY | RecordType::CDNSKEY => match keys.by_tag(key_tag(&record.rdata)).1 {
            "stranger" => printed(),
            key => format!("{} * ({key})", printed().split(' ').take(3).collect::<Vec<_>>().join(" ")),
        },
        RecordType::CDS => match keys.by_tag(u16::from_be_bytes([record.rdata[0], record.rdata[1]])).1 {
            "stranger" => printed(),
            key => format!("({key}) {} {} *", record.rdata[2], record.rdata[3]),
        },
        _ => printed(),
    }
}

/// An RRSIG, after it has been verified over the RRset that stands in the same section; alone where none is, as in answers to a
/// question for RRSIG.
fn signature(record: &Decoded, section: &[Decoded], keys: &Known, now: u32) -> String {
    let (fields, signature) = RrsigFields::parse(&record.rdata).unwrap_or_else(|error| panic!("RRSIG: {error}"));
    let (dnskey, key) = keys.by_tag(fields.key_tag);
    let covered: Vec<&Decoded> =
        section.iter().filter(|other| other.owner == record.owner && other.rtype == fields.rtype).collect();
    if let (Some(first), false) = (covered.first(), dnskey.is_empty()) {
        let rdatas = covered.iter().map(|other| other.rdata.clone()).collect();
        let rrset = Rrset::new(fields.rtype, first.ttl.min(fields.original_ttl), rdatas);
        let checked = verify(&record.owner, &rrset, &record.rdata, dnskey, &fields.signer, now);
        assert!(checked.is_ok(), "{} RRSIG {}: {checked:?}", record.owner, fields.rtype);
        assert!(!signature.is_empty());
    }
    let RrsigFields { rtype, algorithm, labels, original_ttl, signer, .. } = fields;
    format!("{rtype} {algorithm} {labels} {original_ttl} * * ({key}) {signer} *")
}

/// The names that proofs may be about: those asked for and those that CNAMEs lead to, their ancestors, and the wildcards below
/// these.
fn subjects(ask: &Ask, answer: &[Decoded]) -> BTreeSet<Name> {
    let targets = answer.iter().filter(|record| record.rtype == RecordType::CNAME);
    let targets = targets.filter_map(|record| Name::from_wire(&record.rdata).ok());
    let mut subjects = BTreeSet::new();
    for subject in ask.name.iter().cloned().chain(targets) {
        let subject = subject.to_lowercase();
        let mut at = subject.parent();
        subjects.insert(subject);
        while let Some(ancestor) = at {
            subjects.extend(ancestor.child(b"*"));
            at = ancestor.parent();
            subjects.insert(ancestor);
        }
    }
    subjects
}

/// Which of `subjects` an NSEC or NSEC3 record is at, and which it denies.
fn proof(record: &Decoded, subjects: &BTreeSet<Name>) -> String {
    let Some(chain) = Link::of(record) else { return String::new() };
    let mut texts = Vec::new();
    for (verb, is_so) in [("matches", Link::matches as fn(&Link, &Name) -> bool), ("covers", Link::covers)] {
        let names: Vec<String> = subjects.iter().filter(|name| is_so(&chain, name)).map(ToString::to_string).collect();
        let rest = names.len().saturating_sub(SUBJECTS_MAX);
        if !names.is_empty() {
            let more = if rest == 0 { String::new() } else { format!(" and {rest} more") };
            texts.push(format!("{verb} {}{more}", names[..names.len() - rest].join(", ")));
        }
    }
    if texts.is_empty() { String::new() } else { format!(" ; {}", texts.join("; ")) }
}

/// A record of a chain, from the validator's side (RFC 4034 section 4, RFC 5155 section 3).
enum Link {
    Nsec { owner: Name, next: Name },
    Nsec3 { apex: Name, params: Nsec3Params, owner: String, next: String },
}

impl Link {
    fn of(record: &Decoded) -> Option<Link> {
        match record.rtype {
            RecordType::NSEC => {
                let (next, _) = Name::split_wire(&record.rdata).ok()?;
                Some(Link::Nsec { owner: record.owner.clone(), next })
            }
            RecordType::NSEC3 => {
                let (head, rest) = record.rdata.split_first_chunk::<5>()?;
                let (salt, rest) = rest.split_at_checked(head[4].into())?;
                let next: Nsec3Hash = rest.get(1..21)?.try_into().ok()?;
                let iterations = u16::from_be_bytes([head[2], head[3]]);
                let params = Nsec3Params { opt_out: head[1] & 1 == 1, iterations, salt: salt.to_vec() };
                let owner = String::from_utf8(record.owner.labels().next()?.to_ascii_lowercase()).ok()?;
                Some(Link::Nsec3 { apex: record.owner.parent()?, params, owner, next: base32hex(&next) })
            }
            _ => None,
        }
    }

    fn matches(&self, name: &Name) -> bool {
        match self {
            Link::Nsec { owner, .. } => owner == name,
            Link::Nsec3 { apex, params, owner, .. } => {
                name.is_under(apex) && base32hex(&nsec3_hash(name, params)) == *owner
            }
        }
    }

    fn covers(&self, name: &Name) -> bool {
        match self {
            // Names compare in canonical order (RFC 4034 section 6.1); the last record's next name is the apex.
            Link::Nsec { owner, next } => {
                let is_last = next <= owner;
                name > owner && (if is_last { name.is_under(next) } else { name < next })
            }
            Link::Nsec3 { apex, params, owner, next } => {
                let hash = base32hex(&nsec3_hash(name, params));
                let is_between =
                    if owner < next { hash > *owner && hash < *next } else { hash > *owner || hash < *next };
                name.is_under(apex) && is_between
            }
        }
    }
}
