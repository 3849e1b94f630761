//! A zone row by row, to be written to another database as it stands: nothing is parsed, derived or left out.

use serde::Serialize;
use wire::ZoneName;

use crate::session::{BULK_STALL_MAX, Row, Session, Sql, Value, list};
use crate::{StoreError, StoredKey, ZoneId, rows};

/// Rows in one statement.
const ROWS_AT_ONCE: usize = 5000;

/// Everything that a zone's tables hold, in an order of its own; the numbers of rows are left out.
#[derive(Debug, Clone)]
pub struct ZoneRows {
    /// Its name.
    pub name: ZoneName,
    /// Columns of `domains`.
    pub domain: DomainRow,
    /// Of `records`, empty non-terminals included.
    pub records: Vec<RawRecord>,
    /// Of `comments`.
    pub comments: Vec<RawComment>,
    /// Of `domainmetadata`: kind and content.
    pub metadata: Vec<(Option<String>, Option<String>)>,
    /// Of `cryptokeys`; the other database gives them new ids.
    pub keys: Vec<StoredKey>,
}

/// A row of `domains`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainRow {
    pub(crate) texts: [Option<String>; 5],
    pub(crate) last_check: Option<i64>,
    pub(crate) notified_serial: Option<i64>,
}

/// A row of `records`; names in lower case, as Postgres demands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RawRecord {
    name: Option<String>,
    r#type: Option<String>,
    content: Option<String>,
    ttl: Option<i64>,
    prio: Option<i64>,
    disabled: Option<bool>,
    ordername: Option<String>,
    auth: Option<bool>,
}

/// A row of `comments`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RawComment {
    name: String,
    r#type: String,
    modified_at: i64,
    account: Option<String>,
    comment: String,
}

impl ZoneRows {
    /// Whether two databases hold the same of a zone; ids of keys do not count.
    pub fn is_same(&self, other: &ZoneRows) -> bool {
        let keys = |rows: &ZoneRows| -> Vec<(u16, bool, bool, String)> {
            rows.keys.iter().map(|key| (key.flags, key.active, key.published, key.content.clone())).collect()
        };
        self.name == other.name
            && self.domain == other.domain
            && self.records == other.records
            && self.comments == other.comments
            && self.metadata == other.metadata
            && keys(self) == keys(other)
    }
}

/// Reads a zone in one state of the database.
pub(crate) async fn read(session: &mut Session, zone: ZoneId) -> Result<ZoneRows, StoreError> {
    const DOMAIN: Sql = Sql::both(
        "SELECT name, type, master, account, options, catalog, last_check, notified_serial FROM domains WHERE id = $1",
    );
    const RECORDS: Sql =
        Sql::both("SELECT name, type, content, ttl, prio, disabled, ordername, auth FROM records WHERE domain_id = $1");
    const COMMENTS: Sql =
        Sql::both("SELECT name, type, modified_at, account, comment FROM comments WHERE domain_id = $1");
    const METADATA: Sql = Sql::both("SELECT kind, content FROM domainmetadata WHERE domain_id = $1 ORDER BY kind, id");
    const KEYS: Sql =
        Sql::both("SELECT id, flags, active, published, content FROM cryptokeys WHERE domain_id = $1 ORDER BY id");
    let doing = "reading a zone to copy";
    let id = || [Value::Int(zone.0)];
    session.begin_reading().await?;
    session.unhurried(BULK_STALL_MAX).await?;
    let row = session.first(doing, DOMAIN, id()).await?.ok_or(StoreError::NotFound { what: "zone" })?;
    let name =
        ZoneName::parse(row.text(0)?).map_err(|_| StoreError::Malformed("a zone's name cannot be read".to_owned()))?;
    let domain = DomainRow {
        texts: [text(&row, 1)?, text(&row, 2)?, text(&row, 3)?, text(&row, 4)?, text(&row, 5)?],
        last_check: row.int_or_null(6)?,
        notified_serial: row.int_or_null(7)?,
    };
    let mut rows =
        ZoneRows { name, domain, records: Vec::new(), comments: Vec::new(), metadata: Vec::new(), keys: Vec::new() };
    session
        .each(doing, RECORDS, id(), |row| {
            rows.records.push(RawRecord {
                name: text(&row, 0)?.map(|name| name.to_lowercase()),
                r#type: text(&row, 1)?,
                content: text(&row, 2)?,
                ttl: row.int_or_null(3)?,
                prio: row.int_or_null(4)?,
                disabled: truth(&row, 5)?,
                ordername: text(&row, 6)?,
                auth: truth(&row, 7)?,
            });
            Ok(())
        })
        .await?;
    session
        .each(doing, COMMENTS, id(), |row| {
            rows.comments.push(RawComment {
                name: row.text(0)?.to_lowercase(),
                r#type: row.text(1)?.to_owned(),
                modified_at: row.int(2)?,
                account: text(&row, 3)?,
                comment: row.text(4)?.to_owned(),
            });
            Ok(())
        })
        .await?;
    for row in session.rows(doing, METADATA, id()).await? {
        rows.metadata.push((text(&row, 0)?, text(&row, 1)?));
    }
    for row in session.rows(doing, KEYS, id()).await? {
        rows.keys.push(StoredKey {
            id: row.int(0)?,
            flags: row.int(1)? as u16,
            active: row.is_true(2)?,
            published: row.is_true(3)?,
            content: row.text(4)?.to_owned(),
        });
    }
    session.commit().await?;
    rows.records.sort_unstable();
    rows.comments.sort_unstable();
    Ok(rows)
}

fn text(row: &Row, column: usize) -> Result<Option<String>, StoreError> {
    Ok(row.text_or_null(column)?.map(str::to_owned))
}

fn truth(row: &Row, column: usize) -> Result<Option<bool>, StoreError> {
    Ok(row.int_or_null(column)?.map(|value| value != 0))
}

/// Writes a zone that is not there yet, in the transaction that is open. Triggers fill the feed as for any new zone.
pub(crate) async fn write(session: &mut Session, rows: &ZoneRows) -> Result<(), StoreError> {
    const DOMAIN: Sql = Sql::both(
        "INSERT INTO domains (name, type, master, account, options, catalog, last_check, notified_serial) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING RETURNING id",
    );
    const COMMENTS: Sql = Sql {
        postgres: "INSERT INTO comments (domain_id, name, type, modified_at, account, comment) \
                   SELECT $1, x.name, x.type, x.modified_at, x.account, x.comment FROM json_to_recordset($2::json) \
                   AS x (name text, type text, modified_at int, account text, comment text)",
        sqlite: "INSERT INTO comments (domain_id, name, type, modified_at, account, comment) \
                 SELECT $1, value ->> 'name', value ->> 'type', value ->> 'modified_at', value ->> 'account', \
                 value ->> 'comment' FROM json_each($2)",
    };
    const METADATA: Sql = Sql::both("INSERT INTO domainmetadata (domain_id, kind, content) VALUES ($1, $2, $3)");
    const KEY: Sql =
        Sql::both("INSERT INTO cryptokeys (domain_id, flags, active, published, content) VALUES ($1, $2, $3, $4, $5)");
    let doing = "writing a copied zone";
    let domain = &rows.domain;
    let mut values = vec![Value::Text(rows.name.to_dotless())];
    values.extend(domain.texts.iter().cloned().map(Value::TextOrNull));
    values.extend([Value::IntOrNull(domain.last_check), Value::IntOrNull(domain.notified_serial)]);
    let id = session.first(doing, DOMAIN, values).await?.ok_or(StoreError::Exists { what: "zone" })?.int(0)?;
    for some in rows.records.chunks(ROWS_AT_ONCE) {
        session.execute(doing, rows::INSERT, [Value::Int(id), list(some)]).await?;
    }
    for some in rows.comments.chunks(ROWS_AT_ONCE) {
        session.execute(doing, COMMENTS, [Value::Int(id), list(some)]).await?;
    }
    for (kind, content) in &rows.metadata {
        let values = [Value::Int(id), Value::TextOrNull(kind.clone()), Value::TextOrNull(content.clone())];
        session.execute(doing, METADATA, values).await?;
    }
    for key in &rows.keys {
        let flags = Value::Int(i64::from(key.flags));
        let (active, published) = (Value::Bool(key.active), Value::Bool(key.published));
        let values = [Value::Int(id), flags, active, published, Value::from(key.content.as_str())];
        session.execute(doing, KEY, values).await?;
    }
    Ok(())
}
