//! The type bitmap of NSEC and NSEC3 records (RFC 4034 section 4.1.2).

use wire::RecordType;

/// Encodes `types`, which must be sorted and without duplicates, in pieces.
pub(crate) fn encode(types: &[RecordType], mut put: impl FnMut(&[u8])) {
    for window in types.chunk_by(|a, b| a.0 >> 8 == b.0 >> 8) {
        let mut bits = [0_u8; 32];
        for rtype in window {
            let low = usize::from(rtype.0 & 0xff);
            bits[low / 8] |= 0x80 >> (low % 8);
        }
        let used = window.last().map_or(0, |rtype| usize::from(rtype.0 & 0xff) / 8 + 1);
        put(&[(window[0].0 >> 8) as u8, used as u8]);
        put(&bits[..used]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4034 section 4.3: A MX RRSIG NSEC TYPE1234.
    #[test]
    fn rfc4034_section_4_3_example() {
        let types = [1, 15, 46, 47, 1234].map(RecordType);
        let mut wanted = vec![0, 6, 0x40, 0x01, 0, 0, 0, 0x03, 4, 0x1b];
        wanted.extend_from_slice(&[0; 26]);
        wanted.push(0x20);
        let encoded = |types: &[RecordType]| {
            let mut out = Vec::new();
            encode(types, |octets| out.extend_from_slice(octets));
            out
        };
        assert_eq!(encoded(&types), wanted);
        assert!(encoded(&[]).is_empty());
    }
}
