//! What the suites share: a Postgres of their own.

pub mod postgres;

pub use postgres::Postgres;
