//! A zone as the API shows it (PDNS-DIALECT section 3). Fields stand in byte order.

use jiff::Timestamp;
use serde::Serialize;
use store::{ZoneSummary, serial};

use crate::state::Api;
use crate::zone_id;

/// A zone in the list: these fields and no others, since typed clients choke on new ones.
#[derive(Serialize)]
pub(crate) struct ZoneListItem<'a> {
    account: &'a str,
    catalog: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    dnssec: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_serial: Option<u32>,
    id: String,
    kind: &'static str,
    last_check: i64,
    masters: &'a [String],
    name: String,
    notified_serial: u32,
    serial: u32,
    url: String,
}

/// What a zone's view depends on besides the zone.
pub(crate) struct ViewContext<'a> {
    soa_edit: &'a str,
    soa_edit_signed: &'a str,
    now: i64,
}

impl ViewContext<'_> {
    /// Reads the clock once for all zones of an answer.
    pub(crate) fn new(api: &Api) -> ViewContext<'_> {
        ViewContext {
            soa_edit: &api.state.defaults.soa_edit,
            soa_edit_signed: &api.state.defaults.soa_edit_signed,
            now: Timestamp::now().as_second(),
        }
    }

    fn edited_serial(&self, zone: &ZoneSummary) -> u32 {
        let Some(stored) = zone.serial else { return 0 };
        let mode = match zone.soa_edit.as_deref() {
            // The signer of a presigned zone made its serial part of the signed data.
            _ if zone.is_presigned => "",
            Some(mode) if !mode.is_empty() => mode,
            _ if zone.is_secured && !self.soa_edit_signed.is_empty() => self.soa_edit_signed,
            _ => self.soa_edit,
        };
        serial::soa_edit(mode, stored, self.now)
    }
}

impl<'a> ZoneListItem<'a> {
    /// Without what `dnssec=false` leaves out.
    pub(crate) fn new(zone: &'a ZoneSummary, context: &ViewContext<'_>, with_dnssec: bool) -> ZoneListItem<'a> {
        let id = zone_id::encode(&zone.name);
        ZoneListItem {
            account: &zone.account,
            catalog: zone.catalog.as_ref().map_or_else(String::new, |catalog| catalog.to_string()),
            dnssec: with_dnssec.then_some(zone.is_secured),
            edited_serial: with_dnssec.then(|| context.edited_serial(zone)),
            url: format!("{}{id}", zone_id::ZONES_PATH),
            id,
            kind: zone.kind.as_api(),
            last_check: zone.last_check,
            masters: &zone.masters,
            name: zone.name.to_string(),
            notified_serial: zone.notified_serial,
            serial: zone.serial.unwrap_or(0),
        }
    }
}

/// A zone alone, up to its `rrsets`.
#[derive(Serialize)]
pub(crate) struct ZoneHead<'a> {
    account: &'a str,
    api_rectify: bool,
    catalog: String,
    dnssec: bool,
    edited_serial: u32,
    id: &'a str,
    kind: &'static str,
    last_check: i64,
    master_tsig_key_ids: Vec<String>,
    masters: &'a [String],
    name: String,
    notified_serial: u32,
    nsec3narrow: bool,
    nsec3param: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_count: Option<usize>,
}

/// A zone alone, from behind its `rrsets`.
#[derive(Serialize)]
pub(crate) struct ZoneTail<'a> {
    serial: u32,
    slave_tsig_key_ids: Vec<String>,
    soa_edit: &'a str,
    soa_edit_api: String,
    url: String,
}

/// Both parts, to be written around the RRsets.
pub(crate) fn head_and_tail<'a>(
    zone: &'a ZoneSummary,
    id: &'a str,
    metadata: &[(String, Vec<String>)],
    record_count: Option<usize>,
    context: &ViewContext<'_>,
) -> (ZoneHead<'a>, ZoneTail<'a>) {
    let values = |kind: &str| {
        let found = metadata.iter().find(|(known, _)| known == kind);
        found.map_or(&[][..], |(_, values)| values.as_slice())
    };
    let key_ids = |kind: &str| values(kind).iter().map(|name| key_id(name)).collect();
    let nsec3param = zone.nsec3param.as_deref().filter(|_| zone.is_secured).unwrap_or("");
    let head = ZoneHead {
        account: &zone.account,
        api_rectify: zone.api_rectify.as_deref() == Some("1"),
        catalog: zone.catalog.as_ref().map_or_else(String::new, |catalog| catalog.to_string()),
        dnssec: zone.is_secured,
        edited_serial: context.edited_serial(zone),
        id,
        kind: zone.kind.as_api(),
        last_check: zone.last_check,
        master_tsig_key_ids: key_ids("TSIG-ALLOW-AXFR"),
        masters: &zone.masters,
        name: zone.name.to_string(),
        notified_serial: zone.notified_serial,
        nsec3narrow: zone.is_secured && zone.nsec3narrow,
        nsec3param,
        record_count,
    };
    let tail = ZoneTail {
        serial: zone.serial.unwrap_or(0),
        slave_tsig_key_ids: key_ids("AXFR-MASTER-TSIG"),
        soa_edit: zone.soa_edit.as_deref().unwrap_or(""),
        // Some clients take only the spelling of the documentation.
        soa_edit_api: zone.soa_edit_api.as_deref().unwrap_or("").to_ascii_uppercase(),
        url: format!("{}{id}", zone_id::ZONES_PATH),
    };
    (head, tail)
}

/// The id of a TSIG key that metadata names, with or without its final dot.
fn key_id(name: &str) -> String {
    match wire::Name::parse(name) {
        Ok(name) => zone_id::encode(&name.to_lowercase()),
        Err(_) => name.to_owned(),
    }
}
