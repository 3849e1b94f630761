//! Private keys in PEM, as `openssl` and the PKCS#11 world hand them around.
//!
//! Read: PKCS #8 (`PRIVATE KEY`), PKCS #1 (`RSA PRIVATE KEY`) and SEC 1 (`EC PRIVATE KEY`), none of them encrypted. Written is
//! what PowerDNS writes: PKCS #1 for RSA, SEC 1 for ECDSA, PKCS #8 for Ed25519.

use p256::elliptic_curve::sec1::ToSec1Point;
use rsa::pkcs1::RsaPrivateKey;
use rsa::pkcs1::der::asn1::{OctetStringRef, UintRef};
use rsa::pkcs1::der::oid::ObjectIdentifier;
use rsa::pkcs1::der::pem::{LineEnding, PemLabel};
use rsa::pkcs1::der::{Decode, Encode, SecretDocument};
use rsa::pkcs8::{AlgorithmIdentifierRef, PrivateKeyInfoRef};
use sec1::{EcParameters, EcPrivateKey};
use zeroize::Zeroizing;

use crate::isc::{Material, PrivateText, TEXT_OCTETS_MAX};
use crate::{Algorithm, KeyError};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// RFC 8410 section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Returns the ISC text of the private key in `pem`, to be used with `algorithm`: an RSA key serves for 8 and for 10.
///
/// # Errors
///
/// [`KeyError::Refused`] if `pem` holds no private key for this algorithm.
pub fn read(pem: &str, algorithm: Algorithm) -> Result<Zeroizing<String>, KeyError> {
    if pem.len() > TEXT_OCTETS_MAX {
        return Err(KeyError::Refused(format!("the PEM text is longer than {TEXT_OCTETS_MAX} octets")));
    }
    let (label, document) = SecretDocument::from_pem(pem).map_err(|error| refused("PEM", &error))?;
    let der = document.as_bytes();
    let material = match label {
        PrivateKeyInfoRef::PEM_LABEL => pkcs8(der, algorithm)?,
        "RSA PRIVATE KEY" => pkcs1(der, algorithm)?,
        EcPrivateKey::PEM_LABEL => ec(der, None, algorithm)?,
        "ENCRYPTED PRIVATE KEY" => return Err(KeyError::Refused("the PEM text is encrypted".to_owned())),
        other => return Err(KeyError::Refused(format!("the PEM text holds '{other}', not a private key"))),
    };
    Ok(PrivateText { algorithm, material }.print())
}

/// Returns the key of an ISC text in PEM.
///
/// # Errors
///
/// [`KeyError`] if `isc` is not a private key of a supported algorithm.
pub fn write(isc: &str) -> Result<Zeroizing<String>, KeyError> {
    let text = PrivateText::parse(isc)?;
    let (label, document) = match &text.material {
        Material::Rsa(numbers) => ("RSA PRIVATE KEY", write_pkcs1(numbers)),
        Material::Scalar(seed) if text.algorithm == Algorithm::Ed25519 => {
            (PrivateKeyInfoRef::PEM_LABEL, write_ed25519(seed))
        }
        Material::Scalar(scalar) => (EcPrivateKey::PEM_LABEL, write_ec(scalar, text.algorithm)?),
    };
    let document = document.map_err(|error| refused("key", &error))?;
    document.to_pem(label, LineEnding::LF).map_err(|error| refused("key", &error))
}

fn pkcs8(der: &[u8], algorithm: Algorithm) -> Result<Material, KeyError> {
    let info = PrivateKeyInfoRef::from_der(der).map_err(|error| refused("PKCS #8", &error))?;
    let key = info.private_key.as_bytes();
    match info.algorithm.oid {
        RSA => pkcs1(key, algorithm),
        EC => ec(key, info.algorithm.parameters_oid().ok(), algorithm),
        ED25519 if algorithm == Algorithm::Ed25519 => {
            let seed = <&OctetStringRef>::from_der(key).map_err(|error| refused("Ed25519 key", &error))?;
            scalar(seed.as_bytes(), 32)
        }
        _ => Err(mismatch(algorithm)),
    }
}

fn pkcs1(der: &[u8], algorithm: Algorithm) -> Result<Material, KeyError> {
    if algorithm.fixed_bits().is_some() {
        return Err(mismatch(algorithm));
    }
    let key = RsaPrivateKey::<UintRef<'_>>::from_der(der).map_err(|error| refused("PKCS #1", &error))?;
    if key.other_prime_infos.is_some() {
        return Err(KeyError::Refused("RSA keys of more than two primes are not supported".to_owned()));
    }
    let numbers = [
        key.modulus,
        key.public_exponent,
        key.private_exponent,
        key.prime1,
        key.prime2,
        key.exponent1,
        key.exponent2,
        key.coefficient,
    ];
    Ok(Material::Rsa(numbers.map(|number| number.as_bytes().to_vec())))
}

/// `curve` is what the text around the key says, if it says something.
fn ec(der: &[u8], curve: Option<ObjectIdentifier>, algorithm: Algorithm) -> Result<Material, KeyError> {
    let key = EcPrivateKey::from_der(der).map_err(|error| refused("EC key", &error))?;
    let named = key.parameters.and_then(EcParameters::named_curve).or(curve);
    let (wanted, octets) = match algorithm {
        Algorithm::EcdsaP256Sha256 => (P256, 32),
        Algorithm::EcdsaP384Sha384 => (P384, 48),
        Algorithm::RsaSha256 | Algorithm::RsaSha512 | Algorithm::Ed25519 => return Err(mismatch(algorithm)),
    };
    if named != Some(wanted) {
        return Err(mismatch(algorithm));
    }
    scalar(key.private_key, octets)
}

fn scalar(octets: &[u8], length: usize) -> Result<Material, KeyError> {
    match octets.len() == length {
        true => Ok(Material::Scalar(octets.to_vec())),
        false => Err(KeyError::Refused(format!("the private key has {} octets instead of {length}", octets.len()))),
    }
}

type Der = rsa::pkcs1::der::Result<SecretDocument>;

fn write_pkcs1(numbers: &[Vec<u8>; 8]) -> Der {
    let number = |at: usize| UintRef::new(&numbers[at]);
    SecretDocument::encode_msg(&RsaPrivateKey {
        modulus: number(0)?,
        public_exponent: number(1)?,
        private_exponent: number(2)?,
        prime1: number(3)?,
        prime2: number(4)?,
        exponent1: number(5)?,
        exponent2: number(6)?,
        coefficient: number(7)?,
        other_prime_infos: None,
    })
}

fn write_ec(scalar: &[u8], algorithm: Algorithm) -> Result<Der, KeyError> {
    let off_curve = |_| KeyError::Refused("the private key is not below the order of the curve, or zero".to_owned());
    let (curve, point) = match algorithm {
        Algorithm::EcdsaP384Sha384 => {
            let secret = p384::SecretKey::from_slice(scalar).map_err(off_curve)?;
            (P384, secret.public_key().to_sec1_point(false).as_bytes().to_vec())
        }
        _ => {
            let secret = p256::SecretKey::from_slice(scalar).map_err(off_curve)?;
            (P256, secret.public_key().to_sec1_point(false).as_bytes().to_vec())
        }
    };
    Ok(SecretDocument::encode_msg(&EcPrivateKey {
        private_key: scalar,
        parameters: Some(EcParameters::NamedCurve(curve)),
        public_key: Some(&point),
    }))
}

fn write_ed25519(seed: &[u8]) -> Der {
    let inner = Zeroizing::new(OctetStringRef::new(seed)?.to_der()?);
    let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
    SecretDocument::encode_msg(&PrivateKeyInfoRef::new(algorithm, OctetStringRef::new(&inner)?))
}

fn mismatch(algorithm: Algorithm) -> KeyError {
    KeyError::Refused(format!("the PEM text holds no key for {algorithm}"))
}

fn refused(what: &str, error: &dyn std::fmt::Display) -> KeyError {
    KeyError::Refused(format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ZoneKey;

    /// The key of RFC 8410 section 10.3.
    const RFC8410: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";

    #[test]
    fn rfc8410_section_10_3_an_ed25519_key_is_read_and_written() {
        let isc = read(RFC8410, Algorithm::Ed25519).unwrap();
        assert!(isc.ends_with("PrivateKey: 1O5y2/kTWErVttjx92n4rTr+fCjL8dT74Jeoj0R1WEI=\n"));
        assert_eq!(*write(&isc).unwrap(), RFC8410);
    }

    #[test]
    fn keys_of_every_algorithm_come_back_as_they_were() {
        for algorithm in Algorithm::ALL {
            let isc = ZoneKey::generate(algorithm).unwrap();
            let pem = write(&isc).unwrap();
            assert_eq!(*read(&pem, algorithm).unwrap(), isc, "{algorithm}");
            for other in Algorithm::ALL {
                let both_rsa = other.fixed_bits().is_none() && algorithm.fixed_bits().is_none();
                assert_eq!(read(&pem, other).is_ok(), other == algorithm || both_rsa, "{algorithm} as {other}");
            }
        }
        for tiny in
            [include_str!("../tests/keys/rsasha256-256.private"), include_str!("../tests/keys/rfc5702-6.1.private")]
        {
            assert_eq!(*read(&write(tiny).unwrap(), Algorithm::RsaSha256).unwrap(), tiny);
        }
    }

    #[test]
    fn what_is_no_private_key_is_refused_with_the_reason() {
        let reason = |text: &str| read(text, Algorithm::EcdsaP256Sha256).unwrap_err().to_string();
        assert!(reason("").starts_with("key was refused: PEM: "));
        let labelled = |label: &str| format!("-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n");
        assert_eq!(reason(&labelled("ENCRYPTED PRIVATE KEY")), "key was refused: the PEM text is encrypted");
        assert_eq!(
            reason(&labelled("CERTIFICATE")),
            "key was refused: the PEM text holds 'CERTIFICATE', not a private key"
        );
        assert!(reason(&labelled("PRIVATE KEY")).starts_with("key was refused: PKCS #8: "));
        assert!(reason(&labelled("EC PRIVATE KEY")).starts_with("key was refused: EC key: "));
        assert_eq!(reason(RFC8410), "key was refused: the PEM text holds no key for ECDSAP256SHA256");
        assert!(reason(&"x".repeat(TEXT_OCTETS_MAX + 1)).contains("longer than 16384"));
    }
}
