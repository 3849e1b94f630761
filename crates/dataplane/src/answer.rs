//! The way of a query: bytes in, bytes out, for every transport.

use dnssec::served::ZoneView;

/// What the transport allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Truncates at the lesser of our limit and the client's (RFC 6891 section 6.2).
    Udp {
        /// Our limit, 1232 by default.
        payload_max: u16,
    },
    /// Up to 65,535 octets.
    Stream,
}

/// Writes the reply to `query` into `reply` and returns its length; `None`: nothing is sent (a response, or no header).
pub fn answer(_zones: &ZoneView, _query: &[u8], _transport: Transport, _now: u32, _reply: &mut [u8]) -> Option<usize> {
    todo!()
}
