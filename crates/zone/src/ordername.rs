//! What PowerDNS derives and keeps in the column `ordername` (PDNS dialect, rectify).

use crate::Nsec3Params;
use crate::nsec3hash::{base32hex, nsec3_hash};
use wire::Name;

/// How a zone's `ordername` column is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderMode {
    /// Not signed: NULL.
    Unsigned,
    /// NSEC: labels below the apex, reversed, separated by spaces, lower case; the apex is "".
    Nsec,
    /// NSEC3: base32hex of the hash.
    Nsec3(Nsec3Params),
    /// NSEC3 narrow: NULL.
    Narrow,
}

impl OrderMode {
    /// The `ordername` of an authoritative `name` in the zone `apex`; `None` is NULL.
    pub fn ordername(&self, name: &Name, apex: &Name) -> Option<String> {
        match self {
            OrderMode::Unsigned | OrderMode::Narrow => None,
            OrderMode::Nsec => Some(nsec_ordername(name, apex)),
            OrderMode::Nsec3(params) => Some(base32hex(&nsec3_hash(name, params))),
        }
    }
}

/// The NSEC `ordername` of `name` in the zone `apex`: `a.b.example.com` gives `b a`.
pub fn nsec_ordername(name: &Name, apex: &Name) -> String {
    let text = name.to_lowercase().to_dotless();
    let below = name.label_count().saturating_sub(apex.label_count());
    let mut labels = split_labels(&text);
    labels.truncate(below);
    labels.reverse();
    labels.join(" ")
}

/// Labels of a name in presentation format; escaped dots do not separate.
fn split_labels(text: &str) -> Vec<&str> {
    let mut labels = Vec::new();
    let mut start = 0;
    let mut is_escaped = false;
    for (at, octet) in text.bytes().enumerate() {
        match octet {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'.' => {
                labels.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    labels.push(&text[start..]);
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_below_the_apex_in_reverse() {
        let apex = Name::parse("example.com").unwrap();
        for (name, wanted) in [
            ("example.com", ""),
            ("www.example.com", "www"),
            ("A.b.Example.com", "b a"),
            ("a\\.b.c.example.com", "c a\\.b"),
        ] {
            assert_eq!(nsec_ordername(&Name::parse(name).unwrap(), &apex), wanted);
        }
        assert_eq!(nsec_ordername(&Name::parse("a.b").unwrap(), &Name::root()), "b a");
        assert_eq!(nsec_ordername(&Name::root(), &Name::root()), "");
    }
}
