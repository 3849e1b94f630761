//! RSA keys (RFC 3110, RFC 5702): numbers in, signatures out, and new keys.
//!
//! ring signs wherever it takes the key, since it is four times as fast. It takes no key below 2048 bits, none whose primes
//! are not a multiple of 512 bits long and none with a small exponent, and it makes none: all that is the `rsa` crate's, whose
//! private operations are blinded and in constant time.

use std::ops::RangeInclusive;

use getrandom::SysRng;
use ring::digest::{SHA256, SHA512, digest};
use ring::rand::SystemRandom;
use ring::rsa::{KeyPair, KeyPairComponents, PublicKeyComponents};
use ring::signature::{RSA_PKCS1_SHA256, RSA_PKCS1_SHA512, RsaEncoding};
use rsa::sha2::{Sha256, Sha512};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BoxedUint, Pkcs1v15Sign};
use zeroize::Zeroize;

use crate::{Algorithm, KeyError};

/// Sizes of new keys, in bits. RFC 5702 section 2 would allow 512, which has been factored in hours for years.
pub const RSA_BITS: RangeInclusive<u32> = 1024..=4096;
/// Size of a new key where none is named, in bits (RFC 8624 names none; NIST SP 800-57 asks for this at least).
pub const RSA_BITS_DEFAULT: u32 = 2048;

/// Smallest key that is read at all, in bits. It cannot sign: a padded digest is longer.
const READ_BITS_MIN: u32 = 256;

/// An RSA key ready to sign.
pub(crate) struct RsaKey {
    engine: Engine,
    algorithm: Algorithm,
}

enum Engine {
    Ring(KeyPair),
    Portable(rsa::PrivateKey),
}

/// What the numbers of a key text come to.
pub(crate) struct Read {
    pub(crate) bits: u32,
    /// The public key field of a DNSKEY (RFC 3110 section 2).
    pub(crate) public: Vec<u8>,
    /// The key, or why none may sign with it.
    pub(crate) key: Result<RsaKey, String>,
}

/// Modulus sizes that may sign, in bits (RFC 5702 section 2).
fn signing_bits(algorithm: Algorithm) -> RangeInclusive<u32> {
    match algorithm {
        Algorithm::RsaSha512 => 1024..=4096,
        _ => 512..=4096,
    }
}

/// From the numbers in the order of [`crate::isc::RSA_FIELDS`], big-endian without leading zeros.
///
/// # Errors
///
/// [`KeyError::Refused`] if the numbers are not those of one key.
pub(crate) fn read(algorithm: Algorithm, numbers: &[Vec<u8>; 8]) -> Result<Read, KeyError> {
    let [n, e, ..] = numbers;
    let bits = bits_of(n);
    if bits < READ_BITS_MIN {
        return Err(KeyError::Refused(format!("an RSA key of {bits} bits is none")));
    }
    let can = signing_bits(algorithm);
    // Also where ring signs: it does not look at all relations between the numbers.
    let checked = portable_key(numbers)?;
    let engine = ring_key(numbers).map_or_else(|| Engine::Portable(checked), Engine::Ring);
    let key = match can.contains(&bits) {
        true => Ok(RsaKey { engine, algorithm }),
        false => Err(format!(
            "{algorithm} with a key of {bits} bits must not sign, only with {} to {} (RFC 5702 section 2)",
            can.start(),
            can.end()
        )),
    };
    Ok(Read { bits, public: public_field(n, e), key })
}

/// Makes a key of [`RSA_BITS`] with the exponent 65537: its numbers in the order of [`crate::isc::RSA_FIELDS`].
///
/// # Errors
///
/// [`KeyError::Refused`] for another size, and if the system has no randomness.
pub(crate) fn generate(bits: u32) -> Result<[Vec<u8>; 8], KeyError> {
    if !RSA_BITS.contains(&bits) {
        let reason = format!("new RSA keys have {} to {} bits, not {bits}", RSA_BITS.start(), RSA_BITS.end());
        return Err(KeyError::Refused(reason));
    }
    let made = rsa::PrivateKey::new(&mut SysRng, bits as usize).map_err(refused)?;
    // The larger prime first, as OpenSSL writes it: some readers want q < p.
    let key = match made.primes() {
        [p, q] if p.as_ref() < q.as_ref() => {
            let primes = vec![q.as_ref().clone(), p.as_ref().clone()];
            rsa::PrivateKey::from_components(made.n().as_ref().clone(), made.e().clone(), made.d().clone(), primes)
                .map_err(refused)?
        }
        _ => made,
    };
    numbers_of(&key).ok_or_else(|| KeyError::Refused("the new key has no CRT numbers".to_owned()))
}

/// Checks a signature of any size that RFC 5702 allows; ring's verifier wants 1024 bits at least.
pub(crate) fn verify_small(algorithm: Algorithm, n: &[u8], e: &[u8], message: &[u8], signature: &[u8]) -> Option<()> {
    let (n, e) = (BoxedUint::from_be_slice_vartime(n), BoxedUint::from_be_slice_vartime(e));
    let key = rsa::PublicKey::new_with_size_limits(n, e, 512..=1023).ok()?;
    let (padding, digest) = padded(algorithm, message);
    key.verify(padding, digest.as_ref(), signature).ok()
}

impl RsaKey {
    /// PKCS #1 v1.5 (RFC 5702 section 3).
    pub(crate) fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        match &self.engine {
            Engine::Ring(pair) => {
                let encoding: &'static dyn RsaEncoding = match self.algorithm {
                    Algorithm::RsaSha512 => &RSA_PKCS1_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(encoding, &SystemRandom::new(), message, &mut signature).ok()?;
                Some(signature)
            }
            Engine::Portable(key) => {
                let (padding, digest) = padded(self.algorithm, message);
                key.sign(padding, digest.as_ref()).ok()
            }
        }
    }
}

fn padded(algorithm: Algorithm, message: &[u8]) -> (Pkcs1v15Sign, ring::digest::Digest) {
    match algorithm {
        Algorithm::RsaSha512 => (Pkcs1v15Sign::new::<Sha512>(), digest(&SHA512, message)),
        _ => (Pkcs1v15Sign::new::<Sha256>(), digest(&SHA256, message)),
    }
}

fn ring_key(numbers: &[Vec<u8>; 8]) -> Option<KeyPair> {
    let [n, e, d, p, q, dp, dq, q_inverse] = numbers;
    KeyPair::from_components(&KeyPairComponents {
        public_key: PublicKeyComponents { n, e },
        d,
        p,
        q,
        dP: dp,
        dQ: dq,
        qInv: q_inverse,
    })
    .ok()
}

/// Checks all relations between the numbers. Those of the Chinese remainder theorem are computed anew, and must be the ones
/// given: other software would use these.
fn portable_key(numbers: &[Vec<u8>; 8]) -> Result<rsa::PrivateKey, KeyError> {
    let [n, e, d, p, q, ..] = numbers;
    // As wide as the modulus, so that what is secret does not show in the time taken.
    let width = (n.len() as u32) * 8;
    let number = |octets: &[u8]| {
        let too_long = |_| KeyError::Refused("a number of the RSA key is longer than its modulus".to_owned());
        BoxedUint::from_be_slice(octets, width).map_err(too_long)
    };
    let primes = vec![number(p)?, number(q)?];
    let key = rsa::PrivateKey::from_components(number(n)?, number(e)?, number(d)?, primes).map_err(refused)?;
    let mut computed = numbers_of(&key).unwrap_or_default();
    let is_same = computed == *numbers;
    computed.zeroize();
    match is_same {
        true => Ok(key),
        false => Err(KeyError::Refused("the numbers of the RSA key do not belong together".to_owned())),
    }
}

fn numbers_of(key: &rsa::PrivateKey) -> Option<[Vec<u8>; 8]> {
    let octets = |number: &BoxedUint| {
        let mut whole = number.to_be_bytes();
        let zeros = whole.iter().take_while(|&&octet| octet == 0).count();
        let octets = whole[zeros..].to_vec();
        whole.zeroize();
        octets
    };
    let [p, q] = key.primes() else { return None };
    let mut coefficient = key.crt_coefficient()?;
    let numbers = [
        octets(key.n().as_ref()),
        octets(key.e()),
        octets(key.d()),
        octets(p.as_ref()),
        octets(q.as_ref()),
        octets(key.dp()?),
        octets(key.dq()?),
        octets(&coefficient),
    ];
    coefficient.zeroize();
    Some(numbers)
}

/// RFC 3110 section 2.
fn public_field(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let mut public = Vec::with_capacity(3 + exponent.len() + modulus.len());
    match u8::try_from(exponent.len()) {
        Ok(length) => public.push(length),
        Err(_) => {
            public.push(0);
            public.extend_from_slice(&(exponent.len() as u16).to_be_bytes());
        }
    }
    public.extend_from_slice(exponent);
    public.extend_from_slice(modulus);
    public
}

fn refused(error: rsa::Error) -> KeyError {
    KeyError::Refused(error.to_string())
}

fn bits_of(number: &[u8]) -> u32 {
    number.first().map_or(0, |first| (number.len() as u32) * 8 - first.leading_zeros())
}
