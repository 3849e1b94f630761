//! The sample zone, made at the first start only.

use std::sync::Arc;

use anyhow::Context;
use store::{
    NewZone, Rectify, RrsetChange, RrsetEdit, SerialBump, Store, StoreError, StoredRecord, ZoneEdit, ZoneKind,
};
use wire::{Name, RecordType, ZoneName};

use crate::config::Settings;
use crate::database;

/// Owner relative to the zone, type, contents. Addresses of RFC 5737 and RFC 3849.
const RECORDS: &[(&str, &str, &[&str])] = &[
    ("@", "NS", &["ns1.example.com."]),
    ("@", "MX", &["10 mail.example.com."]),
    ("@", "TXT", &["\"v=spf1 mx -all\""]),
    ("ns1", "A", &["127.0.0.1"]),
    ("mail", "A", &["192.0.2.25"]),
    ("www", "A", &["192.0.2.80", "192.0.2.81"]),
    ("www", "AAAA", &["2001:db8::80"]),
    ("blog", "CNAME", &["www.example.com."]),
    ("*.apps", "A", &["192.0.2.90"]),
    ("_sip._tcp", "SRV", &["10 20 5060 www.example.com."]),
];

/// Short, so that changes show.
const TTL_SECS: u32 = 60;
const SOA: &str = "ns1.example.com. hostmaster.example.com. 0 10800 3600 604800 60";

/// Its name.
pub(super) fn zone() -> Name {
    Name::parse("example.com").expect("it is a name")
}

pub(super) async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    let database = settings.database.as_ref().context("quickstart always has a database")?;
    let store = store::open(&database::store_settings(database, &settings.zones, true)).await;
    store.with_context(|| format!("cannot open {}", database.url.0))
}

/// Makes the zone and its keys unless it is there. Returns whether it was made.
pub(super) async fn ensure(settings: &Settings, zone: &Name) -> anyhow::Result<bool> {
    let store = open(settings).await?;
    if store.zone(&ZoneName::from(zone)).await?.is_some() {
        return Ok(false);
    }
    let (keys, mut metadata) = settings.zones.secure().context("cannot make keys")?;
    metadata.push(("SOA-EDIT-API".to_owned(), vec!["DEFAULT".to_owned()]));
    let content = ZoneEdit {
        rrsets: RrsetEdit::ReplaceAll(rrsets(zone)?),
        kind: Some(ZoneKind::Native),
        account: Some(String::new()),
        metadata,
        keys,
        serial: SerialBump::BySoaEditApi,
        rectify: Rectify::Whole,
        actor: Some("quickstart".to_owned()),
        ..ZoneEdit::default()
    };
    match store.create_zone(NewZone { name: ZoneName::from(zone), content }).await {
        Ok(_) => Ok(true),
        // Another one was started at the same moment.
        Err(StoreError::Exists { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn rrsets(zone: &Name) -> anyhow::Result<Vec<RrsetChange>> {
    let mut rrsets = vec![rrset(zone, "@", "SOA", &[SOA])?];
    for (owner, rtype, contents) in RECORDS {
        rrsets.push(rrset(zone, owner, rtype, contents)?);
    }
    Ok(rrsets)
}

fn rrset(zone: &Name, owner: &str, rtype: &str, contents: &[&str]) -> anyhow::Result<RrsetChange> {
    let name = if owner == "@" { zone.clone() } else { Name::parse_relative(owner, zone)? };
    let rtype: RecordType = rtype.parse()?;
    let record = |text: &&str| {
        let content = wire::content::from_zone_file(rtype, text, zone)?;
        anyhow::Ok(StoredRecord { content: content.stored, prio: content.prio, disabled: false })
    };
    let records = contents.iter().map(record).collect::<Result<_, _>>()?;
    Ok(RrsetChange::Replace { name, rtype, ttl: TTL_SECS, records: Some(records), comments: None })
}
