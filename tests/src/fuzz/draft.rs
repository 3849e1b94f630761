//! DNS messages made of decisions: most of their parts are well-formed, so that the rest is reached, and a few are wrong.
//!
//! Random octets hardly ever get past the header. Here a message is put together as a client would, out of names that the
//! zones of [`super::zones`] have something to say about, and then a fault or two is put into it.

use wire::RecordType;

/// What a message is made of: the octets of a fuzzer's input, or a sequence that follows from a number.
#[derive(Debug, Clone)]
pub struct Decisions<'d> {
    data: &'d [u8],
    state: Option<u64>,
}

impl<'d> Decisions<'d> {
    /// Decisions read from `data`; once that has ended, each is the first of its choices.
    pub fn from_data(data: &'d [u8]) -> Decisions<'d> {
        Decisions { data, state: None }
    }

    /// Endless decisions, the same for the same number.
    pub fn seeded(number: u64) -> Decisions<'static> {
        // An odd multiplier spreads small numbers; xorshift never leaves 0.
        let state = number.wrapping_add(0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1;
        Decisions { data: &[], state: Some(state) }
    }

    fn octet(&mut self) -> u8 {
        if let Some((&first, rest)) = self.data.split_first() {
            self.data = rest;
            return first;
        }
        let Some(state) = &mut self.state else { return 0 };
        // xorshift64*
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        (state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 56) as u8
    }

    fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.octet(), self.octet()])
    }

    fn below(&mut self, count: usize) -> usize {
        let drawn = if count > 256 { usize::from(self.word()) } else { usize::from(self.octet()) };
        drawn % count.max(1)
    }

    /// True once in `count` times, and never when the data has ended.
    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    fn octets(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.octet()).collect()
    }
}

/// A message, and whether anything is wrong with it.
#[derive(Debug, Clone)]
pub struct Draft {
    /// What would be sent.
    pub octets: Vec<u8>,
    /// Whether it is a query as RFC 1035 and RFC 6891 have it, so that FORMERR would be wrong.
    pub is_honest: bool,
}

/// Puts a message together.
pub fn draft(decisions: &mut Decisions<'_>) -> Draft {
    let mut builder = Builder { decisions, octets: Vec::new(), lengths: Vec::new(), is_honest: true };
    builder.message();
    Draft { octets: builder.octets, is_honest: builder.is_honest }
}

/// Labels the zones know, and a few they do not.
const LABELS: &[&[u8]] = &[
    b"ns", b"alias", b"loop", b"loop2", b"moved", b"wild", b"*", b"a", b"b", b"c", b"ent", b"cut", b"secure", b"sub",
    b"many", b"long", b"x", b"_tcp", b"\0", b"\xff.", b"nothing", b"version",
];
/// Where the zones are, and where they are not.
const APEXES: &[&[u8]] = &[
    b"\x07example\0",
    b"\x05other\0",
    b"\x05plain\0",
    b"\x03sub\x07example\0",
    b"\x07eXaMpLe\0",
    b"\x0anotexample\0",
    b"\0",
    b"\x04bind\0",
];
/// Types with a meaning of their own to a server, beside any.
const TYPES: &[u16] = &[
    1, 2, 5, 6, 12, 15, 16, 28, 33, 35, 39, 41, 43, 46, 47, 48, 50, 51, 59, 60, 64, 65, 99, 249, 250, 251, 252, 253,
    254, 255, 257, 65_401, 65_402, 65_535, 0,
];
/// Types of records that stand in messages for other purposes, NXNAME (RFC 9824 section 3.5), and MAILB and MAILA.
const NEVER_ASKED: &[u16] = &[41, 128, 249, 250, 253, 254];
const CLASSES: &[u16] = &[1, 3, 4, 254, 255, 0, 2, 65_535];
/// EDNS options by code (IANA's registry), and two that are nobody's.
const OPTIONS: &[u16] = &[3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20_292, 26_946, 0, 65_001];

struct Builder<'b, 'd> {
    decisions: &'b mut Decisions<'d>,
    octets: Vec<u8>,
    /// Where lengths stand, and in how many octets, for faults to be put there.
    lengths: Vec<(usize, usize)>,
    is_honest: bool,
}

impl Builder<'_, '_> {
    fn message(&mut self) {
        let id = self.decisions.word();
        let flags = match self.decisions.below(8) {
            0..=3 => 0x0100,
            4 => 0,
            // Any bits that a query may have, RFC 6895 section 2.1; then any at all.
            5 | 6 => self.decisions.word() & 0x07ff,
            _ => self.decisions.word(),
        };
        let mut counts = [0_u16; 4];
        self.octets.extend_from_slice(&id.to_be_bytes());
        self.octets.extend_from_slice(&flags.to_be_bytes());
        self.octets.extend_from_slice(&[0; 8]);
        counts[0] = match self.decisions.below(24) {
            21 => 0,
            22 => 2,
            23 => self.decisions.below(5) as u16,
            _ => 1,
        };
        self.is_honest &= counts[0] == 1;
        for _ in 0..counts[0] {
            self.question();
        }
        let mut opts = 0;
        for count in &mut counts[1..3] {
            while self.decisions.one_in(16) && *count < 4 {
                opts += self.record();
                // OPT here would be out of its place.
                self.is_honest &= opts == 0;
                *count += 1;
            }
        }
        for _ in 0..self.decisions.below(4) {
            counts[3] += 1;
            opts += match self.decisions.below(6) {
                5 => self.record(),
                _ => self.opt(),
            };
            if !self.decisions.one_in(12) {
                break;
            }
        }
        self.is_honest &= opts <= 1;
        if self.decisions.one_in(24) {
            self.tsig();
            counts[3] += 1;
        }
        if self.decisions.one_in(24) {
            let at = self.decisions.below(4);
            counts[at] = match self.decisions.below(3) {
                0 => counts[at].wrapping_add(1),
                1 => counts[at].wrapping_sub(1),
                _ => self.decisions.word(),
            };
            self.is_honest = false;
        }
        for (at, count) in counts.iter().enumerate() {
            self.octets[4 + 2 * at..][..2].copy_from_slice(&count.to_be_bytes());
        }
        if self.decisions.one_in(4) {
            self.faults();
        }
    }

    /// Puts octets that count what follows, as many as `width`, and remembers where.
    fn length(&mut self, length: usize, width: usize) {
        self.lengths.push((self.octets.len(), width));
        self.octets.extend_from_slice(&(length as u16).to_be_bytes()[2 - width..]);
    }

    fn question(&mut self) {
        self.name(false);
        let qtype = self.rtype();
        self.is_honest &= !NEVER_ASKED.contains(&qtype);
        let qclass = if self.decisions.one_in(10) { self.decisions.one_of(CLASSES) } else { 1 };
        self.octets.extend_from_slice(&qtype.to_be_bytes());
        self.octets.extend_from_slice(&qclass.to_be_bytes());
    }

    fn rtype(&mut self) -> u16 {
        if self.decisions.one_in(8) { self.decisions.word() } else { self.decisions.one_of(TYPES) }
    }

    /// A name, mostly one that the zones know something about. Compression is for records only (RFC 1035 section 4.1.4).
    fn name(&mut self, may_point: bool) {
        let start = self.octets.len();
        for _ in 0..self.decisions.below(4) {
            match self.decisions.below(24) {
                21 => {
                    let length = 1 + self.decisions.below(63);
                    let label = self.decisions.octets(length);
                    self.label(&label);
                }
                22 => self.label(&[b'x'; 63]),
                23 => {
                    for _ in 0..self.decisions.below(128) {
                        self.label(b"y");
                    }
                }
                _ => {
                    let label = self.decisions.one_of(LABELS);
                    self.label(label);
                }
            }
        }
        match self.decisions.below(48) {
            // A reserved label type, and a name that the end of the message cuts off.
            46 => {
                let kind = self.decisions.one_of(&[0x40, 0x80, 0xbf, 0x7f]);
                self.octets.push(kind);
                self.is_honest = false;
            }
            47 => self.is_honest = false,
            44 | 45 => self.pointer(may_point),
            choice if may_point && choice % 2 == 1 => self.pointer(may_point),
            _ => {
                let apex = self.decisions.one_of(APEXES);
                self.octets.extend_from_slice(apex);
            }
        }
        self.is_honest &= self.octets.len() - start <= 255;
    }

    /// A pointer to the question, to itself, forward, or anywhere.
    fn pointer(&mut self, may_point: bool) {
        let here = self.octets.len() as u16;
        let target = match self.decisions.below(8) {
            0..=4 => 12,
            5 => here,
            6 => here + 2,
            _ => self.decisions.word() & 0x3fff,
        };
        // Names of records are stepped over and never followed: any pointer there is taken.
        self.is_honest &= may_point;
        self.octets.extend_from_slice(&(0xc000 | target).to_be_bytes());
    }

    fn label(&mut self, label: &[u8]) {
        self.length(label.len(), 1);
        self.octets.extend_from_slice(label);
    }

    /// A record that queries do not have, but may. Returns whether it is an OPT, as a number.
    fn record(&mut self) -> usize {
        self.name(true);
        let rtype = self.rtype();
        self.octets.extend_from_slice(&rtype.to_be_bytes());
        let rest = self.decisions.octets(6);
        self.octets.extend_from_slice(&rest);
        let octets = self.decisions.below(24);
        self.length(octets, 2);
        let data = self.decisions.octets(octets);
        self.octets.extend_from_slice(&data);
        let is_opt = RecordType(rtype) == RecordType::OPT;
        // Its owner is hardly the root, and its options hardly options.
        self.is_honest &= !is_opt;
        usize::from(is_opt)
    }

    /// OPT with a list of options (RFC 6891 section 6.1.2). Returns 1: it is one.
    fn opt(&mut self) -> usize {
        self.octets.extend_from_slice(&[0, 0, 41]);
        let payload = match self.decisions.below(6) {
            0 | 1 => 1232,
            2 => 4096,
            3 => 512,
            4 => 0,
            _ => self.decisions.word(),
        };
        self.octets.extend_from_slice(&payload.to_be_bytes());
        let rcode = if self.decisions.one_in(12) { self.decisions.octet() } else { 0 };
        let version = if self.decisions.one_in(12) { self.decisions.octet() } else { 0 };
        let flags = if self.decisions.one_in(12) { self.decisions.word() } else { self.decisions.one_of(&[0x8000, 0]) };
        self.octets.extend_from_slice(&[rcode, version]);
        self.octets.extend_from_slice(&flags.to_be_bytes());
        let at = self.octets.len();
        self.length(0, 2);
        for _ in 0..self.decisions.below(4) {
            self.option();
        }
        let length = (self.octets.len() - at - 2) as u16;
        self.octets[at..at + 2].copy_from_slice(&length.to_be_bytes());
        1
    }

    fn option(&mut self) {
        let code = self.decisions.one_of(OPTIONS);
        let is_faulty = self.decisions.one_in(16);
        let data = match code {
            // ECS: family, source and scope prefix, address (RFC 7871 section 6).
            8 if !is_faulty => [&[0, 1, 24, 0][..], &self.decisions.octets(3)].concat(),
            // A client's cookie, or with a server's (RFC 7873 section 4).
            10 if !is_faulty => {
                let octets = self.decisions.one_of(&[8, 16, 24, 40]);
                self.decisions.octets(octets)
            }
            // Keepalive has no timeout from a client (RFC 7828 section 3.2.1), NSID nothing (RFC 5001 section 2.1).
            11 | 3 if !is_faulty => Vec::new(),
            12 if !is_faulty => vec![0; self.decisions.below(64)],
            _ => {
                let octets = self.decisions.below(48);
                self.decisions.octets(octets)
            }
        };
        // What a server makes of odd data in options it knows is its own affair.
        self.is_honest &= !is_faulty;
        self.octets.extend_from_slice(&code.to_be_bytes());
        self.length(data.len(), 2);
        self.octets.extend_from_slice(&data);
    }

    /// A signature by a key that nobody has (RFC 8945 section 4.2).
    fn tsig(&mut self) {
        self.name(false);
        self.octets.extend_from_slice(&[0, 250, 0, 255, 0, 0, 0, 0]);
        let at = self.octets.len();
        self.length(0, 2);
        self.octets.extend_from_slice(b"\x0bhmac-sha256\0");
        let time = self.decisions.octets(6);
        self.octets.extend_from_slice(&time);
        self.octets.extend_from_slice(&[1, 44]);
        let mac = self.decisions.below(65);
        self.length(mac, 2);
        let octets = self.decisions.octets(mac);
        self.octets.extend_from_slice(&octets);
        self.octets.extend_from_slice(&[0, 0, 0, 0]);
        self.length(0, 2);
        let length = (self.octets.len() - at - 2) as u16;
        self.octets[at..at + 2].copy_from_slice(&length.to_be_bytes());
        self.is_honest = false;
    }

    /// One to three things that no client does.
    fn faults(&mut self) {
        self.is_honest = false;
        for _ in 0..=self.decisions.below(3) {
            let at = self.decisions.below(self.octets.len().max(1));
            match self.decisions.below(8) {
                0 | 1 => self.length_fault(),
                2 => self.octets.truncate(at),
                3 => {
                    let more = self.decisions.below(32);
                    let octets = self.decisions.octets(more);
                    self.octets.extend_from_slice(&octets);
                }
                4 => {
                    // A piece twice: sections, labels, records.
                    let end = (at + self.decisions.below(64)).min(self.octets.len());
                    let piece = self.octets[at..end].to_vec();
                    self.octets.splice(at..at, piece);
                }
                5 => {
                    let end = (at + 1 + self.decisions.below(16)).min(self.octets.len());
                    self.octets.drain(at..end);
                }
                6 => {
                    let octet = self.decisions.octet();
                    self.octets.get_mut(at).into_iter().for_each(|place| *place = octet);
                }
                _ => {
                    let bit = self.decisions.below(8);
                    self.octets.get_mut(at).into_iter().for_each(|place| *place ^= 1 << bit);
                }
            }
        }
    }

    /// A length that is off by one, nothing, or as much as there can be.
    fn length_fault(&mut self) {
        if self.lengths.is_empty() {
            return;
        }
        let (at, width) = self.lengths[self.decisions.below(self.lengths.len())];
        let change = self.decisions.below(4);
        let Some(place) = self.octets.get_mut(at..at + width) else { return };
        match change {
            0 => place[width - 1] = place[width - 1].wrapping_add(1),
            1 => place[width - 1] = place[width - 1].wrapping_sub(1),
            2 => place.fill(0),
            _ => place.fill(0xff),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both halves must be there, or a test that draws messages tests only one.
    #[test]
    fn honest_and_faulty_messages_are_both_drawn() {
        let drafts: Vec<Draft> = (0..2000).map(|number| draft(&mut Decisions::seeded(number))).collect();
        let honest = drafts.iter().filter(|draft| draft.is_honest).count();
        assert!((600..1600).contains(&honest), "{honest} of 2000");
        let distinct: std::collections::BTreeSet<&[u8]> = drafts.iter().map(|draft| &draft.octets[..]).collect();
        assert!(distinct.len() > 1990, "{}", distinct.len());
    }

    #[test]
    fn no_data_makes_the_plainest_message() {
        let plain = draft(&mut Decisions::from_data(&[]));
        assert_eq!(plain.octets, b"\0\0\x01\0\0\x01\0\0\0\0\0\0\x07example\0\0\x01\0\x01");
        assert!(plain.is_honest);
    }
}
