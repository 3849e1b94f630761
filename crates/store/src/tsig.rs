//! TSIG keys (PDNS-DIALECT section 12.6).
//!
//! The table tells keys apart by name and algorithm, as PowerDNS made it; the API by name alone.

use std::fmt;

use wire::Name;
use zeroize::Zeroizing;

use crate::StoreError;
use crate::session::{Session, Sql, Value};

/// Bounds of the columns.
const NAME_CHARS_MAX: usize = 255;
const ALGORITHM_CHARS_MAX: usize = 50;
const SECRET_CHARS_MAX: usize = 255;

/// One row of `tsigkeys`. `Debug` hides the secret, and memory forgets it with the value.
#[derive(Clone, PartialEq, Eq)]
pub struct TsigKey {
    /// Lower case.
    pub name: Name,
    /// `hmac-sha256` and its like, without a final dot. Old rows may hold anything.
    pub algorithm: String,
    /// base64.
    pub secret: Zeroizing<String>,
}

impl fmt::Debug for TsigKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsigKey").field("name", &self.name).field("algorithm", &self.algorithm).finish_non_exhaustive()
    }
}

/// What happens to TSIG keys.
#[derive(Debug, Clone)]
pub enum TsigKeyChange {
    /// Adds a key. [`StoreError::Exists`] if any key has the name.
    Add(TsigKey),
    /// Sets the secret of a name and algorithm, whether it was there or not: the command line's way.
    Put(TsigKey),
    /// Makes all keys of this name the one key, which may have another name. [`StoreError::NotFound`] without any,
    /// [`StoreError::Exists`] if the new name is taken.
    Replace {
        /// The present name.
        name: Name,
        /// The key it becomes.
        key: TsigKey,
    },
    /// Removes all keys of this name. [`StoreError::NotFound`] without any.
    Remove {
        /// Its name.
        name: Name,
    },
}

/// All keys, or those of one name, by name and algorithm. Rows that name no key are left out.
pub(crate) async fn keys(session: &mut Session, name: Option<&Name>) -> Result<Vec<TsigKey>, StoreError> {
    const ALL: Sql = Sql::both("SELECT name, algorithm, secret FROM tsigkeys ORDER BY name, algorithm");
    const OF_NAME: Sql =
        Sql::both("SELECT name, algorithm, secret FROM tsigkeys WHERE name = $1 ORDER BY name, algorithm");
    let doing = "reading TSIG keys";
    let rows = match name {
        None => session.rows(doing, ALL, []).await?,
        Some(name) => session.rows(doing, OF_NAME, [stored(name)]).await?,
    };
    let mut keys = Vec::with_capacity(rows.len());
    for row in &rows {
        match Name::parse(row.text(0)?) {
            Ok(name) if !name.is_root() => keys.push(TsigKey {
                name: name.to_lowercase(),
                algorithm: row.text(1)?.trim_end_matches('.').to_owned(),
                secret: Zeroizing::new(row.text(2)?.to_owned()),
            }),
            _ => tracing::warn!(name = row.text(0)?, "a TSIG key whose name cannot be read is left out"),
        }
    }
    Ok(keys)
}

/// Changes keys in the transaction that is open.
pub(crate) async fn change(session: &mut Session, change: &TsigKeyChange) -> Result<(), StoreError> {
    // Two writers must not both find a name free: the index tells names apart only together with algorithms.
    const LOCK: Sql =
        Sql { postgres: "LOCK TABLE tsigkeys IN SHARE ROW EXCLUSIVE MODE", sqlite: "SELECT 1 FROM tsigkeys LIMIT 1" };
    const PUT: Sql = Sql::both(
        "INSERT INTO tsigkeys (name, algorithm, secret) VALUES ($1, $2, $3) \
         ON CONFLICT (name, algorithm) DO UPDATE SET secret = excluded.secret",
    );
    session.execute("locking TSIG keys", LOCK, []).await?;
    let key = match change {
        TsigKeyChange::Add(key) => {
            if is_taken(session, &key.name).await? {
                return Err(StoreError::Exists { what: "TSIG key" });
            }
            key
        }
        TsigKeyChange::Put(key) => key,
        TsigKeyChange::Replace { name, key } => {
            if *name != key.name && is_taken(session, &key.name).await? {
                return Err(StoreError::Exists { what: "TSIG key" });
            }
            remove(session, name).await?;
            key
        }
        TsigKeyChange::Remove { name } => return remove(session, name).await,
    };
    check(key)?;
    let values = [stored(&key.name), Value::from(key.algorithm.as_str()), Value::from(key.secret.as_str())];
    session.execute("writing TSIG keys", PUT, values).await.map(|_| ())
}

async fn is_taken(session: &mut Session, name: &Name) -> Result<bool, StoreError> {
    const TAKEN: Sql = Sql::both("SELECT 1 FROM tsigkeys WHERE name = $1 LIMIT 1");
    Ok(session.first("reading TSIG keys", TAKEN, [stored(name)]).await?.is_some())
}

async fn remove(session: &mut Session, name: &Name) -> Result<(), StoreError> {
    const REMOVE: Sql = Sql::both("DELETE FROM tsigkeys WHERE name = $1");
    match session.execute("removing TSIG keys", REMOVE, [stored(name)]).await? {
        0 => Err(StoreError::NotFound { what: "TSIG key" }),
        _ => Ok(()),
    }
}

fn check(key: &TsigKey) -> Result<(), StoreError> {
    let refused = |what: &str, max| Err(StoreError::Refused(format!("TSIG key {what}: longer than {max} characters")));
    if key.name.to_dotless().chars().count() > NAME_CHARS_MAX {
        return refused("name", NAME_CHARS_MAX);
    }
    if key.algorithm.chars().count() > ALGORITHM_CHARS_MAX {
        return refused("algorithm", ALGORITHM_CHARS_MAX);
    }
    if key.secret.chars().count() > SECRET_CHARS_MAX {
        return refused("key", SECRET_CHARS_MAX);
    }
    Ok(())
}

fn stored(name: &Name) -> Value {
    Value::Text(name.to_lowercase().to_dotless())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_the_secret() {
        let key = TsigKey {
            name: Name::parse("k.test").unwrap(),
            algorithm: "hmac-sha256".to_owned(),
            secret: Zeroizing::new("c2VjcmV0".to_owned()),
        };
        let shown = format!("{key:?} {:?}", TsigKeyChange::Put(key.clone()));
        assert!(shown.contains("hmac-sha256") && !shown.contains("c2VjcmV0"), "{shown}");
    }
}
