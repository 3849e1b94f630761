//! Settings of a zone in a POST or PUT body (PDNS-DIALECT 4.3 and 4.4): kind, primaries, serial rules, DNSSEC.

use std::net::{AddrParseError, IpAddr, SocketAddr};

use dnssec::Algorithm;
use serde_json::Value;
use store::{ZoneEdit, ZoneKind};
use wire::ZoneName;

use crate::error::{ApiError, invalid};
use crate::{ZoneDefaults, defaults, fields, names, nsec3param};

/// Longest account (column `domains.account`).
const ACCOUNT_CHARACTERS_MAX: usize = 40;
/// Longest list of primaries (column `domains.master`).
const MASTERS_CHARACTERS_MAX: usize = 128;

/// Adds to `edit` what does not concern DNSSEC. Fields of the wrong type count as absent, as PowerDNS has it.
pub(crate) fn apply_plain(body: &Value, edit: &mut ZoneEdit) -> Result<(), ApiError> {
    if let Some(kind) = fields::string_if_any(body, "kind") {
        edit.kind = Some(ZoneKind::parse_lenient(kind));
    }
    if let Some(masters) = fields::strings(body, "masters")? {
        edit.masters = Some(parse_masters(&masters)?);
    }
    if let Some(account) = fields::string_if_any(body, "account") {
        edit.account = Some(fields::at_most("account", account, ACCOUNT_CHARACTERS_MAX)?.to_owned());
    }
    if let Some(catalog) = fields::string_if_any(body, "catalog") {
        edit.catalog = Some(if catalog.is_empty() { None } else { Some(names::catalog(catalog)?) });
    }
    for (field, kind) in [("soa_edit_api", "SOA-EDIT-API"), ("soa_edit", "SOA-EDIT")] {
        if let Some(value) = fields::string_if_any(body, field) {
            let value = fields::at_most(field, value, 32)?;
            edit.metadata.push((kind.to_owned(), vec![value.to_owned()]));
        }
    }
    if let Some(rectify) = body["api_rectify"].as_bool() {
        let value = if rectify { "1" } else { "0" };
        edit.metadata.push(("API-RECTIFY".to_owned(), vec![value.to_owned()]));
    }
    Ok(())
}

fn parse_masters(masters: &[String]) -> Result<Vec<String>, ApiError> {
    let parsed = masters.iter().map(|text| parse_master(text)).collect::<Result<Vec<_>, _>>()?;
    fields::at_most("masters", &parsed.join(", "), MASTERS_CHARACTERS_MAX)?;
    Ok(parsed)
}

fn parse_master(text: &str) -> Result<String, ApiError> {
    if text.is_empty() {
        return Err(invalid("Primary can not be an empty string"));
    }
    parse_primary(text).map_err(|why| invalid(format!("Primary ({text}) is not an IP address: {why}")))
}

/// The address of a primary as it is stored: with its port if that is not 53.
///
/// # Errors
///
/// It is no address.
pub fn parse_primary(text: &str) -> Result<String, AddrParseError> {
    let address = text.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    match (address, text.parse::<SocketAddr>()) {
        (Ok(address), _) => Ok(address.to_string()),
        (_, Ok(socket)) if socket.port() == 53 => Ok(socket.ip().to_string()),
        (_, Ok(socket)) if socket.port() != 0 => Ok(socket.to_string()),
        (Err(why), _) => Err(why),
    }
}

/// How much work [`apply_dnssec`] is, as [`crate::offload::run`] takes it: RSA keys may take seconds to make.
pub(crate) fn dnssec_work(body: &Value, defaults: &ZoneDefaults) -> usize {
    let is_rsa = |algorithm: Option<Algorithm>| algorithm.is_some_and(|algorithm| algorithm.fixed_bits().is_none());
    let makes_rsa = is_rsa(defaults.ksk_algorithm) || is_rsa(defaults.zsk_algorithm);
    if makes_rsa && body["dnssec"].as_bool() == Some(true) { usize::MAX } else { 0 }
}

/// Adds to `edit` what a body says about DNSSEC, and tells whether the zone's keys or its denial change.
///
/// `is_secured` is the zone's present state. A zone that becomes signed gets the defaults; `nsec3param` in the same body wins.
pub(crate) fn apply_dnssec(
    body: &Value,
    zone: &ZoneName,
    is_secured: bool,
    defaults: &ZoneDefaults,
    edit: &mut ZoneEdit,
) -> Result<bool, ApiError> {
    let mut changes = false;
    let mut will_be_secured = is_secured;
    match (body["dnssec"].as_bool(), is_secured) {
        (Some(true), false) => {
            let (keys, metadata) = defaults
                .secure()
                .map_err(|why| ApiError::Internal(format!("no keys could be made for {zone}: {why}")))?;
            edit.keys.extend(keys);
            edit.metadata.extend(metadata);
            (changes, will_be_secured) = (true, true);
        }
        (Some(false), true) => {
            let (keys, metadata) = defaults::unsecure();
            edit.keys.extend(keys);
            edit.metadata.extend(metadata);
            (changes, will_be_secured) = (true, false);
        }
        _ => {}
    }
    let Some(text) = fields::string_if_any(body, "nsec3param") else { return Ok(changes) };
    let (param, narrow) = match text {
        "" => (Vec::new(), Vec::new()),
        _ if !will_be_secured => {
            let text = format!("NSEC3PARAM value provided for zone '{zone}', but zone is not DNSSEC secured.");
            return Err(invalid(text));
        }
        text => {
            let param = nsec3param::canonical(text, defaults.nsec3_iterations_max)
                .map_err(|why| invalid(format!("NSEC3PARAMs provided for zone '{zone}' are invalid. {why}")))?;
            let narrow = fields::boolean_or(body, "nsec3narrow", false);
            (vec![param], if narrow { vec!["1".to_owned()] } else { Vec::new() })
        }
    };
    edit.metadata.retain(|(kind, _)| kind != "NSEC3PARAM" && kind != "NSEC3NARROW");
    edit.metadata.push(("NSEC3PARAM".to_owned(), param));
    edit.metadata.push(("NSEC3NARROW".to_owned(), narrow));
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn plain(body: Value) -> Result<ZoneEdit, ApiError> {
        let mut edit = ZoneEdit::default();
        apply_plain(&body, &mut edit).map(|()| edit)
    }

    fn dnssec(body: Value, is_secured: bool) -> Result<(bool, ZoneEdit), ApiError> {
        let mut edit = ZoneEdit::default();
        let zone = ZoneName::parse("x.test").unwrap();
        let changes = apply_dnssec(&body, &zone, is_secured, &ZoneDefaults::default(), &mut edit)?;
        Ok((changes, edit))
    }

    #[test]
    fn section_4_3_primaries_are_addresses_with_the_port_unless_53() {
        let masters = |list: Value| plain(json!({ "masters": list })).map(|edit| edit.masters.unwrap());
        let given =
            json!(["192.0.2.1", "192.0.2.2:53", "192.0.2.3:5300", "2001:DB8::1", "[2001:db8::2]:5300", "[::3]:53"]);
        let wanted = ["192.0.2.1", "192.0.2.2", "192.0.2.3:5300", "2001:db8::1", "[2001:db8::2]:5300", "::3"];
        assert_eq!(masters(given).unwrap(), wanted);
        assert_eq!(masters(json!([""])).unwrap_err().to_string(), "Primary can not be an empty string");
        assert!(masters(json!(["ns1"])).unwrap_err().to_string().starts_with("Primary (ns1) is not an IP address: "));
        assert!(masters(json!(vec!["2001:db8:1111:2222:3333:4444:5555:6666"; 4])).is_err());
    }

    #[test]
    fn section_4_4_settings_become_metadata_and_empty_values_are_kept() {
        let edit = plain(
            json!({"soa_edit_api": "", "soa_edit": "EPOCH", "api_rectify": false, "catalog": "", "kind": "secondary"}),
        );
        let edit = edit.unwrap();
        assert_eq!(edit.metadata[0], ("SOA-EDIT-API".to_owned(), vec![String::new()]));
        assert_eq!(edit.metadata[1], ("SOA-EDIT".to_owned(), vec!["EPOCH".to_owned()]));
        assert_eq!(edit.metadata[2], ("API-RECTIFY".to_owned(), vec!["0".to_owned()]));
        assert!(edit.catalog == Some(None) && edit.kind == Some(ZoneKind::Slave));
        assert!(plain(json!({"account": "x".repeat(41)})).is_err());
    }

    #[test]
    fn section_4_4_dnssec_switches_and_nsec3param_needs_a_signed_zone() {
        let (changes, edit) = dnssec(json!({"dnssec": true}), false).unwrap();
        assert!(changes && edit.keys.len() == 2);
        assert!(edit.metadata.contains(&("NSEC3PARAM".to_owned(), vec!["1 0 0 -".to_owned()])));
        let (changes, edit) = dnssec(json!({"dnssec": true}), true).unwrap();
        assert!(!changes && edit.keys.is_empty());
        let (_, edit) = dnssec(json!({"dnssec": true, "nsec3param": ""}), false).unwrap();
        assert!(edit.metadata.contains(&("NSEC3PARAM".to_owned(), vec![])));
        let (_, edit) = dnssec(json!({"nsec3param": "1 1 2 AB", "nsec3narrow": true}), true).unwrap();
        assert_eq!(edit.metadata[0], ("NSEC3PARAM".to_owned(), vec!["1 1 2 ab".to_owned()]));
        assert_eq!(edit.metadata[1], ("NSEC3NARROW".to_owned(), vec!["1".to_owned()]));
        let error = |body, is_secured| dnssec(body, is_secured).err().expect("refused").to_string();
        assert_eq!(
            error(json!({"nsec3param": "1 0 0 -"}), false),
            "NSEC3PARAM value provided for zone 'x.test.', but zone is not DNSSEC secured."
        );
        assert_eq!(
            error(json!({"nsec3param": "1 0 500 -"}), true),
            "NSEC3PARAMs provided for zone 'x.test.' are invalid. Number of NSEC3 iterations is above 'max-nsec3-iterations'."
        );
        let (changes, _) = dnssec(json!({"nsec3narrow": true}), true).unwrap();
        assert!(!changes, "nsec3narrow alone does nothing");
    }
}
