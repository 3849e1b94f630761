//! Who may ask: API keys, and the password of the other pages (PDNS-DIALECT 1.2).

use std::fmt;

use axum::http::{HeaderMap, header};
use data_encoding::BASE64;
use ring::digest;
use subtle::{Choice, ConstantTimeEq};

use crate::error::ApiError;

/// What an unauthorised API request is told.
const API_CHALLENGE: &str = "X-API-Key realm=\"PowerDNS\"";
/// What an unauthorised page request is told.
const PAGE_CHALLENGE: &str = "Basic realm=\"PowerDNS\"";

/// A secret that clients present. Only its SHA-256 is kept, so that comparing takes the same time whatever is presented.
#[derive(Clone)]
pub struct ApiKey {
    name: String,
    digest: [u8; digest::SHA256_OUTPUT_LEN],
}

/// Why a configured key cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// It is empty.
    #[error("key is empty")]
    Empty,
    /// It is a hash made by `pdnsutil hash-password`.
    #[error("hashed keys ($scrypt$...) are not supported; configure the key itself")]
    Hashed,
}

impl ApiKey {
    /// A key with the name under which the journal shows what it changed.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError`] if it cannot be compared with.
    pub fn new(name: impl Into<String>, secret: &str) -> Result<ApiKey, ApiKeyError> {
        match secret {
            "" => Err(ApiKeyError::Empty),
            hash if hash.starts_with("$scrypt$") => Err(ApiKeyError::Hashed),
            secret => Ok(ApiKey { name: name.into(), digest: sha256(secret.as_bytes()) }),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn is(&self, presented: &[u8; digest::SHA256_OUTPUT_LEN]) -> Choice {
        self.digest.ct_eq(presented)
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey").field("name", &self.name).finish_non_exhaustive()
    }
}

fn sha256(octets: &[u8]) -> [u8; digest::SHA256_OUTPUT_LEN] {
    let mut out = [0; digest::SHA256_OUTPUT_LEN];
    out.copy_from_slice(digest::digest(&digest::SHA256, octets).as_ref());
    out
}

/// The key that the request presents in `X-API-Key`. Without configured keys nobody gets in.
pub(crate) fn api_key<'k>(headers: &HeaderMap, keys: &'k [ApiKey]) -> Result<&'k ApiKey, ApiError> {
    let presented = headers.get("x-api-key").map(|value| sha256(value.as_bytes()));
    let found = presented.and_then(|presented| {
        // All are compared, so that time does not tell which one was near.
        let matches: Vec<Choice> = keys.iter().map(|key| key.is(&presented)).collect();
        matches.into_iter().position(bool::from)
    });
    found.map(|at| &keys[at]).ok_or(ApiError::Unauthorized { challenge: API_CHALLENGE })
}

/// HTTP Basic with any user name; no password configured means open.
pub(crate) fn page_password(headers: &HeaderMap, password: Option<&ApiKey>) -> Result<(), ApiError> {
    let Some(password) = password else { return Ok(()) };
    let refused = || ApiError::Unauthorized { challenge: PAGE_CHALLENGE };
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    let (scheme, credentials) = value.split_once(' ').ok_or_else(refused)?;
    let credentials = BASE64.decode(credentials.trim().as_bytes()).map_err(|_| refused())?;
    let colon = credentials.iter().position(|&octet| octet == b':').ok_or_else(refused)?;
    let is_right = bool::from(password.is(&sha256(&credentials[colon + 1..])));
    if scheme.eq_ignore_ascii_case("basic") && is_right { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn section_1_2_any_configured_key_opens_and_nothing_else() {
        let keys = [ApiKey::new("a", "secret").unwrap(), ApiKey::new("b", "other").unwrap()];
        assert_eq!(api_key(&headers("x-api-key", "secret"), &keys).unwrap().name(), "a");
        assert_eq!(api_key(&headers("x-api-key", "other"), &keys).unwrap().name(), "b");
        for wrong in ["", "secre", "secret2", "SECRET"] {
            assert!(api_key(&headers("x-api-key", wrong), &keys).is_err(), "{wrong}");
        }
        assert!(api_key(&HeaderMap::new(), &keys).is_err());
        assert!(api_key(&headers("x-api-key", "secret"), &[]).is_err());
    }

    #[test]
    fn section_1_2_empty_and_hashed_keys_are_refused_when_configured() {
        assert_eq!(ApiKey::new("a", "").unwrap_err(), ApiKeyError::Empty);
        assert_eq!(ApiKey::new("a", "$scrypt$ln=10,p=1,r=8$a$b").unwrap_err(), ApiKeyError::Hashed);
        assert!(!format!("{:?}", ApiKey::new("a", "secret").unwrap()).contains("secret"));
    }

    #[test]
    fn section_1_2_pages_take_basic_with_any_user() {
        let password = ApiKey::new("web", "pass:word").unwrap();
        let basic = |text: &str| headers("authorization", &format!("Basic {}", BASE64.encode(text.as_bytes())));
        assert!(page_password(&basic("any:pass:word"), Some(&password)).is_ok());
        assert!(page_password(&basic("any:wrong"), Some(&password)).is_err());
        assert!(page_password(&basic("pass:word"), Some(&password)).is_err());
        assert!(page_password(&headers("authorization", "Basic ???"), Some(&password)).is_err());
        assert!(page_password(&HeaderMap::new(), Some(&password)).is_err());
        assert!(page_password(&HeaderMap::new(), None).is_ok());
    }
}
