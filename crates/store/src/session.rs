//! One connection to either database, and the few things SQL needs to be written once for both.
//!
//! A [`Session`] that is dropped in the middle of a statement or a transaction closes its connection instead of handing
//! it back to the pool: nobody inherits a half-done transaction, and a hung server costs its callers one timeout each.

use std::future::Future;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
use sqlx::pool::PoolConnection;
use sqlx::{Decode, Postgres, Row as _, Sqlite, TypeInfo, ValueRef};
use wire::Name;

use crate::StoreError;
use crate::error::of_database;

/// A statement whose size is a zone's may stay silent this long: the first row comes after a million were sorted.
pub(crate) const BULK_STALL_MAX: Duration = Duration::from_secs(300);
/// Rows read between two chances for other tasks of the same thread.
const ROWS_PER_TURN: u64 = 4096;

/// One statement, spelled for both databases. `$1` works in both.
#[derive(Clone, Copy)]
pub(crate) struct Sql {
    pub(crate) postgres: &'static str,
    pub(crate) sqlite: &'static str,
}

impl Sql {
    /// The same text for both.
    pub(crate) const fn both(text: &'static str) -> Sql {
        Sql { postgres: text, sqlite: text }
    }
}

/// A parameter of a statement.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Int(i64),
    IntOrNull(Option<i64>),
    Text(String),
    TextOrNull(Option<String>),
    Bool(bool),
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Bool(value)
    }
}

/// A list as one parameter: `json_each` and `json_array_elements_text` take it apart again.
pub(crate) fn list<T: serde::Serialize>(items: &[T]) -> Value {
    Value::Text(serde_json::to_string(items).expect("strings and numbers always serialise"))
}

/// A result row of either database.
pub(crate) enum Row {
    Postgres(sqlx::postgres::PgRow),
    Sqlite(sqlx::sqlite::SqliteRow),
}

impl Row {
    /// Text, or nothing where the column is NULL.
    pub(crate) fn text_or_null(&self, column: usize) -> Result<Option<&str>, StoreError> {
        match self {
            Row::Postgres(row) => row.try_get_unchecked(column),
            Row::Sqlite(row) => row.try_get_unchecked(column),
        }
        .map_err(malformed)
    }

    /// Text; NULL is "".
    pub(crate) fn text(&self, column: usize) -> Result<&str, StoreError> {
        Ok(self.text_or_null(column)?.unwrap_or_default())
    }

    /// A whole number of any width, or nothing where the column is NULL.
    pub(crate) fn int_or_null(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self {
            Row::Postgres(row) => {
                let raw = row.try_get_raw(column).map_err(malformed)?;
                if raw.is_null() {
                    return Ok(None);
                }
                let octets = match raw.type_info().name() {
                    "INT8" => 8,
                    "INT4" => 4,
                    "INT2" => 2,
                    "BOOL" => 1,
                    other => return Err(StoreError::Malformed(format!("column {column} is {other}, not a number"))),
                };
                let value = match octets {
                    8 => <i64 as Decode<Postgres>>::decode(raw),
                    4 => <i32 as Decode<Postgres>>::decode(raw).map(i64::from),
                    2 => <i16 as Decode<Postgres>>::decode(raw).map(i64::from),
                    _ => <bool as Decode<Postgres>>::decode(raw).map(i64::from),
                };
                value.map(Some).map_err(|error| StoreError::Malformed(error.to_string()))
            }
            Row::Sqlite(row) => row.try_get_unchecked(column).map_err(malformed),
        }
    }

    /// A whole number; NULL is 0.
    pub(crate) fn int(&self, column: usize) -> Result<i64, StoreError> {
        Ok(self.int_or_null(column)?.unwrap_or(0))
    }

    /// A truth value; NULL is false.
    pub(crate) fn is_true(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int(column)? != 0)
    }

    /// The column `disabled`. NULL is true: what serves asks for `disabled = FALSE`, here as in PowerDNS.
    pub(crate) fn is_disabled(&self, column: usize) -> Result<bool, StoreError> {
        Ok(self.int_or_null(column)? != Some(0))
    }

    /// A name in lower case, or nothing where the column is NULL, empty, or no name: the empty text is not the root.
    pub(crate) fn name(&self, column: usize) -> Result<Option<Name>, StoreError> {
        let text = self.text_or_null(column)?.filter(|text| !text.is_empty());
        Ok(text.and_then(|text| Name::parse(text).ok()).map(|name| name.to_lowercase()))
    }
}

fn malformed(error: sqlx::Error) -> StoreError {
    StoreError::Malformed(error.to_string())
}

enum Connection {
    Postgres(PoolConnection<Postgres>),
    Sqlite(PoolConnection<Sqlite>),
}

/// One connection, taken from its pool.
pub(crate) struct Session {
    /// `None` once it was thrown away.
    connection: Option<Connection>,
    /// A statement is on its way, or a transaction is open.
    is_busy: bool,
    is_in_transaction: bool,
    timeout: Duration,
}

/// Runs `work`, at most for `limit`.
pub(crate) async fn within<T>(
    doing: &'static str,
    limit: Duration,
    work: impl Future<Output = Result<T, sqlx::Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(of_database(doing, error)),
        Err(elapsed) => Err(StoreError::Unavailable { doing, source: Box::new(elapsed) }),
    }
}

macro_rules! on_connection {
    ($session:expr, $sql:expr, $values:expr, |$query:ident, $conn:ident, $wrap:ident| $body:expr) => {
        match $session.connection.as_mut() {
            None => Err(sqlx::Error::PoolClosed),
            Some(Connection::Postgres($conn)) => {
                let mut $query = sqlx::query::<Postgres>($sql.postgres);
                for value in $values {
                    $query = match value {
                        Value::Int(value) => $query.bind(value),
                        Value::IntOrNull(value) => $query.bind(value),
                        Value::Text(value) => $query.bind(value),
                        Value::TextOrNull(value) => $query.bind(value),
                        Value::Bool(value) => $query.bind(value),
                    };
                }
                let $wrap = Row::Postgres;
                $body
            }
            Some(Connection::Sqlite($conn)) => {
                let mut $query = sqlx::query::<Sqlite>($sql.sqlite);
                for value in $values {
                    $query = match value {
                        Value::Int(value) => $query.bind(value),
                        Value::IntOrNull(value) => $query.bind(value),
                        Value::Text(value) => $query.bind(value),
                        Value::TextOrNull(value) => $query.bind(value),
                        Value::Bool(value) => $query.bind(value),
                    };
                }
                let $wrap = Row::Sqlite;
                $body
            }
        }
    };
}

impl Session {
    pub(crate) fn postgres(connection: PoolConnection<Postgres>, timeout: Duration) -> Session {
        Session::over(Connection::Postgres(connection), timeout)
    }

    pub(crate) fn sqlite(connection: PoolConnection<Sqlite>, timeout: Duration) -> Session {
        Session::over(Connection::Sqlite(connection), timeout)
    }

    fn over(connection: Connection, timeout: Duration) -> Session {
        Session { connection: Some(connection), is_busy: false, is_in_transaction: false, timeout }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.connection, Some(Connection::Postgres(_)))
    }

    /// Runs a statement and returns how many rows it touched.
    pub(crate) async fn execute(
        &mut self,
        doing: &'static str,
        sql: Sql,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<u64, StoreError> {
        self.is_busy = true;
        let limit = self.timeout;
        let done = within(doing, limit, async {
            on_connection!(self, sql, values, |query, conn, _wrap| query
                .execute(&mut **conn)
                .await
                .map(|result| result.rows_affected()))
        })
        .await;
        self.settle(&done);
        done
    }

    /// Runs a query and returns all its rows.
    pub(crate) async fn rows(
        &mut self,
        doing: &'static str,
        sql: Sql,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Vec<Row>, StoreError> {
        self.is_busy = true;
        let limit = self.timeout;
        let done = within(doing, limit, async {
            on_connection!(self, sql, values, |query, conn, wrap| query
                .fetch_all(&mut **conn)
                .await
                .map(|rows| rows.into_iter().map(wrap).collect::<Vec<_>>()))
        })
        .await;
        self.settle(&done);
        done
    }

    /// The first row of a query, if it has any.
    pub(crate) async fn first(
        &mut self,
        doing: &'static str,
        sql: Sql,
        values: impl IntoIterator<Item = Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(doing, sql, values).await?.into_iter().next())
    }

    /// Hands every row of a query to `take` as it arrives. Only a row that is long in coming is a timeout.
    pub(crate) async fn each(
        &mut self,
        doing: &'static str,
        sql: Sql,
        values: impl IntoIterator<Item = Value>,
        mut take: impl FnMut(Row) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        self.is_busy = true;
        let limit = self.timeout;
        let result: Result<Result<(), StoreError>, sqlx::Error> =
            on_connection!(self, sql, values, |query, conn, wrap| {
                let mut stream = query.fetch(&mut **conn);
                let mut count = 0_u64;
                Ok(loop {
                    // A timer per row would cost as much as the row.
                    let next = match stream.next().now_or_never() {
                        Some(next) => next,
                        None => match tokio::time::timeout(limit, stream.next()).await {
                            Ok(next) => next,
                            Err(elapsed) => {
                                break Err(StoreError::Unavailable { doing, source: Box::new(elapsed) });
                            }
                        },
                    };
                    match next {
                        None => break Ok(()),
                        Some(Err(error)) => {
                            break Err(of_database(doing, error));
                        }
                        Some(Ok(row)) => {
                            if let Err(error) = take(wrap(row)) {
                                break Err(error);
                            }
                        }
                    }
                    count += 1;
                    if count.is_multiple_of(ROWS_PER_TURN) {
                        tokio::task::yield_now().await;
                    }
                })
            });
        let done = result.unwrap_or_else(|error| Err(of_database(doing, error)));
        // A stream that was left early has rows on the wire.
        if done.is_err() {
            self.discard();
        }
        self.settle(&done);
        done
    }

    /// Begins a transaction that sees one state of the database and writes nothing.
    pub(crate) async fn begin_reading(&mut self) -> Result<(), StoreError> {
        const BEGIN: Sql =
            Sql { postgres: "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", sqlite: "BEGIN DEFERRED" };
        self.begin(BEGIN).await
    }

    /// Lets the statements of this transaction take their time, as long as rows keep coming: their size is a zone's.
    pub(crate) async fn unhurried(&mut self, stall_max: Duration) -> Result<(), StoreError> {
        const NO_LIMIT: Sql = Sql { postgres: "SET LOCAL statement_timeout = 0", sqlite: "SELECT 1" };
        self.timeout = self.timeout.max(stall_max);
        if self.is_postgres() { self.execute("lifting the time limit", NO_LIMIT, []).await.map(|_| ()) } else { Ok(()) }
    }

    /// Begins a transaction that writes.
    pub(crate) async fn begin_writing(&mut self) -> Result<(), StoreError> {
        const BEGIN: Sql =
            Sql { postgres: "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", sqlite: "BEGIN IMMEDIATE" };
        self.begin(BEGIN).await
    }

    async fn begin(&mut self, begin: Sql) -> Result<(), StoreError> {
        self.execute("beginning a transaction", begin, []).await?;
        self.is_in_transaction = true;
        Ok(())
    }

    /// Commits. After an error the outcome is unknown.
    pub(crate) async fn commit(&mut self) -> Result<(), StoreError> {
        match self.execute("committing", Sql::both("COMMIT"), []).await {
            Ok(_) => {
                self.is_in_transaction = false;
                Ok(())
            }
            Err(error) => {
                self.discard();
                Err(error)
            }
        }
    }

    /// Ends a transaction that is not wanted; the connection goes if even that fails.
    pub(crate) async fn rollback(&mut self) {
        if self.connection.is_none() || !self.is_in_transaction {
            return;
        }
        match self.execute("rolling back", Sql::both("ROLLBACK"), []).await {
            Ok(_) => self.is_in_transaction = false,
            Err(_) => self.discard(),
        }
    }

    /// Closes the connection without a word to the server: it may be hung.
    fn discard(&mut self) {
        match self.connection.take() {
            Some(Connection::Postgres(connection)) => drop(connection.detach()),
            Some(Connection::Sqlite(connection)) => drop(connection.detach()),
            None => {}
        }
    }

    /// After an answer of the database, even a bad one, the connection is in step; after a timeout or a broken line it
    /// is not.
    fn settle<T>(&mut self, done: &Result<T, StoreError>) {
        self.is_busy = match done {
            Err(StoreError::Unavailable { source, .. } | StoreError::Failed { source, .. }) => {
                !matches!(source.downcast_ref::<sqlx::Error>(), Some(sqlx::Error::Database(_)))
            }
            _ => false,
        };
        if self.is_busy {
            self.discard();
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.is_busy || self.is_in_transaction {
            self.discard();
        }
    }
}
