//! The type bitmap of NSEC and NSEC3 records (RFC 4034 section 4.1.2).

use wire::RecordType;

/// Encodes `types`, which must be sorted and without duplicates.
pub(crate) fn encode(types: &[RecordType]) -> Vec<u8> {
    let mut out = Vec::new();
    for window in types.chunk_by(|a, b| a.0 >> 8 == b.0 >> 8) {
        let mut bits = [0_u8; 32];
        for rtype in window {
            let low = usize::from(rtype.0 & 0xff);
            bits[low / 8] |= 0x80 >> (low % 8);
        }
        let used = window.last().map_or(0, |rtype| usize::from(rtype.0 & 0xff) / 8 + 1);
        out.extend_from_slice(&[(window[0].0 >> 8) as u8, used as u8]);
        out.extend_from_slice(&bits[..used]);
    }
    out
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
        assert_eq!(encode(&types), wanted);
        assert!(encode(&[]).is_empty());
    }
}
