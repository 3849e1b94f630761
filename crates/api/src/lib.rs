//! The HTTP API in the PowerDNS dialect.
