//! Reading for API and command line.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use wire::{Name, RecordType, ZoneName};

use crate::session::{Row, Session, Sql, Value};
use crate::soa::serial_of;
use crate::{
    Comment, RrsetFilter, StoreError, StoredKey, StoredRecord, StoredRrset, ZoneFilter, ZoneId, ZoneKind, ZoneSummary,
};

/// Zones by the filter, ordered by id. Three queries whatever their number.
pub(crate) async fn zones(session: &mut Session, filter: &ZoneFilter) -> Result<Vec<ZoneSummary>, StoreError> {
    // The apex of a variant stands before two dots; those behind an escaped one end a label (see `ZoneName`).
    const ZONES: Sql = Sql {
        postgres: "SELECT d.id, d.name, d.type, d.master, d.account, d.catalog, d.last_check, d.notified_serial, s.content, \
                   d.options \
                   FROM domains d LEFT JOIN records s \
                   ON s.domain_id = d.id AND s.type = 'SOA' AND s.disabled = FALSE AND s.name = CASE \
                   WHEN strpos(d.name, '..') = 0 OR strpos(d.name, '\\..') > 0 THEN d.name \
                   WHEN strpos(d.name, '..') = 1 THEN '.' ELSE split_part(d.name, '..', 1) END ORDER BY d.id, s.id",
        sqlite: "SELECT d.id, d.name, d.type, d.master, d.account, d.catalog, d.last_check, d.notified_serial, s.content, \
                   d.options \
                 FROM domains d LEFT JOIN records s \
                 ON s.domain_id = d.id AND s.type = 'SOA' AND s.disabled = FALSE AND s.name = CASE \
                 WHEN instr(d.name, '..') = 0 OR instr(d.name, '\\..') > 0 THEN d.name \
                 WHEN instr(d.name, '..') = 1 THEN '.' ELSE substr(d.name, 1, instr(d.name, '..') - 1) END \
                 ORDER BY d.id, s.id",
    };
    const ONE_ZONE: Sql = Sql::both(
        "SELECT d.id, d.name, d.type, d.master, d.account, d.catalog, d.last_check, d.notified_serial, s.content, \
         d.options \
         FROM domains d LEFT JOIN records s \
         ON s.domain_id = d.id AND s.name = $2 AND s.type = 'SOA' AND s.disabled = FALSE \
         WHERE d.name = $1 ORDER BY d.id, s.id",
    );
    const METADATA: Sql = Sql::both(
        "SELECT domain_id, kind, content FROM domainmetadata WHERE kind IN \
         ('SOA-EDIT', 'SOA-EDIT-API', 'API-RECTIFY', 'NSEC3PARAM', 'NSEC3NARROW', 'PRESIGNED') ORDER BY id",
    );
    const ONE_METADATA: Sql = Sql::both(
        "SELECT m.domain_id, m.kind, m.content FROM domainmetadata m JOIN domains d ON d.id = m.domain_id \
         WHERE d.name = $1 AND m.kind IN \
         ('SOA-EDIT', 'SOA-EDIT-API', 'API-RECTIFY', 'NSEC3PARAM', 'NSEC3NARROW', 'PRESIGNED') ORDER BY m.id",
    );
    const ACTIVE_KEYS: Sql =
        Sql::both("SELECT DISTINCT domain_id FROM cryptokeys WHERE active = TRUE AND domain_id IS NOT NULL");
    const ONE_ACTIVE_KEYS: Sql = Sql::both(
        "SELECT DISTINCT k.domain_id FROM cryptokeys k JOIN domains d ON d.id = k.domain_id \
         WHERE d.name = $1 AND k.active = TRUE",
    );
    let values: Vec<Value> = filter.name.iter().map(|name| Value::Text(name.to_dotless())).collect();
    let apex = filter.name.iter().map(|name| Value::Text(name.apex().to_dotless()));
    let values_with_apex: Vec<Value> = values.iter().cloned().chain(apex).collect();
    let (zones, metadata, keys) = match filter.name {
        None => (ZONES, METADATA, ACTIVE_KEYS),
        Some(_) => (ONE_ZONE, ONE_METADATA, ONE_ACTIVE_KEYS),
    };

    session.begin_reading().await?;
    if filter.name.is_none() {
        session.unhurried(Duration::ZERO).await?;
    }
    let mut summaries: Vec<ZoneSummary> = Vec::new();
    session
        .each("reading zones", zones, values_with_apex, |row| {
            // A zone that PowerDNS gave two SOA records counts once, with the older one.
            if summaries.last().is_some_and(|last| last.id.0 == row.int(0).unwrap_or(-1)) {
                return Ok(());
            }
            if let Some(summary) = summary(&row)? {
                summaries.push(summary);
            }
            Ok(())
        })
        .await?;
    let place: HashMap<i64, usize> = summaries.iter().enumerate().map(|(at, zone)| (zone.id.0, at)).collect();
    session
        .each("reading metadata", metadata, values.clone(), |row| {
            let Some(&at) = place.get(&row.int(0)?) else { return Ok(()) };
            let zone: &mut ZoneSummary = &mut summaries[at];
            let value = row.text(2)?;
            let slot = match row.text(1)? {
                "SOA-EDIT" => &mut zone.soa_edit,
                "SOA-EDIT-API" => &mut zone.soa_edit_api,
                "API-RECTIFY" => &mut zone.api_rectify,
                "NSEC3PARAM" => &mut zone.nsec3param,
                "NSEC3NARROW" => {
                    zone.nsec3narrow |= value == "1";
                    return Ok(());
                }
                "PRESIGNED" => {
                    zone.is_presigned |= value == "1";
                    zone.is_secured |= zone.is_presigned;
                    return Ok(());
                }
                _ => return Ok(()),
            };
            // Of several values the first counts.
            slot.get_or_insert_with(|| value.to_owned());
            Ok(())
        })
        .await?;
    if !filter.without_dnssec {
        session
            .each("reading keys", keys, values, |row| {
                if let Some(&at) = place.get(&row.int(0)?) {
                    summaries[at].is_secured = true;
                }
                Ok(())
            })
            .await?;
    }
    session.commit().await?;
    Ok(summaries)
}

fn summary(row: &Row) -> Result<Option<ZoneSummary>, StoreError> {
    let Ok(name) = ZoneName::parse(row.text(1)?) else {
        tracing::warn!(zone = row.text(1)?, "a zone whose name cannot be read is left out");
        return Ok(None);
    };
    Ok(Some(ZoneSummary {
        id: ZoneId(row.int(0)?),
        name,
        kind: ZoneKind::parse_lenient(row.text(2)?),
        masters: split_masters(row.text(3)?),
        account: row.text(4)?.to_owned(),
        catalog: row.text_or_null(5)?.filter(|text| !text.is_empty()).and_then(|text| Name::parse(text).ok()),
        options: row.text(9)?.to_owned(),
        last_check: row.int(6)?,
        notified_serial: row.int(7)? as u32,
        serial: row.text_or_null(8)?.map(|content| serial_of(content).unwrap_or(0)),
        is_secured: false,
        is_presigned: false,
        soa_edit: None,
        soa_edit_api: None,
        api_rectify: None,
        nsec3param: None,
        nsec3narrow: false,
    }))
}

/// Primaries are separated by commas, spaces or tabs (PDNS-DIALECT section 12.1).
pub(crate) fn split_masters(text: &str) -> Vec<String> {
    text.split([',', ' ', '\t']).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// RRsets with records and comments, names and types descending as the API lists them.
pub(crate) async fn rrsets(
    session: &mut Session,
    zone: ZoneId,
    filter: &RrsetFilter,
    default_ttl: u32,
) -> Result<Vec<StoredRrset>, StoreError> {
    const RECORDS: Sql = Sql::both(
        "SELECT name, type, ttl, content, prio, disabled FROM records WHERE domain_id = $1 AND type IS NOT NULL",
    );
    const RECORDS_AT: Sql = Sql::both(
        "SELECT name, type, ttl, content, prio, disabled FROM records \
         WHERE domain_id = $1 AND name = $2 AND type IS NOT NULL",
    );
    const COMMENTS: Sql =
        Sql::both("SELECT name, type, comment, account, modified_at FROM comments WHERE domain_id = $1");
    const COMMENTS_AT: Sql =
        Sql::both("SELECT name, type, comment, account, modified_at FROM comments WHERE domain_id = $1 AND name = $2");
    let mut values = vec![Value::Int(zone.0)];
    let (records, comments) = match &filter.name {
        None => (RECORDS, COMMENTS),
        Some(name) => {
            values.push(Value::Text(name.to_lowercase().to_dotless()));
            (RECORDS_AT, COMMENTS_AT)
        }
    };
    let wanted = filter.rtype.filter(|_| filter.name.is_some());

    session.begin_reading().await?;
    if filter.name.is_none() {
        session.unhurried(Duration::ZERO).await?;
    }
    let mut found: HashMap<(Name, RecordType), StoredRrset> = HashMap::new();
    let mut entry = |row: &Row, take: &mut dyn FnMut(&mut StoredRrset) -> Result<(), StoreError>| {
        let (Some(name), Ok(rtype)) = (row.name(0)?, row.text(1)?.parse::<RecordType>()) else {
            tracing::warn!(name = row.text(0)?, rtype = row.text(1)?, "a row with an unreadable name or type");
            return Ok(());
        };
        if wanted.is_some_and(|wanted| wanted != rtype) {
            return Ok(());
        }
        let rrset = found.entry((name.clone(), rtype)).or_insert_with(|| StoredRrset {
            name,
            rtype,
            ttl: u32::MAX,
            records: Vec::new(),
            comments: Vec::new(),
        });
        take(rrset)
    };
    session
        .each("reading records", records, values.clone(), |row| {
            entry(&row, &mut |rrset| {
                let ttl = row.int_or_null(2)?.unwrap_or(i64::from(default_ttl));
                rrset.ttl = rrset.ttl.min(u32::try_from(ttl).unwrap_or(0));
                rrset.records.push(StoredRecord {
                    content: row.text(3)?.to_owned(),
                    prio: i32::try_from(row.int(4)?).unwrap_or(0),
                    disabled: row.is_disabled(5)?,
                });
                Ok(())
            })
        })
        .await?;
    session
        .each("reading comments", comments, values, |row| {
            entry(&row, &mut |rrset| {
                rrset.comments.push(Comment {
                    content: row.text(2)?.to_owned(),
                    account: row.text(3)?.to_owned(),
                    modified_at: Some(row.int(4)?),
                });
                Ok(())
            })
        })
        .await?;
    session.commit().await?;

    let mut rrsets: Vec<StoredRrset> = found.into_values().collect();
    for rrset in &mut rrsets {
        if rrset.records.is_empty() {
            rrset.ttl = 0;
        }
        rrset.records.sort_by(|a, b| (&a.content, a.prio, a.disabled).cmp(&(&b.content, b.prio, b.disabled)));
        rrset.comments.sort_by(|a, b| (&a.content, a.modified_at).cmp(&(&b.content, b.modified_at)));
    }
    rrsets.sort_by_cached_key(|rrset| std::cmp::Reverse((canonical_key(&rrset.name), rrset.rtype)));
    Ok(rrsets)
}

/// Orders as RFC 4034 section 6.1 does, as plain octets: a million names are compared twenty times each.
fn canonical_key(name: &Name) -> Vec<Vec<u8>> {
    let mut labels: Vec<Vec<u8>> = name.labels().map(<[u8]>::to_ascii_lowercase).collect();
    labels.reverse();
    labels
}

/// Metadata by kind, sorted.
pub(crate) async fn metadata(session: &mut Session, zone: ZoneId) -> Result<Vec<(String, Vec<String>)>, StoreError> {
    const METADATA: Sql = Sql::both("SELECT kind, content FROM domainmetadata WHERE domain_id = $1 ORDER BY id");
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in session.rows("reading metadata", METADATA, [Value::Int(zone.0)]).await? {
        kinds.entry(row.text(0)?.to_owned()).or_default().push(row.text(1)?.to_owned());
    }
    Ok(kinds.into_iter().collect())
}

/// Keys by id.
pub(crate) async fn keys(session: &mut Session, zone: ZoneId) -> Result<Vec<StoredKey>, StoreError> {
    const KEYS: Sql =
        Sql::both("SELECT id, flags, active, published, content FROM cryptokeys WHERE domain_id = $1 ORDER BY id");
    session
        .rows("reading keys", KEYS, [Value::Int(zone.0)])
        .await?
        .iter()
        .map(|row| {
            Ok(StoredKey {
                id: row.int(0)?,
                flags: row.int(1)? as u16,
                active: row.is_true(2)?,
                published: row.is_true(3)?,
                content: row.text(4)?.to_owned(),
            })
        })
        .collect()
}
