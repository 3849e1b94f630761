//! Queries taken apart in place, and the writer that lays out replies (RFC 1035 section 4, RFC 6891).
//!
//! Owned by the data plane's author: `Query::parse`, header flags, OPT, and a bounded `Writer` with
//! owner-name compression against the question.
