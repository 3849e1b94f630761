//! The harness the suites share: the real server, the tools of strangers, and temporary databases.
//!
//! Everything listens on loopback, on ports that were free, and is ended when its value is dropped. Nothing sleeps for
//! luck: [`wait::until`] asks until the condition holds or a bound has passed, and then says what it waited for.

pub mod api;
pub mod barrage;
mod clients;
pub mod dig;
pub mod dnsviz;
pub mod frames;
pub mod fuzz;
pub mod go;
pub mod golden;
pub mod http;
pub mod link;
pub mod named;
pub mod pdns;
pub mod pebble;
pub mod peers;
pub mod postgres;
pub mod process;
pub mod query;
pub mod random;
pub mod reply;
pub mod server;
pub mod temp;
pub mod unbound;
pub mod validators;
pub mod volley;
pub mod wait;

pub use postgres::Postgres;

/// TLS settings of a client that believes any certificate and offers `protocols`.
pub fn believing_tls(protocols: &[&[u8]]) -> rustls::ClientConfig {
    clients::tls(protocols)
}
