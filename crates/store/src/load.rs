//! Loading: everything zones are built from, streamed from one state of the database.

use std::collections::HashMap;

use wire::{Name, ZoneName};

use crate::served::Reader;
use crate::session::{BULK_STALL_MAX, Session, Sql, Value, list};
use crate::{FeedCursor, LoadItem, LoadZones, StoreError, StoredKey, ZoneHeader, ZoneId};
use crate::{changes, views};

/// Which zones, as SQL sees it: a JSON list, or all of them.
pub(crate) enum Which {
    All,
    Some(Vec<i64>),
}

impl Which {
    fn values(&self) -> Vec<Value> {
        match self {
            Which::All => Vec::new(),
            Which::Some(ids) => vec![list(ids)],
        }
    }
}

/// Streams the zones into `sink`, and returns the cursor that fits what was read.
pub(crate) async fn load(
    session: &mut Session,
    zones: LoadZones,
    default_ttl: u32,
    sink: &mut (dyn FnMut(LoadItem) + Send),
) -> Result<FeedCursor, StoreError> {
    session.begin_reading().await?;
    session.unhurried(BULK_STALL_MAX).await?;
    let state = changes::state(session).await?;
    let cursor = changes::cursor_now(session, &state).await?;
    let which = match zones {
        LoadZones::All => Which::All,
        LoadZones::Some(ids) => Which::Some(ids.into_iter().map(|id| id.0).collect()),
    };
    if matches!(which, Which::All) {
        sink(LoadItem::Views(views::read(session).await?));
    }
    let headers = headers(session, &which).await?;
    stream(session, &which, headers, default_ttl, sink).await?;
    session.commit().await?;
    Ok(cursor)
}

/// Headers of the zones that exist, by id.
pub(crate) async fn headers(session: &mut Session, which: &Which) -> Result<Vec<ZoneHeader>, StoreError> {
    const ZONES: Sql = Sql::both(
        "SELECT d.id, d.name, z.incarnation, z.generation \
         FROM domains d LEFT JOIN signpost_zone z ON z.domain_id = d.id ORDER BY d.id",
    );
    const SOME_ZONES: Sql = Sql {
        postgres: "SELECT d.id, d.name, z.incarnation, z.generation \
                   FROM domains d LEFT JOIN signpost_zone z ON z.domain_id = d.id \
                   WHERE d.id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::int)) ORDER BY d.id",
        sqlite: "SELECT d.id, d.name, z.incarnation, z.generation \
                 FROM domains d LEFT JOIN signpost_zone z ON z.domain_id = d.id \
                 WHERE d.id IN (SELECT value FROM json_each($1)) ORDER BY d.id",
    };
    const METADATA: Sql =
        Sql::both("SELECT domain_id, kind, content FROM domainmetadata WHERE domain_id IS NOT NULL ORDER BY id");
    const SOME_METADATA: Sql = Sql {
        postgres: "SELECT domain_id, kind, content FROM domainmetadata \
                   WHERE domain_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::int)) ORDER BY id",
        sqlite: "SELECT domain_id, kind, content FROM domainmetadata \
                 WHERE domain_id IN (SELECT value FROM json_each($1)) ORDER BY id",
    };
    const KEYS: Sql = Sql::both(
        "SELECT domain_id, id, flags, active, published, content FROM cryptokeys \
         WHERE domain_id IS NOT NULL ORDER BY id",
    );
    const SOME_KEYS: Sql = Sql {
        postgres: "SELECT domain_id, id, flags, active, published, content FROM cryptokeys \
                   WHERE domain_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::int)) ORDER BY id",
        sqlite: "SELECT domain_id, id, flags, active, published, content FROM cryptokeys \
                 WHERE domain_id IN (SELECT value FROM json_each($1)) ORDER BY id",
    };
    let (zones, metadata, keys) = match which {
        Which::All => (ZONES, METADATA, KEYS),
        Which::Some(_) => (SOME_ZONES, SOME_METADATA, SOME_KEYS),
    };

    let mut headers = Vec::new();
    let mut place = HashMap::new();
    session
        .each("reading zones", zones, which.values(), |row| {
            let id = row.int(0)?;
            let name = match ZoneName::parse(row.text(1)?) {
                Ok(name) => name,
                Err(error) => {
                    tracing::warn!(zone = row.text(1)?, %error, "a zone whose name cannot be read is left out");
                    return Ok(());
                }
            };
            place.insert(id, headers.len());
            headers.push(ZoneHeader {
                id: ZoneId(id),
                incarnation: row.int(2)? as u64,
                generation: row.int(3)? as u64,
                name,
                metadata: Vec::new(),
                keys: Vec::new(),
            });
            Ok(())
        })
        .await?;
    session
        .each("reading metadata", metadata, which.values(), |row| {
            if let Some(&at) = place.get(&row.int(0)?) {
                let header: &mut ZoneHeader = &mut headers[at];
                add_metadata(&mut header.metadata, row.text(1)?, row.text(2)?);
            }
            Ok(())
        })
        .await?;
    session
        .each("reading keys", keys, which.values(), |row| {
            if let Some(&at) = place.get(&row.int(0)?) {
                let header: &mut ZoneHeader = &mut headers[at];
                header.keys.push(StoredKey {
                    id: row.int(1)?,
                    flags: row.int(2)? as u16,
                    active: row.is_true(3)?,
                    published: row.is_true(4)?,
                    content: row.text(5)?.to_owned(),
                });
            }
            Ok(())
        })
        .await?;
    Ok(headers)
}

/// Puts a value under its kind, kinds in the order they first come.
pub(crate) fn add_metadata(metadata: &mut Vec<(String, Vec<String>)>, kind: &str, value: &str) {
    match metadata.iter_mut().find(|(known, _)| known == kind) {
        Some((_, values)) => values.push(value.to_owned()),
        None => metadata.push((kind.to_owned(), vec![value.to_owned()])),
    }
}

async fn stream(
    session: &mut Session,
    which: &Which,
    headers: Vec<ZoneHeader>,
    default_ttl: u32,
    sink: &mut (dyn FnMut(LoadItem) + Send),
) -> Result<(), StoreError> {
    // One cursor for all zones: a hundred thousand queries would take minutes.
    const RECORDS: Sql = Sql {
        postgres: "SELECT domain_id, name, type, content, ttl, prio FROM records \
                   WHERE type IS NOT NULL AND disabled = FALSE AND domain_id IS NOT NULL ORDER BY domain_id",
        sqlite: "SELECT domain_id, name, type, content, ttl, prio FROM records \
                 WHERE type IS NOT NULL AND disabled = 0 AND domain_id IS NOT NULL ORDER BY domain_id",
    };
    const SOME_RECORDS: Sql = Sql {
        postgres: "SELECT domain_id, name, type, content, ttl, prio FROM records \
                   WHERE type IS NOT NULL AND disabled = FALSE \
                   AND domain_id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::int)) ORDER BY domain_id",
        sqlite: "SELECT domain_id, name, type, content, ttl, prio FROM records \
                 WHERE type IS NOT NULL AND disabled = 0 \
                 AND domain_id IN (SELECT value FROM json_each($1)) ORDER BY domain_id",
    };
    let query = match which {
        Which::All => RECORDS,
        Which::Some(_) => SOME_RECORDS,
    };
    let mut reader = Reader::new(default_ttl);
    let mut waiting = headers.into_iter().peekable();
    // The zone whose records are being read.
    let mut current: Option<(i64, Name)> = None;
    session
        .each("reading records", query, which.values(), |row| {
            let zone = row.int(0)?;
            while current.as_ref().is_none_or(|(id, _)| *id != zone) {
                // Zones without records in between, then the zone itself; a row without a zone begins none.
                let Some(header) = waiting.next_if(|header| header.id.0 <= zone) else {
                    return Ok(());
                };
                if current.is_some() {
                    sink(LoadItem::EndOfZone);
                }
                current = Some((header.id.0, header.name.apex().clone()));
                sink(LoadItem::Zone(header));
            }
            let Some((_, apex)) = &current else { return Ok(()) };
            sink(match reader.read(&row, 1, apex)? {
                Ok(record) => LoadItem::Record(record),
                Err(bad) => LoadItem::BadRow { name: bad.name, rtype: bad.rtype, reason: bad.reason },
            });
            Ok(())
        })
        .await?;
    if current.is_some() {
        sink(LoadItem::EndOfZone);
    }
    for header in waiting {
        sink(LoadItem::Zone(header));
        sink(LoadItem::EndOfZone);
    }
    Ok(())
}
