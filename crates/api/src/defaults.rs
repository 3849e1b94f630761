//! What a zone gets that nobody asked for in particular: its SOA, its serial rule, its keys.
//!
//! API and `pdnsutil` make zones and secure them from here, so both give the same.

use dnssec::{Algorithm, KeyError, RSA_BITS_DEFAULT, ZoneKey};
use store::{KeyChange, RrsetChange, StoredRecord};
use wire::content::ContentError;
use wire::{Name, RecordType, content};

/// Metadata kinds with their values, as [`store::ZoneEdit::metadata`] takes them.
pub type MetadataChange = Vec<(String, Vec<String>)>;

/// Settings for new and newly secured zones (PDNS-DIALECT 14.2; the DNSSEC defaults are our own, RFC 9276 and RFC 8624).
#[derive(Debug, Clone)]
pub struct ZoneDefaults {
    /// `default-soa-content`; `@` stands for the zone. Default
    /// `a.misconfigured.dns.server.invalid hostmaster.@ 0 10800 3600 604800 3600`.
    pub soa_content: String,
    /// `default-soa-edit-api`, written to a zone that the API creates; empty: not written. Default `DEFAULT`.
    pub soa_edit_api: String,
    /// `default-soa-edit`, for zones without SOA-EDIT. Default empty.
    pub soa_edit: String,
    /// `default-soa-edit-signed`, the same for signed zones. Default empty: `soa_edit` holds.
    pub soa_edit_signed: String,
    /// `default-ttl`, seconds, of made-up SOA and NS. Default 3600.
    pub ttl: u32,
    /// `default-api-rectify`. Default true.
    pub api_rectify: bool,
    /// `default-ksk-algorithm`. Default 13.
    pub ksk_algorithm: Option<Algorithm>,
    /// `default-zsk-algorithm`; `None`: the first key alone signs everything (a CSK). Default 13.
    pub zsk_algorithm: Option<Algorithm>,
    /// `default-ksk-size`, bits of a new RSA key with flags 257; `None`: [`dnssec::RSA_BITS_DEFAULT`] where a zone is secured, and
    /// to be named where a key is asked for. Other algorithms have one size. Default none.
    pub ksk_bits: Option<u32>,
    /// `default-zsk-size`, the same with flags 256.
    pub zsk_bits: Option<u32>,
    /// `default-nsec3param`; `None`: NSEC. Default `1 0 0 -` (RFC 9276 section 3.1).
    pub nsec3param: Option<String>,
    /// `default-catalog-zone`, for new zones of kind Master. Default none.
    pub catalog: Option<Name>,
    /// `default-publish-cds`: digest types, such as `2,4`; empty: no CDS. Default empty.
    pub publish_cds: String,
    /// `default-publish-cdnskey`: `1`, or empty for none. Default empty.
    pub publish_cdnskey: String,
    /// `max-nsec3-iterations`. Default 100.
    pub nsec3_iterations_max: u16,
}

impl Default for ZoneDefaults {
    fn default() -> ZoneDefaults {
        ZoneDefaults {
            soa_content: "a.misconfigured.dns.server.invalid hostmaster.@ 0 10800 3600 604800 3600".to_owned(),
            soa_edit_api: "DEFAULT".to_owned(),
            soa_edit: String::new(),
            soa_edit_signed: String::new(),
            ttl: 3600,
            api_rectify: true,
            ksk_algorithm: Some(Algorithm::EcdsaP256Sha256),
            zsk_algorithm: Some(Algorithm::EcdsaP256Sha256),
            ksk_bits: None,
            zsk_bits: None,
            nsec3param: Some("1 0 0 -".to_owned()),
            catalog: None,
            publish_cds: String::new(),
            publish_cdnskey: String::new(),
            nsec3_iterations_max: 100,
        }
    }
}

impl ZoneDefaults {
    /// The SOA of a zone that came without one (PDNS-DIALECT 4.3, step 5), with this serial.
    ///
    /// # Errors
    ///
    /// [`ContentError`] if `soa_content` does not make a SOA for `zone`.
    pub fn soa_change(&self, zone: &Name, serial: u32) -> Result<RrsetChange, ContentError> {
        // A root zone makes `hostmaster.@` the name `hostmaster.`.
        let apex = if zone.is_root() { String::new() } else { zone.to_lowercase().to_dotless() };
        // Stored SOAs may be shorter; a setting has no such past.
        if self.soa_content.split_ascii_whitespace().count() != 7 {
            return Err(ContentError("default-soa-content does not have the seven fields of a SOA".to_owned()));
        }
        let mut soa = content::to_wire(RecordType::SOA, &self.soa_content.replace('@', &apex), None)?;
        set_serial(&mut soa, serial)?;
        let content = content::from_wire(RecordType::SOA, &soa)?;
        let record = StoredRecord { content: content.stored, prio: content.prio, disabled: false };
        Ok(RrsetChange::Replace {
            name: zone.to_lowercase(),
            rtype: RecordType::SOA,
            ttl: self.ttl,
            records: Some(vec![record]),
            comments: None,
        })
    }

    /// Size in bits of a new key for which none is named; `None`: it has to be.
    pub fn bits(&self, algorithm: Algorithm, flags: u16) -> Option<u32> {
        algorithm.fixed_bits().or(if flags == 256 { self.zsk_bits } else { self.ksk_bits })
    }

    /// New keys, active and published, and the denial of existence of a zone that is to be secured (PDNS-DIALECT 9.4).
    ///
    /// Key tags are distinct, so that a validator never tries the wrong key. RSA keys may take seconds to make.
    ///
    /// # Errors
    ///
    /// [`KeyError`] if no algorithm is set or a key cannot be made.
    pub fn secure(&self) -> Result<(Vec<KeyChange>, MetadataChange), KeyError> {
        let mut plan = Vec::new();
        match (self.ksk_algorithm, self.zsk_algorithm) {
            (Some(ksk), Some(zsk)) => plan.extend([(257, ksk), (256, zsk)]),
            // The only key carries the SEP bit, whichever setting named it: the DS is made from it.
            (Some(csk), None) | (None, Some(csk)) => plan.push((257, csk)),
            (None, None) => return Err(KeyError::Algorithm("none (no default algorithm is set)".to_owned())),
        }
        let mut tags = Vec::new();
        let mut keys = Vec::new();
        for (flags, algorithm) in plan {
            let bits = self.bits(algorithm, flags).unwrap_or(RSA_BITS_DEFAULT);
            let content = generate_apart_from(&mut tags, algorithm, bits, flags)?;
            keys.push(KeyChange::Add { flags, active: true, published: true, content });
        }
        let metadata = vec![
            ("NSEC3PARAM".to_owned(), self.nsec3param.clone().into_iter().collect()),
            ("NSEC3NARROW".to_owned(), Vec::new()),
        ];
        Ok((keys, metadata))
    }
}

/// Removes all keys and everything that only a signed zone has (`dnssec: false`, `disable-dnssec`).
pub fn unsecure() -> (Vec<KeyChange>, MetadataChange) {
    let metadata = ["NSEC3PARAM", "NSEC3NARROW", "PRESIGNED"].map(|kind| (kind.to_owned(), Vec::new()));
    (vec![KeyChange::RemoveAll], metadata.into())
}

/// Makes a key of `bits` whose tag is not among `tags`, and adds its tag.
///
/// # Errors
///
/// [`KeyError`] from the crypto library, which refuses sizes that the algorithm does not have.
pub fn generate_apart_from(
    tags: &mut Vec<u16>,
    algorithm: Algorithm,
    bits: u32,
    flags: u16,
) -> Result<String, KeyError> {
    // Two tags collide once in 65,536 times; a generator that collides eight times in a row is broken.
    for _ in 0..8 {
        let content = ZoneKey::generate_sized(algorithm, bits)?;
        let tag = ZoneKey::from_isc(&content, flags)?.key_tag();
        if !tags.contains(&tag) {
            tags.push(tag);
            return Ok(content);
        }
    }
    Err(KeyError::Refused("every new key has the tag of an old one".to_owned()))
}

/// Writes the serial into a SOA's RDATA (RFC 1035 section 3.3.13).
fn set_serial(soa: &mut [u8], serial: u32) -> Result<(), ContentError> {
    let malformed = |_| ContentError("default-soa-content is not a SOA".to_owned());
    let (_, rest) = Name::split_wire(soa).map_err(malformed)?;
    let (_, rest) = Name::split_wire(rest).map_err(malformed)?;
    let at = soa.len() - rest.len();
    match soa.get_mut(at..at + 4) {
        Some(octets) => octets.copy_from_slice(&serial.to_be_bytes()),
        None => return Err(ContentError("default-soa-content has no serial".to_owned())),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn soa(defaults: &ZoneDefaults, zone: &str, serial: u32) -> String {
        match defaults.soa_change(&Name::parse(zone).unwrap(), serial).unwrap() {
            RrsetChange::Replace { records: Some(records), ttl, .. } => format!("{ttl} {}", records[0].content),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn section_4_3_the_made_up_soa_names_the_zone_and_carries_the_serial() {
        let defaults = ZoneDefaults::default();
        assert_eq!(
            soa(&defaults, "Example.test.", 22),
            "3600 a.misconfigured.dns.server.invalid hostmaster.example.test 22 10800 3600 604800 3600"
        );
        let own =
            ZoneDefaults { soa_content: "ns1.@ admin.@ 7 1 2 3 4".to_owned(), ttl: 60, ..ZoneDefaults::default() };
        assert_eq!(soa(&own, ".", 0), "60 ns1 admin 0 1 2 3 4");
    }

    #[test]
    fn a_default_soa_that_is_none_is_an_error() {
        for bad in ["", "x", "@ hostmaster.@ x 1 2 3 4"] {
            let defaults = ZoneDefaults { soa_content: bad.to_owned(), ..ZoneDefaults::default() };
            assert!(defaults.soa_change(&Name::parse("x.test").unwrap(), 0).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_secured_zone_gets_ksk_and_zsk_and_nsec3_without_iterations() {
        let (keys, metadata) = ZoneDefaults::default().secure().unwrap();
        let flags: Vec<u16> = keys
            .iter()
            .map(|key| match key {
                KeyChange::Add { flags, active: true, published: true, .. } => *flags,
                _ => panic!("not an active, published key"),
            })
            .collect();
        assert_eq!(flags, [257, 256]);
        assert_eq!(metadata[0], ("NSEC3PARAM".to_owned(), vec!["1 0 0 -".to_owned()]));
    }

    #[test]
    fn rsa_keys_have_the_size_that_is_set_or_2048_bits() {
        let sizes = |defaults: ZoneDefaults| -> Vec<u32> {
            let (keys, _) = defaults.secure().unwrap();
            let bits = |key: &KeyChange| match key {
                KeyChange::Add { content, flags, .. } => ZoneKey::from_isc(content, *flags).unwrap().bits(),
                _ => panic!("not a key"),
            };
            keys.iter().map(bits).collect()
        };
        let rsa = || ZoneDefaults {
            ksk_algorithm: Some(Algorithm::RsaSha256),
            zsk_algorithm: Some(Algorithm::RsaSha256),
            ..ZoneDefaults::default()
        };
        assert_eq!(sizes(rsa()), [2048, 2048]);
        assert_eq!(sizes(ZoneDefaults { ksk_bits: Some(1536), zsk_bits: Some(1024), ..rsa() }), [1536, 1024]);
        let ecdsa = ZoneDefaults { ksk_bits: Some(2048), ..ZoneDefaults::default() };
        assert_eq!(sizes(ecdsa), [256, 256]);
    }

    #[test]
    fn without_zsk_algorithm_one_key_does_all_and_without_nsec3param_it_is_nsec() {
        let pdns = ZoneDefaults { zsk_algorithm: None, nsec3param: None, ..ZoneDefaults::default() };
        let (keys, metadata) = pdns.secure().unwrap();
        assert!(matches!(keys[..], [KeyChange::Add { flags: 257, .. }]));
        assert_eq!(metadata[0], ("NSEC3PARAM".to_owned(), vec![]));
        let none = ZoneDefaults { ksk_algorithm: None, zsk_algorithm: None, ..ZoneDefaults::default() };
        assert!(none.secure().is_err());
    }
}
