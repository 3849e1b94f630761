//! The kinds of query that are counted, and the messages of each.

use crate::zones::{self, APEX};
use anyhow::Result;
use wire::{Name, RecordType};

/// Different messages of each kind; where one name is meant they are alike.
pub(crate) const MESSAGES: usize = 256;

/// What is asked, and of whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The rows below it with less say what its parts cost.
    Existing,
    ExistingTxt,
    ExistingWithoutDo,
    ExistingWithCookie,
    ExistingWithFirstCookie,
    NoData,
    Random,
    Wildcard,
    Referral,
    Chain,
    Dnskey,
    Elsewhere,
    Malformed,
    WithoutRateLimits,
    WithoutNotes,
}

/// What a reply begins with and holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) rcode: u8,
    pub(crate) answers: u8,
    pub(crate) authorities: u8,
}

impl Wanted {
    /// Whether this is what was wanted, or the same with one record, and its signature, that proves two things.
    pub(crate) fn is_as(&self, wanted: &Wanted) -> bool {
        let is_shared = self.rcode == 3 && self.authorities + 2 == wanted.authorities;
        self == wanted || (is_shared && Wanted { authorities: wanted.authorities, ..*self } == *wanted)
    }
}

impl Kind {
    /// In the order in which they are counted.
    pub(crate) const ALL: [Kind; 15] = [
        Kind::Existing,
        Kind::ExistingTxt,
        Kind::ExistingWithoutDo,
        Kind::ExistingWithCookie,
        Kind::ExistingWithFirstCookie,
        Kind::NoData,
        Kind::Random,
        Kind::Wildcard,
        Kind::Referral,
        Kind::Chain,
        Kind::Dnskey,
        Kind::Elsewhere,
        Kind::Malformed,
        Kind::WithoutRateLimits,
        Kind::WithoutNotes,
    ];

    /// As the baseline has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Existing => "existing A, DO",
            Kind::ExistingTxt => "existing TXT, DO",
            Kind::ExistingWithoutDo => "existing A, no EDNS",
            Kind::ExistingWithCookie => "existing A, DO, good cookie",
            Kind::ExistingWithFirstCookie => "existing A, DO, client cookie alone",
            Kind::NoData => "existing name, no AAAA, DO",
            Kind::Random => "random name, DO",
            Kind::Wildcard => "wildcard A, DO",
            Kind::Referral => "referral without DS, DO",
            Kind::Chain => "two CNAMEs and A, DO",
            Kind::Dnskey => "apex DNSKEY, DO",
            Kind::Elsewhere => "name of no zone, DO",
            Kind::Malformed => "FORMERR",
            Kind::WithoutRateLimits => "existing A, DO; no rate limits",
            Kind::WithoutNotes => "existing A, DO; no limits, no rings",
        }
    }

    /// What the reply must be for the count to mean anything.
    pub(crate) fn wanted(self) -> Wanted {
        let wanted = |rcode, answers, authorities| Wanted { rcode, answers, authorities };
        match self {
            Kind::ExistingWithoutDo => wanted(0, 1, 0),
            Kind::NoData => wanted(0, 0, 4),
            Kind::Random => wanted(3, 0, 8),
            Kind::Wildcard => wanted(0, 2, 2),
            Kind::Referral => wanted(0, 0, 3),
            Kind::Chain => wanted(0, 6, 0),
            Kind::Elsewhere => wanted(5, 0, 0),
            Kind::Malformed => wanted(1, 0, 0),
            _ => wanted(0, 2, 0),
        }
    }

    /// So many messages to send, to a zone with so many pairs; those with a cookie get it from the reply to
    /// [`Kind::ExistingWithFirstCookie`].
    pub(crate) fn messages(self, count: usize, pairs: usize) -> Result<Vec<Vec<u8>>> {
        (0..count).map(|number| self.message(number, pairs)).collect()
    }

    fn message(self, number: usize, pairs: usize) -> Result<Vec<u8>> {
        // Far apart in the zone, and the same in every run.
        let pair = number * 7919 % pairs;
        let existing = zones::address_name(pair);
        let client_cookie = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, number as u8];
        let (name, rtype) = match self {
            Kind::ExistingTxt => (zones::registry_name(pair), RecordType::TXT),
            Kind::NoData => (existing, RecordType::AAAA),
            Kind::Random => (format!("x{:08x}.{APEX}", (number as u32).wrapping_mul(2_654_435_761)), RecordType::A),
            Kind::Wildcard => (format!("x{number}.wild.{APEX}"), RecordType::A),
            Kind::Referral => (format!("host{number}.child{}.{APEX}", number % zones::CUTS), RecordType::A),
            Kind::Chain => (format!("chain{}.{APEX}", number % zones::CHAINS), RecordType::A),
            Kind::Dnskey => (APEX.to_owned(), RecordType::DNSKEY),
            Kind::Elsewhere => (format!("host{number}.elsewhere.example"), RecordType::A),
            _ => (existing, RecordType::A),
        };
        let options: &[u8] = match self {
            Kind::ExistingWithCookie | Kind::ExistingWithFirstCookie => &client_cookie,
            _ => &[],
        };
        let mut message = query(number as u16, &name, rtype, (self != Kind::ExistingWithoutDo).then_some(options))?;
        if self == Kind::Malformed {
            // OPT is cut off within its fixed part.
            message.truncate(message.len() - 4);
        }
        Ok(message)
    }
}

/// A query as resolvers send it; `options` is what OPT with DO holds, if there is one.
fn query(id: u16, name: &str, rtype: RecordType, options: Option<&[u8]>) -> Result<Vec<u8>> {
    let mut message = id.to_be_bytes().to_vec();
    message.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(options.is_some())]);
    message.extend(Name::parse(name)?.as_wire());
    message.extend([rtype.0.to_be_bytes(), [0, 1]].concat());
    if let Some(options) = options {
        message.extend([0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, options.len() as u8]);
        message.extend(options);
    }
    Ok(message)
}
