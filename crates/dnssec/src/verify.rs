//! Checking an RRSIG as a validator does (RFC 4035 section 5.3): for tests, and for the server's check of itself.

use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
    RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use wire::Name;
use zone::Rrset;

use crate::Algorithm;
use crate::key::key_tag;
use crate::rrsig::{RrsigFields, labels_of, write_canonical};
use crate::rsa::verify_small;
use crate::window::is_after;

/// Why a signature does not validate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// RRSIG or DNSKEY RDATA ends early.
    #[error("malformed {0}")]
    Malformed(&'static str),
    /// A field of the RRSIG does not fit the RRset, the key or the zone.
    #[error("RRSIG field {0} does not match")]
    Field(&'static str),
    /// Before inception.
    #[error("signature is not yet valid")]
    NotYetValid,
    /// After expiration.
    #[error("signature has expired")]
    Expired,
    /// An algorithm this crate does not know.
    #[error("algorithm {0} is not supported")]
    Algorithm(u8),
    /// The cryptographic check failed.
    #[error("signature is wrong")]
    Wrong,
}

/// Checks that `rrsig` (RDATA) signs `rrset` at `owner` with the key `dnskey` (RDATA) of `zone` at `now`.
///
/// `owner` may be a name that a wildcard was expanded to; the RRSIG's labels field then says which wildcard (RFC 4035 section
/// 5.3.2), and `Ok` holds how many labels that leaves: fewer than the owner has means that a proof has to come with it.
///
/// # Errors
///
/// [`VerifyError`] names the first check that failed.
pub fn verify(
    owner: &Name,
    rrset: &Rrset,
    rrsig: &[u8],
    dnskey: &[u8],
    zone: &Name,
    now: u32,
) -> Result<u8, VerifyError> {
    let (fields, signature) = RrsigFields::parse(rrsig).map_err(|_| VerifyError::Malformed("RRSIG"))?;
    let (header, public) = dnskey.split_first_chunk::<4>().ok_or(VerifyError::Malformed("DNSKEY"))?;
    check_fields(&fields, owner, rrset, zone)?;
    let is_zone_key = u16::from_be_bytes([header[0], header[1]]) & 0x0100 != 0 && header[2] == 3;
    if !is_zone_key || fields.algorithm != header[3] || fields.key_tag != key_tag(dnskey) {
        return Err(VerifyError::Field("key tag"));
    }
    if is_after(fields.inception, now) {
        return Err(VerifyError::NotYetValid);
    }
    if is_after(now, fields.expiration) {
        return Err(VerifyError::Expired);
    }
    let mut signed = Vec::new();
    fields.write(&mut signed);
    write_canonical(&signed_owner(owner, fields.labels), rrset, fields.original_ttl, &mut signed);
    check_signature(fields.algorithm, public, &signed, signature)?;
    Ok(fields.labels)
}

fn check_fields(fields: &RrsigFields, owner: &Name, rrset: &Rrset, zone: &Name) -> Result<(), VerifyError> {
    if fields.rtype != rrset.rtype() {
        return Err(VerifyError::Field("type covered"));
    }
    if fields.labels > labels_of(owner.as_wire()) {
        return Err(VerifyError::Field("labels"));
    }
    if rrset.ttl() > fields.original_ttl {
        return Err(VerifyError::Field("original TTL"));
    }
    if fields.signer != *zone || !owner.is_under(zone) {
        return Err(VerifyError::Field("signer"));
    }
    Ok(())
}

/// The owner that was signed: `*` and the rightmost `labels` labels, if the name has more than that.
fn signed_owner(owner: &Name, labels: u8) -> Vec<u8> {
    let mut owner = owner.as_wire();
    let mut surplus = labels_of(owner).saturating_sub(labels);
    if surplus == 0 {
        return owner.to_vec();
    }
    // A wildcard's own `*` was not counted.
    if owner.starts_with(b"\x01*") {
        surplus += 1;
    }
    for _ in 0..surplus {
        owner = &owner[1 + usize::from(owner[0])..];
    }
    [b"\x01*", owner].concat()
}

fn check_signature(algorithm: u8, public: &[u8], signed: &[u8], signature: &[u8]) -> Result<(), VerifyError> {
    let point = || [&[4], public].concat();
    let check = |scheme: &'static dyn VerificationAlgorithm, key: Vec<u8>| {
        UnparsedPublicKey::new(scheme, key).verify(signed, signature).map_err(|_| VerifyError::Wrong)
    };
    match Algorithm::from_number(algorithm).ok_or(VerifyError::Algorithm(algorithm))? {
        Algorithm::EcdsaP256Sha256 => check(&ECDSA_P256_SHA256_FIXED, point()),
        Algorithm::EcdsaP384Sha384 => check(&ECDSA_P384_SHA384_FIXED, point()),
        Algorithm::Ed25519 => check(&ED25519, public.to_vec()),
        rsa => {
            // Keys of 1024 bits and less are still met in old zones.
            let scheme = match rsa {
                Algorithm::RsaSha512 => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                _ => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            };
            let (e, n) = split_rsa(public).ok_or(VerifyError::Malformed("DNSKEY"))?;
            if n.len() < 128 {
                return verify_small(rsa, n, e, signed, signature).ok_or(VerifyError::Wrong);
            }
            RsaPublicKeyComponents { n, e }.verify(scheme, signed, signature).map_err(|_| VerifyError::Wrong)
        }
    }
}

/// Exponent and modulus (RFC 3110 section 2).
fn split_rsa(public: &[u8]) -> Option<(&[u8], &[u8])> {
    match public {
        [0, high, low, rest @ ..] => rest.split_at_checked(usize::from(u16::from_be_bytes([*high, *low]))),
        [length, rest @ ..] => rest.split_at_checked(usize::from(*length)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64;
    use wire::RecordType;

    use super::*;
    use crate::ZoneKey;

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn key(algorithm: u8, private: &str) -> ZoneKey {
        ZoneKey::from_isc(&format!("Algorithm: {algorithm}\nPrivateKey: {private}\n"), 257).unwrap()
    }

    fn rrsig(fields: &RrsigFields, signature: &str) -> Vec<u8> {
        let mut rdata = Vec::new();
        fields.write(&mut rdata);
        rdata.extend(BASE64.decode(signature.as_bytes()).unwrap());
        rdata
    }

    /// RFC 6605 section 6.1: `www.example.net. 3600 IN A 192.0.2.1`, 20100812100439 to 20100909100439.
    fn rfc6605_p256() -> (Name, Rrset, Vec<u8>, ZoneKey) {
        let fields = RrsigFields {
            rtype: RecordType::A,
            algorithm: 13,
            labels: 3,
            original_ttl: 3600,
            expiration: 1_284_026_679,
            inception: 1_281_607_479,
            key_tag: 55648,
            signer: name("example.net"),
        };
        let signature = "qx6wLYqmh+l9oCKTN6qIc+bw6ya+KJ8oMz0YP107epXAyGmt+3SNruPFKG7tZoLBLlUzGGus7ZwmwWep666VCw==";
        (
            name("www.example.net"),
            Rrset::new(RecordType::A, 3600, vec![vec![192, 0, 2, 1]]),
            rrsig(&fields, signature),
            key(13, "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ="),
        )
    }

    #[test]
    fn rfc6605_section_6_1_p256_signature() {
        let (owner, rrset, rrsig, key) = rfc6605_p256();
        let check = |now| verify(&owner, &rrset, &rrsig, key.dnskey(), &name("example.net"), now);
        assert_eq!(check(1_282_000_000), Ok(3));
        assert_eq!(check(1_281_607_478), Err(VerifyError::NotYetValid));
        assert_eq!(check(1_284_026_680), Err(VerifyError::Expired));
    }

    /// RFC 6605 section 6.2: the same record, 20100812102025 to 20100909102025.
    #[test]
    fn rfc6605_section_6_2_p384_signature() {
        let fields = RrsigFields {
            rtype: RecordType::A,
            algorithm: 14,
            labels: 3,
            original_ttl: 3600,
            expiration: 1_284_027_625,
            inception: 1_281_608_425,
            key_tag: 10771,
            signer: name("example.net"),
        };
        let signature = "/L5hDKIvGDyI1fcARX3z65qrmPsVz73QD1Mr5CEqOiLP95hxQouuroGCeZOvzFaxsT8Glr74hbavRKayJNuydCuzWTSSPdz7wnqXL5bdcJzusdnI0RSMROxxwGipWcJm";
        let key = key(14, "WURgWHCcYIYUPWgeLmiPY2DJJk02vgrmTfitxgqcL4vwW7BOrbawVmVe0d9V94SR");
        let rrset = Rrset::new(RecordType::A, 3600, vec![vec![192, 0, 2, 1]]);
        let rrsig = rrsig(&fields, signature);
        let checked =
            verify(&name("www.example.net"), &rrset, &rrsig, key.dnskey(), &name("example.net"), 1_282_000_000);
        assert_eq!(checked, Ok(3));
    }

    /// RFC 8080 section 6.1, with the letter case of the name in the MX record changed (RFC 4034 section 6.2). Ed25519 is
    /// deterministic, so that our signature must be the RFC's.
    #[test]
    fn rfc8080_section_6_1_ed25519_signature() {
        let fields = RrsigFields {
            rtype: RecordType::MX,
            algorithm: 15,
            labels: 2,
            original_ttl: 3600,
            expiration: 1_440_021_600,
            inception: 1_438_207_200,
            key_tag: 3613,
            signer: name("example.com"),
        };
        let signature = "oL9krJun7xfBOIWcGHi7mag5/hdZrKWw15jPGrHpjQeRAvTdszaPD+QLs3fx8A4M3e23mRZ9VrbpMngwcrqNAg==";
        let key = key(15, "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=");
        let owner = name("EXAMPLE.com");
        let mx = [&[0, 10], name("Mail.example.COM").as_wire()].concat();
        let rrset = Rrset::new(RecordType::MX, 3600, vec![mx]);
        let rdata = rrsig(&fields, signature);
        let checked = verify(&owner, &rrset, &rdata, key.dnskey(), &name("example.com"), 1_439_000_000);
        assert_eq!(checked, Ok(2));
        let mut signed = Vec::new();
        fields.write(&mut signed);
        write_canonical(owner.as_wire(), &rrset, 3600, &mut signed);
        assert_eq!(BASE64.encode(&key.sign(&signed).unwrap()), signature);
    }

    /// RFC 5702 sections 6.1 and 6.2: `www.example.net. 3600 IN A 192.0.2.91`, 2000 to 2030, with a key of 512 and one of 1024
    /// bits. PKCS #1 v1.5 is deterministic, so that our signatures must be the RFC's.
    #[test]
    fn rfc5702_section_6_rsa_signatures() {
        let cases = [
            (
                include_str!("../tests/keys/rfc5702-6.1.private"),
                "256 3 8 AwEAAcFcGsaxxdgiuuGmCkVImy4h99CqT7jwY3pexPGcnUFtR2Fh36BponcwtkZ4cAgtvd4Qs8PkxUdp6p/DlUmObdk=",
                9033,
                "kRCOH6u7l0QGy9qpC9l1sLncJcOKFLJ7GhiUOibu4teYp5VE9RncriShZNz85mwlMgNEacFYK/lPtPiVYP4bwg==",
            ),
            (
                include_str!("../tests/keys/rfc5702-6.2.private"),
                "256 3 10 AwEAAdHoNTOW+et86KuJOWRDp1pndvwb6Y83nSVXXyLA3DLroROUkN6X0O6pnWnjJQujX/AyhqFDxj13tOnD9u/1kTg7cV6rklMrZDtJCQ5PCl/D7QNPsgVsMu1J2Q8gpMpztNFLpPBz1bWXjDtaR7ZQBlZ3PFY12ZTSncorffcGmhOL",
                3740,
                "tsb4wnjRUDnB1BUi+t6TMTXThjVnG+eCkWqjvvjhzQL1d0YRoOe0CbxrVDYd0xDtsuJRaeUw1ep94PzEWzr0iGYgZBWm/zpq+9fOuagYJRfDqfReKBzMweOLDiNa8iP5g9vMhpuv6OPlvpXwm9Sa9ZXIbNl1MBGk0fthPgxdDLw=",
            ),
        ];
        let (owner, zone) = (name("www.example.net"), name("example.net"));
        let rrset = Rrset::new(RecordType::A, 3600, vec![vec![192, 0, 2, 91]]);
        for (text, dnskey, key_tag, signature) in cases {
            let key = ZoneKey::from_isc(text, 256).unwrap();
            assert_eq!((key.dnskey_text().as_str(), key.key_tag()), (dnskey, key_tag));
            let fields = RrsigFields {
                rtype: RecordType::A,
                algorithm: key.algorithm().number(),
                labels: 3,
                original_ttl: 3600,
                expiration: 1_893_456_000,
                inception: 946_684_800,
                key_tag,
                signer: zone.clone(),
            };
            let mut signed = Vec::new();
            fields.write(&mut signed);
            write_canonical(owner.as_wire(), &rrset, 3600, &mut signed);
            assert_eq!(BASE64.encode(&key.sign(&signed).unwrap()), signature);
            let mut rdata = rrsig(&fields, signature);
            assert_eq!(verify(&owner, &rrset, &rdata, key.dnskey(), &zone, 1_700_000_000), Ok(3));
            *rdata.last_mut().unwrap() ^= 1;
            assert_eq!(verify(&owner, &rrset, &rdata, key.dnskey(), &zone, 1_700_000_000), Err(VerifyError::Wrong));
        }
    }

    #[test]
    fn whatever_is_changed_is_found_out() {
        let (owner, rrset, rrsig, key) = rfc6605_p256();
        let zone = name("example.net");
        let check = |owner: &Name, rrset: &Rrset, rrsig: &[u8], dnskey: &[u8], zone: &Name| {
            verify(owner, rrset, rrsig, dnskey, zone, 1_282_000_000)
        };
        let a = |ttl, octet| Rrset::new(RecordType::A, ttl, vec![vec![192, 0, 2, octet]]);
        assert_eq!(check(&owner, &a(60, 1), &rrsig, key.dnskey(), &zone), Ok(3), "a TTL that has counted down");
        assert_eq!(check(&owner, &a(3601, 1), &rrsig, key.dnskey(), &zone), Err(VerifyError::Field("original TTL")));
        assert_eq!(check(&owner, &a(3600, 2), &rrsig, key.dnskey(), &zone), Err(VerifyError::Wrong));
        assert_eq!(check(&name("xxx.example.net"), &rrset, &rrsig, key.dnskey(), &zone), Err(VerifyError::Wrong));
        assert_eq!(check(&zone, &rrset, &rrsig, key.dnskey(), &zone), Err(VerifyError::Field("labels")));
        assert_eq!(check(&owner, &rrset, &rrsig, key.dnskey(), &name("net")), Err(VerifyError::Field("signer")));
        let aaaa = Rrset::new(RecordType::AAAA, 3600, vec![vec![0; 16]]);
        assert_eq!(check(&owner, &aaaa, &rrsig, key.dnskey(), &zone), Err(VerifyError::Field("type covered")));
        for index in 0..rrsig.len() {
            let mut changed = rrsig.clone();
            changed[index] ^= 1;
            assert!(check(&owner, &rrset, &changed, key.dnskey(), &zone).is_err(), "octet {index}");
            assert!(check(&owner, &rrset, &rrsig[..index], key.dnskey(), &zone).is_err(), "{index} octets");
        }
        for index in 0..key.dnskey().len() {
            let mut changed = key.dnskey().to_vec();
            changed[index] ^= 1;
            assert!(check(&owner, &rrset, &rrsig, &changed, &zone).is_err(), "octet {index}");
            assert!(check(&owner, &rrset, &rrsig, &key.dnskey()[..index], &zone).is_err(), "{index} octets");
        }
    }
}
