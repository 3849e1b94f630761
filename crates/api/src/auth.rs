//! Who may ask, and for what: API keys and their limits, and the password of the other pages (PDNS-DIALECT 1.2, docs/api.md).

pub(crate) mod hash;
mod keyring;
pub(crate) mod scope;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::{HeaderMap, header};
use data_encoding::BASE64;

use crate::error::ApiError;
pub use hash::{ApiKeyError, SecretHash};
pub use keyring::{ApiKey, Keyring, PagePassword};
pub use scope::{Scope, ScopeError, ZonePattern};

/// What an unauthorised API request is told.
const API_CHALLENGE: &str = "X-API-Key realm=\"PowerDNS\"";
/// What an unauthorised page request is told.
const PAGE_CHALLENGE: &str = "Basic realm=\"PowerDNS\"";

/// Seconds since 1970.
pub(crate) fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

/// The key that the request presents in `X-API-Key`. Without keys nobody gets in.
pub(crate) async fn api_key(headers: &HeaderMap, keys: &Keyring) -> Result<Arc<ApiKey>, ApiError> {
    let refused = || ApiError::Unauthorized { challenge: API_CHALLENGE };
    let presented = headers.get("x-api-key").ok_or_else(refused)?;
    keys.find(presented.as_bytes(), unix_now()).await?.ok_or_else(refused)
}

/// HTTP Basic with any user name; no password configured means open.
pub(crate) async fn page_password(headers: &HeaderMap, password: Option<&PagePassword>) -> Result<(), ApiError> {
    let Some(password) = password else { return Ok(()) };
    let refused = || ApiError::Unauthorized { challenge: PAGE_CHALLENGE };
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).ok_or_else(refused)?;
    let (scheme, credentials) = value.split_once(' ').ok_or_else(refused)?;
    let credentials = BASE64.decode(credentials.trim().as_bytes()).map_err(|_| refused())?;
    let colon = credentials.iter().position(|&octet| octet == b':').ok_or_else(refused)?;
    let is_right = password.is(&credentials[colon + 1..]).await?;
    if scheme.eq_ignore_ascii_case("basic") && is_right { Ok(()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[tokio::test]
    async fn section_1_2_pages_take_basic_with_any_user() {
        let hash = SecretHash::of_chosen("pass:word").unwrap().to_string();
        for setting in ["pass:word", &hash] {
            let password = PagePassword::new(setting).unwrap();
            let basic = |text: &str| headers("authorization", &format!("Basic {}", BASE64.encode(text.as_bytes())));
            let passes = async |headers: HeaderMap| page_password(&headers, Some(&password)).await.is_ok();
            assert!(passes(basic("any:pass:word")).await);
            assert!(!passes(basic("any:wrong")).await);
            assert!(!passes(basic("pass:word")).await);
            assert!(!passes(headers("authorization", "Basic ???")).await);
            assert!(!passes(HeaderMap::new()).await);
        }
        assert!(page_password(&HeaderMap::new(), None).await.is_ok());
    }
}
