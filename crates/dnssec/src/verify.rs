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
            // Keys of 1024 bits are still met in old zones.
            let scheme = match rsa {
                Algorithm::RsaSha512 => &RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                _ => &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
            };
            let (e, n) = split_rsa(public).ok_or(VerifyError::Malformed("DNSKEY"))?;
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
