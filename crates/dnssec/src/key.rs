//! Zone keys: the ISC private-key text of `cryptokeys.content`, generation, DNSKEY, key tag and DS.

use wire::Name;

/// Signing algorithms (RFC 8624): 13 is made by default; 8, 10, 14 and 15 are taken when a database holds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Algorithm {
    /// 8
    RsaSha256,
    /// 10
    RsaSha512,
    /// 13
    EcdsaP256Sha256,
    /// 14
    EcdsaP384Sha384,
    /// 15
    Ed25519,
}
// number(), mnemonic() ("ECDSAP256SHA256"), from_number, FromStr for the dialect's mnemonics (PDNS-DIALECT 9.2).

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
pub struct ZoneKey {}

impl ZoneKey {
    /// Reads the ISC text (PDNS-DIALECT 12.5); `flags` 256 or 257.
    pub fn from_isc(_text: &str, _flags: u16) -> Result<ZoneKey, KeyError> {
        todo!()
    }
    /// Makes a key and returns its ISC text, to be stored.
    pub fn generate(_algorithm: Algorithm) -> Result<String, KeyError> {
        todo!()
    }
    /// 256 or 257.
    pub fn flags(&self) -> u16 {
        todo!()
    }
    /// Its algorithm.
    pub fn algorithm(&self) -> Algorithm {
        todo!()
    }
    /// Key size in bits as PowerDNS shows it (256 for algorithm 13).
    pub fn bits(&self) -> u32 {
        todo!()
    }
    /// RFC 4034 appendix B.
    pub fn key_tag(&self) -> u16 {
        todo!()
    }
    /// DNSKEY RDATA (RFC 4034 section 2.1).
    pub fn dnskey(&self) -> &[u8] {
        todo!()
    }
    /// DS RDATA (RFC 4034 section 5.1), digest type 2 (SHA-256) or 4 (SHA-384).
    pub fn ds(&self, _zone: &Name, _digest_type: u8) -> Option<Vec<u8>> {
        todo!()
    }
}
