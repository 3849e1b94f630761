//! What can be read off a reply without taking it apart.

use super::HEADER_OCTETS;

/// Type, class, TTL and length of a record, after its owner (RFC 1035 section 4.1.3).
const RECORD_FIXED_OCTETS: usize = 10;

/// The least TTL in seconds of the answer section, or of the authority section where there is no answer: how long a cache may keep
/// the reply (RFC 8484 section 5.1). `None` without any record, or if `reply` is no message.
///
/// In a negative reply that is the SOA's, which RFC 2308 section 3 holds to its minimum.
pub fn least_ttl(reply: &[u8]) -> Option<u32> {
    let count = |at: usize| Some(u16::from_be_bytes([*reply.get(at)?, *reply.get(at + 1)?]));
    let [questions, answers, authorities] = [count(4)?, count(6)?, count(8)?];
    let mut at = HEADER_OCTETS;
    for _ in 0..questions {
        at = after_name(reply, at)? + 4;
    }
    let mut least = None;
    let records = if answers > 0 { answers } else { authorities };
    for _ in 0..records {
        at = after_name(reply, at)?;
        let fixed = reply.get(at..at + RECORD_FIXED_OCTETS)?;
        let ttl = u32::from_be_bytes(*fixed[4..].first_chunk()?);
        let octets = u16::from_be_bytes(*fixed[8..].first_chunk()?);
        at += RECORD_FIXED_OCTETS + usize::from(octets);
        least = Some(least.map_or(ttl, |least: u32| least.min(ttl)));
    }
    least
}

/// Where the name at `at` ends; its end may be a pointer (RFC 1035 section 4.1.4).
fn after_name(message: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *message.get(at)? {
            0 => return Some(at + 1),
            0xc0.. => return Some(at + 2),
            length @ 1..=63 => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &[u8] = b"\x01x\0\0\x01\0\x01";

    fn message(counts: [u8; 4], records: &[&[u8]]) -> Vec<u8> {
        let [questions, answers, authorities, additional] = counts;
        let header = [0, 0, 0x84, 0, 0, questions, 0, answers, 0, authorities, 0, additional];
        [&header, QUESTION, &records.concat()].concat()
    }

    fn record(ttl: u8) -> Vec<u8> {
        [&b"\xc0\x0c\0\x01\0\x01\0\0\0"[..], &[ttl], b"\0\x04\xc0\0\x02\x01"].concat()
    }

    #[test]
    fn answers_come_before_authorities_and_additional_data_does_not_count() {
        let (a, b, c) = (record(60), record(30), record(5));
        assert_eq!(least_ttl(&message([1, 2, 1, 0], &[&a, &b, &c])), Some(30));
        assert_eq!(least_ttl(&message([1, 0, 2, 1], &[&a, &b, &c])), Some(30));
        assert_eq!(least_ttl(&message([1, 0, 0, 1], &[&c])), None);
    }

    #[test]
    fn what_is_cut_short_has_none() {
        let whole = message([1, 1, 0, 0], &[&record(60)]);
        for length in 0..whole.len() - 4 {
            assert_eq!(least_ttl(&whole[..length]), None, "{length}");
        }
        assert_eq!(least_ttl(&whole), Some(60));
    }
}
