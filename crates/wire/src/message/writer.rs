//! Laying out a reply in a caller's buffer, whole RRsets at a time.

use super::options::OPTION_FIXED_OCTETS;
use super::{AA, CD, CLASS_IN, HEADER_OCTETS, Header, OPCODE, OPT_OCTETS, OptionCode, QR, RD, Rcode, TC};
use crate::RecordType;

/// A compression pointer has 14 bits (RFC 1035 section 4.1.4).
const POINTER_TARGET_MAX: usize = 0x3fff;
const POINTER: u16 = 0xc000;
/// Names remembered for compression, beside the question's. Referrals repeat the most: owner, servers, glue.
const NAMES_MAX: usize = 32;

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What was asked for.
    Answer = 1,
    /// Referrals, and proofs of absence.
    Authority = 2,
    /// Addresses of what stands before, and OPT.
    Additional = 3,
}

/// The limit leaves no room for it; nothing was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no room left in the message")]
pub struct Full;

/// What our OPT record says, options aside (RFC 6891 section 6.1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opt {
    /// The largest UDP payload we take.
    pub payload: u16,
    /// Copied from the query (RFC 3225 section 3).
    pub dnssec_ok: bool,
    /// The answer is one of compact denial, to a client that knows it (RFC 9824 section 5.1).
    pub compact_ok: bool,
}

/// An owner name in wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'n> {
    /// All of it.
    Whole(&'n [u8]),
    /// In two parts, the first of which, whole labels, stands nowhere in the message: hashed owners are each the only of their kind.
    Below(&'n [u8], &'n [u8]),
}

impl<'n> From<&'n [u8]> for Owner<'n> {
    fn from(name: &'n [u8]) -> Owner<'n> {
        Owner::Whole(name)
    }
}

/// An owner name that stands in the message and that [`Writer::rrset_again`] points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnerPointer([u8; 2]);

/// A place to go back to.
#[derive(Debug, Clone, Copy)]
pub struct Mark {
    at: usize,
    counts: [u16; 4],
    names: u8,
}

/// Writes one reply. Records that do not fit are refused whole, and [`Writer::rollback`] takes back several at once.
///
/// Owner names, and names in the RDATA of types of RFC 1035, are compressed against the question and against names that
/// stand in the message already (RFC 1035 section 4.1.4, RFC 3597 section 4). Names in RDATA only where their case is the same.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    at: usize,
    limit: usize,
    flags: u16,
    rcode: Rcode,
    class: u16,
    counts: [u16; 4],
    /// Where OPT was written.
    opt_at: usize,
    /// Octets of the question's name; 0 without question.
    question_name: usize,
    names: [Written; NAMES_MAX],
    name_count: u8,
}

/// A name in the message that a pointer can name.
#[derive(Debug, Clone, Copy, Default)]
struct Written {
    at: u16,
    /// Uncompressed octets, at most 255.
    octets: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// Owner names: DNS compares without case (RFC 4343).
    Ignored,
    /// Names in RDATA come back in the case they were stored in.
    Kept,
}

impl<'b> Writer<'b> {
    /// Starts a reply to a query with `header`: the id, OPCODE, RD and CD are copied (RFC 1035 section 4.1.1, RFC 4035
    /// section 3.1.6), `question` is repeated octet for octet (empty: none). At most `limit` octets are written.
    ///
    /// # Errors
    ///
    /// [`Full`] if not even the question fits.
    pub fn new(buffer: &'b mut [u8], header: &Header, question: &[u8], limit: usize) -> Result<Writer<'b>, Full> {
        let limit = limit.min(buffer.len()).min(usize::from(u16::MAX));
        let at = HEADER_OCTETS + question.len();
        if at > limit {
            return Err(Full);
        }
        buffer[..2].copy_from_slice(&header.id.to_be_bytes());
        buffer[HEADER_OCTETS..at].copy_from_slice(question);
        Ok(Writer {
            buffer,
            at,
            limit,
            flags: QR | header.flags & (OPCODE | RD | CD),
            rcode: Rcode::NOERROR,
            class: CLASS_IN,
            counts: [u16::from(!question.is_empty()), 0, 0, 0],
            opt_at: at,
            question_name: question.len().saturating_sub(4),
            names: [Written::default(); NAMES_MAX],
            name_count: 0,
        })
    }

    /// Keeps `octets` of the limit for what is written last (OPT).
    ///
    /// # Errors
    ///
    /// [`Full`] if they are not there.
    pub fn reserve(&mut self, octets: usize) -> Result<(), Full> {
        let limit = self.limit.checked_sub(octets).filter(|&limit| limit >= self.at).ok_or(Full)?;
        self.limit = limit;
        Ok(())
    }

    /// Gives back what [`Self::reserve`] kept.
    pub fn release(&mut self, octets: usize) {
        self.limit = (self.limit + octets).min(self.buffer.len());
    }

    /// Sets AA.
    pub fn set_authoritative(&mut self) {
        self.flags |= AA;
    }

    /// Sets TC.
    pub fn set_truncated(&mut self) {
        self.flags |= TC;
    }

    /// Sets the RCODE; its upper bits go into OPT.
    pub fn set_rcode(&mut self, rcode: Rcode) {
        self.rcode = rcode;
    }

    /// Sets the class of the records that follow; IN otherwise.
    pub fn set_class(&mut self, class: u16) {
        self.class = class;
    }

    /// Whether nothing but the question stands here.
    pub fn is_empty(&self) -> bool {
        self.counts[1..] == [0; 3]
    }

    /// Where we are.
    pub fn mark(&self) -> Mark {
        Mark { at: self.at, counts: self.counts, names: self.name_count }
    }

    /// Takes back all that was written since `mark`.
    pub fn rollback(&mut self, mark: Mark) {
        self.at = mark.at;
        self.counts = mark.counts;
        self.name_count = mark.names;
    }

    /// Writes an RRset: `encoded` holds its RDATAs in uncompressed wire format, each after its two-octet length.
    /// Returns where its owner stands, unless a pointer cannot say so, or the owner is the root.
    ///
    /// # Errors
    ///
    /// [`Full`] if not all of it fits, or `encoded` ends within an RDATA.
    pub fn rrset<'n>(
        &mut self,
        section: Section,
        owner: impl Into<Owner<'n>>,
        rtype: RecordType,
        ttl: u32,
        encoded: &[u8],
    ) -> Result<Option<OwnerPointer>, Full> {
        let owner = owner.into();
        let mark = self.mark();
        let mut pointer = None;
        let written = self.records(section, rtype, ttl, encoded, |writer| match pointer {
            Some(OwnerPointer(octets)) => writer.put(&octets),
            None => {
                pointer = writer.owner(owner)?;
                Ok(())
            }
        });
        if written.is_err() {
            self.rollback(mark);
        }
        written.map(|()| pointer)
    }

    /// Writes another RRset of an owner that was just written: RRSIGs follow what they cover.
    ///
    /// # Errors
    ///
    /// [`Full`] if not all of it fits, or `encoded` ends within an RDATA.
    pub fn rrset_again(
        &mut self,
        section: Section,
        owner: OwnerPointer,
        rtype: RecordType,
        ttl: u32,
        encoded: &[u8],
    ) -> Result<(), Full> {
        let mark = self.mark();
        let written = self.records(section, rtype, ttl, encoded, |writer| writer.put(&owner.0));
        if written.is_err() {
            self.rollback(mark);
        }
        written
    }

    #[inline]
    fn records(
        &mut self,
        section: Section,
        rtype: RecordType,
        ttl: u32,
        mut encoded: &[u8],
        mut owner: impl FnMut(&mut Self) -> Result<(), Full>,
    ) -> Result<(), Full> {
        let mut fixed = [0; 10];
        fixed[..2].copy_from_slice(&rtype.0.to_be_bytes());
        fixed[2..4].copy_from_slice(&self.class.to_be_bytes());
        fixed[4..8].copy_from_slice(&ttl.to_be_bytes());
        let has_names = has_compressible_names(rtype);
        let mut count = 0_u16;
        while let Some((length, rest)) = encoded.split_first_chunk::<2>() {
            let (rdata, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length))).ok_or(Full)?;
            encoded = rest;
            owner(self)?;
            fixed[8..].copy_from_slice(length);
            self.put(&fixed)?;
            if has_names {
                self.rdata_with_names(rtype, rdata)?;
            } else {
                self.put(rdata)?;
            }
            count = count.checked_add(1).ok_or(Full)?;
        }
        let total = &mut self.counts[section as usize];
        *total = total.checked_add(count).ok_or(Full)?;
        if encoded.is_empty() { Ok(()) } else { Err(Full) }
    }

    /// Writes OPT with the upper bits of the RCODE set so far (RFC 6891 section 6.1.3).
    ///
    /// # Errors
    ///
    /// [`Full`] if it does not fit.
    pub fn opt(&mut self, opt: &Opt) -> Result<(), Full> {
        let mut fixed = [0; OPT_OCTETS];
        fixed[1..3].copy_from_slice(&RecordType::OPT.0.to_be_bytes());
        fixed[3..5].copy_from_slice(&opt.payload.to_be_bytes());
        fixed[5] = (self.rcode.0 >> 4) as u8;
        fixed[7] = u8::from(opt.dnssec_ok) << 7 | u8::from(opt.compact_ok) << 6;
        self.opt_at = self.at;
        self.put(&fixed)?;
        self.counts[3] += 1;
        Ok(())
    }

    /// Adds an option to the OPT record that was written last; its data is what the parts are together.
    ///
    /// # Errors
    ///
    /// [`Full`] if it does not fit; nothing was written.
    pub fn option(&mut self, code: OptionCode, parts: &[&[u8]]) -> Result<(), Full> {
        let octets: usize = parts.iter().map(|part| part.len()).sum();
        self.begin_option(code, octets)?;
        parts.iter().try_for_each(|part| self.put(part))
    }

    /// Adds the PADDING option that makes the message as long as a multiple of `block` octets, or as the limit lets it be
    /// (RFC 7830, RFC 8467 section 4.1). It must be the last option.
    ///
    /// # Errors
    ///
    /// [`Full`] if not even an empty one fits.
    pub fn pad(&mut self, block: usize) -> Result<(), Full> {
        let unpadded = self.at + OPTION_FIXED_OCTETS;
        let octets = unpadded.next_multiple_of(block).min(self.limit).checked_sub(unpadded).ok_or(Full)?;
        self.begin_option(OptionCode::PADDING, octets)?;
        self.buffer[self.at..self.at + octets].fill(0);
        self.at += octets;
        Ok(())
    }

    /// Writes an option's code and length, and makes OPT's RDATA longer by all of it.
    fn begin_option(&mut self, code: OptionCode, octets: usize) -> Result<(), Full> {
        let data = u16::try_from(octets).map_err(|_| Full)?;
        if self.limit - self.at < OPTION_FIXED_OCTETS + octets {
            return Err(Full);
        }
        let length_at = self.opt_at + OPT_OCTETS - 2;
        let rdata = (self.at + OPTION_FIXED_OCTETS + octets - length_at - 2) as u16;
        self.buffer[length_at..length_at + 2].copy_from_slice(&rdata.to_be_bytes());
        self.put(&code.0.to_be_bytes())?;
        self.put(&data.to_be_bytes())
    }

    /// Fills in the header and returns the octets of the whole message.
    pub fn finish(self) -> usize {
        let flags = self.flags | self.rcode.0 & 0xf;
        self.buffer[2..4].copy_from_slice(&flags.to_be_bytes());
        for (count, place) in self.counts.iter().zip(self.buffer[4..HEADER_OCTETS].chunks_exact_mut(2)) {
            place.copy_from_slice(&count.to_be_bytes());
        }
        self.at
    }

    fn put(&mut self, octets: &[u8]) -> Result<(), Full> {
        let end = self.at + octets.len();
        if end > self.limit {
            return Err(Full);
        }
        self.buffer[self.at..end].copy_from_slice(octets);
        self.at = end;
        Ok(())
    }

    /// Writes an owner name and returns what further records have in its place.
    fn owner(&mut self, owner: Owner<'_>) -> Result<Option<OwnerPointer>, Full> {
        let at = self.at;
        match owner {
            Owner::Whole(name) => self.name(name, Case::Ignored)?,
            Owner::Below(first, rest) => {
                self.put(first)?;
                self.name(rest, Case::Ignored)?;
            }
        }
        if self.at - at == 2 {
            return Ok(Some(OwnerPointer([self.buffer[at], self.buffer[at + 1]])));
        }
        let is_worth_it = self.at - at > 2 && at <= POINTER_TARGET_MAX;
        Ok(is_worth_it.then(|| OwnerPointer((POINTER | at as u16).to_be_bytes())))
    }

    fn name(&mut self, name: &[u8], case: Case) -> Result<(), Full> {
        let at = self.at;
        match self.suffix(name, case) {
            Some((kept, target)) => {
                self.put(&name[..kept])?;
                self.put(&(POINTER | target).to_be_bytes())?;
                self.remember(at, name, kept);
            }
            None => {
                self.put(name)?;
                self.remember(at, name, name.len());
            }
        }
        Ok(())
    }

    /// Notes that `name`, and each of its suffixes that begins in the `kept` octets written out at `at`, stands here.
    fn remember(&mut self, at: usize, name: &[u8], kept: usize) {
        let mut label = 0;
        // The root is left out: a pointer to it would be longer than it is.
        while let Some(&length @ 1..) = name[..kept].get(label) {
            let place = self.names.get_mut(usize::from(self.name_count));
            let (Some(free), true) = (place, at + label <= POINTER_TARGET_MAX) else { return };
            *free = Written { at: (at + label) as u16, octets: (name.len() - label) as u8 };
            self.name_count += 1;
            label += 1 + usize::from(length);
        }
    }

    /// The longest suffix of `name` that stands in the message: octets of `name` before it, and where it stands.
    fn suffix(&self, name: &[u8], case: Case) -> Option<(usize, u16)> {
        let question = &self.buffer[HEADER_OCTETS..HEADER_OCTETS + self.question_name];
        let mut kept = 0;
        while let Some(&length @ 1..) = name.get(kept) {
            let suffix = &name[kept..];
            if let Some(skipped) = question.len().checked_sub(suffix.len()) {
                let tail = &question[skipped..];
                if tail == suffix || case == Case::Ignored && tail.eq_ignore_ascii_case(suffix) {
                    return Some((kept, (HEADER_OCTETS + skipped) as u16));
                }
            }
            for written in &self.names[..usize::from(self.name_count)] {
                if usize::from(written.octets) == suffix.len() && self.stands_at(written.at, suffix, case) {
                    return Some((kept, written.at));
                }
            }
            kept += 1 + usize::from(length);
        }
        None
    }

    /// Whether the name that we wrote at `at` is `name`.
    fn stands_at(&self, at: u16, mut name: &[u8], case: Case) -> bool {
        let mut at = usize::from(at);
        // Only names written here are followed, and their pointers lead to the front; the message ends before `self.at`.
        while let Some(&length) = self.buffer[..self.at].get(at) {
            if length >= 0xc0 {
                let Some(&low) = self.buffer[..self.at].get(at + 1) else { return false };
                at = usize::from(u16::from_be_bytes([length, low]) & !POINTER);
                continue;
            }
            let octets = 1 + usize::from(length);
            let (Some(ours), Some((theirs, rest))) = (self.buffer.get(at..at + octets), name.split_at_checked(octets))
            else {
                return false;
            };
            if ours != theirs && !(case == Case::Ignored && ours.eq_ignore_ascii_case(theirs)) {
                return false;
            }
            if length == 0 {
                return rest.is_empty();
            }
            name = rest;
            at += octets;
        }
        false
    }

    /// RDATA of a type that [`has_compressible_names`], after its length, which is put right; malformed RDATA is copied as it is.
    fn rdata_with_names(&mut self, rtype: RecordType, rdata: &[u8]) -> Result<(), Full> {
        let length_at = self.at - 2;
        let (front, mut rest) = rdata.split_at(if rtype == RecordType::MX { rdata.len().min(2) } else { 0 });
        self.put(front)?;
        for _ in 0..if rtype == RecordType::SOA { 2 } else { 1 } {
            let Some(octets) = name_octets(rest) else { break };
            let (name, after) = rest.split_at(octets);
            self.name(name, Case::Kept)?;
            rest = after;
        }
        self.put(rest)?;
        let length = (self.at - length_at - 2) as u16;
        self.buffer[length_at..length_at + 2].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }
}

/// Types of RFC 1035 whose names every resolver decompresses (RFC 3597 section 4); of the others SRV and DNAME forbid it.
fn has_compressible_names(rtype: RecordType) -> bool {
    matches!(rtype, RecordType::NS | RecordType::CNAME | RecordType::PTR | RecordType::SOA | RecordType::MX)
}

/// Octets of the uncompressed name at the front.
fn name_octets(octets: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let length = usize::from(*octets.get(at)?);
        at += 1 + length;
        if length > 63 || at > octets.len() {
            return None;
        }
        if length == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Name;
    use hickory_proto::op::Message;
    use proptest::prelude::*;

    fn wire(text: &str) -> Vec<u8> {
        Name::parse(text).unwrap().as_wire().to_vec()
    }

    fn encoded(rdatas: &[&[u8]]) -> Vec<u8> {
        rdatas.iter().flat_map(|rdata| [&(rdata.len() as u16).to_be_bytes(), *rdata].concat()).collect()
    }

    fn header() -> Header {
        Header { id: 7, flags: 0x0110, counts: [1, 0, 0, 0] }
    }

    fn question(name: &str) -> Vec<u8> {
        [&wire(name)[..], &[0, 1, 0, 1]].concat()
    }

    fn decode(octets: &[u8]) -> Message {
        Message::from_vec(octets).unwrap()
    }

    #[test]
    fn the_question_and_its_flags_are_repeated() {
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, &header(), &question("wWw.Example.com"), 512).unwrap();
        writer.set_authoritative();
        writer.set_rcode(Rcode::NXDOMAIN);
        let octets = writer.finish();
        assert_eq!(
            buffer[..octets],
            [&[0, 7, 0x85, 0x13, 0, 1, 0, 0, 0, 0, 0, 0], &question("wWw.Example.com")[..]].concat()
        );
    }

    #[test]
    fn rfc1035_section_4_1_4_owners_point_into_the_question() {
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, &header(), &question("www.Example.com"), 512).unwrap();
        let start = writer.at;
        let two = encoded(&[&[192, 0, 2, 1], &[192, 0, 2, 2]]);
        writer.rrset(Section::Answer, &wire("www.example.com")[..], RecordType::A, 60, &two).unwrap();
        assert_eq!(writer.at - start, 2 * 16);
        writer.rrset(Section::Authority, &wire("x.example.com")[..], RecordType::A, 60, &two).unwrap();
        assert_eq!(writer.at - start, 2 * 16 + 14 + 4 + 14 + 2);
        writer.rrset(Section::Additional, &wire("x.example.com")[..], RecordType::A, 60, &two).unwrap();
        assert_eq!(writer.at - start, 2 * 16 + 14 + 4 + 14 + 2 + 2 * 16);
        writer.rrset(Section::Additional, &wire("other.net")[..], RecordType::A, 60, &two).unwrap();
        let before = writer.at;
        writer.rrset(Section::Additional, &wire("one.other.net")[..], RecordType::A, 60, &two[..6]).unwrap();
        assert_eq!(writer.at - before, 4 + 2 + 14, "suffixes of names written before are found");
        writer.rrset(Section::Additional, &[0][..], RecordType::A, 60, &two).unwrap();
        let octets = writer.finish();
        let message = decode(&buffer[..octets]);
        let owners: Vec<String> = message.additionals.iter().map(|record| record.name.to_string()).collect();
        assert_eq!(
            owners,
            ["x.Example.com.", "x.Example.com.", "other.net.", "other.net.", "one.other.net.", ".", "."]
        );
        assert_eq!(message.answers.len(), 2);
    }

    #[test]
    fn names_in_rdata_are_compressed_in_their_own_case_only() {
        let mut buffer = [0; 512];
        let mut writer = Writer::new(&mut buffer, &header(), &question("a.example.com"), 512).unwrap();
        let soa = [wire("ns.example.com"), wire("host.Example.com"), vec![0; 20]].concat();
        writer.rrset(Section::Authority, &wire("example.com")[..], RecordType::SOA, 60, &encoded(&[&soa])).unwrap();
        let mx = [&[0, 10][..], &wire("ns.example.com")].concat();
        writer.rrset(Section::Authority, &wire("example.com")[..], RecordType::MX, 60, &encoded(&[&mx])).unwrap();
        let octets = writer.finish();
        // Owner, fixed part, "ns" and a pointer, the second name up to "com", numbers; then preference and a pointer.
        let soa_octets = 2 + 10 + 5 + 15 + 20;
        assert_eq!(octets, 12 + 19 + soa_octets + 2 + 10 + 2 + 2);
        let message = decode(&buffer[..octets]);
        assert!(message.authorities[0].to_string().contains("host.Example.com."), "{}", message.authorities[0]);
        assert!(message.authorities[1].to_string().contains("ns.example.com."));
    }

    #[test]
    fn rfc2181_section_9_an_rrset_that_does_not_fit_leaves_nothing_behind() {
        let mut buffer = [0; 100];
        let mut writer = Writer::new(&mut buffer, &header(), &question("www.example.com"), 12 + 21 + 31).unwrap();
        let two = encoded(&[&[192, 0, 2, 1], &[192, 0, 2, 2]]);
        assert_eq!(writer.rrset(Section::Answer, &wire("www.example.com")[..], RecordType::A, 60, &two), Err(Full));
        assert!(writer.is_empty());
        writer.rrset(Section::Answer, &wire("www.example.com")[..], RecordType::A, 60, &two[..6]).unwrap();
        let octets = writer.finish();
        assert_eq!(decode(&buffer[..octets]).answers.len(), 1);
    }

    #[test]
    fn rfc6891_section_6_1_3_opt_carries_the_upper_bits() {
        let mut buffer = [0; 100];
        let mut writer = Writer::new(&mut buffer, &header(), &question("x"), 512).unwrap();
        writer.reserve(OPT_OCTETS).unwrap();
        writer.set_rcode(Rcode::BADVERS);
        writer.release(OPT_OCTETS);
        writer.opt(&Opt { payload: 1232, dnssec_ok: true, compact_ok: false }).unwrap();
        let octets = writer.finish();
        let edns = decode(&buffer[..octets]).edns.unwrap();
        assert_eq!((edns.rcode_high(), edns.max_payload(), edns.flags().dnssec_ok), (1, 1232, true));
    }

    #[test]
    fn options_follow_opt_and_what_does_not_fit_is_left_out_whole() {
        let mut buffer = [0xff; 100];
        let limit = 12 + 7 + OPT_OCTETS + 8 + 4 + 2;
        let mut writer = Writer::new(&mut buffer, &header(), &question("x"), limit).unwrap();
        writer.opt(&Opt { payload: 1232, dnssec_ok: false, compact_ok: false }).unwrap();
        writer.option(OptionCode::NSID, &[b"ab", b"", b"cd"]).unwrap();
        assert_eq!(writer.option(OptionCode::COOKIE, &[&[0; 3]]), Err(Full));
        writer.option(OptionCode::EXTENDED_ERROR, &[&[0, 20]]).unwrap();
        let octets = writer.finish();
        assert_eq!(octets, limit);
        assert_eq!(buffer[28..limit], *b"\0\x0e\0\x03\0\x04abcd\0\x0f\0\x02\0\x14");
        assert!(decode(&buffer[..octets]).edns.is_some());
    }

    #[test]
    fn rfc8467_section_4_1_padding_fills_the_block_or_the_limit() {
        for (block, limit, octets) in
            [(128, 512, 128), (12 + 7 + OPT_OCTETS + 4, 512, 34), (468, 200, 200), (33, 512, 66)]
        {
            let mut buffer = [0xff; 512];
            let mut writer = Writer::new(&mut buffer, &header(), &question("x"), limit).unwrap();
            writer.opt(&Opt { payload: 1232, dnssec_ok: false, compact_ok: false }).unwrap();
            writer.pad(block).unwrap();
            assert_eq!(writer.finish(), octets);
            assert!(decode(&buffer[..octets]).edns.is_some());
            assert!(buffer[34..octets].iter().all(|octet| *octet == 0));
        }
        let mut buffer = [0; 40];
        let mut writer = Writer::new(&mut buffer, &header(), &question("x"), 33).unwrap();
        writer.opt(&Opt { payload: 1232, dnssec_ok: false, compact_ok: false }).unwrap();
        assert_eq!(writer.pad(468), Err(Full));
    }

    #[test]
    fn a_question_that_does_not_fit_is_an_error() {
        assert_eq!(Writer::new(&mut [0; 20], &header(), &question("www.example.com"), 512).unwrap_err(), Full);
    }

    proptest! {
        /// Our encoder against another's decoder, through every compression path.
        #[test]
        fn whatever_is_written_hickory_reads(
            asked in "[a-c]{1,2}(\\.[a-cA-C]{1,2}){0,4}",
            names in proptest::collection::vec("[a-c]{1,2}(\\.[a-cA-C]{1,2}){0,4}", 1..40),
        ) {
            let mut buffer = vec![0; 4096];
            let mut writer = Writer::new(&mut buffer, &header(), &question(&asked), 4096).unwrap();
            for pair in names.windows(2) {
                writer.rrset(Section::Answer, &wire(&pair[0])[..], RecordType::NS, 1, &encoded(&[&wire(&pair[1])])).unwrap();
            }
            let octets = writer.finish();
            let message = decode(&buffer[..octets]);
            for (record, pair) in message.answers.iter().zip(names.windows(2)) {
                prop_assert_eq!(record.name.to_string().to_lowercase(), format!("{}.", pair[0].to_lowercase()));
                prop_assert_eq!(record.data.to_string(), format!("{}.", pair[1]));
            }
            prop_assert_eq!(message.answers.len(), names.len() - 1);
        }
    }
}
