//! Queries taken apart in place, and the writer that lays out replies (RFC 1035 section 4, RFC 6891).
//!
//! [`Query`] borrows from the received octets and allocates nothing. [`Writer`] fills a caller's buffer and
//! never holds part of an RRset. Messages of other opcodes (NOTIFY, UPDATE) are not taken apart here.

mod options;
mod query;
mod reply;
mod writer;

pub use options::{EdnsOptions, OptionCode};
pub use query::{Edns, FormatError, FormatReason, IgnoreReason, NameBuffer, Query, QueryError, WithoutQuestion};
pub use reply::least_ttl;
pub use writer::{Full, Mark, Opt, Owner, OwnerPointer, Section, Writer};

use std::fmt;

/// Octets of the header (RFC 1035 section 4.1.1).
pub const HEADER_OCTETS: usize = 12;
/// Class IN (RFC 1035 section 3.2.4).
pub const CLASS_IN: u16 = 1;
/// Class CH, in which servers tell about themselves (RFC 4892 section 3).
pub const CLASS_CH: u16 = 3;
/// QCLASS `*`: any class (RFC 1035 section 3.2.5).
pub const CLASS_ANY: u16 = 255;
/// Octets of an OPT record without options (RFC 6891 section 6.1.2).
pub const OPT_OCTETS: usize = 11;
/// What every UDP client takes (RFC 1035 section 4.2.1, RFC 6891 section 6.2.3).
pub const UDP_PAYLOAD_MIN: u16 = 512;

const QR: u16 = 0x8000;
const OPCODE: u16 = 0x7800;
const AA: u16 = 0x0400;
const TC: u16 = 0x0200;
const RD: u16 = 0x0100;
const CD: u16 = 0x0010;

/// What kind of request a message is (RFC 1035 section 4.1.1); at most 15.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Opcode(pub u8);

impl Opcode {
    /// A standard query (RFC 1035).
    pub const QUERY: Opcode = Opcode(0);
    /// A zone has changed (RFC 1996).
    pub const NOTIFY: Opcode = Opcode(4);
    /// Change a zone (RFC 2136).
    pub const UPDATE: Opcode = Opcode(5);
}

/// What became of a request, with the upper bits that OPT carries (RFC 6895 section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rcode(pub u16);

impl Rcode {
    /// No error condition (RFC 1035).
    pub const NOERROR: Rcode = Rcode(0);
    /// The query cannot be interpreted (RFC 1035).
    pub const FORMERR: Rcode = Rcode(1);
    /// The server failed (RFC 1035).
    pub const SERVFAIL: Rcode = Rcode(2);
    /// The name does not exist (RFC 1035).
    pub const NXDOMAIN: Rcode = Rcode(3);
    /// This kind of query is not implemented (RFC 1035).
    pub const NOTIMP: Rcode = Rcode(4);
    /// Refused for reasons of policy (RFC 1035).
    pub const REFUSED: Rcode = Rcode(5);
    /// A name became too long in a DNAME substitution (RFC 6672 section 2.2).
    pub const YXDOMAIN: Rcode = Rcode(6);
    /// The server is not authoritative for the zone named, or a signature cannot be checked (RFC 2136, RFC 8945).
    pub const NOTAUTH: Rcode = Rcode(9);
    /// The EDNS version is not known (RFC 6891 section 6.1.3).
    pub const BADVERS: Rcode = Rcode(16);
    /// Ask again with the server cookie that comes along (RFC 7873 section 8).
    pub const BADCOOKIE: Rcode = Rcode(23);
}

impl fmt::Display for Rcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Rcode::NOERROR => f.write_str("NOERROR"),
            Rcode::FORMERR => f.write_str("FORMERR"),
            Rcode::SERVFAIL => f.write_str("SERVFAIL"),
            Rcode::NXDOMAIN => f.write_str("NXDOMAIN"),
            Rcode::NOTIMP => f.write_str("NOTIMP"),
            Rcode::REFUSED => f.write_str("REFUSED"),
            Rcode::YXDOMAIN => f.write_str("YXDOMAIN"),
            Rcode::NOTAUTH => f.write_str("NOTAUTH"),
            Rcode::BADVERS => f.write_str("BADVERS"),
            Rcode::BADCOOKIE => f.write_str("BADCOOKIE"),
            Rcode(other) => write!(f, "RCODE{other}"),
        }
    }
}

/// The twelve octets before the sections (RFC 1035 section 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Chosen by who asked, copied to the reply.
    pub id: u16,
    /// The second word: QR, OPCODE, AA, TC, RD, RA, Z, AD, CD, RCODE.
    pub flags: u16,
    /// Records in question, answer, authority and additional section.
    pub counts: [u16; 4],
}

impl Header {
    /// Takes the header from the front of `message`; `None` when it is shorter than that.
    pub fn parse(message: &[u8]) -> Option<Header> {
        let octets: &[u8; HEADER_OCTETS] = message.first_chunk()?;
        let word = |index: usize| u16::from_be_bytes([octets[index * 2], octets[index * 2 + 1]]);
        Some(Header { id: word(0), flags: word(1), counts: [word(2), word(3), word(4), word(5)] })
    }

    /// Whether QR says that this is a reply.
    pub fn is_response(&self) -> bool {
        self.flags & QR != 0
    }

    /// The kind of request.
    pub fn opcode(&self) -> Opcode {
        Opcode(((self.flags & OPCODE) >> 11) as u8)
    }
}
