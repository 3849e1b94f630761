//! Sockets, and the answer to one query. Does not know that a database exists.
//!
//! [`DataPlane`] listens on UDP, TCP, TLS, HTTPS and QUIC and answers from a [`dnssec::ZoneTable`]; [`answer()`] is what it does with one message, for
//! transports of others.

mod additional;
pub mod answer;
mod chaos;
mod choose;
mod clock;
pub mod cookie;
mod counters;
mod encode;
mod list;
mod negative;
mod options;
mod plan;
pub mod profile;
pub mod proxy;
mod ratelimit;
mod reading;
mod redirect;
mod referral;
mod rings;
mod serve;
mod streams;
mod subset;
pub mod tail;
mod tcp;
pub mod udp;
pub mod xdp;

pub use answer::{Asker, Desk, Outcome, Reply, Transport, answer};
pub use cookie::{CookieSecret, CookieSecrets};
pub use counters::{CounterSnapshot, NamedCounter};
pub use profile::{Profile, ProfileHandle};
pub use proxy::Proxies;
pub use ratelimit::RateLimits;
pub use reading::Reading;
pub use rings::{RING_ENTRIES, Ring};
pub use serve::{Addresses, DataPlane, DataPlaneSettings};
pub use tcp::bind as bind_tcp;
pub use xdp::XdpSettings;
