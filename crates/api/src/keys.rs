//! How a zone key is shown: type, DNSKEY, DS and CDS, in the API and by `pdnsutil` (PDNS-DIALECT 9.1).

use std::fmt;

use dnssec::{KeyError, ZoneKey};
use store::StoredKey;
use wire::Name;

/// Digest types of the DS records that are offered: SHA-256 and SHA-384 (RFC 8624 section 3.3).
pub const DS_DIGEST_TYPES: [u8; 2] = [2, 4];

/// What a key does in its zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyType {
    /// Signs the keys only.
    Ksk,
    /// Signs everything but the keys.
    Zsk,
    /// Signs everything, or would if it were active.
    Csk,
}

impl KeyType {
    /// `ksk`, `zsk`, `csk`, as the API says it. `pdnsutil` shows it in upper case.
    pub fn as_str(self) -> &'static str {
        match self {
            KeyType::Ksk => "ksk",
            KeyType::Zsk => "zsk",
            KeyType::Csk => "csk",
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A DS record in presentation format, with its digest type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ds {
    /// 2 or 4.
    pub digest_type: u8,
    /// `TAG ALGORITHM DIGESTTYPE digest`, hex in lower case.
    pub text: String,
}

/// What the public may know of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    /// Size as PowerDNS shows it.
    pub bits: u32,
    /// RFC 4034 appendix B.
    pub key_tag: u16,
    /// DNSKEY RDATA in presentation format.
    pub dnskey: String,
    /// Of KSK and CSK, SHA-256 first; empty for a ZSK.
    pub ds: Vec<Ds>,
    /// Those of `ds` that the zone publishes as CDS.
    pub cds: Vec<String>,
}

/// One key of a zone, for display. No private material.
#[derive(Debug)]
pub struct KeyDescription {
    /// Row id.
    pub id: i64,
    /// 256 or 257.
    pub flags: u16,
    /// Signs.
    pub active: bool,
    /// Stands in the DNSKEY RRset.
    pub published: bool,
    /// Seen among all keys of the zone.
    pub keytype: KeyType,
    /// Number of the algorithm, 0 if the text names none.
    pub algorithm: u8,
    /// What is derived from the private key; an error if we cannot read it.
    pub public: Result<PublicKey, KeyError>,
    /// Why it signs nothing and stands in no DNSKEY RRset, whatever its flags say.
    pub unusable: Option<String>,
}

/// Why a stored key cannot be used: it cannot be read, or must not sign. `None`: it can.
pub fn unusable(key: &StoredKey) -> Option<String> {
    match ZoneKey::from_isc(&key.content, key.flags) {
        Ok(key) => key.unfit().map(str::to_owned),
        Err(error) => Some(error.to_string()),
    }
}

/// Describes all keys of `zone`: ZSKs and CSKs first, then KSKs, by id within.
///
/// `publish_cds` is the metadata PUBLISH-CDS or the default: digest types, separated by commas.
pub fn describe_all(zone: &Name, keys: &[StoredKey], publish_cds: &str) -> Vec<KeyDescription> {
    let mut described: Vec<KeyDescription> = keys.iter().map(|key| describe(zone, key, keys, publish_cds)).collect();
    described.sort_by_key(|key| (key.keytype == KeyType::Ksk, key.id));
    described
}

/// Describes one key among `all` keys of the zone.
pub fn describe(zone: &Name, key: &StoredKey, all: &[StoredKey], publish_cds: &str) -> KeyDescription {
    let keytype = keytype(key, all);
    let read = ZoneKey::from_isc(&key.content, key.flags);
    let unusable = match &read {
        Ok(key) => key.unfit().map(str::to_owned),
        Err(error) => Some(error.to_string()),
    };
    KeyDescription {
        id: key.id,
        flags: key.flags,
        active: key.active,
        published: key.published,
        keytype,
        algorithm: algorithm_number(&key.content),
        public: read.map(|key| public(zone, &key, keytype, publish_cds)),
        unusable,
    }
}

/// KSK or ZSK, by the key's own flags, where its algorithm has an active key of both kinds; else CSK. Whether the key
/// itself is active does not count: one that waits in a rollover is what it will be.
pub fn keytype(key: &StoredKey, all: &[StoredKey]) -> KeyType {
    let algorithm = algorithm_number(&key.content);
    let has_active =
        |flags| all.iter().any(|k| k.active && k.flags == flags && algorithm_number(&k.content) == algorithm);
    match key.flags {
        257 if has_active(256) && has_active(257) => KeyType::Ksk,
        256 if has_active(256) && has_active(257) => KeyType::Zsk,
        _ => KeyType::Csk,
    }
}

fn public(zone: &Name, key: &ZoneKey, keytype: KeyType, publish_cds: &str) -> PublicKey {
    let ds: Vec<Ds> = match keytype {
        KeyType::Zsk => Vec::new(),
        KeyType::Ksk | KeyType::Csk => {
            let of_type = |&digest_type: &u8| Some(Ds { digest_type, text: key.ds_text(zone, digest_type)? });
            DS_DIGEST_TYPES.iter().filter_map(of_type).collect()
        }
    };
    let wanted: Vec<u8> = publish_cds.split(',').filter_map(|digest_type| digest_type.trim().parse().ok()).collect();
    let cds = ds.iter().filter(|ds| wanted.contains(&ds.digest_type)).map(|ds| ds.text.clone()).collect();
    PublicKey { bits: key.bits(), key_tag: key.key_tag(), dnskey: key.dnskey_text(), ds, cds }
}

/// The algorithm that an ISC private-key text names, 0 if none. It is read without the key, so that keys of algorithms
/// that we do not have can still be listed and removed.
pub fn algorithm_number(isc_text: &str) -> u8 {
    let value = isc_text.lines().find_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.trim().eq_ignore_ascii_case("algorithm").then_some(value)
    });
    value.and_then(|value| value.split_ascii_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// IANA's DNSSEC algorithm numbers with the names PowerDNS shows.
const ALGORITHMS: [(u8, &str); 13] = [
    (1, "RSAMD5"),
    (2, "DH"),
    (3, "DSA"),
    (5, "RSASHA1"),
    (6, "DSA-NSEC3-SHA1"),
    (7, "RSASHA1-NSEC3-SHA1"),
    (8, "RSASHA256"),
    (10, "RSASHA512"),
    (12, "ECC-GOST"),
    (13, "ECDSAP256SHA256"),
    (14, "ECDSAP384SHA384"),
    (15, "ED25519"),
    (16, "ED448"),
];

/// The name of an algorithm, such as `ECDSAP256SHA256`.
pub fn algorithm_name(number: u8) -> &'static str {
    ALGORITHMS.iter().find(|(n, _)| *n == number).map_or("Unallocated/Reserved", |(_, name)| name)
}

/// Reads an algorithm given as a number or as one of the dialect's mnemonics, in any case (PDNS-DIALECT 9.2). Says nothing about
/// whether we can sign with it.
pub fn parse_algorithm(text: &str) -> Option<u8> {
    let number = match text.to_ascii_lowercase().as_str() {
        "rsasha1" => 5,
        "rsasha1-nsec3-sha1" => 7,
        "rsasha256" => 8,
        "rsasha512" => 10,
        "ecdsa256" | "ecdsap256sha256" => 13,
        "ecdsa384" | "ecdsap384sha384" => 14,
        "ed25519" => 15,
        "ed448" => 16,
        digits => digits.parse().ok().filter(|&n| ALGORITHMS.iter().any(|(known, _)| *known == n))?,
    };
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use dnssec::Algorithm;

    fn key(id: i64, flags: u16, active: bool, algorithm: u8) -> StoredKey {
        let content = format!("Private-key-format: v1.2\nAlgorithm: {algorithm} (X)\n");
        StoredKey { id, flags, active, published: true, content }
    }

    #[test]
    fn section_9_1_keytype_looks_at_active_pairs_of_one_algorithm() {
        let keys = [
            key(1, 257, true, 13),
            key(2, 256, true, 13),
            key(3, 257, false, 13),
            key(4, 256, false, 13),
            key(5, 256, true, 8),
            key(6, 257, false, 14),
        ];
        let types: Vec<KeyType> = keys.iter().map(|k| keytype(k, &keys)).collect();
        // As PowerDNS 4.7 lists the same keys.
        assert_eq!(types, [KeyType::Ksk, KeyType::Zsk, KeyType::Ksk, KeyType::Zsk, KeyType::Csk, KeyType::Csk]);
        assert_eq!(keytype(&keys[0], &keys[..1]), KeyType::Csk);
        assert_eq!(keytype(&keys[3], &[key(1, 257, true, 13), key(4, 256, false, 13)]), KeyType::Csk);
    }

    #[test]
    fn section_9_1_list_order_is_zsk_and_csk_then_ksk() {
        let keys = [key(1, 257, true, 13), key(2, 256, true, 13), key(3, 257, false, 14)];
        let zone = Name::parse("example.test").unwrap();
        let order: Vec<i64> = describe_all(&zone, &keys, "").iter().map(|key| key.id).collect();
        assert_eq!(order, [2, 3, 1]);
    }

    #[test]
    fn a_key_we_cannot_use_is_still_described() {
        let zone = Name::parse("example.test").unwrap();
        let keys = [key(9, 257, true, 16)];
        let described = describe(&zone, &keys[0], &keys, "");
        assert_eq!((described.id, algorithm_name(described.algorithm)), (9, "ED448"));
        assert!(described.public.is_err());
        assert_eq!(described.unusable.as_deref(), Some("algorithm 16 is not supported"));
        assert_eq!(unusable(&keys[0]), described.unusable);
    }

    #[test]
    fn a_csk_has_dnskey_ds_and_the_cds_asked_for() {
        let zone = Name::parse("example.test").unwrap();
        let content = ZoneKey::generate(Algorithm::EcdsaP256Sha256).unwrap();
        let keys = [StoredKey { id: 1, flags: 257, active: true, published: true, content }];
        let public = describe(&zone, &keys[0], &keys, "4").public.unwrap();
        assert!(public.dnskey.starts_with("257 3 13 "), "{}", public.dnskey);
        assert_eq!(public.bits, 256);
        let tag = public.key_tag;
        assert!(public.ds[0].text.starts_with(&format!("{tag} 13 2 ")) && public.ds[0].text.len() > 64);
        assert_eq!(public.cds, [public.ds[1].text.clone()]);
    }

    #[test]
    fn section_9_2_algorithms_by_number_and_mnemonic() {
        assert_eq!(parse_algorithm("ECDSA256"), Some(13));
        assert_eq!(parse_algorithm("8"), Some(8));
        assert_eq!(parse_algorithm("rsamd5x"), None);
        assert_eq!(parse_algorithm("99"), None);
        assert_eq!(algorithm_number("private-key-format: v1.3\nALGORITHM:  13\n"), 13);
    }
}
