//! Where every error becomes an RCODE and an Extended DNS Error (RFC 8914).

use wire::RecordType;
use wire::message::{IgnoreReason, Opcode, QueryError, Rcode};
use zone::WithheldReason;

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
    /// A keepalive option with a time-out, which only servers state (RFC 7828 section 3.2.1).
    #[error("keepalive option with data in a query")]
    Keepalive,
    /// A query without question, which only wants a cookie (RFC 7873 section 5.4).
    #[error("asks for a cookie alone")]
    CookieAlone,
    /// The server cookie is not ours or too old, and a good one is demanded (RFC 7873 section 5.2.3).
    #[error("a valid server cookie is demanded")]
    BadCookie,
    /// The client's network has had its share of replies like this one: it shall ask over TCP.
    #[error("rate limit reached")]
    RateLimited,
    /// The client's address is not among those that are answered.
    #[error("client is not among those answered")]
    Prohibited,
    /// A class that is not served.
    #[error("class {0} is not served")]
    Class(u16),
    /// Something of this server that it does not tell.
    #[error("not told")]
    Undisclosed,
    /// A type that nobody can ask for, or that asks for an operation that there is not.
    #[error("type {0} cannot be asked for")]
    QueryType(RecordType),
    /// A zone transfer, which the answer to a query cannot hold (RFC 5936, RFC 1995).
    #[error("zone transfers are not answered here")]
    Transfer,
    /// No zone that is served holds the name.
    #[error("not authoritative for the name")]
    NotAuthoritative,
    /// The zones are still being loaded, and the one that holds the name may be among them.
    #[error("zones are not loaded yet")]
    NotReady,
    /// The name has what was asked for, and it cannot be sent.
    #[error("what was asked for exists and cannot be answered")]
    Withheld(WithheldReason),
    /// We are at fault: composing the answer panicked.
    #[error("internal error")]
    Internal,
    /// The client wants signatures, the zone has active keys, and none of them can be used.
    #[error("no key of the zone can be used")]
    NoUsableKey,
    /// As many signatures as may be made in this second are made: the client shall ask over TCP.
    #[error("too many signatures to make, ask over TCP")]
    SignOverStream,
    /// The same where the client came over a stream.
    #[error("too many signatures to make")]
    SigningBusy,
    /// Signatures that belong to the answer could not be made.
    #[error("answer cannot be signed")]
    Unsigned,
    /// An answer that not even a stream can carry.
    #[error("answer is longer than 65535 octets")]
    TooLong,
}

/// An INFO-CODE of RFC 8914 section 4, with text for a person where the code alone says little.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ExtendedError {
    pub(crate) code: u16,
    pub(crate) text: &'static str,
}

const OTHER: u16 = 0;
const NOT_READY: u16 = 14;
const PROHIBITED: u16 = 18;
const NOT_AUTHORITATIVE: u16 = 20;
const NOT_SUPPORTED: u16 = 21;
const NO_REACHABLE_AUTHORITY: u16 = 22;
const NETWORK_ERROR: u16 = 23;
const INVALID_DATA: u16 = 24;
/// RFC 9824 section 9.
const INVALID_QUERY_TYPE: u16 = 30;

/// What a refusal looks like to the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Nothing is sent.
    Silence(IgnoreReason),
    /// A reply with this RCODE, and the error if the client speaks EDNS.
    Reply { rcode: Rcode, error: Option<ExtendedError> },
}

const fn plain(rcode: Rcode) -> Tail {
    Tail::Reply { rcode, error: None }
}

const fn coded(rcode: Rcode, code: u16) -> Tail {
    explained(rcode, code, "")
}

const fn explained(rcode: Rcode, code: u16, text: &'static str) -> Tail {
    Tail::Reply { rcode, error: Some(ExtendedError { code, text }) }
}

/// The one table from error to RCODE and Extended DNS Error.
pub(crate) fn tail(refusal: &Refusal) -> Tail {
    match refusal {
        Refusal::Unreadable(QueryError::Ignore(reason)) => Tail::Silence(*reason),
        Refusal::Unreadable(QueryError::Format(_)) | Refusal::Keepalive => plain(Rcode::FORMERR),
        Refusal::Unreadable(QueryError::Opcode(header)) => match header.opcode() {
            // Implemented or not, nobody is allowed to.
            Opcode::NOTIFY | Opcode::UPDATE => coded(Rcode::REFUSED, PROHIBITED),
            _ => plain(Rcode::NOTIMP),
        },
        Refusal::EdnsVersion(_) => plain(Rcode::BADVERS),
        Refusal::CookieAlone | Refusal::RateLimited | Refusal::SignOverStream => plain(Rcode::NOERROR),
        Refusal::BadCookie => plain(Rcode::BADCOOKIE),
        Refusal::Prohibited | Refusal::Undisclosed | Refusal::Transfer => coded(Rcode::REFUSED, PROHIBITED),
        Refusal::Class(_) => coded(Rcode::REFUSED, NOT_SUPPORTED),
        // RFC 9824 section 3.5.
        Refusal::QueryType(RecordType::OPT | RecordType::NXNAME | RecordType::TSIG) => {
            coded(Rcode::FORMERR, INVALID_QUERY_TYPE)
        }
        Refusal::QueryType(_) => coded(Rcode::NOTIMP, NOT_SUPPORTED),
        Refusal::NotAuthoritative => coded(Rcode::REFUSED, NOT_AUTHORITATIVE),
        Refusal::NotReady => coded(Rcode::SERVFAIL, NOT_READY),
        Refusal::SigningBusy => explained(Rcode::SERVFAIL, NOT_READY, "too many signatures to make"),
        Refusal::Withheld(reason) => withheld(*reason),
        Refusal::NoUsableKey => explained(Rcode::SERVFAIL, INVALID_DATA, "no usable zone key"),
        Refusal::Internal => explained(Rcode::SERVFAIL, OTHER, "internal error"),
        Refusal::TooLong => explained(Rcode::SERVFAIL, OTHER, "answer too long"),
        Refusal::Unsigned => explained(Rcode::SERVFAIL, OTHER, "answer cannot be signed"),
    }
}

/// SERVFAIL, not NODATA: what nobody can tell now must not be cached as absent.
fn withheld(reason: WithheldReason) -> Tail {
    let (code, text) = match reason {
        WithheldReason::Lua => (NOT_SUPPORTED, "LUA records are not run"),
        WithheldReason::AliasOff => (NOT_SUPPORTED, "no resolver is configured for ALIAS"),
        WithheldReason::AliasPending => (NOT_READY, "ALIAS is not resolved yet"),
        WithheldReason::AliasUnreachable => (NETWORK_ERROR, "the resolver for ALIAS does not answer"),
        WithheldReason::AliasFailed => (NO_REACHABLE_AUTHORITY, "the target of ALIAS does not resolve"),
        WithheldReason::AliasNoName => (OTHER, "the target of ALIAS does not exist"),
    };
    explained(Rcode::SERVFAIL, code, text)
}
