//! Rows of `records` and `comments`, read and written by name, by range and by id.
//!
//! Lists travel as one JSON parameter: a statement then has the same text, and one plan, whatever their length.

use wire::{Name, RecordType};

use crate::derive::Below;
use crate::rrsets::{RecordRow, Rows, Rrsets, UNREADABLE};
use crate::session::{Row, Session, Sql, Value, list};
use crate::{Comment, StoreError};

/// Rows in one statement. The trigger lists whole zones, not names, from 50,001 rows on.
const ROWS_AT_ONCE: usize = 5000;
/// What the index of SQLite holds of a name's end, last character first.
const SQLITE_REVERSED_CHARS: usize = 64;

/// How much is written at once, and how the feed hears of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Some names.
    Names,
    /// The whole zone.
    Zone,
}

macro_rules! sqlite_reversed {
    () => {
        "(substr(r.name, -1, 1) || substr(r.name, -2, 1) || substr(r.name, -3, 1) || substr(r.name, -4, 1) \
          || substr(r.name, -5, 1) || substr(r.name, -6, 1) || substr(r.name, -7, 1) || substr(r.name, -8, 1) \
          || substr(r.name, -9, 1) || substr(r.name, -10, 1) || substr(r.name, -11, 1) || substr(r.name, -12, 1) \
          || substr(r.name, -13, 1) || substr(r.name, -14, 1) || substr(r.name, -15, 1) || substr(r.name, -16, 1) \
          || substr(r.name, -17, 1) || substr(r.name, -18, 1) || substr(r.name, -19, 1) || substr(r.name, -20, 1) \
          || substr(r.name, -21, 1) || substr(r.name, -22, 1) || substr(r.name, -23, 1) || substr(r.name, -24, 1) \
          || substr(r.name, -25, 1) || substr(r.name, -26, 1) || substr(r.name, -27, 1) || substr(r.name, -28, 1) \
          || substr(r.name, -29, 1) || substr(r.name, -30, 1) || substr(r.name, -31, 1) || substr(r.name, -32, 1) \
          || substr(r.name, -33, 1) || substr(r.name, -34, 1) || substr(r.name, -35, 1) || substr(r.name, -36, 1) \
          || substr(r.name, -37, 1) || substr(r.name, -38, 1) || substr(r.name, -39, 1) || substr(r.name, -40, 1) \
          || substr(r.name, -41, 1) || substr(r.name, -42, 1) || substr(r.name, -43, 1) || substr(r.name, -44, 1) \
          || substr(r.name, -45, 1) || substr(r.name, -46, 1) || substr(r.name, -47, 1) || substr(r.name, -48, 1) \
          || substr(r.name, -49, 1) || substr(r.name, -50, 1) || substr(r.name, -51, 1) || substr(r.name, -52, 1) \
          || substr(r.name, -53, 1) || substr(r.name, -54, 1) || substr(r.name, -55, 1) || substr(r.name, -56, 1) \
          || substr(r.name, -57, 1) || substr(r.name, -58, 1) || substr(r.name, -59, 1) || substr(r.name, -60, 1) \
          || substr(r.name, -61, 1) || substr(r.name, -62, 1) || substr(r.name, -63, 1) || substr(r.name, -64, 1))"
    };
}

/// A name as a bound of the range of everything below it.
#[derive(serde::Serialize)]
struct Range {
    name: String,
    low: String,
    high: String,
}

impl Range {
    /// The reversed name and a dot, and the first text after all that begin so.
    fn below(name: &Name, is_postgres: bool) -> Range {
        let name = name.to_dotless();
        let reversed: String = name.chars().rev().collect();
        if is_postgres || reversed.len() < SQLITE_REVERSED_CHARS {
            return Range { low: format!("{reversed}."), high: format!("{reversed}/"), name };
        }
        // Longer than what the index holds: all of it, and the query compares the whole name besides.
        let low: String = reversed.chars().chain(['.']).take(SQLITE_REVERSED_CHARS).collect();
        Range { high: format!("{low}!"), low, name }
    }
}

fn record_row(row: &Row, first: usize, default_ttl: u32) -> Result<RecordRow, StoreError> {
    Ok(RecordRow {
        id: Some(row.int(first)?),
        rtype: row.text_or_null(first + 1)?.map(|rtype| rtype.parse().unwrap_or(UNREADABLE)),
        content: row.text(first + 2)?.to_owned(),
        prio: i32::try_from(row.int(first + 3)?).unwrap_or(0),
        ttl: u32::try_from(row.int_or_null(first + 4)?.unwrap_or(i64::from(default_ttl))).unwrap_or(0),
        is_disabled: row.is_disabled(first + 5)?,
        ordername: row.text_or_null(first + 6)?.map(str::to_owned),
        auth: row.int_or_null(first + 7)?.map(|auth| auth != 0),
    })
}

fn add(rows: &mut Rows, row: &Row, default_ttl: u32) -> Result<(), StoreError> {
    match row.name(0)? {
        Some(name) => rows.entry(name).or_default().push(record_row(row, 1, default_ttl)?),
        None => tracing::warn!(name = row.text(0)?, "a row whose name cannot be read is left alone"),
    }
    Ok(())
}

/// All rows of these names, disabled ones and empty non-terminals included.
pub(crate) async fn at(
    session: &mut Session,
    zone: i64,
    names: &[&Name],
    default_ttl: u32,
) -> Result<Rows, StoreError> {
    // `domain_id + 0`: by name, never by zone. A planner without statistics yet, as while a zone is filled, takes the index of zones
    // for the better one, reads the whole zone, and compares each row with each name: a PATCH of 10,000 names took more than 5 s.
    const AT: Sql = Sql {
        postgres: "SELECT name, id, type, content, prio, ttl, disabled, ordername, auth FROM records \
                   WHERE name = ANY (ARRAY(SELECT json_array_elements_text($2::json))) AND domain_id + 0 = $1 ORDER BY id",
        sqlite: "SELECT name, id, type, content, prio, ttl, disabled, ordername, auth FROM records \
                 WHERE domain_id = $1 AND name IN (SELECT value FROM json_each($2)) ORDER BY id",
    };
    let names: Vec<String> = names.iter().map(|name| name.to_dotless()).collect();
    let mut rows = Rows::new();
    session
        .each("reading records", AT, [Value::Int(zone), list(&names)], |row| add(&mut rows, &row, default_ttl))
        .await?;
    Ok(rows)
}

/// All rows of the zone.
pub(crate) async fn all(session: &mut Session, zone: i64, default_ttl: u32) -> Result<Rows, StoreError> {
    const ALL: Sql = Sql::both(
        "SELECT name, id, type, content, prio, ttl, disabled, ordername, auth FROM records \
         WHERE domain_id = $1 ORDER BY id",
    );
    let mut rows = Rows::new();
    session.each("reading records", ALL, [Value::Int(zone)], |row| add(&mut rows, &row, default_ttl)).await?;
    Ok(rows)
}

/// All rows of the zone without contents and with no TTL made up, neither of which deriving needs.
pub(crate) async fn all_without_content(session: &mut Session, zone: i64) -> Result<Rows, StoreError> {
    const ALL: Sql = Sql::both(
        "SELECT name, id, type, NULL, prio, ttl, disabled, ordername, auth FROM records \
         WHERE domain_id = $1 ORDER BY id",
    );
    let mut rows = Rows::new();
    session.each("reading records", ALL, [Value::Int(zone)], |row| add(&mut rows, &row, 0)).await?;
    Ok(rows)
}

/// All rows strictly below a name: an index range.
pub(crate) async fn below(session: &mut Session, zone: i64, name: &Name) -> Result<Rows, StoreError> {
    const BELOW: Sql = Sql {
        postgres: "SELECT name, id, type, content, prio, ttl, disabled, ordername, auth FROM records \
                   WHERE domain_id = $1 AND reverse(name::text) ~>=~ $2 AND reverse(name::text) ~<~ $3 ORDER BY id",
        sqlite: concat!(
            "SELECT r.name, r.id, r.type, r.content, r.prio, r.ttl, r.disabled, r.ordername, r.auth FROM records r \
             WHERE r.domain_id = $1 AND ",
            sqlite_reversed!(),
            " >= $2 AND ",
            sqlite_reversed!(),
            " < $3 ORDER BY r.id"
        ),
    };
    let range = Range::below(name, session.is_postgres());
    let mut rows = Rows::new();
    let values = [Value::Int(zone), Value::Text(range.low), Value::Text(range.high)];
    session.each("reading records", BELOW, values, |row| add(&mut rows, &row, 0)).await?;
    // Escaped dots, and in SQLite long names, make the range a little too wide.
    rows.retain(|found, _| found != name && found.is_under(name));
    Ok(rows)
}

/// What is to be looked for below names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Look {
    /// [`Below::has_data`].
    Data,
    /// [`Below::has_auth`].
    Auth,
    /// [`Below::has_chained`] in an opt-out zone; elsewhere that is [`Below::has_data`].
    Chained,
}

impl Look {
    /// Notes that it was found.
    pub(crate) fn note(self, below: &mut Below) {
        match self {
            Look::Data => below.has_data = true,
            Look::Auth => below.has_auth = true,
            Look::Chained => below.has_chained = true,
        }
    }
}

macro_rules! exists_below {
    ($postgres:expr, $sqlite:expr) => {
        Sql {
            // In order and one, not EXISTS: a planner without statistics reads the whole zone once and joins it, and one that knows
            // of a single zone hopes to come upon a row soon. In order there is only the index.
            postgres: concat!(
                "SELECT c.name FROM json_to_recordset($2::json) AS c (name text, low text, high text) \
                 WHERE (SELECT TRUE FROM records r WHERE r.domain_id = $1 \
                 AND reverse(r.name::text) ~>=~ c.low AND reverse(r.name::text) ~<~ c.high \
                 AND r.type IS NOT NULL AND r.disabled = FALSE \
                 AND (substr(r.name, length(r.name) - length(c.name) - 1, 1) <> '\\' \
                 OR substr(r.name, length(r.name) - length(c.name) - 2, 2) = '\\\\')",
                $postgres,
                " ORDER BY reverse(r.name::text) USING ~<~ LIMIT 1)"
            ),
            sqlite: concat!(
                "SELECT c.value ->> 'name' FROM json_each($2) c \
                 WHERE EXISTS (SELECT 1 FROM records r WHERE r.domain_id = $1 AND ",
                sqlite_reversed!(),
                " >= (c.value ->> 'low') AND ",
                sqlite_reversed!(),
                " < (c.value ->> 'high') AND r.type IS NOT NULL AND r.disabled = 0 \
                 AND substr(r.name, -length(c.value ->> 'name') - 1) = '.' || (c.value ->> 'name') \
                 AND (substr(r.name, -length(c.value ->> 'name') - 2, 1) <> '\\' \
                 OR substr(r.name, -length(c.value ->> 'name') - 3, 2) = '\\\\')",
                $sqlite,
                ")"
            ),
        }
    };
}

/// SQL: whether the name of `r` is a cut.
macro_rules! is_cut {
    () => {
        "EXISTS (SELECT 1 FROM records s WHERE s.domain_id = $1 AND s.name = r.name AND s.type = 'NS' \
         AND s.disabled = FALSE)"
    };
}

/// SQL: whether the name of `r` is strictly below a cut; `$3` is the apex, whose NS make none.
macro_rules! is_under_cut {
    ($position:literal) => {
        concat!(
            "EXISTS (WITH RECURSIVE up (name) AS (SELECT substr(r.name, ",
            $position,
            "(r.name, '.') + 1) UNION SELECT substr(name, ",
            $position,
            "(name, '.') + 1) FROM up WHERE ",
            $position,
            "(name, '.') > 0) SELECT 1 FROM up JOIN records s ON s.name = up.name AND s.domain_id = $1 \
             AND s.type = 'NS' AND s.disabled = FALSE AND s.name <> $3)"
        )
    };
}

/// Those of `names` that have below them what is looked for; one index probe each.
pub(crate) async fn having_below(
    session: &mut Session,
    zone: i64,
    apex: &Name,
    names: &[&Name],
    look: Look,
) -> Result<Vec<Name>, StoreError> {
    const DATA: Sql = exists_below!("", "");
    // A DS is authoritative wherever it stands, so its column says nothing of its name.
    const AUTH: Sql = exists_below!(
        concat!(
            " AND ((r.auth = TRUE AND r.type <> 'DS') OR (r.type = 'DS' AND NOT ",
            is_cut!(),
            " AND NOT ",
            is_under_cut!("strpos"),
            "))"
        ),
        concat!(
            " AND ((r.auth = TRUE AND r.type <> 'DS') OR (r.type = 'DS' AND NOT ",
            is_cut!(),
            " AND NOT ",
            is_under_cut!("instr"),
            "))"
        )
    );
    // Authoritative data and DS count; so does whatever else stands at a cut that is not below another.
    const CHAINED: Sql = exists_below!(
        concat!(
            " AND r.type <> 'NS' AND ((r.auth = TRUE AND r.type <> 'DS') OR ((r.type = 'DS' OR ",
            is_cut!(),
            ") AND NOT ",
            is_under_cut!("strpos"),
            "))"
        ),
        concat!(
            " AND r.type <> 'NS' AND ((r.auth = TRUE AND r.type <> 'DS') OR ((r.type = 'DS' OR ",
            is_cut!(),
            ") AND NOT ",
            is_under_cut!("instr"),
            "))"
        )
    );
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let is_postgres = session.is_postgres();
    let ranges: Vec<Range> = names.iter().map(|name| Range::below(name, is_postgres)).collect();
    let query = match look {
        Look::Data => DATA,
        Look::Auth => AUTH,
        Look::Chained => CHAINED,
    };
    let mut values = vec![Value::Int(zone), list(&ranges)];
    if look != Look::Data {
        values.push(Value::Text(apex.to_dotless()));
    }
    let found = session.rows("looking below names", query, values).await?;
    found
        .iter()
        .map(|row| Name::parse(row.text(0)?).map_err(|error| StoreError::Malformed(error.to_string())))
        .collect()
}

#[derive(serde::Serialize)]
struct NewRow<'a> {
    name: String,
    r#type: Option<String>,
    content: Option<&'a str>,
    ttl: Option<u32>,
    prio: Option<i32>,
    disabled: bool,
    ordername: Option<&'a str>,
    auth: bool,
}

/// Writes the rows of a JSON list into a zone.
pub(crate) const INSERT: Sql = Sql {
    postgres: "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, ordername, auth) \
               SELECT $1, x.name, x.type, x.content, x.ttl, x.prio, x.disabled, x.ordername, x.auth \
               FROM json_to_recordset($2::json) AS x (name text, type text, content text, ttl int, prio int, \
               disabled bool, ordername text, auth bool)",
    sqlite: "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, ordername, auth) \
             SELECT $1, value ->> 'name', value ->> 'type', value ->> 'content', value ->> 'ttl', value ->> 'prio', \
             value ->> 'disabled', value ->> 'ordername', value ->> 'auth' FROM json_each($2)",
};

/// Writes new rows. Rows without a type are empty non-terminals: everything but their derived columns is NULL.
pub(crate) async fn insert(session: &mut Session, zone: i64, rows: &[(&Name, &RecordRow)]) -> Result<(), StoreError> {
    for some in rows.chunks(ROWS_AT_ONCE) {
        let rows: Vec<NewRow<'_>> = some
            .iter()
            .map(|(name, row)| NewRow {
                name: name.to_dotless(),
                r#type: row.rtype.map(|rtype| rtype.to_string()),
                content: row.rtype.map(|_| row.content.as_str()),
                ttl: row.rtype.map(|_| row.ttl),
                prio: row.rtype.map(|_| row.prio),
                disabled: row.is_disabled,
                ordername: row.ordername.as_deref(),
                auth: row.auth.unwrap_or(true),
            })
            .collect();
        session.execute("writing records", INSERT, [Value::Int(zone), list(&rows)]).await?;
    }
    Ok(())
}

/// Removes rows.
pub(crate) async fn delete(session: &mut Session, ids: &[i64]) -> Result<(), StoreError> {
    const DELETE: Sql = Sql {
        postgres: "DELETE FROM records WHERE id = ANY (ARRAY(SELECT json_array_elements_text($1::json)::bigint))",
        sqlite: "DELETE FROM records WHERE id IN (SELECT value FROM json_each($1))",
    };
    for some in ids.chunks(ROWS_AT_ONCE) {
        session.execute("removing records", DELETE, [list(some)]).await?;
    }
    Ok(())
}

/// New derived columns of a row.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Derived {
    pub(crate) id: i64,
    pub(crate) ordername: Option<String>,
    pub(crate) auth: bool,
}

/// Writes derived columns. The feed says nothing of it.
pub(crate) async fn update_derived(session: &mut Session, rows: &[Derived]) -> Result<(), StoreError> {
    const UPDATE: Sql = Sql {
        postgres: "UPDATE records r SET ordername = x.ordername, auth = x.auth \
                   FROM json_to_recordset($1::json) AS x (id bigint, ordername text, auth bool) WHERE r.id = x.id",
        sqlite: "UPDATE records SET ordername = x.value ->> 'ordername', auth = x.value ->> 'auth' \
                 FROM json_each($1) x WHERE records.id = x.value ->> 'id'",
    };
    for some in rows.chunks(ROWS_AT_ONCE) {
        session.execute("writing derived columns", UPDATE, [list(some)]).await?;
    }
    Ok(())
}

/// Adds the comments of these names, or of the whole zone, to its RRsets.
pub(crate) async fn comments(
    session: &mut Session,
    zone: i64,
    names: Option<&[&Name]>,
    rrsets: &mut Rrsets,
) -> Result<(), StoreError> {
    const AT: Sql = Sql {
        postgres: "SELECT name, type, comment, account, modified_at FROM comments \
                   WHERE domain_id + 0 = $1 AND name = ANY (ARRAY(SELECT json_array_elements_text($2::json))) ORDER BY id",
        sqlite: "SELECT name, type, comment, account, modified_at FROM comments \
                 WHERE domain_id = $1 AND name IN (SELECT value FROM json_each($2)) ORDER BY id",
    };
    const ALL: Sql =
        Sql::both("SELECT name, type, comment, account, modified_at FROM comments WHERE domain_id = $1 ORDER BY id");
    let mut values = vec![Value::Int(zone)];
    let query = match names {
        None => ALL,
        Some(names) => {
            values.push(list(&names.iter().map(|name| name.to_dotless()).collect::<Vec<_>>()));
            AT
        }
    };
    for row in session.rows("reading comments", query, values).await? {
        let (Ok(name), Ok(rtype)) = (Name::parse(row.text(0)?), row.text(1)?.parse::<RecordType>()) else { continue };
        let rrset = rrsets.entry(name.to_lowercase()).or_default().entry(rtype).or_default();
        rrset.comments.push(Comment {
            content: row.text(2)?.to_owned(),
            account: row.text(3)?.to_owned(),
            modified_at: Some(row.int(4)?),
        });
    }
    Ok(())
}

/// Makes an RRset's comments exactly these.
pub(crate) async fn replace_comments(
    session: &mut Session,
    zone: i64,
    name: &Name,
    rtype: RecordType,
    comments: &[Comment],
    now: i64,
) -> Result<(), StoreError> {
    const DELETE: Sql = Sql::both("DELETE FROM comments WHERE domain_id = $1 AND name = $2 AND type = $3");
    const INSERT: Sql = Sql::both(
        "INSERT INTO comments (domain_id, name, type, modified_at, account, comment) VALUES ($1, $2, $3, $4, $5, $6)",
    );
    let key = [Value::Int(zone), Value::Text(name.to_dotless()), Value::Text(rtype.to_string())];
    session.execute("removing comments", DELETE, key.clone()).await?;
    for comment in comments {
        let rest = [
            Value::Int(comment.modified_at.unwrap_or(now)),
            Value::Text(comment.account.clone()),
            Value::Text(comment.content.clone()),
        ];
        session.execute("writing comments", INSERT, key.clone().into_iter().chain(rest)).await?;
    }
    Ok(())
}
