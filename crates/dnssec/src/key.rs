//! Zone keys: reading, making, DNSKEY, key tag, and the raw signature.
//!
//! The text form is in [`crate::isc`], DS and CDS in [`crate::ds`], what gets signed in [`crate::rrsig`].

use std::fmt;

use data_encoding::BASE64;
use p256::elliptic_curve::sec1::ToSec1Point;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
};
use wire::Name;
use zeroize::Zeroizing;

pub use crate::algorithm::Algorithm;
use crate::ds;
use crate::isc::{Material, PrivateText};
use crate::rsa::RsaKey;

/// DNSKEY flags of a zone key (RFC 4034 section 2.1.1).
pub const FLAGS_ZSK: u16 = 256;
/// The same with the secure entry point bit (RFC 4034 section 2.1.1).
pub const FLAGS_KSK: u16 = 257;

/// Why a key cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A field of the ISC text is missing or malformed.
    #[error("private key field {field}: {reason}")]
    Field {
        /// Name as in the text.
        field: String,
        /// For a person.
        reason: String,
    },
    /// Not offered here.
    #[error("algorithm {0} is not supported")]
    Algorithm(String),
    /// The crypto library refused it.
    #[error("key was refused: {0}")]
    Refused(String),
}

/// One key of a zone, ready to sign. Debug never prints private material; memory is zeroized where we own it.
pub struct ZoneKey {
    algorithm: Algorithm,
    flags: u16,
    bits: u32,
    key_tag: u16,
    dnskey: Box<[u8]>,
    secret: Secret,
}

enum Secret {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKey),
}

impl ZoneKey {
    /// Reads the ISC text; `flags` 256 or 257, as in the column of that name.
    ///
    /// # Errors
    ///
    /// [`KeyError::Field`] and [`KeyError::Algorithm`] name what the text lacks; [`KeyError::Refused`] means that the numbers
    /// are no usable key, or an RSA key outside of 2048 to 4096 bits.
    pub fn from_isc(text: &str, flags: u16) -> Result<ZoneKey, KeyError> {
        if flags != FLAGS_ZSK && flags != FLAGS_KSK {
            return Err(KeyError::Field {
                field: "flags".to_owned(),
                reason: format!("{flags} is neither 256 nor 257"),
            });
        }
        let text = PrivateText::parse(text)?;
        let (secret, public) = Secret::new(&text)?;
        let bits = match &secret {
            Secret::Rsa(key) => key.bits(),
            Secret::Ecdsa(_) | Secret::Ed25519(_) => text.algorithm.fixed_bits().unwrap_or_default(),
        };
        let mut dnskey = Vec::with_capacity(4 + public.len());
        dnskey.extend_from_slice(&flags.to_be_bytes());
        // The protocol field is always 3 (RFC 4034 section 2.1.2).
        dnskey.extend_from_slice(&[3, text.algorithm.number()]);
        dnskey.extend_from_slice(&public);
        Ok(ZoneKey { algorithm: text.algorithm, flags, bits, key_tag: key_tag(&dnskey), dnskey: dnskey.into(), secret })
    }

    /// Makes a key and returns its ISC text, to be stored.
    ///
    /// # Errors
    ///
    /// [`KeyError::Algorithm`] for RSA, whose keys are taken but not made; [`KeyError::Refused`] if the system has no randomness.
    pub fn generate(algorithm: Algorithm) -> Result<String, KeyError> {
        let octets = match algorithm {
            Algorithm::EcdsaP256Sha256 | Algorithm::Ed25519 => 32,
            Algorithm::EcdsaP384Sha384 => 48,
            Algorithm::RsaSha256 | Algorithm::RsaSha512 => {
                return Err(KeyError::Algorithm(format!("{algorithm} (for new keys)")));
            }
        };
        let mut scalar = Zeroizing::new(vec![0; octets]);
        loop {
            SystemRandom::new()
                .fill(&mut scalar)
                .map_err(|_| KeyError::Refused("the system's random number generator failed".to_owned()))?;
            let text = PrivateText { algorithm, material: Material::Scalar(scalar.to_vec()) };
            // A random number can lie outside of the curve's order, once in 2^32 tries for P-256: draw again.
            if Secret::new(&text).is_ok() {
                return Ok(text.print().as_str().to_owned());
            }
        }
    }

    /// 256 or 257.
    pub fn flags(&self) -> u16 {
        self.flags
    }

    /// Whether the secure entry point bit is set (RFC 4034 section 2.1.1): a KSK or CSK by its flags.
    pub fn is_entry_point(&self) -> bool {
        self.flags & 1 == 1
    }

    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Key size in bits as PowerDNS shows it (256 for algorithm 13).
    pub fn bits(&self) -> u32 {
        self.bits
    }

    /// RFC 4034 appendix B.
    pub fn key_tag(&self) -> u16 {
        self.key_tag
    }

    /// DNSKEY RDATA (RFC 4034 section 2.1), which is CDNSKEY's too (RFC 7344 section 3.2).
    pub fn dnskey(&self) -> &[u8] {
        &self.dnskey
    }

    /// DNSKEY RDATA in presentation format: `257 3 13 BASE64`.
    pub fn dnskey_text(&self) -> String {
        format!("{} 3 {} {}", self.flags, self.algorithm.number(), BASE64.encode(&self.dnskey[4..]))
    }

    /// DS RDATA (RFC 4034 section 5.1), digest type 2 (SHA-256) or 4 (SHA-384); it is CDS's too (RFC 7344 section 3.1).
    pub fn ds(&self, zone: &Name, digest_type: u8) -> Option<Vec<u8>> {
        ds::ds(zone, &self.dnskey, digest_type)
    }

    /// The same in presentation format: `KEYTAG ALGORITHM TYPE hex`, in lower case.
    pub fn ds_text(&self, zone: &Name, digest_type: u8) -> Option<String> {
        self.ds(zone, digest_type).map(|rdata| ds::ds_text(&rdata))
    }

    /// The signature over `message`, in the form RRSIGs hold (RFC 6605 section 4: `r` and `s` side by side); `None` if the
    /// system has no randomness.
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.secret {
            Secret::Ecdsa(pair) => Some(pair.sign(&SystemRandom::new(), message).ok()?.as_ref().to_vec()),
            Secret::Ed25519(pair) => Some(pair.sign(message).as_ref().to_vec()),
            Secret::Rsa(key) => key.sign(self.algorithm, message),
        }
    }
}

impl fmt::Debug for ZoneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZoneKey")
            .field("algorithm", &self.algorithm)
            .field("flags", &self.flags)
            .field("key_tag", &self.key_tag)
            .finish_non_exhaustive()
    }
}

impl Secret {
    /// The key ready to sign, and the public key field of its DNSKEY.
    fn new(text: &PrivateText) -> Result<(Secret, Vec<u8>), KeyError> {
        let refused = |error: ring::error::KeyRejected| KeyError::Refused(error.to_string());
        let off_curve =
            |_| KeyError::Refused("the private key is not below the order of the curve, or zero".to_owned());
        match (&text.material, text.algorithm) {
            (Material::Rsa(numbers), _) => {
                let key = RsaKey::new(numbers)?;
                let public = key.public();
                Ok((Secret::Rsa(key), public))
            }
            (Material::Scalar(seed), Algorithm::Ed25519) => {
                let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(refused)?;
                let public = pair.public_key().as_ref().to_vec();
                Ok((Secret::Ed25519(pair), public))
            }
            // ring takes a scalar only together with its point, and cannot compute the point.
            (Material::Scalar(scalar), Algorithm::EcdsaP384Sha384) => {
                let secret = p384::SecretKey::from_slice(scalar).map_err(off_curve)?;
                let point = secret.public_key().to_sec1_point(false);
                Secret::ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING, scalar, point.as_bytes()).map_err(refused)
            }
            (Material::Scalar(scalar), _) => {
                let secret = p256::SecretKey::from_slice(scalar).map_err(off_curve)?;
                let point = secret.public_key().to_sec1_point(false);
                Secret::ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING, scalar, point.as_bytes()).map_err(refused)
            }
        }
    }

    fn ecdsa(
        signing: &'static ring::signature::EcdsaSigningAlgorithm,
        scalar: &[u8],
        point: &[u8],
    ) -> Result<(Secret, Vec<u8>), ring::error::KeyRejected> {
        let pair = EcdsaKeyPair::from_private_key_and_public_key(signing, scalar, point, &SystemRandom::new())?;
        // Without the octet that says "uncompressed" (RFC 6605 section 4).
        Ok((Secret::Ecdsa(pair), point[1..].to_vec()))
    }
}

/// The key tag of DNSKEY RDATA (RFC 4034 appendix B).
pub fn key_tag(dnskey: &[u8]) -> u16 {
    let mut sum = 0u32;
    for (index, &octet) in dnskey.iter().enumerate() {
        sum += if index % 2 == 0 { u32::from(octet) << 8 } else { u32::from(octet) };
    }
    ((sum + (sum >> 16)) & 0xffff) as u16
}
