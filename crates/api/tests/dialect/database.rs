//! An empty SQLite file. `tests/dialect_postgres.rs` has an empty database of Postgres in this place.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

/// Gone when the test ends.
pub(crate) struct Database(PathBuf);

impl Database {
    pub(crate) async fn new() -> Database {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("signpost-api-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Database(path)
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.0.join("zones.db").display())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
