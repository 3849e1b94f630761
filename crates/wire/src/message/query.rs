//! A query, taken apart where it lies.

use super::options::OPTION_FIXED_OCTETS;
use super::{CLASS_IN, EdnsOptions, HEADER_OCTETS, Header, Opcode, OptionCode, UDP_PAYLOAD_MIN};
use crate::RecordType;
use crate::name::{LABEL_OCTETS_MAX, NAME_OCTETS_MAX};

/// The flag DO in OPT's TTL field (RFC 3225 section 3).
const DNSSEC_OK: u16 = 0x8000;
/// The flag CO beside it (RFC 9824 section 5.1).
const COMPACT_OK: u16 = 0x4000;

/// Room for a name of any length.
pub type NameBuffer = [u8; NAME_OCTETS_MAX];

/// One well-formed query of opcode QUERY with exactly one question (RFC 9619).
///
/// Records before OPT are stepped over within bounds; whether anything else is asked of the server (class, type, EDNS version)
/// is for the caller to judge.
#[derive(Debug, Clone)]
pub struct Query<'m> {
    header: Header,
    /// The question section as it was sent.
    question: &'m [u8],
    /// The name asked for, in lower case.
    name: &'m [u8],
    edns: Option<Edns<'m>>,
}

/// What the client's OPT record says (RFC 6891 section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edns<'m> {
    /// The largest UDP payload the client takes, at least 512 (RFC 6891 section 6.2.3).
    pub payload: u16,
    /// 0 is the only version there is.
    pub version: u8,
    /// Whether the client wants DNSSEC records (RFC 3225).
    pub dnssec_ok: bool,
    /// Whether the client knows compact denial, and wants the RCODE that tells of it (RFC 9824 section 5.1).
    pub compact_ok: bool,
    /// Well-formed options: code, length, data.
    pub options: &'m [u8],
}

impl<'m> Edns<'m> {
    /// The options in order. Most queries have none.
    pub fn options(&self) -> EdnsOptions<'m> {
        EdnsOptions(self.options)
    }
}

/// A query with an empty question section, which asks for a server cookie and nothing else (RFC 7873 section 5.4).
#[derive(Debug, Clone, Copy)]
pub struct WithoutQuestion<'m> {
    /// The header.
    pub header: Header,
    /// It has a COOKIE option.
    pub edns: Edns<'m>,
}

/// Why a message is not a [`Query`], and what is to be done with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Answering it would serve nobody: send nothing.
    #[error("ignored: {0}")]
    Ignore(IgnoreReason),
    /// Another opcode than QUERY; only the header has been read.
    #[error("opcode {} is not QUERY", .0.opcode().0)]
    Opcode(Header),
    /// Reply with FORMERR.
    #[error(transparent)]
    Format(FormatError),
}

/// Why a message gets no reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IgnoreReason {
    /// Fewer than twelve octets: there is no id to reply to.
    #[error("shorter than a header")]
    Short,
    /// QR is set; replying to replies makes loops (CVE-2024-2169).
    #[error("a response")]
    Response,
}

/// A malformed query, with what a FORMERR reply may repeat of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("malformed query: {reason}")]
pub struct FormatError {
    /// The query's header.
    pub header: Header,
    /// Octets of the question after the header; 0 when it was not readable.
    pub question_octets: usize,
    /// Whether an OPT record was seen, so that the reply carries one too (RFC 6891 section 7).
    pub has_opt: bool,
    /// What is wrong.
    pub reason: FormatReason,
}

/// What is wrong with a malformed query.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatReason {
    /// No question (RFC 1035 section 4.1.2); [`WithoutQuestion`] may know what it is for.
    #[error("no question")]
    NoQuestion,
    /// More than one question (RFC 9619 section 4).
    #[error("QDCOUNT is above 1")]
    QuestionCount,
    /// The question's name is cut off, compressed or too long.
    #[error("bad question")]
    Question,
    /// A record is cut off.
    #[error("bad record")]
    Record,
    /// OPT outside of the additional section, or with an owner other than the root (RFC 6891 section 6.1.2).
    #[error("misplaced OPT")]
    OptPlace,
    /// A second OPT (RFC 6891 section 6.1.1).
    #[error("more than one OPT")]
    OptTwice,
    /// An option runs over the end of OPT, or the first COOKIE has an impossible length (RFC 7873 section 5.2.2).
    #[error("bad EDNS option")]
    Option,
    /// Octets after the last record.
    #[error("octets after the last record")]
    Trailing,
}

impl<'m> Query<'m> {
    /// Takes a message apart; the name asked for goes to `lower` in lower case.
    ///
    /// # Errors
    ///
    /// [`QueryError`] says whether to stay silent, or which reply is due.
    pub fn parse(message: &'m [u8], lower: &'m mut NameBuffer) -> Result<Query<'m>, QueryError> {
        let header = Header::parse(message).ok_or(QueryError::Ignore(IgnoreReason::Short))?;
        if header.is_response() {
            return Err(QueryError::Ignore(IgnoreReason::Response));
        }
        if header.opcode() != Opcode::QUERY {
            return Err(QueryError::Opcode(header));
        }
        Query::take_apart(header, message, lower)
    }

    /// The same for a request whose opcode does not matter, of those that are laid out as queries are: NOTIFY (RFC 1996
    /// section 3.7) and UPDATE (RFC 2136 section 2). What stands there as question is the zone meant.
    ///
    /// # Errors
    ///
    /// As [`Query::parse`], but never [`QueryError::Opcode`].
    pub fn parse_any_opcode(message: &'m [u8], lower: &'m mut NameBuffer) -> Result<Query<'m>, QueryError> {
        let header = Header::parse(message).ok_or(QueryError::Ignore(IgnoreReason::Short))?;
        if header.is_response() {
            return Err(QueryError::Ignore(IgnoreReason::Response));
        }
        Query::take_apart(header, message, lower)
    }

    fn take_apart(header: Header, message: &'m [u8], lower: &'m mut NameBuffer) -> Result<Query<'m>, QueryError> {
        let fail = |reason, question_octets, has_opt| {
            Err(QueryError::Format(FormatError { header, question_octets, has_opt, reason }))
        };
        match header.counts[0] {
            1 => {}
            0 => {
                let mut has_opt = false;
                let read = read_records(&message[HEADER_OCTETS..], &header.counts, &mut has_opt);
                return fail(read.err().unwrap_or(FormatReason::NoQuestion), 0, has_opt);
            }
            _ => return fail(FormatReason::QuestionCount, 0, false),
        }
        let body = &message[HEADER_OCTETS..];
        let Some(name_octets) = copy_lower(body, lower) else {
            return fail(FormatReason::Question, 0, false);
        };
        let Some((question, records)) = body.split_at_checked(name_octets + 4) else {
            return fail(FormatReason::Question, 0, false);
        };
        let mut has_opt = false;
        match read_records(records, &header.counts, &mut has_opt) {
            Ok(edns) => Ok(Query { header, question, name: &lower[..name_octets], edns }),
            Err(reason) => fail(reason, question.len(), has_opt),
        }
    }

    /// The header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The name asked for, in lower-case wire format.
    pub fn name(&self) -> &'m [u8] {
        self.name
    }

    /// The question section octet for octet, letter case included.
    pub fn question(&self) -> &'m [u8] {
        self.question
    }

    /// The type asked for.
    pub fn qtype(&self) -> RecordType {
        let at = self.name.len();
        RecordType(u16::from_be_bytes([self.question[at], self.question[at + 1]]))
    }

    /// The class asked for.
    pub fn qclass(&self) -> u16 {
        let at = self.name.len() + 2;
        u16::from_be_bytes([self.question[at], self.question[at + 1]])
    }

    /// Whether the class is IN.
    pub fn is_internet(&self) -> bool {
        self.qclass() == CLASS_IN
    }

    /// The client's OPT record.
    pub fn edns(&self) -> Option<&Edns<'m>> {
        self.edns.as_ref()
    }

    /// Whether the client wants DNSSEC records (RFC 3225).
    pub fn is_dnssec_ok(&self) -> bool {
        self.edns.is_some_and(|edns| edns.dnssec_ok)
    }

    /// The largest UDP payload the client takes: 512 without EDNS (RFC 1035 section 4.2.1).
    pub fn payload(&self) -> u16 {
        self.edns.map_or(UDP_PAYLOAD_MIN, |edns| edns.payload)
    }
}

impl<'m> WithoutQuestion<'m> {
    /// Takes such a message apart; `None` for any other.
    pub fn parse(message: &'m [u8]) -> Option<WithoutQuestion<'m>> {
        let header = Header::parse(message)?;
        if header.is_response() || header.opcode() != Opcode::QUERY || header.counts[0] != 0 {
            return None;
        }
        let edns = read_records(&message[HEADER_OCTETS..], &header.counts, &mut false).ok()??;
        let asks_for_cookie = edns.options().any(|(code, _)| code == OptionCode::COOKIE);
        asks_for_cookie.then_some(WithoutQuestion { header, edns })
    }
}

/// Copies the uncompressed name at the front of `body` in lower case, and returns its length.
fn copy_lower(body: &[u8], lower: &mut NameBuffer) -> Option<usize> {
    let mut at = 0;
    loop {
        let length = usize::from(*body.get(at)?);
        if length > LABEL_OCTETS_MAX {
            return None;
        }
        at += 1 + length;
        if at > NAME_OCTETS_MAX {
            return None;
        }
        if length == 0 {
            break;
        }
    }
    lower[..at].copy_from_slice(body.get(..at)?);
    // Length octets are at most 63, so that lower-casing the whole changes letters only.
    lower[..at].make_ascii_lowercase();
    Some(at)
}

/// Steps over all records and returns what OPT says.
fn read_records<'m>(
    mut rest: &'m [u8],
    counts: &[u16; 4],
    has_opt: &mut bool,
) -> Result<Option<Edns<'m>>, FormatReason> {
    let before = usize::from(counts[1]) + usize::from(counts[2]);
    let mut edns = None;
    for index in 0..before + usize::from(counts[3]) {
        let owner_octets = skip_name(rest).ok_or(FormatReason::Record)?;
        let is_root = rest[0] == 0;
        let (fixed, after) = rest[owner_octets..].split_first_chunk::<10>().ok_or(FormatReason::Record)?;
        let word = |at: usize| u16::from_be_bytes([fixed[at], fixed[at + 1]]);
        let (rdata, after) = after.split_at_checked(usize::from(word(8))).ok_or(FormatReason::Record)?;
        rest = after;
        if RecordType(word(0)) != RecordType::OPT {
            continue;
        }
        if std::mem::replace(has_opt, true) {
            return Err(FormatReason::OptTwice);
        }
        if index < before || !is_root {
            return Err(FormatReason::OptPlace);
        }
        let version = fixed[5];
        // Those of another version may look different, and the reply is BADVERS whatever they say (RFC 6891 section 6.1.3).
        let options = if version == 0 { rdata } else { &[] };
        check_options(options)?;
        edns = Some(Edns {
            payload: word(2).max(UDP_PAYLOAD_MIN),
            version,
            dnssec_ok: word(6) & DNSSEC_OK != 0,
            compact_ok: word(6) & COMPACT_OK != 0,
            options,
        });
    }
    if rest.is_empty() { Ok(edns) } else { Err(FormatReason::Trailing) }
}

/// Octets that a possibly compressed name takes at the front of `octets`.
fn skip_name(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *octets.get(at)? {
            0 => return Some(at + 1),
            length if usize::from(length) <= LABEL_OCTETS_MAX => at += 1 + usize::from(length),
            pointer if pointer >= 0xc0 => return (at + 2 <= octets.len()).then_some(at + 2),
            _ => return None,
        }
        if at >= NAME_OCTETS_MAX {
            return None;
        }
    }
}

fn check_options(mut options: &[u8]) -> Result<(), FormatReason> {
    // Of several COOKIE options only the first counts (RFC 7873 section 5.2).
    let mut has_cookie = false;
    while !options.is_empty() {
        let (fixed, after) = options.split_first_chunk::<OPTION_FIXED_OCTETS>().ok_or(FormatReason::Option)?;
        let length = u16::from_be_bytes([fixed[2], fixed[3]]);
        if OptionCode(u16::from_be_bytes([fixed[0], fixed[1]])) == OptionCode::COOKIE
            && !std::mem::replace(&mut has_cookie, true)
            && !matches!(length, 8 | 16..=40)
        {
            return Err(FormatReason::Option);
        }
        options = after.get(usize::from(length)..).ok_or(FormatReason::Option)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(message: &[u8]) -> Result<Query<'_>, QueryError> {
        Query::parse(message, Box::leak(Box::new([0; NAME_OCTETS_MAX])))
    }
    use proptest::prelude::*;

    const WWW: &[u8] = b"\x03wWw\x07Example\x03com\0";
    const OPT: &[u8] = &[0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0];

    fn message(counts: [u16; 4], parts: &[&[u8]]) -> Vec<u8> {
        let mut message = vec![0xab, 0xcd, 1, 0x10];
        counts.iter().for_each(|count| message.extend_from_slice(&count.to_be_bytes()));
        parts.iter().for_each(|part| message.extend_from_slice(part));
        message
    }

    fn reason(message: &[u8]) -> FormatReason {
        match parse(message) {
            Err(QueryError::Format(error)) => error.reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_query_is_taken_apart_with_its_case_kept() {
        let octets = message([1, 0, 0, 1], &[WWW, &[0, 28, 0, 1], OPT]);
        let query = parse(&octets).unwrap();
        assert_eq!(query.name(), b"\x03www\x07example\x03com\0");
        assert_eq!(query.question(), [WWW, &[0, 28, 0, 1]].concat());
        assert_eq!((query.qtype(), query.qclass()), (RecordType::AAAA, 1));
        assert_eq!(
            query.edns(),
            Some(&Edns { payload: 1232, version: 0, dnssec_ok: true, compact_ok: false, options: &[] })
        );
        assert_eq!(query.header().id, 0xabcd);
    }

    #[test]
    fn rfc1035_without_edns_the_payload_is_512() {
        let octets = message([1, 0, 0, 0], &[&[0, 0, 2, 0, 1]]);
        let query = parse(&octets).unwrap();
        assert_eq!((query.name(), query.payload(), query.is_dnssec_ok()), (&[0][..], 512, false));
    }

    #[test]
    fn rfc6891_section_6_2_3_a_payload_below_512_counts_as_512() {
        let octets = message([1, 0, 0, 1], &[WWW, &[0, 1, 0, 1], &[0, 0, 41, 0, 100, 0, 0, 0, 0, 0, 0]]);
        assert_eq!(parse(&octets).unwrap().payload(), 512);
    }

    #[test]
    fn silence_for_responses_and_for_what_has_no_header() {
        assert_eq!(parse(&[0; 11]).unwrap_err(), QueryError::Ignore(IgnoreReason::Short));
        let mut octets = message([1, 0, 0, 0], &[WWW, &[0, 1, 0, 1]]);
        octets[2] |= 0x80;
        assert_eq!(parse(&octets).unwrap_err(), QueryError::Ignore(IgnoreReason::Response));
    }

    #[test]
    fn other_opcodes_are_told_apart_before_the_body_is_read() {
        let mut octets = message([0, 0, 0, 0], &[]);
        octets[2] = 6 << 3;
        assert!(matches!(parse(&octets), Err(QueryError::Opcode(header)) if header.opcode() == Opcode(6)));
    }

    #[test]
    fn rfc9619_qdcount_other_than_one_is_a_format_error() {
        let question = [WWW, &[0, 1, 0, 1]].concat();
        assert_eq!(reason(&message([0, 0, 0, 0], &[])), FormatReason::NoQuestion);
        assert_eq!(reason(&message([2, 0, 0, 0], &[&question, &question])), FormatReason::QuestionCount);
    }

    #[test]
    fn questions_that_cannot_be_read() {
        let long = [[63; 64].as_slice(), &[63; 64], &[63; 64], &[63; 64], &[0, 0, 1, 0, 1]].concat();
        for question in [&b"\xc0\x0c\0\x01\0\x01"[..], b"\x03www", b"\x03www\0\0\x01\0", b"\x40x\0\0\x01\0\x01", &long]
        {
            assert_eq!(reason(&message([1, 0, 0, 0], &[question])), FormatReason::Question);
        }
    }

    #[test]
    fn the_longest_name_is_taken() {
        let labels = [[63; 64].as_slice(), &[63; 64], &[63; 64], &[61; 62], &[0, 0, 1, 0, 1]].concat();
        let octets = message([1, 0, 0, 0], &[&labels]);
        assert_eq!(parse(&octets).unwrap().name().len(), 255);
    }

    #[test]
    fn rfc6891_section_6_1_1_two_opts_are_a_format_error_that_carries_opt() {
        let octets = message([1, 0, 0, 2], &[WWW, &[0, 1, 0, 1], OPT, OPT]);
        let Err(QueryError::Format(error)) = parse(&octets) else { panic!() };
        assert_eq!((error.reason, error.has_opt, error.question_octets), (FormatReason::OptTwice, true, WWW.len() + 4));
    }

    #[test]
    fn rfc6891_section_6_1_2_opt_belongs_to_the_root_and_the_additional_section() {
        let owned = [&[1, b'x'], OPT].concat();
        assert_eq!(reason(&message([1, 0, 0, 1], &[WWW, &[0, 1, 0, 1], &owned])), FormatReason::OptPlace);
        assert_eq!(reason(&message([1, 0, 1, 0], &[WWW, &[0, 1, 0, 1], OPT])), FormatReason::OptPlace);
    }

    #[test]
    fn options_must_fill_opt_exactly() {
        let with = |options: &[u8]| {
            let opt = [&OPT[..9], &(options.len() as u16).to_be_bytes(), options].concat();
            message([1, 0, 0, 1], &[WWW, &[0, 1, 0, 1], &opt])
        };
        assert!(parse(&with(&[0, 3, 0, 0, 0xff, 0xff, 0, 1, 9])).is_ok());
        for options in [&[0, 3, 0][..], &[0, 3, 0, 1], &[0, 10, 0, 7, 1, 2, 3, 4, 5, 6, 7], &[0, 10, 0, 0]] {
            assert_eq!(reason(&with(options)), FormatReason::Option);
        }
    }

    #[test]
    fn rfc7873_section_5_4_a_question_may_be_missing_where_a_cookie_is_asked_for() {
        let with = |options: &[u8]| {
            let opt = [&OPT[..9], &(options.len() as u16).to_be_bytes(), options].concat();
            message([0, 0, 0, 1], &[&opt])
        };
        let cookie = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
        let octets = with(&cookie);
        assert_eq!(WithoutQuestion::parse(&octets).unwrap().edns.options, cookie);
        assert!(WithoutQuestion::parse(&with(&[0, 3, 0, 0])).is_none());
        assert!(WithoutQuestion::parse(&with(&[0, 10, 0, 1, 7])).is_none());
        let Err(QueryError::Format(error)) = parse(&octets) else { panic!() };
        assert_eq!((error.reason, error.has_opt, error.question_octets), (FormatReason::NoQuestion, true, 0));
        assert!(WithoutQuestion::parse(&message([1, 0, 0, 1], &[WWW, &[0, 1, 0, 1], OPT])).is_none());
    }

    #[test]
    fn rfc7873_section_5_2_cookies_after_the_first_are_left_alone() {
        let with = |options: &[u8]| {
            let opt = [&OPT[..9], &(options.len() as u16).to_be_bytes(), options].concat();
            message([1, 0, 0, 1], &[WWW, &[0, 1, 0, 1], &opt])
        };
        let cookie = [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8];
        assert!(parse(&with(&[&cookie[..], &[0, 10, 0, 1, 9]].concat())).is_ok());
        assert_eq!(reason(&with(&[&[0, 10, 0, 1, 9], &cookie[..]].concat())), FormatReason::Option);
    }

    #[test]
    fn records_before_opt_are_stepped_over_and_nothing_may_follow() {
        let soa = [&[0xc0, 12, 0, 6, 0, 1, 0, 0, 0, 0, 0, 2][..], &[1, 2]].concat();
        let octets = message([1, 0, 1, 1], &[WWW, &[0, 251, 0, 1], &soa, OPT]);
        assert!(parse(&octets).unwrap().is_dnssec_ok());
        assert_eq!(reason(&[&octets[..], &[0]].concat()), FormatReason::Trailing);
        assert_eq!(reason(&octets[..octets.len() - 1]), FormatReason::Record);
        assert_eq!(reason(&message([1, 0xffff, 0xffff, 0xffff], &[WWW, &[0, 1, 0, 1]])), FormatReason::Record);
    }

    proptest! {
        #[test]
        fn no_octets_make_it_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&octets);
        }

        #[test]
        fn no_mutation_makes_it_panic(at in 0..50usize, value: u8, keep in 0..60usize) {
            let mut octets = message([1, 0, 0, 1], &[WWW, &[0, 28, 0, 1], OPT]);
            let last = octets.len() - 1;
            octets[at.min(last)] = value;
            octets.truncate(keep);
            let _ = parse(&octets);
        }
    }
}
