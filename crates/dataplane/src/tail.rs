//! Where every error becomes an RCODE and an Extended DNS Error (RFC 8914).

use wire::message::{IgnoreReason, QueryError, Rcode};

/// EDNS option of an Extended DNS Error (RFC 8914 section 2).
const OPTION_EDE: u8 = 15;

/// Why a query gets no answer of a zone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no query that could be read.
    #[error(transparent)]
    Unreadable(#[from] QueryError),
    /// An EDNS version other than 0 (RFC 6891 section 6.1.3).
    #[error("unknown EDNS version {0}")]
    EdnsVersion(u8),
    /// A class other than IN.
    #[error("class {0} is not served")]
    Class(u16),
    /// A zone transfer, which the answer to a query cannot hold (RFC 5936, RFC 1995).
    #[error("zone transfers are not answered here")]
    Transfer,
    /// No zone that is served holds the name.
    #[error("not authoritative for the name")]
    NotAuthoritative,
    /// We are at fault: composing the answer panicked.
    #[error("internal error")]
    Internal,
    /// Signatures that belong to the answer could not be made.
    #[error("answer cannot be signed")]
    Unsigned,
    /// An answer that not even a stream can carry.
    #[error("answer is longer than 65535 octets")]
    TooLong,
}

/// What a refusal looks like to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing is sent.
    Silence(IgnoreReason),
    /// A reply with this RCODE, and these EDNS options if the client speaks EDNS.
    Reply { rcode: Rcode, options: &'static [u8] },
}

const fn plain(rcode: Rcode) -> Tail {
    Tail::Reply { rcode, options: &[] }
}

/// The one table from error to RCODE and Extended DNS Error.
pub(crate) fn tail(refusal: &Refusal) -> Tail {
    match refusal {
        Refusal::Unreadable(QueryError::Ignore(reason)) => Tail::Silence(*reason),
        Refusal::Unreadable(QueryError::Format(_)) => plain(Rcode::FORMERR),
        Refusal::Unreadable(QueryError::Opcode(_)) => plain(Rcode::NOTIMP),
        Refusal::EdnsVersion(_) => plain(Rcode::BADVERS),
        Refusal::Class(_) | Refusal::Transfer => plain(Rcode::REFUSED),
        // 20: Not Authoritative (RFC 8914 section 4.21).
        Refusal::NotAuthoritative => Tail::Reply { rcode: Rcode::REFUSED, options: &[0, OPTION_EDE, 0, 2, 0, 20] },
        Refusal::Internal | Refusal::TooLong | Refusal::Unsigned => plain(Rcode::SERVFAIL),
    }
}
