//! `apikeys`: keys of the API itself (docs/api.md). PowerDNS has none of this, so that the paths and objects are our own.

use std::fmt;

use axum::http::StatusCode;
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use serde_json::Value;
use store::{ApiKeyChange, StoreError, StoredApiKey};
use zeroize::Zeroizing;

use crate::auth::{self, ApiKey, ApiKeyError, Scope, SecretHash};
use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::state::Api;
use crate::{fields, reply};

/// Random octets of a key: nobody guesses them, so that SHA-256 is enough to keep them by.
const SECRET_OCTETS: usize = 32;
/// What keys begin with, so that scanners of repositories find those that got there.
const PREFIX: &str = "spk_";
const NAME_CHARACTERS_MAX: usize = 64;

/// A new key, and the row that recognises it.
pub struct NewApiKey {
    /// To be shown once.
    pub key: Zeroizing<String>,
    /// To be stored.
    pub row: StoredApiKey,
}

/// The key does not print.
impl fmt::Debug for NewApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewApiKey").field("name", &self.row.name).finish_non_exhaustive()
    }
}

/// What a key is asked to be.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyRequest {
    /// Letters, digits, `.`, `_` and `-`.
    pub name: String,
    /// As [`Scope::zones`].
    pub zones: Vec<String>,
    /// As [`Scope::types`].
    pub types: Vec<String>,
    /// As [`Scope::names`].
    pub names: Vec<String>,
    /// As [`Scope::read_only`].
    pub read_only: bool,
    /// Seconds since 1970.
    pub expires_at: Option<i64>,
}

impl ApiKeyRequest {
    /// Checks everything and makes a random key; with `chosen` that one is taken and kept by scrypt.
    ///
    /// # Errors
    ///
    /// The field that is wrong, and why.
    pub fn make(self, chosen: Option<&str>, now: i64) -> Result<NewApiKey, String> {
        check_name(&self.name)?;
        let scope =
            Scope::read(&self.zones, &self.types, &self.names, self.read_only).map_err(|why| why.to_string())?;
        if self.expires_at.is_some_and(|at| at <= now) {
            return Err("expires_at: is not in the future".to_owned());
        }
        let (key, hash) = match chosen {
            Some(key) => (Zeroizing::new(key.to_owned()), SecretHash::of_chosen(key)),
            None => random(),
        };
        let hash = hash.map_err(|why| why.to_string())?.to_string();
        let row = StoredApiKey {
            name: self.name,
            hash,
            zones: scope.zones.iter().map(|pattern| pattern.as_str().to_owned()).collect(),
            types: scope.types.iter().map(ToString::to_string).collect(),
            names: scope.names.iter().map(ToString::to_string).collect(),
            read_only: scope.read_only,
            made_at: now,
            expires_at: self.expires_at,
            used_at: None,
        };
        Ok(NewApiKey { key, row })
    }
}

fn random() -> (Zeroizing<String>, Result<SecretHash, ApiKeyError>) {
    let mut octets = Zeroizing::new([0; SECRET_OCTETS]);
    if SystemRandom::new().fill(&mut *octets).is_err() {
        return (Zeroizing::default(), Err(ApiKeyError::NoRandomness));
    }
    let key = Zeroizing::new(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&*octets)));
    let hash = SecretHash::of_random(key.as_bytes());
    (key, Ok(hash))
}

/// Names stand in logs, in the journal and in paths.
///
/// # Errors
///
/// Why it is none.
pub fn check_name(name: &str) -> Result<(), String> {
    let is_legal = |octet: u8| octet.is_ascii_alphanumeric() || b"._-".contains(&octet);
    match (1..=NAME_CHARACTERS_MAX).contains(&name.len()) && name.bytes().all(is_legal) && !name.starts_with('.') {
        true => Ok(()),
        false => Err(format!(
            "name: expected 1 to {NAME_CHARACTERS_MAX} letters, digits, '.', '_' and '-', not beginning with '.'"
        )),
    }
}

/// Fields stand in byte order.
#[derive(Serialize)]
struct View<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    made_at: Option<i64>,
    name: &'a str,
    names: Vec<String>,
    read_only: bool,
    source: &'static str,
    #[serde(rename = "type")]
    object_type: &'static str,
    types: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    used_at: Option<i64>,
    zones: Vec<&'a str>,
}

fn view(key: &ApiKey) -> View<'_> {
    let scope = key.scope();
    View {
        expires_at: key.expires_at(),
        key: None,
        made_at: key.made_at(),
        name: key.name(),
        names: scope.names.iter().map(ToString::to_string).collect(),
        read_only: scope.read_only,
        source: if key.made_at().is_some() { "database" } else { "settings" },
        object_type: "ApiKey",
        types: scope.types.iter().map(ToString::to_string).collect(),
        used_at: key.used_at(),
        zones: scope.zones.iter().map(|pattern| pattern.as_str()).collect(),
    }
}

/// `GET`: all keys, those of the settings first.
pub(crate) async fn list(api: &Api, _call: &Call) -> Result<Response, ApiError> {
    api.state.keyring.refresh(&*api.state.store).await?;
    let keys = api.state.keyring.all();
    let views: Vec<View<'_>> = keys.iter().map(|key| view(key)).collect();
    Ok(reply::json(StatusCode::OK, &views))
}

/// `GET /NAME`.
pub(crate) async fn get(api: &Api, call: &Call) -> Result<Response, ApiError> {
    api.state.keyring.refresh(&*api.state.store).await?;
    let name = call.first_segment()?;
    let keys = api.state.keyring.all();
    let key = keys.iter().find(|key| key.name() == name).ok_or(ApiError::NotFound)?;
    Ok(reply::json(StatusCode::OK, &view(key)))
}

/// `POST`: makes a key, and shows it this once.
pub(crate) async fn create(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let body = call.json()?;
    let list = |name| Ok::<_, ApiError>(fields::strings(&body, name)?.unwrap_or_default());
    let expires_at = match &body["expires_at"] {
        Value::Null => None,
        value => Some(value.as_i64().ok_or_else(|| invalid("Key 'expires_at' is not a time in seconds since 1970"))?),
    };
    let request = ApiKeyRequest {
        name: fields::string(&body, "name")?.to_owned(),
        zones: list("zones")?,
        types: list("types")?,
        names: list("names")?,
        read_only: fields::boolean_if_present(&body, "read_only", false)?,
        expires_at,
    };
    let made = request.make(None, auth::unix_now()).map_err(invalid)?;
    let name = made.row.name.clone();
    let taken = || ApiError::Taken(format!("An API key with the name '{name}' already exists"));
    if api.state.keyring.all().iter().any(|key| key.name() == name) {
        return Err(taken());
    }
    match api.state.store.change_api_key(ApiKeyChange::Add(made.row)).await {
        Err(StoreError::Exists { .. }) => return Err(taken()),
        other => other?,
    }
    api.state.keyring.refresh(&*api.state.store).await?;
    tracing::info!(name, by = call.actor, "API key made");
    let keys = api.state.keyring.all();
    let key = keys.iter().find(|key| key.name() == name);
    let key = key.ok_or_else(|| ApiError::Internal("the new API key is not there".to_owned()))?;
    Ok(reply::json(StatusCode::CREATED, &View { key: Some(&made.key), ..view(key) }))
}

/// `DELETE /NAME`: from now on it is refused here, and by other servers when they look next.
pub(crate) async fn delete(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let name = call.first_segment()?;
    let keys = api.state.keyring.all();
    if keys.iter().any(|key| key.name() == name && key.made_at().is_none()) {
        return Err(invalid(format!("API key '{name}' stands in the settings of the server and is removed there")));
    }
    api.state.store.change_api_key(ApiKeyChange::Remove { name: name.clone() }).await?;
    api.state.keyring.refresh(&*api.state.store).await?;
    tracing::info!(name, by = call.actor, "API key revoked");
    Ok(reply::no_content())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_random_and_its_row_does_not_hold_it() {
        let request =
            ApiKeyRequest { name: "k8s".to_owned(), zones: vec!["*.Example.com".into()], ..Default::default() };
        let (one, two) = (request.clone().make(None, 5).unwrap(), request.make(None, 5).unwrap());
        assert!(one.key.starts_with("spk_") && one.key.len() == 47 && one.key != two.key);
        assert_eq!(one.row.hash, SecretHash::of_random(one.key.as_bytes()).to_string());
        assert!(!format!("{:?}", one.row).contains(&*one.key));
        assert_eq!((one.row.zones, one.row.made_at), (vec!["*.example.com".to_owned()], 5));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let make = |request: ApiKeyRequest| request.make(None, 100).unwrap_err();
        for name in ["", "a b", "é", ".x", &"x".repeat(65)] {
            assert!(make(ApiKeyRequest { name: name.to_owned(), ..Default::default() }).starts_with("name: "));
        }
        let named = || ApiKeyRequest { name: "a".to_owned(), ..Default::default() };
        assert_eq!(make(ApiKeyRequest { types: vec!["B".into()], ..named() }), "types: 'B' is not a record type");
        assert_eq!(make(ApiKeyRequest { expires_at: Some(100), ..named() }), "expires_at: is not in the future");
    }

    #[test]
    fn a_chosen_key_is_kept_by_scrypt() {
        let request = ApiKeyRequest { name: "a".to_owned(), ..Default::default() };
        let made = request.clone().make(Some("tell nobody"), 0).unwrap();
        assert!(made.row.hash.starts_with("$scrypt$") && *made.key == "tell nobody");
        assert_eq!(request.make(Some(""), 0).unwrap_err(), "key is empty");
    }
}
