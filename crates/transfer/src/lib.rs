//! NOTIFY (RFC 1996): telling secondaries that a zone changed.
