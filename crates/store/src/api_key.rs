//! Keys of the HTTP API (table `signpost_api_key`), as they are stored. What they mean is the API's to say.

use crate::StoreError;
use crate::session::{Row, Session, Sql, Value, list};

/// Keys at most: servers keep all in memory, and read them again and again.
const KEYS_MAX: i64 = 1000;

/// One row of `signpost_api_key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredApiKey {
    /// Tells it from the others.
    pub name: String,
    /// What the key is recognised by, never the key.
    pub hash: String,
    /// Patterns of zones; none: all.
    pub zones: Vec<String>,
    /// Record types; none: all.
    pub types: Vec<String>,
    /// Names that with all below them may be changed; none: all.
    pub names: Vec<String>,
    /// Whether it may change nothing.
    pub read_only: bool,
    /// Seconds since 1970.
    pub made_at: i64,
    /// Seconds since 1970 from which on it is refused.
    pub expires_at: Option<i64>,
    /// Seconds since 1970, about.
    pub used_at: Option<i64>,
}

/// What happens to keys.
#[derive(Debug, Clone)]
pub enum ApiKeyChange {
    /// Adds one. [`StoreError::Exists`] if the name is taken.
    Add(StoredApiKey),
    /// Removes it. [`StoreError::NotFound`] if it is not there.
    Remove {
        /// Which.
        name: String,
    },
    /// Notes when keys were used last; those that are gone are passed over.
    Used(Vec<(String, i64)>),
}

/// All keys by name.
pub(crate) async fn api_keys(session: &mut Session) -> Result<Vec<StoredApiKey>, StoreError> {
    const ALL: Sql = Sql::both(
        "SELECT name, hash, zones, types, names, read_only, made_at, expires_at, used_at FROM signpost_api_key ORDER BY name",
    );
    session.rows("reading API keys", ALL, []).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<StoredApiKey, StoreError> {
    // What somebody wrote by hand and is no list is one item, which limits a key to what does not exist: one bad row must not keep
    // the others from being read.
    let texts = |column| -> Result<Vec<String>, StoreError> {
        let text = row.text(column)?;
        Ok(serde_json::from_str(text).unwrap_or_else(|_| vec![text.to_owned()]))
    };
    Ok(StoredApiKey {
        name: row.text(0)?.to_owned(),
        hash: row.text(1)?.to_owned(),
        zones: texts(2)?,
        types: texts(3)?,
        names: texts(4)?,
        read_only: row.is_true(5)?,
        made_at: row.int(6)?,
        expires_at: row.int_or_null(7)?,
        used_at: row.int_or_null(8)?,
    })
}

/// Changes them in a transaction of its own.
pub(crate) async fn change(session: &mut Session, change: &ApiKeyChange) -> Result<(), StoreError> {
    session.begin_writing().await?;
    let done = match change {
        ApiKeyChange::Add(key) => add(session, key).await,
        ApiKeyChange::Remove { name } => remove(session, name).await,
        ApiKeyChange::Used(used) => note_used(session, used).await,
    };
    match done {
        Ok(()) => session.commit().await,
        Err(error) => {
            session.rollback().await;
            Err(error)
        }
    }
}

async fn add(session: &mut Session, key: &StoredApiKey) -> Result<(), StoreError> {
    const COUNT: Sql = Sql::both("SELECT count(*) FROM signpost_api_key");
    const ADD: Sql = Sql::both(
        "INSERT INTO signpost_api_key (name, hash, zones, types, names, read_only, made_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING",
    );
    let count = session.first("counting API keys", COUNT, []).await?.map_or(Ok(0), |row| row.int(0))?;
    if count >= KEYS_MAX {
        return Err(StoreError::Refused(format!("there are {KEYS_MAX} API keys already; revoke some first")));
    }
    let values = [
        Value::from(key.name.as_str()),
        Value::from(key.hash.as_str()),
        list(&key.zones),
        list(&key.types),
        list(&key.names),
        Value::from(key.read_only),
        Value::from(key.made_at),
        Value::IntOrNull(key.expires_at),
    ];
    match session.execute("adding an API key", ADD, values).await? {
        0 => Err(StoreError::Exists { what: "API key" }),
        _ => Ok(()),
    }
}

async fn remove(session: &mut Session, name: &str) -> Result<(), StoreError> {
    const REMOVE: Sql = Sql::both("DELETE FROM signpost_api_key WHERE name = $1");
    match session.execute("removing an API key", REMOVE, [name.into()]).await? {
        0 => Err(StoreError::NotFound { what: "API key" }),
        _ => Ok(()),
    }
}

async fn note_used(session: &mut Session, used: &[(String, i64)]) -> Result<(), StoreError> {
    const USED: Sql =
        Sql::both("UPDATE signpost_api_key SET used_at = $2 WHERE name = $1 AND coalesce(used_at, 0) < $2");
    for (name, at) in used {
        session.execute("noting the use of an API key", USED, [name.as_str().into(), (*at).into()]).await?;
    }
    Ok(())
}
