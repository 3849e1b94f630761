//! A zone's settings under edit: the columns of `domains`, metadata, keys.

use std::collections::{BTreeMap, BTreeSet};

use wire::Name;

use crate::edit_zone::LockedZone;
use crate::session::{Session, Sql, Value};
use crate::{KeyChange, StoreError, ZoneEdit};

/// Bounds of PowerDNS's columns (PDNS-DIALECT section 12).
const MASTERS_CHARS_MAX: usize = 128;
const ACCOUNT_CHARS_MAX: usize = 40;
const KIND_CHARS_MAX: usize = 32;

/// Metadata by kind.
pub(crate) type Metadata = BTreeMap<String, Vec<String>>;

/// The column `master` of these primaries.
pub(crate) fn joined_masters(masters: &[String]) -> Result<String, StoreError> {
    let joined = masters.join(", ");
    if joined.chars().count() > MASTERS_CHARS_MAX {
        return Err(StoreError::Refused(format!("masters: together longer than {MASTERS_CHARS_MAX} characters")));
    }
    if let Some(bad) = masters.iter().find(|master| master.contains(['\0', ',', ' ', '\t'])) {
        return Err(StoreError::Refused(format!("masters: '{bad}' is not an address")));
    }
    Ok(joined)
}

/// An account that fits its column.
pub(crate) fn checked_account(account: &str) -> Result<&str, StoreError> {
    if account.chars().count() > ACCOUNT_CHARS_MAX {
        return Err(StoreError::Refused(format!("account: longer than {ACCOUNT_CHARS_MAX} characters")));
    }
    if account.contains('\0') {
        return Err(StoreError::Refused("account: has a NUL character".to_owned()));
    }
    Ok(account)
}

/// Refuses options that the column does not hold.
pub(crate) fn check_options(options: &str) -> Result<(), StoreError> {
    match options.contains('\0') {
        true => Err(StoreError::Refused("options: have a NUL character".to_owned())),
        false => Ok(()),
    }
}

/// Sets kind, primaries, account, catalog and options where they differ; returns whether any did.
pub(crate) async fn update_domain(
    session: &mut Session,
    zone: &LockedZone,
    edit: &ZoneEdit,
) -> Result<bool, StoreError> {
    const UPDATE: Sql =
        Sql::both("UPDATE domains SET type = $2, master = $3, account = $4, catalog = $5, options = $6 WHERE id = $1");
    if zone.is_new {
        return Ok(true);
    }
    let kind = edit.kind.map_or(zone.kind.as_str(), |kind| kind.as_stored());
    let masters = match &edit.masters {
        Some(masters) => joined_masters(masters)?,
        None => zone.masters.clone(),
    };
    let account = match &edit.account {
        Some(account) => checked_account(account)?,
        None => zone.account.as_str(),
    };
    let catalog = match &edit.catalog {
        Some(Some(catalog)) => catalog.to_lowercase().to_dotless(),
        Some(None) => String::new(),
        None => zone.catalog.clone(),
    };
    let options = match &edit.options {
        Some(options) => options.as_deref().unwrap_or_default(),
        None => zone.options.as_str(),
    };
    check_options(options)?;
    let before = (&zone.kind[..], &zone.masters[..], &zone.account[..], &zone.catalog[..], &zone.options[..]);
    if (kind, &masters[..], account, &catalog[..], options) == before {
        return Ok(false);
    }
    let values = [
        Value::Int(zone.id),
        Value::from(kind),
        Value::Text(masters),
        Value::from(account),
        Value::TextOrNull(Some(catalog).filter(|catalog| !catalog.is_empty())),
        Value::TextOrNull(Some(options.to_owned()).filter(|options| !options.is_empty())),
    ];
    session.execute("changing the zone", UPDATE, values).await?;
    Ok(true)
}

/// All metadata of the zone.
pub(crate) async fn metadata(session: &mut Session, zone: i64) -> Result<Metadata, StoreError> {
    const METADATA: Sql = Sql::both("SELECT kind, content FROM domainmetadata WHERE domain_id = $1 ORDER BY id");
    let mut metadata = Metadata::new();
    for row in session.rows("reading metadata", METADATA, [Value::Int(zone)]).await? {
        metadata.entry(row.text(0)?.to_owned()).or_default().push(row.text(1)?.to_owned());
    }
    Ok(metadata)
}

/// Writes the metadata that the edit changes, and returns all of it as it is afterwards.
pub(crate) async fn update_metadata(
    session: &mut Session,
    zone: i64,
    before: &Metadata,
    edit: &ZoneEdit,
) -> Result<Metadata, StoreError> {
    const DELETE: Sql = Sql::both("DELETE FROM domainmetadata WHERE domain_id = $1 AND kind = $2");
    const INSERT: Sql = Sql::both("INSERT INTO domainmetadata (domain_id, kind, content) VALUES ($1, $2, $3)");
    let mut after = before.clone();
    for (kind, values) in &edit.metadata {
        check_metadata(kind, values)?;
        after.insert(kind.clone(), values.clone());
    }
    for (kind, values) in &edit.metadata_added {
        check_metadata(kind, values)?;
        let present = after.entry(kind.clone()).or_default();
        for value in values {
            if !present.contains(value) {
                present.push(value.clone());
            }
        }
    }
    after.retain(|_, values| !values.is_empty());
    let kinds: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    for kind in kinds {
        if before.get(kind) == after.get(kind) {
            continue;
        }
        let key = [Value::Int(zone), Value::from(kind.as_str())];
        if before.contains_key(kind) {
            session.execute("removing metadata", DELETE, key.clone()).await?;
        }
        for value in after.get(kind).into_iter().flatten() {
            let values = key.clone().into_iter().chain([Value::from(value.as_str())]);
            session.execute("writing metadata", INSERT, values).await?;
        }
    }
    Ok(after)
}

fn check_metadata(kind: &str, values: &[String]) -> Result<(), StoreError> {
    if kind.is_empty() || kind.chars().count() > KIND_CHARS_MAX || kind.contains('\0') {
        return Err(StoreError::Refused(format!("metadata kind '{kind}': not 1 to {KIND_CHARS_MAX} characters")));
    }
    if values.iter().any(|value| value.contains('\0')) {
        return Err(StoreError::Refused(format!("metadata {kind}: a value has a NUL character")));
    }
    Ok(())
}

/// Whether the zone has a key that signs.
pub(crate) async fn has_active_key(session: &mut Session, zone: i64) -> Result<bool, StoreError> {
    const ACTIVE: Sql = Sql::both("SELECT count(*) FROM cryptokeys WHERE domain_id = $1 AND active = TRUE");
    let row = session.first("reading keys", ACTIVE, [Value::Int(zone)]).await?;
    row.map_or(Ok(false), |row| Ok(row.int(0)? > 0))
}

/// What became of the keys.
#[derive(Default)]
pub(crate) struct KeysChanged {
    pub(crate) any: bool,
    pub(crate) added: Vec<i64>,
    /// In words, for the journal.
    pub(crate) notes: Vec<String>,
}

/// Writes the key changes in order.
pub(crate) async fn update_keys(
    session: &mut Session,
    zone: i64,
    changes: &[KeyChange],
) -> Result<KeysChanged, StoreError> {
    const ADD: Sql = Sql::both(
        "INSERT INTO cryptokeys (domain_id, flags, active, published, content) VALUES ($1, $2, $3, $4, $5) \
         RETURNING id",
    );
    const FLAGS: Sql = Sql::both("SELECT active, published FROM cryptokeys WHERE domain_id = $1 AND id = $2");
    const SET: Sql = Sql::both("UPDATE cryptokeys SET active = $3, published = $4 WHERE domain_id = $1 AND id = $2");
    const REMOVE: Sql = Sql::both("DELETE FROM cryptokeys WHERE domain_id = $1 AND id = $2");
    const REMOVE_ALL: Sql = Sql::both("DELETE FROM cryptokeys WHERE domain_id = $1");
    let doing = "changing keys";
    let missing = StoreError::NotFound { what: "key" };
    let mut changed = KeysChanged::default();
    for change in changes {
        match change {
            KeyChange::Add { flags, active, published, content } => {
                let values = [
                    Value::Int(zone),
                    Value::Int(i64::from(*flags)),
                    Value::Bool(*active),
                    Value::Bool(*published),
                    Value::from(content.as_str()),
                ];
                let row = session.first(doing, ADD, values).await?;
                let row = row.ok_or_else(|| StoreError::Malformed("a new key has no id".to_owned()))?;
                let id = row.int(0)?;
                changed.added.push(id);
                changed.notes.push(format!("key {id} added"));
                changed.any = true;
            }
            KeyChange::Set { id, active, published } => {
                let Some(row) = session.first(doing, FLAGS, [Value::Int(zone), Value::Int(*id)]).await? else {
                    return Err(missing);
                };
                let before = (row.is_true(0)?, row.is_true(1)?);
                let after = (active.unwrap_or(before.0), published.unwrap_or(before.1));
                if before != after {
                    let values = [Value::Int(zone), Value::Int(*id), Value::Bool(after.0), Value::Bool(after.1)];
                    session.execute(doing, SET, values).await?;
                    changed.notes.push(key_note(*id, after));
                    changed.any = true;
                }
            }
            KeyChange::Remove { id } => {
                if session.execute(doing, REMOVE, [Value::Int(zone), Value::Int(*id)]).await? == 0 {
                    return Err(missing);
                }
                changed.notes.push(format!("key {id} removed"));
                changed.any = true;
            }
            KeyChange::RemoveAll => {
                let has_removed = session.execute(doing, REMOVE_ALL, [Value::Int(zone)]).await? > 0;
                changed.notes.extend(has_removed.then(|| "all keys removed".to_owned()));
                changed.any |= has_removed;
            }
        }
    }
    Ok(changed)
}

/// What of a zone's columns an edit changes, in words.
pub(crate) fn column_notes(zone: &LockedZone, edit: &ZoneEdit) -> Vec<String> {
    let catalog = edit.catalog.as_ref().map(|catalog| catalog.as_ref().map(Name::to_dotless).unwrap_or_default());
    let masters = edit.masters.as_ref().and_then(|masters| joined_masters(masters).ok());
    let columns = [
        ("kind", edit.kind.is_some_and(|kind| kind.as_stored() != zone.kind)),
        ("primaries", masters.is_some_and(|masters| masters != zone.masters)),
        ("account", edit.account.as_ref().is_some_and(|account| *account != zone.account)),
        ("catalog", catalog.is_some_and(|catalog| catalog != zone.catalog)),
        ("options", edit.options.as_ref().is_some_and(|new| new.as_deref().unwrap_or_default() != zone.options)),
    ];
    columns.into_iter().filter(|(_, is_changed)| *is_changed).map(|(name, _)| name.to_owned()).collect()
}

/// Which kinds of metadata differ, in words.
pub(crate) fn metadata_notes(before: &Metadata, after: &Metadata) -> Vec<String> {
    let kinds: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let changed = kinds.into_iter().filter(|kind| before.get(*kind) != after.get(*kind));
    changed.map(|kind| format!("metadata {kind}")).collect()
}

fn key_note(id: i64, (active, published): (bool, bool)) -> String {
    let active = if active { "active" } else { "inactive" };
    let published = if published { "published" } else { "unpublished" };
    format!("key {id} {active}, {published}")
}
