//! The options that an OPT record carries (RFC 6891 section 6.1.2).

use std::fmt;

/// What an option is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OptionCode(pub u16);

impl OptionCode {
    /// Which server this is (RFC 5001).
    pub const NSID: OptionCode = OptionCode(3);
    /// Proof of the source address (RFC 7873).
    pub const COOKIE: OptionCode = OptionCode(10);
    /// How long a connection may be idle (RFC 7828).
    pub const TCP_KEEPALIVE: OptionCode = OptionCode(11);
    /// Octets that hide the message's length (RFC 7830).
    pub const PADDING: OptionCode = OptionCode(12);
    /// Extended DNS Error (RFC 8914).
    pub const EXTENDED_ERROR: OptionCode = OptionCode(15);
}

impl fmt::Display for OptionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OPT{}", self.0)
    }
}

/// Octets of an option before its data: code and length.
pub(super) const OPTION_FIXED_OCTETS: usize = 4;

/// The options of an OPT record, in order.
///
/// An option that runs over the end is the last one; [`Query::parse`](super::Query::parse) has refused those.
#[derive(Debug, Clone)]
pub struct EdnsOptions<'m>(pub(super) &'m [u8]);

impl<'m> Iterator for EdnsOptions<'m> {
    type Item = (OptionCode, &'m [u8]);

    fn next(&mut self) -> Option<(OptionCode, &'m [u8])> {
        let (fixed, after) = self.0.split_first_chunk::<OPTION_FIXED_OCTETS>()?;
        let (data, rest) = after.split_at_checked(usize::from(u16::from_be_bytes([fixed[2], fixed[3]])))?;
        self.0 = rest;
        Some((OptionCode(u16::from_be_bytes([fixed[0], fixed[1]])), data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_in_order_and_end_where_they_are_cut_off() {
        let octets = [0, 3, 0, 0, 0, 10, 0, 2, 7, 8, 0, 9, 0, 4, 1];
        let options: Vec<_> = EdnsOptions(&octets).collect();
        assert_eq!(options, [(OptionCode::NSID, &[][..]), (OptionCode::COOKIE, &[7, 8])]);
    }
}
