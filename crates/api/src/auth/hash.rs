//! What a secret is recognised by: its SHA-256, or the scrypt hash that `pdnsutil hash-password` prints (PDNS-DIALECT 1.2).

use std::fmt;

use data_encoding::HEXLOWER_PERMISSIVE;
use ring::digest;

use crate::password::{LOG_WORK_FACTOR_DEFAULT, ScryptError, ScryptHash};

/// SHA-256 of what a client presents.
pub(crate) type Digest = [u8; digest::SHA256_OUTPUT_LEN];

/// How a secret is kept. The secret itself is not in it.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHash(pub(crate) Kind);

#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// For secrets that nobody can guess, and those that stand in the settings as they are.
    Sha256(Digest),
    /// For those that somebody chose.
    Scrypt(ScryptHash),
}

/// Why text is no secret or no hash that can be used. Never says what stood there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// It is empty.
    #[error("key is empty")]
    Empty,
    /// It is no hash.
    #[error("expected sha256: and 64 hex digits, or $scrypt$... as pdnsutil hash-password prints it")]
    Form,
    /// It is an scrypt hash that cannot be used, or none could be made.
    #[error(transparent)]
    Scrypt(#[from] ScryptError),
    /// There are no random numbers for a new one.
    #[error("the system has no random numbers")]
    NoRandomness,
}

impl SecretHash {
    /// Of a setting: a hash if it begins like PowerDNS's, the secret itself otherwise.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`] if nothing can be compared with it.
    pub fn of_setting(text: &str) -> Result<SecretHash, ApiKeyError> {
        match text {
            "" => Err(ApiKeyError::Empty),
            hash if hash.starts_with("$scrypt$") => SecretHash::parse(hash),
            secret => Ok(SecretHash::of_random(secret.as_bytes())),
        }
    }

    /// Of a secret that nobody can guess.
    pub(crate) fn of_random(secret: &[u8]) -> SecretHash {
        SecretHash(Kind::Sha256(sha256(secret)))
    }

    /// Hashes a secret that somebody chose, as PowerDNS does.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`] if it is empty, or there is no salt for it.
    pub fn of_chosen(secret: &str) -> Result<SecretHash, ApiKeyError> {
        if secret.is_empty() {
            return Err(ApiKeyError::Empty);
        }
        Ok(SecretHash(Kind::Scrypt(ScryptHash::new(secret.as_bytes(), LOG_WORK_FACTOR_DEFAULT)?)))
    }

    /// Reads what [`fmt::Display`] writes.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`] if it is no hash, or one that costs too much.
    pub fn parse(text: &str) -> Result<SecretHash, ApiKeyError> {
        if text.starts_with("$scrypt$") {
            return Ok(SecretHash(Kind::Scrypt(ScryptHash::parse(text)?)));
        }
        let hex = text.strip_prefix("sha256:").ok_or(ApiKeyError::Form)?;
        let octets = HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).map_err(|_| ApiKeyError::Form)?;
        octets.try_into().map(|digest| SecretHash(Kind::Sha256(digest))).map_err(|_| ApiKeyError::Form)
    }
}

/// The text that is stored.
impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Sha256(digest) => write!(f, "sha256:{}", HEXLOWER_PERMISSIVE.encode(digest)),
            Kind::Scrypt(hash) => write!(f, "{hash}"),
        }
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

pub(crate) fn sha256(octets: &[u8]) -> Digest {
    let mut out = [0; digest::SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest::digest(&digest::SHA256, octets).as_ref());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_written_as_they_are_read() {
        for hash in [SecretHash::of_random(b"hush"), SecretHash::of_chosen("hush").unwrap()] {
            assert_eq!(SecretHash::parse(&hash.to_string()).unwrap(), hash);
            assert_eq!(format!("{hash:?}"), "(hidden)");
        }
    }

    #[test]
    fn section_1_2_what_is_neither_secret_nor_hash_is_refused_and_not_quoted() {
        assert_eq!(SecretHash::of_setting("").unwrap_err(), ApiKeyError::Empty);
        assert_eq!(SecretHash::of_chosen("").unwrap_err(), ApiKeyError::Empty);
        assert!(matches!(SecretHash::of_setting("$scrypt$ln=10"), Err(ApiKeyError::Scrypt(_))));
        for text in ["sha256:00", "hush", "sha256:", &format!("sha256:{}", "x".repeat(64))] {
            let error = SecretHash::parse(text).unwrap_err();
            assert_eq!(error, ApiKeyError::Form);
            assert!(!error.to_string().contains("hush"));
        }
    }
}
