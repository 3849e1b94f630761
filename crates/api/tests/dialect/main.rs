//! The HTTP API against the dialect, section by section, on a SQLite store of its own for every test; `tests/dialect_postgres.rs`
//! runs the same on Postgres.
//!
//! Every answer is held to the OpenAPI documents too, whatever the test asks for.
//!
//! The DNS side is played by a publication that counts: what a 204 promises about answers is tested with the whole program.

mod clients;
mod connections;
mod cryptokeys;
mod database;
mod discovery;
mod document;
mod external_dns;
mod failures;
mod metadata;
mod objects;
mod patch;
mod probes;
mod rules;
mod scopes;
mod support;
mod webhook;
mod zone_create;
mod zone_put;
mod zones;
