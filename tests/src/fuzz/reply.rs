//! What must hold of every reply, whatever the message was.
//!
//! Replies are taken apart by code of this file, which shares nothing with the server's: it checks counts, compression pointers
//! and the end of the message, which decoders tend to forgive.

use dataplane::answer::Transport;
use std::collections::BTreeSet;

/// QR, AA and TC in the second word of a header (RFC 1035 section 4.1.1).
const QR: u16 = 0x8000;
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
/// RD and CD, which are copied (RFC 1035 section 4.1.1, RFC 4035 section 3.1.6).
const OPCODE_AND_RD: u16 = 0x7900;
/// Offering recursion, and the bit that is reserved (RFC 1035 section 4.1.1).
const RA_AND_Z: u16 = 0x00c0;
const NOERROR: u16 = 0;
const NXDOMAIN: u16 = 3;
const CLASS_IN: u16 = 1;
const SOA: u16 = 6;
const CNAME: u16 = 5;
const DNAME: u16 = 39;
const OPT: u16 = 41;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const NSEC3: u16 = 50;
const ANY: u16 = 255;
/// The flag DO in OPT's TTL.
const DNSSEC_OK: u32 = 0x8000;

/// A message taken apart.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Id, flags and the four counts.
    pub header: [u16; 6],
    /// The questions, and where each stands.
    pub questions: Vec<(Record, std::ops::Range<usize>)>,
    /// Records of answer, authority and additional section.
    pub sections: [Vec<Record>; 3],
}

/// A record, or a question, which has neither TTL nor data.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Record {
    /// Its owner in wire format, lower case, without compression.
    pub owner: Vec<u8>,
    /// Its type.
    pub rtype: u16,
    /// Its class.
    pub class: u16,
    /// Its TTL.
    pub ttl: u32,
    /// Its data as it stands, names in it compressed perhaps.
    pub data: Vec<u8>,
}

/// What becomes of a compression pointer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointers {
    /// It is followed, and must point back.
    Followed,
    /// The name ends with it: a server does not follow those of records that it has no use for.
    SteppedOver,
}

/// Takes a message apart; the error says where it is not one.
///
/// # Errors
///
/// Counts that are wrong, octets left over, names or data that are cut off, pointers that do not point back.
pub fn take_apart(octets: &[u8], pointers: Pointers) -> Result<Taken, String> {
    let mut header = [0; 6];
    for (at, word) in header.iter_mut().enumerate() {
        *word = word_at(octets, 2 * at)?;
    }
    let mut at = 12;
    let mut taken = Taken { header, questions: Vec::new(), sections: [const { Vec::new() }; 3] };
    for _ in 0..header[2] {
        let start = at;
        let owner = name_at(octets, &mut at, pointers)?;
        let question =
            Record { owner, rtype: word_at(octets, at)?, class: word_at(octets, at + 2)?, ttl: 0, data: Vec::new() };
        at += 4;
        taken.questions.push((question, start..at));
    }
    for (section, count) in taken.sections.iter_mut().zip(&header[3..]) {
        for _ in 0..*count {
            let owner = name_at(octets, &mut at, pointers)?;
            let [rtype, class, high, low, length] = [0, 2, 4, 6, 8]
                .map(|offset| word_at(octets, at + offset))
                .into_iter()
                .collect::<Result<Vec<_>, _>>()?[..]
            else {
                unreachable!("five words were asked for")
            };
            at += 10;
            let end = at + usize::from(length);
            let data = octets.get(at..end).ok_or_else(|| format!("data at {at} is cut off"))?.to_vec();
            at = end;
            section.push(Record { owner, rtype, class, ttl: u32::from(high) << 16 | u32::from(low), data });
        }
    }
    if at == octets.len() { Ok(taken) } else { Err(format!("{} octets after the last record", octets.len() - at)) }
}

fn word_at(octets: &[u8], at: usize) -> Result<u16, String> {
    let word = octets.get(at..at + 2).ok_or_else(|| format!("cut off at {at}"))?;
    Ok(u16::from_be_bytes([word[0], word[1]]))
}

/// The name at `at`, which moves behind it.
fn name_at(octets: &[u8], at: &mut usize, pointers: Pointers) -> Result<Vec<u8>, String> {
    let mut name = Vec::new();
    let mut here = *at;
    let mut end = None;
    loop {
        let length = *octets.get(here).ok_or_else(|| format!("name cut off at {here}"))?;
        match length {
            0 => {
                name.push(0);
                *at = end.unwrap_or(here + 1);
                break;
            }
            1..=63 => {
                let label = octets.get(here..here + 1 + usize::from(length));
                name.extend_from_slice(label.ok_or_else(|| format!("label cut off at {here}"))?);
                here += 1 + usize::from(length);
            }
            0xc0..=0xff if pointers == Pointers::SteppedOver => {
                word_at(octets, here)?;
                *at = here + 2;
                break;
            }
            0xc0..=0xff => {
                let target = usize::from(word_at(octets, here)? & 0x3fff);
                if target >= here {
                    return Err(format!("pointer at {here} to {target} does not point back"));
                }
                end = end.or(Some(here + 2));
                here = target;
            }
            _ => return Err(format!("label type {length:#x} at {here}")),
        }
        if name.len() > 254 {
            return Err(format!("name longer than 255 octets at {here}"));
        }
    }
    name.make_ascii_lowercase();
    Ok(name)
}

/// Panics when `reply` is not what `message` may be answered with. `apexes` are the zones served, in lower-case wire format.
pub fn check(message: &[u8], transport: Transport, reply: &[u8], apexes: &[&[u8]]) {
    let taken = take_apart(reply, Pointers::Followed).unwrap_or_else(|error| panic!("{error} in the reply"));
    let asked = take_apart(message, Pointers::SteppedOver).ok();
    check_header(message, asked.as_ref(), reply, &taken);
    check_length(transport, asked.as_ref(), reply, &taken);
    check_question(message, asked.as_ref(), reply, &taken);
    check_records(&taken, apexes);
    check_edns(message, asked.as_ref(), &taken);
    if let Some((asked, rcode @ (NOERROR | NXDOMAIN))) = asked.map(|asked| (asked, taken.header[1] & 0x0f)) {
        check_answer(&asked, &taken, rcode);
    }
}

fn check_header(message: &[u8], asked: Option<&Taken>, reply: &[u8], taken: &Taken) {
    let [_, flags, ..] = taken.header;
    assert_eq!(reply[..2], message[..2], "another id");
    assert_ne!(flags & QR, 0, "not a response");
    let asked_flags = u16::from_be_bytes([message[2], message[3]]);
    assert_eq!(flags & OPCODE_AND_RD, asked_flags & OPCODE_AND_RD, "opcode or RD is another");
    assert_eq!(flags & RA_AND_Z, 0, "RA or Z is set");
    assert!(asked.is_some() || !matches!(flags & 0x0f, NOERROR | NXDOMAIN), "an answer to what is no message");
}

/// UDP has the lesser of the server's limit and the client's, which is 512 without EDNS and never less (RFC 6891 section 6.2.5).
fn check_length(transport: Transport, asked: Option<&Taken>, reply: &[u8], taken: &Taken) {
    let limit = match transport {
        Transport::Udp { payload_max } => {
            let offered = asked.and_then(opt_of).map_or(512, |opt| opt.class);
            usize::from(payload_max.min(offered.max(512)))
        }
        _ => {
            assert_eq!(taken.header[1] & TC, 0, "truncated though a stream carries it all");
            65_535
        }
    };
    assert!(reply.len() <= limit, "{} octets where {limit} are allowed", reply.len());
}

/// The question comes back octet for octet, or not at all where there was none to read. A query without one may be for a cookie
/// (RFC 7873 section 5.4).
fn check_question(message: &[u8], asked: Option<&Taken>, reply: &[u8], taken: &Taken) {
    let [(_, place)] = &taken.questions[..] else {
        assert!(taken.questions.is_empty(), "{} questions", taken.questions.len());
        let is_for_a_cookie = asked.is_some_and(|asked| asked.questions.is_empty() && opt_of(asked).is_some());
        let is_answer = matches!(taken.header[1] & 0x0f, NOERROR | NXDOMAIN);
        assert!(!is_answer || is_for_a_cookie, "an answer without a question");
        assert!(taken.sections[..2].iter().all(Vec::is_empty), "records without a question");
        return;
    };
    assert_eq!(message.get(place.clone()), Some(&reply[place.clone()]), "another question");
}

fn check_records(taken: &Taken, apexes: &[&[u8]]) {
    let mut seen = BTreeSet::new();
    for record in taken.sections.iter().flatten() {
        assert!(seen.insert(record), "{record:?} is there twice (RFC 2181 section 5)");
        if record.rtype == OPT {
            continue;
        }
        assert!(record.ttl <= 0x7fff_ffff, "TTL of {record:?} (RFC 2181 section 8)");
        let is_ours = apexes.iter().any(|apex| is_at_or_under(&record.owner, apex));
        assert!(is_ours || record.class != CLASS_IN, "{record:?} belongs to no zone of ours");
    }
}

/// OPT goes to those who sent one, and to nobody else (RFC 6891 section 6.1.1).
fn check_edns(message: &[u8], asked: Option<&Taken>, taken: &Taken) {
    let [answer, authority, additional] = &taken.sections;
    assert!(answer.iter().chain(authority).all(|record| record.rtype != OPT), "OPT outside of the additional section");
    let opts: Vec<&Record> = additional.iter().filter(|record| record.rtype == OPT).collect();
    assert!(opts.len() <= 1, "{} OPT records", opts.len());
    if let Some(opt) = opts.first() {
        assert_eq!(opt.owner, [0], "OPT's owner is the root (RFC 6891 section 6.1.2)");
        assert_eq!(opt.ttl >> 16 & 0xff, 0, "version 0 is all there is");
        assert!(opt.class >= 512, "a payload of {}", opt.class);
        let mut options = &opt.data[..];
        while let Some((fixed, rest)) = options.split_first_chunk::<4>() {
            options = rest.get(usize::from(u16::from_be_bytes([fixed[2], fixed[3]]))..).expect("an option is cut off");
        }
        assert!(options.is_empty(), "an option is cut off");
    }
    let is_query = message[2] >> 3 & 0x0f == 0;
    if let Some(asked) = asked
        && is_query
        && asked.questions.len() == 1
        && taken.header[1] & 0x0f != 1
    {
        assert_eq!(!opts.is_empty(), opt_of(asked).is_some(), "OPT in the reply and in the query");
    }
}

fn opt_of(asked: &Taken) -> Option<&Record> {
    asked.sections[2].iter().find(|record| record.rtype == OPT)
}

/// Answers of zones, in class IN.
fn check_answer(asked: &Taken, taken: &Taken, rcode: u16) {
    let [(question, _)] = &asked.questions[..] else { return };
    if question.class != CLASS_IN {
        return;
    }
    let [answer, authority, _] = &taken.sections;
    let is_whole = taken.header[1] & TC == 0;
    let is_authoritative = taken.header[1] & AA != 0;
    if let Some(first) = answer.first() {
        assert!(is_authoritative, "an answer without AA");
        let is_at_question = first.owner == question.owner;
        let is_above = first.rtype == DNAME && is_at_or_under(&question.owner, &first.owner);
        assert!(is_at_question || is_above, "the first record of the answer has owner {:?}", first.owner);
    }
    assert!(rcode != NXDOMAIN || is_authoritative, "NXDOMAIN without AA");
    let has_soa = authority.iter().any(|record| record.rtype == SOA);
    let is_negative = rcode == NXDOMAIN || (answer.is_empty() && is_authoritative);
    assert!(has_soa || !is_negative || !is_whole, "a negative answer without SOA (RFC 2308 section 3)");
    let is_dnssec_ok = opt_of(asked).is_some_and(|opt| opt.ttl & DNSSEC_OK != 0);
    let dnssec = |record: &&Record| matches!(record.rtype, RRSIG | NSEC | NSEC3);
    if !is_dnssec_ok && !matches!(question.rtype, RRSIG | NSEC | NSEC3 | ANY) {
        let uncalled = taken.sections.iter().flatten().find(dnssec);
        assert!(uncalled.is_none(), "{uncalled:?} without DO (RFC 3225 section 3)");
    }
    if is_dnssec_ok && authority.iter().chain(answer).any(|record| record.rtype == RRSIG) {
        check_signed(answer);
    }
}

/// Each RRset of a signed zone's answer has a signature, but for CNAMEs made from a DNAME (RFC 6672 section 3.1).
fn check_signed(answer: &[Record]) {
    let zones_are_signed = |owner: &[u8]| !is_at_or_under(owner, b"\x05plain\0");
    let has_dname = answer.iter().any(|record| record.rtype == DNAME);
    for record in answer.iter().filter(|record| record.rtype != RRSIG && zones_are_signed(&record.owner)) {
        let is_signed = answer.iter().any(|other| {
            other.rtype == RRSIG && other.owner == record.owner && other.data.starts_with(&record.rtype.to_be_bytes())
        });
        assert!(is_signed || (has_dname && record.rtype == CNAME), "{record:?} is not signed (RFC 4035 section 3.1.1)");
    }
}

/// Whether `name` is `apex` or under it; both in lower-case wire format.
fn is_at_or_under(name: &[u8], apex: &[u8]) -> bool {
    let mut rest = name;
    loop {
        if rest == apex {
            return true;
        }
        match rest.split_first() {
            Some((&length, tail)) if length > 0 => rest = &tail[usize::from(length)..],
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::panic::catch_unwind;

    const ASKED: &[u8] = b"\x07\x07\x01\0\0\x01\0\0\0\0\0\0\x02ns\x07eXample\0\0\x01\0\x01";
    const REPLY: &[u8] = b"\x07\x07\x85\0\0\x01\0\x01\0\0\0\0\x02ns\x07eXample\0\0\x01\0\x01\
        \xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x01";
    const UDP: Transport = Transport::Udp { payload_max: 1232 };

    fn is_taken(reply: &[u8]) -> bool {
        catch_unwind(|| check(ASKED, UDP, reply, &[b"\x07example\0"])).is_ok()
    }

    #[test]
    fn a_right_reply_is_taken() {
        assert!(is_taken(REPLY));
    }

    /// Each octet that is wrong in a way that matters; ids, flags, case of the question, counts, pointer, class, length.
    #[test]
    fn a_wrong_octet_is_seen() {
        for (at, octet) in [
            (0, 8),
            (2, 5),
            (2, 0x84),
            (2, 0x81),
            (3, 0x80),
            (3, 3),
            (5, 0),
            (7, 0),
            (7, 2),
            (16, b'E'),
            (28, 0xc1),
            (29, 29),
            (29, 15),
            (34, 0x80),
            (39, 3),
            (39, 5),
        ] {
            let mut reply = REPLY.to_vec();
            assert_ne!(reply[at], octet, "{at}");
            reply[at] = octet;
            assert!(!is_taken(&reply), "octet {at} as {octet:#x}");
        }
        assert!(!is_taken(&REPLY[..REPLY.len() - 1]));
        assert!(!is_taken(&[REPLY, &[0]].concat()));
        assert!(catch_unwind(|| check(ASKED, UDP, REPLY, &[b"\x05other\0"])).is_err(), "a zone of somebody else's");
    }
}
