//! A reply taken apart and brought into a form that can be compared, by code of the tests' own: what lays messages out must not
//! also judge them.

use std::fmt;

/// A reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The second 16 bits of the header, RCODE left out (RFC 1035 section 4.1.1).
    pub flags: u16,
    /// RCODE with the upper bits of OPT (RFC 6891 section 6.1.3).
    pub rcode: u16,
    /// Questions, as they came.
    pub question: Vec<u8>,
    /// What OPT says.
    pub edns: Option<Edns>,
    /// Sorted, without duplicates.
    pub answer: Vec<Record>,
    /// The same.
    pub authority: Vec<Record>,
    /// The same, OPT left out.
    pub additional: Vec<Record>,
    /// Records that stand more than once in a section, which RFC 2181 section 5 forbids.
    pub repeated: Vec<Record>,
    /// The length of the message.
    pub octets: usize,
}

/// What the OPT record says (RFC 6891 section 6.1.2), options left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edns {
    /// Payload size offered.
    pub payload: u16,
    /// Version.
    pub version: u8,
    /// The 16 flags, DO among them.
    pub flags: u16,
}

/// One record. Owner and names in the data are in lower case and uncompressed: case is no difference (RFC 4343).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// Wire format.
    pub owner: Vec<u8>,
    /// Type.
    pub rtype: u16,
    /// Time to live.
    pub ttl: u32,
    /// Class.
    pub class: u16,
    /// RDATA.
    pub rdata: Vec<u8>,
}

/// Authoritative answer.
pub const AA: u16 = 0x0400;
/// Truncated.
pub const TC: u16 = 0x0200;

impl Reply {
    /// Takes a reply apart.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(message: &[u8]) -> Result<Reply, String> {
        let mut reader = Reader { message, at: 0 };
        let header: Vec<u16> = (0..6).map(|_| reader.u16()).collect::<Result<_, _>>()?;
        let start = reader.at;
        for _ in 0..header[2] {
            reader.name()?;
            reader.take(4)?;
        }
        let question = message[start..reader.at].to_vec();
        let mut edns = None;
        let mut rcode = header[1] & 0x0f;
        let mut repeated = Vec::new();
        let mut sections = [Vec::new(), Vec::new(), Vec::new()];
        for (section, &count) in sections.iter_mut().zip(&header[3..]) {
            for _ in 0..count {
                let record = reader.record()?;
                if record.rtype != OPT {
                    section.push(record);
                    continue;
                }
                let [upper, version, ..] = record.ttl.to_be_bytes();
                rcode |= u16::from(upper) << 4;
                let found = Edns { payload: record.class, version, flags: record.ttl as u16 };
                if edns.replace(found).is_some() {
                    return Err("two OPT records".to_owned());
                }
            }
            section.sort();
            repeated.extend(section.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()));
            section.dedup();
        }
        if reader.at != message.len() {
            return Err(format!("{} octets after the last record", message.len() - reader.at));
        }
        let [answer, authority, additional] = sections;
        let flags = header[1] & 0xfff0;
        Ok(Reply { flags, rcode, question, edns, answer, authority, additional, repeated, octets: message.len() })
    }

    /// Whether TC is set.
    pub fn is_truncated(&self) -> bool {
        self.flags & TC != 0
    }

    /// Whether AA is set.
    pub fn is_authoritative(&self) -> bool {
        self.flags & AA != 0
    }
}

impl Record {
    /// The type of an RRSIG's RRset, or the record's own.
    pub fn covered(&self) -> u16 {
        match self.rdata.first_chunk() {
            Some(covered) if self.rtype == RRSIG => u16::from_be_bytes(*covered),
            _ => self.rtype,
        }
    }
}

/// RDATA in the form in which [`Reply`] has it: names in lower case.
///
/// # Errors
///
/// What is wrong with it.
pub fn lower_rdata(rtype: u16, rdata: &[u8]) -> Result<Vec<u8>, String> {
    Reader { message: rdata, at: 0 }.rdata(rtype, rdata.len())
}

const OPT: u16 = 41;
const RRSIG: u16 = 46;

struct Reader<'m> {
    message: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn take(&mut self, octets: usize) -> Result<&'m [u8], String> {
        let taken = self.message.get(self.at..self.at + octets).ok_or("cut off")?;
        self.at += octets;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, String> {
        Ok(u16::from_be_bytes(self.take(2)?.try_into().expect("two octets")))
    }

    fn u32(&mut self) -> Result<u32, String> {
        Ok(u32::from_be_bytes(self.take(4)?.try_into().expect("four octets")))
    }

    /// A name, decompressed (RFC 1035 section 4.1.4), in lower case.
    fn name(&mut self) -> Result<Vec<u8>, String> {
        let mut name = Vec::new();
        let (mut at, mut is_compressed) = (self.at, false);
        loop {
            let length = *self.message.get(at).ok_or("cut off in a name")?;
            match length {
                0 => break,
                1..=63 => {
                    let label = self.message.get(at..=at + usize::from(length)).ok_or("cut off in a label")?;
                    name.extend(label.iter().map(u8::to_ascii_lowercase));
                    at += label.len();
                }
                0xc0..=0xff => {
                    let low = *self.message.get(at + 1).ok_or("cut off in a pointer")?;
                    let target = usize::from(length & 0x3f) << 8 | usize::from(low);
                    if !is_compressed {
                        self.at = at + 2;
                        is_compressed = true;
                    }
                    if target >= at {
                        return Err("a pointer forward".to_owned());
                    }
                    at = target;
                }
                _ => return Err(format!("a label of type {length:#04x}")),
            }
            if name.len() > 254 {
                return Err("a name too long".to_owned());
            }
        }
        name.push(0);
        if !is_compressed {
            self.at = at + 1;
        }
        Ok(name)
    }

    fn record(&mut self) -> Result<Record, String> {
        let owner = self.name()?;
        let (rtype, class, ttl) = (self.u16()?, self.u16()?, self.u32()?);
        let end = usize::from(self.u16()?) + self.at;
        Ok(Record { owner, rtype, ttl, class, rdata: self.rdata(rtype, end)? })
    }

    fn rdata(&mut self, rtype: u16, end: usize) -> Result<Vec<u8>, String> {
        let mut rdata = Vec::new();
        for field in fields(rtype) {
            match field {
                Field::Octets(octets) => rdata.extend_from_slice(self.take(*octets)?),
                Field::Name => rdata.extend(self.name()?),
                Field::Text => {
                    let length = *self.message.get(self.at).ok_or("cut off before a text")?;
                    rdata.extend_from_slice(self.take(1 + usize::from(length))?);
                }
            }
        }
        let rest = end.checked_sub(self.at).ok_or("RDATA longer than it says")?;
        rdata.extend_from_slice(self.take(rest)?);
        Ok(rdata)
    }
}

/// What stands at the beginning of RDATA that has names in it; octets follow.
enum Field {
    Octets(usize),
    Name,
    Text,
}

fn fields(rtype: u16) -> &'static [Field] {
    use Field::{Name, Octets, Text};
    match rtype {
        // NS, MD, MF, CNAME, MB, MG, MR, PTR, DNAME, and NSEC's next name.
        2 | 3 | 4 | 5 | 7 | 8 | 9 | 12 | 39 | 47 => &[Name],
        // SOA, MINFO, RP.
        6 | 14 | 17 => &[Name, Name],
        // MX, AFSDB, RT, KX, SVCB, HTTPS, LP.
        15 | 18 | 21 | 36 | 64 | 65 | 107 => &[Octets(2), Name],
        // PX.
        26 => &[Octets(2), Name, Name],
        // SRV.
        33 => &[Octets(6), Name],
        // NAPTR.
        35 => &[Octets(4), Text, Text, Text, Name],
        // SIG, RRSIG.
        24 | 46 => &[Octets(18), Name],
        _ => &[],
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rtype = wire::RecordType(self.rtype);
        let owner =
            wire::Name::from_wire(&self.owner).map_or_else(|_| format!("{:02x?}", self.owner), |n| n.to_string());
        // The printing is only for people; what is compared are the octets.
        if self.rtype == RRSIG {
            let labels = self.rdata.get(3).copied().unwrap_or_default();
            return write!(f, "{owner} {} RRSIG {} labels {labels}", self.ttl, wire::RecordType(self.covered()));
        }
        let data = wire::rdata::print(rtype, &self.rdata).unwrap_or_else(|_| format!("{:02x?}", self.rdata));
        write!(f, "{owner} {} {rtype} {data}", self.ttl)
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags =
            [(0x8000, "qr"), (AA, "aa"), (TC, "tc"), (0x0100, "rd"), (0x0080, "ra"), (0x0020, "ad"), (0x0010, "cd")];
        let set: Vec<&str> = flags.iter().filter(|(bit, _)| self.flags & bit != 0).map(|(_, name)| *name).collect();
        writeln!(f, "rcode {} flags {} edns {:?} octets {}", self.rcode, set.join(" "), self.edns, self.octets)?;
        for (name, section) in
            [("answer", &self.answer), ("authority", &self.authority), ("additional", &self.additional)]
        {
            section.iter().try_for_each(|record| writeln!(f, "  {name}: {record}"))?;
        }
        Ok(())
    }
}
