//! PowerDNS's tables and ours: created, adopted, or refused.

use std::borrow::Cow;
use std::time::Duration;

use sqlx::SqlSafeStr;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};

use crate::StoreError;
use crate::connect::Pools;
use crate::session::{Session, Sql};

/// Where the migrations done are noted; PowerDNS and others may have `_sqlx_migrations` of their own.
const MIGRATIONS_TABLE: &str = "signpost_migrations";

const SQLITE_ATTEMPTS: u32 = 5;
const SQLITE_PAUSE: Duration = Duration::from_millis(100);

/// Number, description, text for Postgres, text for SQLite.
const MIGRATIONS: [(i64, &str, &str, &str); 6] = [
    (
        1,
        "PowerDNS's tables",
        include_str!("../../../migrations/postgres/0001_powerdns_tables.sql"),
        include_str!("../../../migrations/sqlite/0001_powerdns_tables.sql"),
    ),
    (
        2,
        "feed, zones, journal",
        include_str!("../../../migrations/postgres/0002_signpost.sql"),
        include_str!("../../../migrations/sqlite/0002_signpost.sql"),
    ),
    (
        3,
        "shared secrets",
        include_str!("../../../migrations/postgres/0003_secrets.sql"),
        include_str!("../../../migrations/sqlite/0003_secrets.sql"),
    ),
    (
        4,
        "API keys",
        include_str!("../../../migrations/postgres/0004_api_keys.sql"),
        include_str!("../../../migrations/sqlite/0004_api_keys.sql"),
    ),
    (
        5,
        "views",
        include_str!("../../../migrations/postgres/0005_views.sql"),
        include_str!("../../../migrations/sqlite/0005_views.sql"),
    ),
    (
        8,
        "history",
        include_str!("../../../migrations/postgres/0008_history.sql"),
        include_str!("../../../migrations/sqlite/0008_history.sql"),
    ),
];

/// Brings the tables to where this program wants them.
///
/// # Errors
///
/// [`StoreError::Schema`] for a PowerDNS schema from before 4.7 (PDNS-DIALECT section 12.7), and for one that a later
/// Signpost has changed.
pub(crate) async fn migrate(pools: &Pools) -> Result<(), StoreError> {
    let migrator = |is_postgres: bool| {
        let mut migrator = Migrator::with_migrations(migrations(is_postgres).collect());
        migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
        migrator
    };
    match pools {
        Pools::Postgres { pool, .. } => {
            let mut connection = pool.acquire().await.map_err(|error| during("connecting", error))?;
            // An index on a large table takes as long as it takes.
            sqlx::query("SET statement_timeout = 0")
                .execute(&mut *connection)
                .await
                .map_err(|error| during("preparing to migrate", error))?;
            sqlx::query("SET lock_timeout = 0")
                .execute(&mut *connection)
                .await
                .map_err(|error| during("preparing to migrate", error))?;
            let done = migrator(true).run_direct(None, &mut *connection, false).await;
            // With other timeouts than its siblings it must not go back.
            drop(connection.detach());
            done
        }
        Pools::Sqlite { pool } => {
            let mut connection = pool.acquire().await.map_err(|error| during("connecting", error))?;
            let mut done = migrator(false).run_direct(None, &mut *connection, false).await;
            // Nothing keeps two processes from migrating one file at once; whoever comes second finds it done.
            for _ in 0..SQLITE_ATTEMPTS {
                if !matches!(done, Err(MigrateError::Execute(_) | MigrateError::ExecuteMigration(..))) {
                    break;
                }
                tokio::time::sleep(SQLITE_PAUSE).await;
                done = migrator(false).run_direct(None, &mut *connection, false).await;
            }
            drop(connection.detach());
            done
        }
    }
    .map_err(|error| match error {
        MigrateError::VersionMissing(number) | MigrateError::VersionTooNew(number, _) => StoreError::Schema(format!(
            "the database has Signpost's migration {number}, which this version does not know: run a newer Signpost"
        )),
        MigrateError::VersionMismatch(number) => {
            StoreError::Schema(format!("Signpost's migration {number} in the database is not this version's"))
        }
        other => StoreError::Unavailable { doing: "creating tables", source: Box::new(other) },
    })
}

fn migrations(is_postgres: bool) -> impl Iterator<Item = Migration> {
    MIGRATIONS.iter().map(move |&(number, description, postgres, sqlite)| {
        let text = if is_postgres { postgres } else { sqlite };
        Migration::new(number, Cow::Borrowed(description), MigrationType::Simple, text.into_sql_str(), false)
    })
}

/// Whether there is nothing to migrate. A server that finds this needs no right to create tables: the migrator asks for it
/// even where they are there.
pub(crate) async fn is_current(session: &mut Session) -> Result<bool, StoreError> {
    const PRESENT: Sql = Sql {
        postgres: "SELECT to_regclass('signpost_migrations') IS NOT NULL",
        sqlite: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'signpost_migrations'",
    };
    const DONE: Sql = Sql {
        postgres: "SELECT version, encode(checksum, 'hex') FROM signpost_migrations WHERE success ORDER BY version",
        sqlite: "SELECT version, lower(hex(checksum)) FROM signpost_migrations WHERE success ORDER BY version",
    };
    let doing = "looking for migrations";
    let row = session.first(doing, PRESENT, []).await?;
    if !row.map(|row| row.is_true(0)).transpose()?.unwrap_or(false) {
        return Ok(false);
    }
    let hex = |octets: &[u8]| octets.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let is_postgres = session.is_postgres();
    let wanted: Vec<(i64, String)> = migrations(is_postgres).map(|m| (m.version, hex(&m.checksum))).collect();
    let mut done = Vec::new();
    for row in session.rows(doing, DONE, []).await? {
        done.push((row.int(0)?, row.text(1)?.to_owned()));
    }
    Ok(done == wanted)
}

fn during(doing: &'static str, error: sqlx::Error) -> StoreError {
    StoreError::Unavailable { doing, source: Box::new(error) }
}

/// Whether this is a Postgres that follows another and takes no writes.
pub(crate) async fn is_standby(session: &mut Session) -> Result<bool, StoreError> {
    const IN_RECOVERY: Sql = Sql { postgres: "SELECT pg_is_in_recovery()", sqlite: "SELECT 0" };
    let row = session.first("asking whether this is a standby", IN_RECOVERY, []).await?;
    row.map_or(Ok(false), |row| row.is_true(0))
}

/// Refuses a PowerDNS schema from before 4.7: it lacks `domains.catalog` (PDNS-DIALECT section 12.7).
pub(crate) async fn refuse_old_powerdns(session: &mut Session) -> Result<(), StoreError> {
    const COLUMNS: Sql = Sql {
        postgres: "SELECT attname::TEXT FROM pg_attribute \
                   WHERE attrelid = to_regclass('domains') AND attnum > 0 AND NOT attisdropped",
        sqlite: "SELECT name FROM pragma_table_info('domains')",
    };
    let columns = session.rows("looking at PowerDNS's tables", COLUMNS, []).await?;
    if columns.is_empty() {
        return Ok(());
    }
    for column in &columns {
        if column.text(0)? == "catalog" {
            return Ok(());
        }
    }
    Err(StoreError::Schema(
        "the table domains has no column catalog, so this is a PowerDNS schema from before 4.7: apply PowerDNS's own \
         schema upgrades up to 4.7 first"
            .to_owned(),
    ))
}

/// Checks that our tables are there, for a program that may not create them.
pub(crate) async fn require(session: &mut Session) -> Result<(), StoreError> {
    const PRESENT: Sql = Sql {
        postgres: "SELECT to_regclass('signpost_state') IS NOT NULL",
        sqlite: "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'signpost_state'",
    };
    let row = session.first("looking for Signpost's tables", PRESENT, []).await?;
    match row.map(|row| row.is_true(0)).transpose()? {
        Some(true) => Ok(()),
        _ => Err(StoreError::Schema("the database has no tables of Signpost: start the server on it once".to_owned())),
    }
}
