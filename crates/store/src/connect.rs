//! Opening either database: pools, durability, our tables.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor, Row as _};

use crate::session::{Session, within};
use crate::{StoreError, StoreSettings};

/// Rows the SQLite thread reads ahead of us.
const SQLITE_ROWS_AHEAD: usize = 1024;

/// The pools of an open database.
#[derive(Clone)]
pub(crate) enum Pools {
    Postgres { pool: PgPool, options: Arc<PgConnectOptions> },
    Sqlite { pool: SqlitePool },
}

impl Pools {
    /// Connects, makes every later connection durable, and checks that it is.
    pub(crate) async fn open(settings: &StoreSettings) -> Result<Pools, StoreError> {
        let scheme = settings.url.split(':').next().unwrap_or_default();
        match scheme {
            "postgres" | "postgresql" => open_postgres(settings).await,
            "sqlite" => open_sqlite(settings).await,
            _ => Err(StoreError::Schema(
                "the database URL must begin with postgres:// or sqlite:, and does not".to_owned(),
            )),
        }
    }

    /// Takes a connection, waiting at most `timeout`.
    pub(crate) async fn session(&self, timeout: Duration) -> Result<Session, StoreError> {
        match self {
            Pools::Postgres { pool, .. } => {
                Ok(Session::postgres(within("connecting", timeout, pool.acquire()).await?, timeout))
            }
            Pools::Sqlite { pool } => {
                Ok(Session::sqlite(within("connecting", timeout, pool.acquire()).await?, timeout))
            }
        }
    }
}

async fn open_postgres(settings: &StoreSettings) -> Result<Pools, StoreError> {
    let doing = "connecting to Postgres";
    let options = PgConnectOptions::from_str(&settings.url)
        .map_err(|error| StoreError::Unavailable { doing: "reading the database URL", source: Box::new(error) })?
        .application_name("signpost");
    let millis = settings.timeout.as_millis().max(1);
    // Per connection and not in the start-up packet, which connection poolers refuse. The server must give up no later
    // than we do, or a statement we reported as failed would still run. Compiling a plan costs more than any of ours.
    let setup: Arc<str> = format!(
        "SET synchronous_commit = on; SET statement_timeout = {millis}; SET lock_timeout = {millis}; \
         SET idle_in_transaction_session_timeout = {}; SET client_min_messages = warning; SET jit = off",
        millis * 12
    )
    .into();
    let pool = PgPoolOptions::new()
        .max_connections(settings.connections_max.max(2))
        .acquire_timeout(settings.timeout)
        .test_before_acquire(true)
        .after_connect(move |connection, _| {
            // Made of numbers alone.
            let setup = sqlx::raw_sql(AssertSqlSafe(Arc::clone(&setup)));
            Box::pin(async move { connection.execute(setup).await.map(|_| ()) })
        })
        .connect_lazy_with(options.clone());
    // Not through the pool, which would try a server that refuses until the time is over and then speak of a timeout.
    let first = within(doing, settings.timeout, options.connect()).await?;
    drop(within(doing, settings.timeout, first.close()).await);
    let (version, durability, fsync) = within(doing, settings.timeout, async {
        let row = sqlx::query(
            "SELECT current_setting('server_version_num')::INT, current_setting('synchronous_commit'), \
             current_setting('fsync')",
        )
        .fetch_one(&pool)
        .await?;
        Ok((row.try_get::<i32, _>(0)?, row.try_get::<String, _>(1)?, row.try_get::<String, _>(2)?))
    })
    .await?;
    if version < 130_000 {
        return Err(StoreError::Schema(format!("Postgres 13 or later is needed, this is {}", version / 10_000)));
    }
    if durability != "on" {
        return Err(StoreError::Schema(format!("synchronous_commit stays {durability}: commits would not be durable")));
    }
    if fsync != "on" {
        tracing::warn!("Postgres runs with fsync = {fsync}: a crash of its host can lose acknowledged changes");
    }
    Ok(Pools::Postgres { pool, options: Arc::new(options) })
}

/// Whether the URL names no file; the driver gives such a database the name of one.
fn is_in_memory(url: &str) -> bool {
    url.contains(":memory:") || url.contains("mode=memory")
}

/// Makes a missing database file that only its owner can read: private keys are in it. SQLite gives the files beside it
/// the same rights. What goes wrong here goes wrong again when SQLite opens the file, and is reported then.
fn make_private(file: &Path) {
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
}

async fn open_sqlite(settings: &StoreSettings) -> Result<Pools, StoreError> {
    let doing = "opening the SQLite file";
    let options = SqliteConnectOptions::from_str(&settings.url)
        .map_err(|error| StoreError::Unavailable { doing: "reading the database URL", source: Box::new(error) })?
        .create_if_missing(settings.migrate)
        .journal_mode(SqliteJournalMode::Wal)
        // Normal can lose commits that were acknowledged when the power fails.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(settings.timeout)
        .row_buffer_size(SQLITE_ROWS_AHEAD);
    if settings.migrate && !is_in_memory(&settings.url) {
        make_private(options.get_filename());
    }
    let pool = SqlitePoolOptions::new()
        .max_connections(settings.connections_max.max(2))
        .acquire_timeout(settings.timeout)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options);
    let (journal, synchronous, foreign_keys) = within(doing, settings.timeout, async {
        let mut connection = pool.acquire().await?;
        let journal: String = sqlx::query("PRAGMA journal_mode").fetch_one(&mut *connection).await?.try_get(0)?;
        let synchronous: i64 = sqlx::query("PRAGMA synchronous").fetch_one(&mut *connection).await?.try_get(0)?;
        let foreign_keys: i64 = sqlx::query("PRAGMA foreign_keys").fetch_one(&mut *connection).await?.try_get(0)?;
        Ok((journal, synchronous, foreign_keys))
    })
    .await?;
    if journal != "wal" || synchronous != 2 || foreign_keys != 1 {
        return Err(StoreError::Schema(format!(
            "SQLite runs with journal_mode {journal}, synchronous {synchronous}, foreign_keys {foreign_keys}, \
             not with wal, 2, 1: commits would not be durable"
        )));
    }
    Ok(Pools::Sqlite { pool })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Sql;

    #[tokio::test]
    async fn every_sqlite_connection_is_durable() {
        let directory = std::env::temp_dir().join(format!("signpost-connect-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let settings = StoreSettings {
            url: format!("sqlite:{}", directory.join("x.db").display()),
            connections_max: 4,
            timeout: Duration::from_secs(5),
            default_ttl: 3600,
            migrate: true,
        };
        let pools = Pools::open(&settings).await.unwrap();
        let mut sessions = Vec::new();
        for _ in 0..4 {
            let mut session = pools.session(settings.timeout).await.unwrap();
            for (pragma, wanted) in [
                (Sql::both("PRAGMA synchronous"), "2"),
                (Sql::both("PRAGMA journal_mode"), "wal"),
                (Sql::both("PRAGMA foreign_keys"), "1"),
                (Sql::both("PRAGMA busy_timeout"), "5000"),
            ] {
                let row = session.first("asking", pragma, []).await.unwrap().unwrap();
                assert_eq!(row.text(0).unwrap(), wanted, "{}", pragma.sqlite);
            }
            sessions.push(session);
        }
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[tokio::test]
    async fn a_database_in_memory_is_refused() {
        let settings = StoreSettings {
            url: "sqlite::memory:".to_owned(),
            connections_max: 4,
            timeout: Duration::from_secs(5),
            default_ttl: 3600,
            migrate: true,
        };
        let Err(error) = Pools::open(&settings).await else { panic!("it is not durable") };
        assert!(error.to_string().contains("would not be durable"), "{error}");
    }

    #[tokio::test]
    async fn a_new_sqlite_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let directory = std::env::temp_dir().join(format!("signpost-private-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let settings = StoreSettings {
            url: format!("sqlite:{}", directory.join("x.db").display()),
            connections_max: 2,
            timeout: Duration::from_secs(5),
            default_ttl: 3600,
            migrate: true,
        };
        let pools = Pools::open(&settings).await.unwrap();
        crate::schema::migrate(&pools).await.unwrap();
        // The last connection that closes takes the log with it: one is kept, and has it open.
        let mut session = pools.session(settings.timeout).await.unwrap();
        session.begin_writing().await.unwrap();
        let mut names = Vec::new();
        for file in std::fs::read_dir(&directory).unwrap().map(Result::unwrap) {
            assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
            names.push(file.file_name());
        }
        assert!(names.iter().any(|name| name == "x.db-wal"), "{names:?}");
        std::fs::remove_dir_all(directory).unwrap();
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_said_to_refuse() {
        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let settings = StoreSettings {
            url: format!("postgres://nobody@{unused}/nothing"),
            connections_max: 2,
            timeout: Duration::from_secs(30),
            default_ttl: 3600,
            migrate: true,
        };
        let Err(StoreError::Unavailable { source, .. }) = Pools::open(&settings).await else { panic!("who answered?") };
        assert!(source.to_string().contains("refused"), "{source}");
    }
}
