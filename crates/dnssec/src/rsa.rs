//! RSA keys (RFC 3110, RFC 5702): taken where a database holds them, never made.

use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding};

use crate::{Algorithm, KeyError};

/// Modulus sizes the crypto library signs with, in bits.
const BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

/// An RSA key ready to sign.
pub(crate) struct RsaKey {
    pair: KeyPair,
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl RsaKey {
    /// From the numbers in the order of [`crate::isc::RSA_FIELDS`], big-endian without leading zeros.
    pub(crate) fn new(numbers: &[Vec<u8>; 8]) -> Result<RsaKey, KeyError> {
        let [n, e, d, p, q, dp, dq, q_inverse] = numbers;
        let bits = bits_of(n);
        if !BITS.contains(&bits) {
            let reason = format!("an RSA key of {bits} bits cannot be used, {} to {} can", BITS.start(), BITS.end());
            return Err(KeyError::Refused(reason));
        }
        let pair = KeyPair::from_components(&KeyPairComponents {
            public_key: PublicKeyComponents { n, e },
            d,
            p,
            q,
            dP: dp,
            dQ: dq,
            qInv: q_inverse,
        })
        .map_err(|error| KeyError::Refused(error.to_string()))?;
        let key = RsaKey { pair, modulus: n.clone(), exponent: e.clone() };
        // ring does not check all relations between the numbers, but does check each signature it makes.
        if key.sign(Algorithm::RsaSha256, b"probe").is_none() {
            return Err(KeyError::Refused("the numbers of the RSA key do not belong together".to_owned()));
        }
        Ok(key)
    }

    /// Modulus size.
    pub(crate) fn bits(&self) -> u32 {
        bits_of(&self.modulus)
    }

    /// The public key field of a DNSKEY (RFC 3110 section 2).
    pub(crate) fn public(&self) -> Vec<u8> {
        let mut public = Vec::with_capacity(3 + self.exponent.len() + self.modulus.len());
        match u8::try_from(self.exponent.len()) {
            Ok(length) => public.push(length),
            Err(_) => {
                public.push(0);
                public.extend_from_slice(&(self.exponent.len() as u16).to_be_bytes());
            }
        }
        public.extend_from_slice(&self.exponent);
        public.extend_from_slice(&self.modulus);
        public
    }

    /// PKCS #1 v1.5 (RFC 5702 section 3).
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        let encoding: &'static dyn RsaEncoding = match algorithm {
            Algorithm::RsaSha512 => &RSA_PKCS1_SHA512,
            _ => &RSA_PKCS1_SHA256,
        };
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
        Some(signature)
    }
}

fn bits_of(number: &[u8]) -> u32 {
    number.first().map_or(0, |first| (number.len() as u32) * 8 - first.leading_zeros())
}
