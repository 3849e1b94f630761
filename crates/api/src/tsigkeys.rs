//! `tsigkeys` (PDNS-DIALECT section 11), and what zones say about them.

use axum::http::StatusCode;
use axum::response::Response;
use data_encoding::BASE64;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use serde_json::Value;
use store::{StoreError, TsigKey, TsigKeyChange, ZoneEdit};
use wire::Name;
use zeroize::Zeroizing;

use crate::call::Call;
use crate::error::{ApiError, invalid};
use crate::state::Api;
use crate::{fields, reply, zone_id};

/// Algorithms that keys may have, as they are stored, and the octets of a new key: PowerDNS takes the block of the digest.
const ALGORITHMS: [(&str, usize); 7] = [
    ("hmac-md5", 32),
    ("hmac-sha1", 32),
    ("hmac-sha224", 32),
    ("hmac-sha256", 64),
    ("hmac-sha384", 64),
    ("hmac-sha512", 64),
    ("gss-tsig", 64),
];

/// The name in DNS of the first of them (RFC 8945 section 6).
const HMAC_MD5_LONG: &str = "hmac-md5.sig-alg.reg.int";

/// Longest secret (column `tsigkeys.secret`).
const SECRET_CHARACTERS_MAX: usize = 255;

/// The stored spelling of an algorithm, in any case and with or without a final dot; `None` for one that is not known.
pub fn tsig_algorithm(text: &str) -> Option<&'static str> {
    let plain = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let plain = if plain == HMAC_MD5_LONG { "hmac-md5" } else { plain.as_str() };
    ALGORITHMS.iter().map(|&(name, _)| name).find(|&name| name == plain)
}

/// A new secret for an algorithm, in base64; `None` for an algorithm that is not known, or if the system has no randomness.
pub fn generate_tsig_secret(algorithm: &str) -> Option<Zeroizing<String>> {
    let (_, octets) = ALGORITHMS.iter().find(|(name, _)| *name == algorithm)?;
    let mut secret = Zeroizing::new(vec![0_u8; *octets]);
    SystemRandom::new().fill(&mut secret).ok()?;
    Some(Zeroizing::new(BASE64.encode(&secret)))
}

/// Whether a secret is base64 of something.
pub fn is_tsig_secret(text: &str) -> bool {
    !text.is_empty() && text.len() <= SECRET_CHARACTERS_MAX && BASE64.decode(text.as_bytes()).is_ok()
}

/// Fields stand in byte order.
#[derive(Serialize)]
struct View<'a> {
    algorithm: &'a str,
    id: String,
    key: &'a str,
    name: String,
    #[serde(rename = "type")]
    object_type: &'static str,
}

fn view<'a>(key: &'a TsigKey, secret: &'a str) -> View<'a> {
    View {
        algorithm: &key.algorithm,
        id: zone_id::encode(&key.name),
        key: secret,
        name: key.name.to_dotless(),
        object_type: "TSIGKey",
    }
}

/// `GET`: all keys, their secrets left out.
pub(crate) async fn list(api: &Api, _call: &Call) -> Result<Response, ApiError> {
    let keys = api.state.store.tsig_keys(None).await?;
    let views: Vec<View<'_>> = keys.iter().map(|key| view(key, "")).collect();
    Ok(reply::json(StatusCode::OK, &views))
}

/// `GET /ID`: with the secret.
pub(crate) async fn get(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let key = wanted(api, call).await?;
    Ok(reply::json(StatusCode::OK, &view(&key, &key.secret)))
}

/// `POST`: a key with the secret given, or a new one.
pub(crate) async fn create(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let body = call.json()?;
    let name = key_name(fields::string(&body, "name")?)?;
    let text = fields::string(&body, "algorithm")?;
    let given = fields::string_if_any(&body, "key").unwrap_or_default();
    let algorithm = match (tsig_algorithm(text), given) {
        (Some(algorithm), _) => algorithm,
        (None, "") => return Err(ApiError::BadRequest(format!("Invalid TSIG algorithm: {text}"))),
        (None, _) => return Err(unknown_algorithm(text)),
    };
    let secret = match given {
        "" => generate_tsig_secret(algorithm)
            .ok_or_else(|| ApiError::Internal("the system has no random numbers".to_owned()))?,
        given if is_tsig_secret(given) => Zeroizing::new(given.to_owned()),
        given => return Err(invalid(format!("TSIG content '{given}' cannot be base64-decoded"))),
    };
    let key = TsigKey { name, algorithm: algorithm.to_owned(), secret };
    change(api, &key, TsigKeyChange::Add(key.clone())).await?;
    Ok(reply::json(StatusCode::CREATED, &view(&key, &key.secret)))
}

/// `PUT /ID`: what is given changes; another name replaces the old one.
pub(crate) async fn put(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let mut key = wanted(api, call).await?;
    let old = key.name.clone();
    let body = call.json()?;
    if let Some(name) = fields::string_if_any(&body, "name") {
        key.name = key_name(name)?;
    }
    if let Some(text) = fields::string_if_any(&body, "algorithm") {
        key.algorithm = tsig_algorithm(text).ok_or_else(|| unknown_algorithm(text))?.to_owned();
    }
    if let Some(text) = fields::string_if_any(&body, "key") {
        if !is_tsig_secret(text) {
            return Err(invalid(format!("Can not base64 decode key content '{text}'")));
        }
        key.secret = Zeroizing::new(text.to_owned());
    }
    change(api, &key, TsigKeyChange::Replace { name: old, key: key.clone() }).await?;
    Ok(reply::json(StatusCode::OK, &view(&key, &key.secret)))
}

/// `DELETE /ID`. Zones that name it keep doing so, as in PowerDNS.
pub(crate) async fn delete(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let key = wanted(api, call).await?;
    change(api, &key, TsigKeyChange::Remove { name: key.name.clone() }).await?;
    Ok(reply::no_content())
}

/// The key in the path; of several with one name the first.
async fn wanted(api: &Api, call: &Call) -> Result<TsigKey, ApiError> {
    let name = zone_id::decode_key(call.segments.first().map_or("", String::as_str))?;
    let key = api.state.store.tsig_keys(Some(&name)).await?.into_iter().next();
    key.ok_or_else(|| not_found(&name))
}

/// Writes, and says of a key that is missing or in the way which it is.
async fn change(api: &Api, key: &TsigKey, change: TsigKeyChange) -> Result<(), ApiError> {
    let old = match &change {
        TsigKeyChange::Replace { name, .. } => name.clone(),
        _ => key.name.clone(),
    };
    match api.state.store.change_tsig_key(change).await {
        Err(StoreError::NotFound { .. }) => Err(not_found(&old)),
        Err(StoreError::Exists { .. }) => {
            Err(ApiError::Taken(format!("A TSIG key with the name '{}' already exists", key.name.to_dotless())))
        }
        other => Ok(other?),
    }
}

fn not_found(name: &Name) -> ApiError {
    ApiError::Missing(format!("TSIG key with name '{}' not found", name.to_dotless()))
}

fn unknown_algorithm(text: &str) -> ApiError {
    invalid(format!("Unknown TSIG algorithm: {text}"))
}

/// A key's name; a final dot is optional.
fn key_name(text: &str) -> Result<Name, ApiError> {
    match Name::parse(text) {
        Ok(name) if !name.is_root() => Ok(name.to_lowercase()),
        Ok(_) => Err(invalid(format!("Unable to parse TSIG key name '{text}'"))),
        Err(why) => Err(invalid(format!("Unable to parse TSIG key name '{text}': {why}"))),
    }
}

/// Adds to `edit` what a zone's body says of keys: each must exist, and a secondary has one (PDNS-DIALECT 4.4).
pub(crate) async fn apply_to_zone(api: &Api, body: &Value, edit: &mut ZoneEdit) -> Result<(), ApiError> {
    for (field, kind) in [("master_tsig_key_ids", "TSIG-ALLOW-AXFR"), ("slave_tsig_key_ids", "AXFR-MASTER-TSIG")] {
        let Some(ids) = fields::strings(body, field)? else { continue };
        let mut names = Vec::with_capacity(ids.len());
        for id in &ids {
            let name = zone_id::decode_escapes(id)?;
            if api.state.store.tsig_keys(Some(&name)).await?.is_empty() {
                return Err(invalid(format!("A TSIG key with the name '{}' does not exist", name.to_dotless())));
            }
            let name = name.to_string();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        if kind == "AXFR-MASTER-TSIG" && names.len() > 1 {
            return Err(invalid("Only one TSIG secondary key is currently allowed"));
        }
        edit.metadata.push((kind.to_owned(), names));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_11_new_secrets_have_the_length_of_the_dialect() {
        for (algorithm, octets) in ALGORITHMS {
            let secret = generate_tsig_secret(algorithm).unwrap();
            assert_eq!(BASE64.decode(secret.as_bytes()).unwrap().len(), octets, "{algorithm}");
            assert!(is_tsig_secret(&secret));
            assert_ne!(secret, generate_tsig_secret(algorithm).unwrap());
        }
        assert_eq!(generate_tsig_secret("HMAC-SHA256"), None, "only stored spellings");
    }

    #[test]
    fn algorithms_are_read_in_any_spelling() {
        assert_eq!(tsig_algorithm("HMAC-SHA256."), Some("hmac-sha256"));
        assert_eq!(tsig_algorithm("hmac-md5.sig-alg.reg.int."), Some("hmac-md5"));
        assert_eq!(tsig_algorithm("hmac-sha3"), None);
        for bad in ["", "!", "aGVsbG8", &"QUFB".repeat(64)] {
            assert!(!is_tsig_secret(bad), "{bad}");
        }
    }
}
