//! From settings to an open store.

use std::path::Path;
use std::sync::Arc;

use api::ZoneDefaults;
use store::{Store, StoreError, StoreSettings};

use crate::config::settings::DatabaseSettings;

/// What the store wants to know.
pub fn store_settings(database: &DatabaseSettings, zones: &ZoneDefaults, migrate: bool) -> StoreSettings {
    StoreSettings {
        url: database.url.0.clone(),
        connections_max: database.connections_max,
        timeout: database.timeout,
        default_ttl: zones.ttl,
        migrate,
    }
}

/// Opens the database for a command that only reads. One that only PowerDNS has used until now gets our tables, as it
/// would from the server: they are additions, and PowerDNS does not see them.
///
/// # Errors
///
/// The database does not answer, or cannot be used.
pub async fn open_to_read(database: &DatabaseSettings, zones: &ZoneDefaults) -> Result<Arc<dyn Store>, StoreError> {
    // Tables that are there are left alone, so that a standby or a role without rights to change them will do.
    match store::open(&store_settings(database, zones, false)).await {
        Err(StoreError::Schema(_)) => store::open(&store_settings(database, zones, true)).await,
        other => other,
    }
}

/// The path of an SQLite URL: `sqlite:path`, `sqlite:///path`.
pub fn sqlite_path(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    Some(Path::new(path.split_once('?').map_or(path, |(path, _)| path)))
}

/// Fails if the URL names an SQLite file that is not there: tools work on databases and make none up.
///
/// # Errors
///
/// Says which file, and where it was named.
pub fn refuse_missing_file(database: &DatabaseSettings) -> anyhow::Result<()> {
    match sqlite_path(&database.url.0) {
        Some(path) if !path.exists() => {
            anyhow::bail!("database {} does not exist ({})", path.display(), database.origin)
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_sqlite_urls() {
        for (url, path) in [
            ("sqlite:a.db", Some("a.db")),
            ("sqlite:/var/a.db", Some("/var/a.db")),
            ("sqlite:///var/a.db?mode=rwc", Some("/var/a.db")),
            ("postgres://h/d", None),
        ] {
            assert_eq!(sqlite_path(url), path.map(Path::new), "{url}");
        }
    }
}
