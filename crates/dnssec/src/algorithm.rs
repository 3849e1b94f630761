//! Signing algorithms by number and mnemonic (RFC 8624, IANA's registry).

use std::fmt;
use std::str::FromStr;

use crate::KeyError;

/// Signing algorithms (RFC 8624, RFC 9904); 13 is the default. Keys of all of them are made, taken and signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// 8, RFC 5702
    RsaSha256,
    /// 10, RFC 5702
    RsaSha512,
    /// 13, RFC 6605
    EcdsaP256Sha256,
    /// 14, RFC 6605
    EcdsaP384Sha384,
    /// 15, RFC 8080
    Ed25519,
}

impl Algorithm {
    /// All that are supported, by number.
    pub const ALL: [Algorithm; 5] = [
        Algorithm::RsaSha256,
        Algorithm::RsaSha512,
        Algorithm::EcdsaP256Sha256,
        Algorithm::EcdsaP384Sha384,
        Algorithm::Ed25519,
    ];

    /// The number in DNSKEY, RRSIG and DS.
    pub fn number(self) -> u8 {
        match self {
            Algorithm::RsaSha256 => 8,
            Algorithm::RsaSha512 => 10,
            Algorithm::EcdsaP256Sha256 => 13,
            Algorithm::EcdsaP384Sha384 => 14,
            Algorithm::Ed25519 => 15,
        }
    }

    /// The mnemonic in capitals, as PowerDNS prints it.
    pub fn mnemonic(self) -> &'static str {
        match self {
            Algorithm::RsaSha256 => "RSASHA256",
            Algorithm::RsaSha512 => "RSASHA512",
            Algorithm::EcdsaP256Sha256 => "ECDSAP256SHA256",
            Algorithm::EcdsaP384Sha384 => "ECDSAP384SHA384",
            Algorithm::Ed25519 => "ED25519",
        }
    }

    /// The algorithm of a number; `None` for one that is not supported.
    pub fn from_number(number: u8) -> Option<Algorithm> {
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.number() == number)
    }

    /// The one key size of the algorithm, in bits; `None` where a key may have several (RSA).
    pub fn fixed_bits(self) -> Option<u32> {
        match self {
            Algorithm::RsaSha256 | Algorithm::RsaSha512 => None,
            Algorithm::EcdsaP256Sha256 | Algorithm::Ed25519 => Some(256),
            Algorithm::EcdsaP384Sha384 => Some(384),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.mnemonic())
    }
}

impl FromStr for Algorithm {
    type Err = KeyError;

    /// Takes a number or a mnemonic in any case, `ecdsa256` and `ecdsa384` among them (PowerDNS's own short forms).
    fn from_str(text: &str) -> Result<Algorithm, KeyError> {
        let unknown = || KeyError::Algorithm(text.chars().take(40).collect());
        match text.to_ascii_lowercase().as_str() {
            "5" | "rsasha1" => return Err(KeyError::Sha1("RSASHA1")),
            "7" | "rsasha1-nsec3-sha1" => return Err(KeyError::Sha1("RSASHA1-NSEC3-SHA1")),
            "ecdsa256" => return Ok(Algorithm::EcdsaP256Sha256),
            "ecdsa384" => return Ok(Algorithm::EcdsaP384Sha384),
            _ => {}
        }
        if let Ok(number) = text.parse::<u8>() {
            return Algorithm::from_number(number).ok_or_else(unknown);
        }
        let same = |algorithm: &Algorithm| algorithm.mnemonic().eq_ignore_ascii_case(text);
        Algorithm::ALL.into_iter().find(same).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mnemonics_and_numbers_name_the_same_algorithms() {
        for algorithm in Algorithm::ALL {
            assert_eq!(algorithm.mnemonic().parse::<Algorithm>().unwrap(), algorithm);
            assert_eq!(algorithm.mnemonic().to_lowercase().parse::<Algorithm>().unwrap(), algorithm);
            assert_eq!(algorithm.number().to_string().parse::<Algorithm>().unwrap(), algorithm);
        }
        assert_eq!("ecdsa256".parse::<Algorithm>().unwrap().number(), 13);
        assert_eq!("ECDSA384".parse::<Algorithm>().unwrap().number(), 14);
        for unsupported in ["ed448", "16", "", "256", "-1"] {
            assert!(matches!(unsupported.parse::<Algorithm>(), Err(KeyError::Algorithm(_))), "{unsupported}");
        }
        for sha1 in ["rsasha1", "5", "RSASHA1-NSEC3-SHA1", "7"] {
            assert!(matches!(sha1.parse::<Algorithm>(), Err(KeyError::Sha1(_))), "{sha1}");
        }
    }
}
