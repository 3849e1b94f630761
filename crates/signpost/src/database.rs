//! From settings to an open store.

use std::path::Path;

use api::ZoneDefaults;
use store::StoreSettings;

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
