//! `search-data`: names, contents and comments that match a pattern (PDNS-DIALECT section 11). One query a kind.

use wire::{Name, RecordType, ZoneName};

use crate::session::{Row, Session, Sql, Value};
use crate::{StoreError, StoredRecord};

/// A search over everything stored.
#[derive(Debug, Clone)]
pub struct Search {
    /// `*` stands for any characters, `?` for one; letter case does not count.
    pub pattern: String,
    /// Only in zones whose names match one of these, written as the pattern is, variants with theirs (`example.com..inside`). Empty: in
    /// all, and rows that belong to no zone too.
    pub within: Vec<String>,
    /// At most so many of each kind.
    pub count_max: u32,
    /// Whether to look for zones.
    pub zones: bool,
    /// Whether to look for records, disabled ones included.
    pub records: bool,
    /// Whether to look for comments.
    pub comments: bool,
}

/// What was found, of each kind.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// Names of zones.
    pub zones: Vec<ZoneName>,
    /// Records whose owner or stored content matches.
    pub records: Vec<FoundRecord>,
    /// Comments whose owner or text matches.
    pub comments: Vec<FoundComment>,
}

/// A record that was found.
#[derive(Debug, Clone)]
pub struct FoundRecord {
    /// Owner.
    pub name: Name,
    /// Type.
    pub rtype: RecordType,
    /// Seconds.
    pub ttl: u32,
    /// Contents as stored.
    pub record: StoredRecord,
    /// Its zone; `None` for a row that belongs to none.
    pub zone: Option<ZoneName>,
}

/// A comment that was found.
#[derive(Debug, Clone)]
pub struct FoundComment {
    /// Owner.
    pub name: Name,
    /// Type.
    pub rtype: RecordType,
    /// Text.
    pub content: String,
    /// Its zone; `None` for a row that belongs to none.
    pub zone: Option<ZoneName>,
}

/// That `d.name` is like one of the JSON list `$3`, or that this is empty.
macro_rules! within_postgres {
    () => {
        "($3 = '[]' OR EXISTS (SELECT 1 FROM json_array_elements_text($3::json) z WHERE d.name ILIKE z ESCAPE '\\'))"
    };
}

macro_rules! within_sqlite {
    () => {
        "($3 = '[]' OR EXISTS (SELECT 1 FROM json_each($3) z WHERE d.name LIKE z.value ESCAPE '\\'))"
    };
}

/// Reads all kinds in one state of the database.
pub(crate) async fn search(session: &mut Session, search: &Search, default_ttl: u32) -> Result<Found, StoreError> {
    // SQLite's LIKE takes no notice of the case of ASCII letters, which is all that names have.
    const ZONES: Sql = Sql {
        postgres: concat!(
            "SELECT d.name FROM domains d WHERE d.name ILIKE $1 ESCAPE '\\' AND ",
            within_postgres!(),
            " LIMIT $2"
        ),
        sqlite: concat!(
            "SELECT d.name FROM domains d WHERE d.name LIKE $1 ESCAPE '\\' AND ",
            within_sqlite!(),
            " LIMIT $2"
        ),
    };
    const RECORDS: Sql = Sql {
        postgres: concat!(
            "SELECT r.name, r.type, d.name, r.content, r.prio, r.ttl, r.disabled FROM records r \
             LEFT JOIN domains d ON d.id = r.domain_id WHERE r.type IS NOT NULL \
             AND (r.name ILIKE $1 ESCAPE '\\' OR r.content ILIKE $1 ESCAPE '\\') AND ",
            within_postgres!(),
            " LIMIT $2"
        ),
        sqlite: concat!(
            "SELECT r.name, r.type, d.name, r.content, r.prio, r.ttl, r.disabled FROM records r \
             LEFT JOIN domains d ON d.id = r.domain_id WHERE r.type IS NOT NULL \
             AND (r.name LIKE $1 ESCAPE '\\' OR r.content LIKE $1 ESCAPE '\\') AND ",
            within_sqlite!(),
            " LIMIT $2"
        ),
    };
    const COMMENTS: Sql = Sql {
        postgres: concat!(
            "SELECT c.name, c.type, d.name, c.comment FROM comments c LEFT JOIN domains d ON d.id = c.domain_id \
             WHERE (c.name ILIKE $1 ESCAPE '\\' OR c.comment ILIKE $1 ESCAPE '\\') AND ",
            within_postgres!(),
            " LIMIT $2"
        ),
        sqlite: concat!(
            "SELECT c.name, c.type, d.name, c.comment FROM comments c LEFT JOIN domains d ON d.id = c.domain_id \
             WHERE (c.name LIKE $1 ESCAPE '\\' OR c.comment LIKE $1 ESCAPE '\\') AND ",
            within_sqlite!(),
            " LIMIT $2"
        ),
    };
    let within: Vec<String> = search.within.iter().map(|pattern| like(pattern)).collect();
    let values = [
        Value::Text(like(&search.pattern)),
        Value::Int(i64::from(search.count_max)),
        Value::Text(serde_json::json!(within).to_string()),
    ];
    let mut found = Found::default();
    session.begin_reading().await?;
    if search.zones {
        for row in session.rows("searching zones", ZONES, values.clone()).await? {
            found.zones.extend(ZoneName::parse(row.text(0)?).ok());
        }
    }
    if search.records {
        for row in session.rows("searching records", RECORDS, values.clone()).await? {
            let Some((name, rtype, zone)) = place(&row)? else { continue };
            let ttl = row.int_or_null(5)?.unwrap_or(i64::from(default_ttl));
            let record = StoredRecord {
                content: row.text(3)?.to_owned(),
                prio: i32::try_from(row.int(4)?).unwrap_or(0),
                disabled: row.is_disabled(6)?,
            };
            found.records.push(FoundRecord { name, rtype, ttl: u32::try_from(ttl).unwrap_or(0), record, zone });
        }
    }
    if search.comments {
        for row in session.rows("searching comments", COMMENTS, values).await? {
            let Some((name, rtype, zone)) = place(&row)? else { continue };
            found.comments.push(FoundComment { name, rtype, content: row.text(3)?.to_owned(), zone });
        }
    }
    session.commit().await?;
    found.zones.sort();
    found.records.sort_by(|a, b| (&a.name, a.rtype, &a.record.content).cmp(&(&b.name, b.rtype, &b.record.content)));
    found.comments.sort_by(|a, b| (&a.name, a.rtype, &a.content).cmp(&(&b.name, b.rtype, &b.content)));
    Ok(found)
}

/// Owner, type and zone of a row; rows that cannot be read are never shown.
fn place(row: &Row) -> Result<Option<(Name, RecordType, Option<ZoneName>)>, StoreError> {
    let (Some(name), Ok(rtype)) = (row.name(0)?, row.text(1)?.parse::<RecordType>()) else { return Ok(None) };
    Ok(Some((name, rtype, row.text_or_null(2)?.and_then(|zone| ZoneName::parse(zone).ok()))))
}

/// The pattern as LIKE has it: what LIKE would take for a wildcard stands for itself.
fn like(pattern: &str) -> String {
    let mut like = String::with_capacity(pattern.len() + 8);
    for character in pattern.chars() {
        match character {
            // A run of them matches what one does, and costs more.
            '*' if like.ends_with('%') && !like.ends_with("\\%") => {}
            '*' => like.push('%'),
            '?' => like.push('_'),
            '%' | '_' | '\\' => like.extend(['\\', character]),
            other => like.push(other),
        }
    }
    like
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_11_only_star_and_question_mark_are_wildcards() {
        for (pattern, wanted) in
            [("*.example.?om", "%.example._om"), ("a_b%c\\d", "a\\_b\\%c\\\\d"), ("***", "%"), ("%*", "\\%%"), ("", "")]
        {
            assert_eq!(like(pattern), wanted, "{pattern}");
        }
    }
}
