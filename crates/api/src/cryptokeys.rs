//! `.../zones/ID/cryptokeys` (PDNS-DIALECT section 9). Keys are read from the store each time: `pdnsutil` may have changed them.

use axum::http::StatusCode;
use axum::response::Response;
use dnssec::{Algorithm, KeyError, RSA_BITS, ZoneKey, isc};
use serde::Serialize;
use serde_json::Value;
use store::{KeyChange, SerialBump, StoredKey, ZoneEdit, ZoneSummary};

use crate::call::Call;
use crate::commit::commit;
use crate::error::{ApiError, invalid};
use crate::keys::{self, KeyDescription};
use crate::state::Api;
use crate::{ZoneDefaults, defaults, fields, offload, reply};

#[derive(Serialize)]
struct Cryptokey<'a> {
    active: bool,
    algorithm: &'static str,
    bits: u32,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    cds: &'a [String],
    dnskey: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ds: Vec<&'a str>,
    flags: u16,
    id: i64,
    keytype: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    privatekey: Option<&'a str>,
    published: bool,
    #[serde(rename = "type")]
    object_type: &'static str,
    /// Ours: why the key signs nothing and is not published, whatever its flags say.
    #[serde(skip_serializing_if = "Option::is_none")]
    unusable: Option<&'a str>,
}

impl<'a> Cryptokey<'a> {
    fn new(key: &'a KeyDescription, privatekey: Option<&'a str>) -> Cryptokey<'a> {
        let public = key.public.as_ref().ok();
        Cryptokey {
            active: key.active,
            algorithm: keys::algorithm_name(key.algorithm),
            bits: public.map_or(0, |public| public.bits),
            cds: public.map_or(&[], |public| &public.cds),
            dnskey: public.map_or("", |public| &public.dnskey),
            ds: public.map_or_else(Vec::new, |public| public.ds.iter().map(|ds| ds.text.as_str()).collect()),
            flags: key.flags,
            id: key.id,
            keytype: key.keytype.as_str(),
            privatekey,
            published: key.published,
            object_type: "Cryptokey",
            unusable: key.unusable.as_deref(),
        }
    }
}

/// The zone in the path with all its keys.
struct ZoneKeys {
    summary: ZoneSummary,
    keys: Vec<StoredKey>,
}

impl ZoneKeys {
    async fn read(api: &Api, call: &Call) -> Result<ZoneKeys, ApiError> {
        let summary = api.state.store.zone(&call.zone()?).await?.ok_or(ApiError::NotFound)?;
        let keys = api.state.store.keys(summary.id).await?;
        Ok(ZoneKeys { summary, keys })
    }

    /// The key in the path; what is no number is no key.
    fn wanted(&self, call: &Call) -> Result<&StoredKey, ApiError> {
        let id: i64 = call.second_segment()?.parse().map_err(|_| ApiError::NotFound)?;
        self.key(id)
    }

    fn key(&self, id: i64) -> Result<&StoredKey, ApiError> {
        self.keys.iter().find(|key| key.id == id).ok_or(ApiError::NotFound)
    }

    /// PUBLISH-CDS of the zone, or the default.
    async fn publish_cds(&self, api: &Api) -> Result<String, ApiError> {
        let metadata = api.state.store.metadata(self.summary.id).await?;
        let found = metadata.into_iter().find(|(kind, _)| kind == "PUBLISH-CDS").map(|(_, values)| values.join(","));
        Ok(found.unwrap_or_else(|| api.state.defaults.publish_cds.clone()))
    }

    /// With the private part, for those who may do everything here and elsewhere.
    async fn show(&self, api: &Api, call: &Call, status: StatusCode, key: &StoredKey) -> Result<Response, ApiError> {
        let publish_cds = self.publish_cds(api).await?;
        let described = keys::describe(self.summary.name.apex(), key, &self.keys, &publish_cds);
        let private = Some(key.content.as_str()).filter(|_| call.scope.is_full());
        Ok(reply::json(status, &Cryptokey::new(&described, private)))
    }

    /// A change of keys moves the serial, except where a primary sets it (7.3).
    fn edit(&self, api: &Api, call: &Call, change: KeyChange) -> ZoneEdit {
        ZoneEdit {
            keys: vec![change],
            serial: if self.summary.kind.is_secondary() { SerialBump::Keep } else { SerialBump::BySoaEditApi },
            rectify: api.rectify_of(&self.summary),
            actor: Some(call.actor.clone()),
            ..ZoneEdit::default()
        }
    }
}

/// `GET`: all keys, without private parts.
pub(crate) async fn list(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = ZoneKeys::read(api, call).await?;
    let publish_cds = zone.publish_cds(api).await?;
    let described = keys::describe_all(zone.summary.name.apex(), &zone.keys, &publish_cds);
    let views: Vec<Cryptokey<'_>> = described.iter().map(|key| Cryptokey::new(key, None)).collect();
    Ok(reply::json(StatusCode::OK, &views))
}

/// `GET /ID`: one key, for a full API key with its private part.
pub(crate) async fn get(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = ZoneKeys::read(api, call).await?;
    zone.show(api, call, StatusCode::OK, zone.wanted(call)?).await
}

/// `PUT /ID`: sets both flags; `published` counts as true where it is absent.
pub(crate) async fn put(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = ZoneKeys::read(api, call).await?;
    let key = zone.wanted(call)?;
    let id = key.id;
    let body = call.json()?;
    let active = fields::boolean(&body, "active")?;
    let published = fields::boolean_or(&body, "published", true);
    // A zone whose only active key is of no use is answered with SERVFAIL.
    if active
        && !key.active
        && let Some(why) = keys::unusable(key)
    {
        return Err(invalid(format!("Key {id} cannot be used, and so not be activated: {why}")));
    }
    let change = KeyChange::Set { id, active: Some(active), published: Some(published) };
    commit(api, &zone.summary.name, zone.edit(api, call, change)).await?;
    Ok(reply::no_content())
}

/// `DELETE /ID`.
pub(crate) async fn delete(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = ZoneKeys::read(api, call).await?;
    let id = zone.wanted(call)?.id;
    commit(api, &zone.summary.name, zone.edit(api, call, KeyChange::Remove { id })).await?;
    Ok(reply::no_content())
}

/// `POST`: makes a key, or takes the one given.
pub(crate) async fn create(api: &Api, call: &Call) -> Result<Response, ApiError> {
    let zone = ZoneKeys::read(api, call).await?;
    let (body, present, defaults) = (call.json()?, zone.keys.clone(), api.state.defaults.clone());
    // A large RSA key takes seconds to make.
    let new = offload::run(usize::MAX, move || new_key(&body, &present, &defaults)).await?;
    let committed = commit(api, &zone.summary.name, zone.edit(api, call, new)).await?;
    let id = committed.key_ids.first().copied();
    let id = id.ok_or_else(|| ApiError::Internal("the store did not name the new key".to_owned()))?;
    // What the other keys are, and whether the zone is signed, may have changed with it.
    let zone = ZoneKeys::read(api, call).await?;
    zone.show(api, call, StatusCode::CREATED, zone.key(id)?).await
}

fn new_key(body: &Value, present: &[StoredKey], defaults: &ZoneDefaults) -> Result<KeyChange, ApiError> {
    let flags = match fields::string(body, "keytype")? {
        "ksk" | "csk" => 257,
        "zsk" => 256,
        other => return Err(invalid(format!("Invalid keytype {other}"))),
    };
    let active = fields::boolean_or(body, "active", false);
    let published = fields::boolean_or(body, "published", true);
    let bits = match &body["bits"] {
        Value::Null => None,
        value => match fields::integer(value).map(u32::try_from) {
            Some(Ok(bits)) => Some(bits),
            _ => return Err(invalid("'bits' must be a positive integer value")),
        },
    };
    let algorithm = algorithm(body)?;
    let given = ["privatekey", "content"].iter().find_map(|field| fields::string_if_any(body, field));
    let content = match given.filter(|text| !text.is_empty()) {
        Some(text) => import(text, flags, bits, algorithm, active)?,
        None => generate(present, flags, bits, algorithm, defaults)?,
    };
    Ok(KeyChange::Add { flags, active, published, content })
}

/// The number that `algorithm` names, as a number or a mnemonic.
fn algorithm(body: &Value) -> Result<Option<u8>, ApiError> {
    let text = match &body["algorithm"] {
        Value::Null => return Ok(None),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    keys::parse_algorithm(&text).map(Some).ok_or_else(|| invalid(format!("Unknown algorithm: {text}")))
}

/// Takes a private key; `bits` and `algorithm` beside it must agree, so that an answer can be sent back as it came. One that
/// must not sign is kept, for those who kept it elsewhere, but not made active.
fn import(
    text: &str,
    flags: u16,
    bits: Option<u32>,
    algorithm: Option<u8>,
    is_active: bool,
) -> Result<String, ApiError> {
    let parsed = ZoneKey::from_isc(text, flags).and_then(|key| Ok((key, isc::normalize(text)?)));
    let (key, content) = parsed
        .map_err(|why| invalid(format!("Key could not be parsed. Make sure your key format is correct. ({why})")))?;
    // A GET answer for a key of unknown size says 0.
    if bits.is_some_and(|bits| bits != 0 && bits != key.bits()) {
        let text = format!("Private key size ({} bits) is inconsistent with the 'bits' field", key.bits());
        return Err(invalid(text));
    }
    if algorithm.is_some_and(|algorithm| algorithm != key.algorithm().number()) {
        let text = format!("Private key algorithm ({}) is inconsistent with the 'algorithm' field", key.algorithm());
        return Err(invalid(text));
    }
    if is_active && let Some(why) = key.unfit() {
        return Err(invalid(format!("The key cannot be active: {why}")));
    }
    Ok(content.as_str().to_owned())
}

fn generate(
    present: &[StoredKey],
    flags: u16,
    bits: Option<u32>,
    algorithm: Option<u8>,
    defaults: &ZoneDefaults,
) -> Result<String, ApiError> {
    let default = match flags {
        256 => defaults.zsk_algorithm.or(defaults.ksk_algorithm),
        _ => defaults.ksk_algorithm.or(defaults.zsk_algorithm),
    };
    let number = algorithm.or(default.map(Algorithm::number)).unwrap_or(Algorithm::EcdsaP256Sha256.number());
    let name = keys::algorithm_name(number);
    let refused = |why: &str| invalid(format!("Creating an algorithm {number} ({name}) key {why}"));
    let algorithm = match number.to_string().parse::<Algorithm>() {
        Ok(algorithm) => algorithm,
        Err(KeyError::Sha1(_)) => {
            return Err(refused("is not supported: signatures with SHA-1 must not be made (RFC 9905)"));
        }
        Err(_) => return Err(refused("is not supported")),
    };
    let bits = bits.filter(|&bits| bits != 0).or(defaults.bits(algorithm, flags));
    let Some(bits) = bits else { return Err(refused("requires the size (in bits) to be passed.")) };
    let has_size = algorithm.fixed_bits().map_or_else(|| RSA_BITS.contains(&bits), |fixed| fixed == bits);
    if !has_size {
        return Err(invalid("The algorithm does not support the given bit size."));
    }
    let tag = |key: &StoredKey| ZoneKey::from_isc(&key.content, key.flags).ok().map(|key| key.key_tag());
    let mut tags: Vec<u16> = present.iter().filter_map(tag).collect();
    defaults::generate_apart_from(&mut tags, algorithm, bits, flags)
        .map_err(|why| ApiError::Internal(format!("no key could be made: {why}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn add(body: Value) -> Result<(u16, bool, bool, String), String> {
        match new_key(&body, &[], &ZoneDefaults::default()) {
            Ok(KeyChange::Add { flags, active, published, content }) => Ok((flags, active, published, content)),
            Ok(_) => panic!("a new key is added"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn section_9_2_keys_are_inactive_and_published_unless_said_otherwise() {
        let (flags, active, published, content) = add(json!({"keytype": "csk"})).unwrap();
        assert_eq!((flags, active, published), (257, false, true));
        assert_eq!(keys::algorithm_number(&content), 13);
        let (flags, active, published, _) =
            add(json!({"keytype": "zsk", "active": true, "published": false, "algorithm": 13})).unwrap();
        assert_eq!((flags, active, published), (256, true, false));
        assert!(!add(json!({"keytype": "ksk", "active": "true"})).unwrap().1);
        let (.., content) = add(json!({"keytype": "ksk", "algorithm": "ECDSA384", "bits": 384})).unwrap();
        assert_eq!(keys::algorithm_number(&content), 14);
    }

    #[test]
    fn section_9_2_errors_are_the_dialects() {
        for (body, text) in [
            (json!({}), "Key 'keytype' not present or not a String"),
            (json!({"keytype": "x"}), "Invalid keytype x"),
            (json!({"keytype": "ksk", "bits": -1}), "'bits' must be a positive integer value"),
            (json!({"keytype": "ksk", "bits": "x"}), "'bits' must be a positive integer value"),
            (json!({"keytype": "ksk", "algorithm": "what"}), "Unknown algorithm: what"),
            (json!({"keytype": "ksk", "algorithm": 99}), "Unknown algorithm: 99"),
            (
                json!({"keytype": "ksk", "algorithm": 8}),
                "Creating an algorithm 8 (RSASHA256) key requires the size (in bits) to be passed.",
            ),
            (
                json!({"keytype": "ksk", "algorithm": 13, "bits": 512}),
                "The algorithm does not support the given bit size.",
            ),
            (
                json!({"keytype": "ksk", "algorithm": "rsasha512", "bits": 512}),
                "The algorithm does not support the given bit size.",
            ),
            (
                json!({"keytype": "ksk", "algorithm": "rsasha1", "bits": 2048}),
                "Creating an algorithm 5 (RSASHA1) key is not supported: signatures with SHA-1 must not be made (RFC 9905)",
            ),
            (json!({"keytype": "ksk", "algorithm": 16}), "Creating an algorithm 16 (ED448) key is not supported"),
        ] {
            assert_eq!(add(body.clone()).unwrap_err(), text, "{body}");
        }
        let error = add(json!({"keytype": "ksk", "privatekey": "nonsense"})).unwrap_err();
        assert!(error.starts_with("Key could not be parsed. Make sure your key format is correct."), "{error}");
    }

    #[test]
    fn section_9_2_rsa_keys_are_made_in_the_size_asked_for() {
        let (.., content) = add(json!({"keytype": "zsk", "algorithm": 10, "bits": 1024})).unwrap();
        let key = ZoneKey::from_isc(&content, 256).unwrap();
        assert_eq!((key.algorithm(), key.bits()), (Algorithm::RsaSha512, 1024));
        let sized = ZoneDefaults { zsk_bits: Some(1536), ..ZoneDefaults::default() };
        let Ok(KeyChange::Add { content, .. }) = new_key(&json!({"keytype": "zsk", "algorithm": 8}), &[], &sized)
        else {
            panic!("the size is set");
        };
        assert_eq!(ZoneKey::from_isc(&content, 256).unwrap().bits(), 1536);
    }

    /// PDNS-DIALECT 9.2: RSA keys as small as 256 bits must import.
    #[test]
    fn section_9_2_a_key_that_must_not_sign_is_taken_but_not_made_active() {
        let text = include_str!("../../dnssec/tests/keys/rsasha256-256.private");
        let body = |active: bool| json!({"keytype": "zsk", "privatekey": text, "active": active, "bits": 256});
        assert_eq!(add(body(false)).unwrap().3, text);
        let error = add(body(true)).unwrap_err();
        assert!(
            error.starts_with("The key cannot be active: RSASHA256 with a key of 256 bits must not sign"),
            "{error}"
        );
        let sha1 = text.replace("8 (RSASHA256)", "5 (RSASHA1)");
        let error = add(json!({"keytype": "zsk", "privatekey": sha1})).unwrap_err();
        assert!(error.contains("signs with SHA-1, which must not be used (RFC 9905)"), "{error}");
    }

    #[test]
    fn section_9_2_a_key_is_imported_as_it_was_exported_and_with_a_lone_bracket() {
        let (.., content) = add(json!({"keytype": "csk"})).unwrap();
        let whole =
            json!({"keytype": "csk", "algorithm": "ECDSAP256SHA256", "bits": 256, "privatekey": content, "id": 7});
        assert_eq!(add(whole).unwrap().3, content);
        assert_eq!(
            add(json!({"keytype": "csk", "content": format!("{}\n)\n", content.trim_end())})).unwrap().3,
            content
        );
        let error = add(json!({"keytype": "csk", "privatekey": content, "bits": 384})).unwrap_err();
        assert_eq!(error, "Private key size (256 bits) is inconsistent with the 'bits' field");
        assert!(add(json!({"keytype": "csk", "privatekey": content, "algorithm": 14})).is_err());
    }
}
