//! The one way to write: a transaction, for a zone under its lock, tried again when the database asks for it.

use std::time::Duration;

use wire::ZoneName;

use crate::edit_zone::{self, LockedZone};
use crate::journal::{self, Entry};
use crate::rows::Extent;
use crate::session::{BULK_STALL_MAX, Session, Sql, Value};
use crate::{
    AutoprimaryChange, Commit, NewZone, RrsetEdit, StoreError, TsigKeyChange, ViewChange, ZoneEdit, ZoneKind, ZoneRows,
    autoprimary, copy, settings, tsig, views,
};

/// Bound of `domains.name` (PDNS-DIALECT section 12.1).
const NAME_CHARS_MAX: usize = 255;
/// A deadlock or a busy file is tried again this often.
const ATTEMPTS_MAX: u32 = 10;
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// What is to be written.
pub(crate) enum Change<'a> {
    Create(&'a NewZone),
    Edit(&'a ZoneName, &'a ZoneEdit),
    Delete(&'a ZoneName, &'a str),
    Restore(&'a ZoneRows),
    TsigKey(&'a TsigKeyChange),
    Autoprimary(&'a AutoprimaryChange),
    View(&'a ViewChange),
}

impl Change<'_> {
    fn extent(&self) -> Extent {
        match self {
            Change::Create(_) | Change::Delete(..) | Change::Restore(_) => Extent::Zone,
            Change::TsigKey(_) | Change::Autoprimary(_) | Change::View(_) => Extent::Names,
            Change::Edit(_, edit) => match edit.rrsets {
                RrsetEdit::ReplaceAll(_) => Extent::Zone,
                RrsetEdit::Keep | RrsetEdit::Patch(_) => Extent::Names,
            },
        }
    }
}

/// Writes it in one transaction. `now` is Unix time, for serials and comments.
pub(crate) async fn run(
    session: &mut Session,
    change: &Change<'_>,
    now: i64,
    default_ttl: u32,
) -> Result<Commit, StoreError> {
    let extent = change.extent();
    session.begin_writing().await?;
    mark_writer(session, extent).await?;
    let commit = match change {
        Change::Create(new) => create(session, new, now, default_ttl).await?,
        Change::Edit(name, edit) => {
            let zone = lock(session, name, default_ttl).await?;
            edit_zone::edit(session, &zone, edit, extent, now).await?
        }
        Change::Delete(name, actor) => delete(session, name, actor).await?,
        Change::Restore(rows) => {
            copy::write(session, rows).await?;
            Commit { changed: true, ..Commit::default() }
        }
        Change::TsigKey(change) => {
            tsig::change(session, change).await?;
            Commit { changed: true, ..Commit::default() }
        }
        Change::Autoprimary(change) => {
            Commit { changed: autoprimary::change(session, change).await?, ..Commit::default() }
        }
        Change::View(change) => Commit { changed: views::change(session, change).await?, ..Commit::default() },
    };
    if commit.changed {
        unmark_writer(session).await?;
        session.commit().await?;
    } else {
        session.rollback().await;
    }
    Ok(commit)
}

/// How long to wait before the whole transaction is tried again; `None` if that would not help.
pub(crate) fn pause_before_retry(error: &StoreError, attempt: u32) -> Option<Duration> {
    let StoreError::Unavailable { source, .. } = error else { return None };
    let sqlx::Error::Database(database) = source.downcast_ref::<sqlx::Error>()? else { return None };
    let is_passing = match database.code()?.as_ref() {
        // Postgres: serialization failure, deadlock.
        "40001" | "40P01" => true,
        // SQLite: busy and locked, with their extended codes.
        code => code.parse::<u32>().is_ok_and(|code| matches!(code & 0xff, 5 | 6)) && code.len() < 5,
    };
    (is_passing && attempt < ATTEMPTS_MAX).then(|| RETRY_PAUSE * attempt)
}

/// Tells the triggers that it is us. In bulk those of records keep quiet, and the zone is listed once instead.
async fn mark_writer(session: &mut Session, extent: Extent) -> Result<(), StoreError> {
    const MARK: Sql = Sql {
        postgres: "SELECT set_config('signpost.writer', '1', TRUE)",
        sqlite: "UPDATE signpost_state SET writer = 1",
    };
    const MARK_BULK: Sql = Sql {
        postgres: "SELECT set_config('signpost.writer', '2', TRUE)",
        sqlite: "UPDATE signpost_state SET writer = 2",
    };
    let mark = match extent {
        Extent::Names => MARK,
        Extent::Zone => {
            session.unhurried(BULK_STALL_MAX).await?;
            MARK_BULK
        }
    };
    session.execute("marking the writer", mark, []).await.map(|_| ())
}

async fn unmark_writer(session: &mut Session) -> Result<(), StoreError> {
    const UNMARK: Sql = Sql::both("UPDATE signpost_state SET writer = 0");
    if !session.is_postgres() {
        session.execute("marking the writer", UNMARK, []).await?;
    }
    Ok(())
}

/// Locks the zone against every other writer of ours, and against PowerDNS deleting it.
async fn lock(session: &mut Session, name: &ZoneName, default_ttl: u32) -> Result<LockedZone, StoreError> {
    // Not FOR UPDATE: that would also wait for, and hold up, PowerDNS's inserts, whose foreign keys lock the row.
    const LOCK: Sql = Sql {
        postgres: "SELECT id, type, master, account, catalog, notified_serial, options FROM domains WHERE name = $1 \
                   FOR NO KEY UPDATE",
        sqlite: "SELECT id, type, master, account, catalog, notified_serial, options FROM domains WHERE name = $1",
    };
    // Apart from the lock: only what is read after it is the present.
    const GENERATION: Sql = Sql::both("SELECT generation FROM signpost_zone WHERE domain_id = $1");
    const ADOPT: Sql = Sql {
        postgres: "INSERT INTO signpost_zone (domain_id) VALUES ($1) ON CONFLICT DO NOTHING",
        sqlite: "INSERT OR IGNORE INTO signpost_zone (domain_id, incarnation) \
                 SELECT $1, incarnation FROM signpost_state",
    };
    let row = session
        .first("locking the zone", LOCK, [Value::Text(name.to_dotless())])
        .await?
        .ok_or(StoreError::NotFound { what: "zone" })?;
    let id = row.int(0)?;
    let generation = match session.first("reading the generation", GENERATION, [Value::Int(id)]).await? {
        Some(generation) => generation.int(0)?,
        None => {
            // The triggers were off when the zone came: a restore, or logical replication.
            session.execute("adopting the zone", ADOPT, [Value::Int(id)]).await?;
            0
        }
    };
    Ok(LockedZone {
        id,
        name: name.apex().clone(),
        stored_name: name.to_dotless(),
        kind: row.text(1)?.to_owned(),
        masters: row.text(2)?.to_owned(),
        account: row.text(3)?.to_owned(),
        catalog: row.text(4)?.to_owned(),
        notified_serial: row.int_or_null(5)?,
        options: row.text(6)?.to_owned(),
        generation: generation as u64,
        default_ttl,
        is_new: false,
    })
}

async fn create(session: &mut Session, new: &NewZone, now: i64, default_ttl: u32) -> Result<Commit, StoreError> {
    const CREATE: Sql = Sql::both(
        "INSERT INTO domains (name, type, master, account, catalog, options) VALUES ($1, $2, $3, $4, $5, $6) \
         RETURNING id",
    );
    let content = &new.content;
    if matches!(content.rrsets, RrsetEdit::Patch(_)) {
        return Err(StoreError::Refused("a new zone takes its records as a whole, not as a patch".to_owned()));
    }
    if new.name.to_dotless().chars().count() > NAME_CHARS_MAX {
        return Err(StoreError::Refused(format!("zone name: longer than {NAME_CHARS_MAX} characters")));
    }
    let kind = content.kind.unwrap_or(ZoneKind::Native).as_stored();
    let masters = settings::joined_masters(content.masters.as_deref().unwrap_or_default())?;
    let account = settings::checked_account(content.account.as_deref().unwrap_or_default())?;
    let catalog = content.catalog.clone().flatten().map(|catalog| catalog.to_lowercase().to_dotless());
    let options = content.options.clone().flatten().filter(|options| !options.is_empty());
    settings::check_options(options.as_deref().unwrap_or_default())?;
    let values = [
        Value::Text(new.name.to_dotless()),
        Value::from(kind),
        Value::Text(masters.clone()),
        Value::from(account),
        Value::TextOrNull(catalog.clone()),
        Value::TextOrNull(options.clone()),
    ];
    let row = match session.first("creating the zone", CREATE, values).await {
        Ok(row) => row.ok_or_else(|| StoreError::Malformed("a new zone has no id".to_owned()))?,
        Err(error) if is_unique_violation(&error) => return Err(StoreError::Exists { what: "zone" }),
        Err(error) => return Err(error),
    };
    let zone = LockedZone {
        id: row.int(0)?,
        name: new.name.apex().clone(),
        stored_name: new.name.to_dotless(),
        kind: kind.to_owned(),
        masters,
        account: account.to_owned(),
        catalog: catalog.unwrap_or_default(),
        options: options.unwrap_or_default(),
        notified_serial: None,
        generation: 0,
        default_ttl,
        is_new: true,
    };
    edit_zone::edit(session, &zone, content, Extent::Zone, now).await
}

fn is_unique_violation(error: &StoreError) -> bool {
    let StoreError::Failed { source, .. } = error else { return false };
    match source.downcast_ref::<sqlx::Error>() {
        Some(sqlx::Error::Database(database)) => database.is_unique_violation(),
        _ => false,
    }
}

async fn delete(session: &mut Session, name: &ZoneName, actor: &str) -> Result<Commit, StoreError> {
    // Children first and by hand: databases from before 4.2 lack some of the foreign keys.
    const DELETES: [Sql; 5] = [
        Sql::both("DELETE FROM records WHERE domain_id = $1"),
        Sql::both("DELETE FROM comments WHERE domain_id = $1"),
        Sql::both("DELETE FROM domainmetadata WHERE domain_id = $1"),
        Sql::both("DELETE FROM cryptokeys WHERE domain_id = $1"),
        Sql::both("DELETE FROM domains WHERE id = $1"),
    ];
    let zone = lock(session, name, 0).await?;
    let entry = Entry {
        zone: zone.id,
        actor: Some(actor),
        serials: (None, None),
        name: Some(zone.stored_name),
        settings: vec!["zone deleted".to_owned()],
        changed: &[],
    };
    let generation = journal::append(session, &entry).await?;
    for statement in DELETES {
        session.execute("deleting the zone", statement, [Value::Int(zone.id)]).await?;
    }
    Ok(Commit { changed: true, generation, ..Commit::default() })
}
