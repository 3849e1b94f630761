//! The RRSIG record and the octets it signs (RFC 4034 section 3.1).

use wire::{Name, NameError, RecordType, rdata};
use zone::Rrset;

/// RRSIG RDATA without the signature: what is signed first (RFC 4034 section 3.1.8.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RrsigFields {
    /// Type covered.
    pub rtype: RecordType,
    /// Algorithm number.
    pub algorithm: u8,
    /// Labels of the owner, neither the root nor a leading `*` counted (RFC 4034 section 3.1.3).
    pub labels: u8,
    /// Original TTL.
    pub original_ttl: u32,
    /// Unix seconds modulo 2^32.
    pub expiration: u32,
    /// Unix seconds modulo 2^32.
    pub inception: u32,
    /// Which DNSKEY.
    pub key_tag: u16,
    /// The apex.
    pub signer: Name,
}

/// Octets before the signer's name.
const FIXED: usize = 18;

impl RrsigFields {
    /// Splits RRSIG RDATA into its fields and the signature.
    ///
    /// # Errors
    ///
    /// [`NameError::Malformed`] if the octets end early or hold no name.
    pub fn parse(rdata: &[u8]) -> Result<(RrsigFields, &[u8]), NameError> {
        let (fixed, rest) = rdata.split_first_chunk::<FIXED>().ok_or(NameError::Malformed)?;
        let (signer, signature) = Name::split_wire(rest)?;
        let long = |at: usize| u32::from_be_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]);
        let fields = RrsigFields {
            rtype: RecordType(u16::from_be_bytes([fixed[0], fixed[1]])),
            algorithm: fixed[2],
            labels: fixed[3],
            original_ttl: long(4),
            expiration: long(8),
            inception: long(12),
            key_tag: u16::from_be_bytes([fixed[16], fixed[17]]),
            signer,
        };
        Ok((fields, signature))
    }

    /// Appends the RDATA up to the signature, the signer's name in lower case.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.rtype.0.to_be_bytes());
        out.extend_from_slice(&[self.algorithm, self.labels]);
        out.extend_from_slice(&self.original_ttl.to_be_bytes());
        out.extend_from_slice(&self.expiration.to_be_bytes());
        out.extend_from_slice(&self.inception.to_be_bytes());
        out.extend_from_slice(&self.key_tag.to_be_bytes());
        out.extend(self.signer.as_wire().iter().map(u8::to_ascii_lowercase));
    }
}

/// The labels field for `owner` (wire format): a leading `*` is not counted.
pub(crate) fn labels_of(owner: &[u8]) -> u8 {
    let mut labels = 0;
    let mut at = 0;
    while let Some(&length) = owner.get(at)
        && length != 0
    {
        labels += 1;
        at += 1 + usize::from(length);
    }
    if owner.starts_with(b"\x01*") { labels - 1 } else { labels }
}

/// Appends the records of `rrset` in canonical form (RFC 4034 sections 3.1.8.1 and 6): `owner` in lower case, `original_ttl`,
/// RDATA in canonical form and order, which is the order an [`Rrset`] keeps.
pub(crate) fn write_canonical(owner: &[u8], rrset: &Rrset, original_ttl: u32, out: &mut Vec<u8>) {
    /// Class IN.
    const CLASS: [u8; 2] = [0, 1];
    let owner = owner.to_ascii_lowercase();
    out.reserve(rrset.encoded().len() + rrset.len() * (owner.len() + 8));
    for record in rrset.rdatas() {
        let record = rdata::canonical(rrset.rtype(), record);
        out.extend_from_slice(&owner);
        out.extend_from_slice(&rrset.rtype().0.to_be_bytes());
        out.extend_from_slice(&CLASS);
        out.extend_from_slice(&original_ttl.to_be_bytes());
        out.extend_from_slice(&(record.len() as u16).to_be_bytes());
        out.extend_from_slice(&record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4034 section 3.1.3.
    #[test]
    fn neither_the_root_nor_a_leading_wildcard_is_a_label() {
        for (name, labels) in [(".", 0), ("example.com", 2), ("*.example.com", 2), ("a.*.example.com", 4), ("*", 0)] {
            assert_eq!(labels_of(Name::parse(name).unwrap().as_wire()), labels, "{name}");
        }
    }

    #[test]
    fn fields_are_written_as_they_are_read() {
        let fields = RrsigFields {
            rtype: RecordType::SOA,
            algorithm: 13,
            labels: 2,
            original_ttl: 3600,
            expiration: 0xffff_fffe,
            inception: 1,
            key_tag: 65535,
            signer: Name::parse("Example.COM").unwrap(),
        };
        let mut rdata = Vec::new();
        fields.write(&mut rdata);
        rdata.extend_from_slice(b"signature");
        assert_eq!(RrsigFields::parse(&rdata).unwrap(), (fields, &b"signature"[..]));
        assert_eq!(&rdata[FIXED..FIXED + 8], b"\x07example");
        for length in 0..FIXED + 13 {
            assert!(RrsigFields::parse(&rdata[..length]).is_err());
        }
    }
}
