//! Sockets, and the answer to one query. Does not know that a database exists.
//!
//! [`DataPlane`] listens on UDP and TCP and answers from a [`dnssec::ZoneTable`]; [`answer()`] is what it does with one message, for
//! transports of others.

pub mod answer;
mod clock;
mod counters;
mod encode;
mod list;
mod negative;
mod plan;
mod profile;
mod redirect;
mod referral;
mod serve;
mod subset;
pub mod tail;
mod tcp;
pub mod udp;

pub use answer::{Asker, Desk, Outcome, Reply, Transport, answer};
pub use counters::{CounterSnapshot, NamedCounter};
pub use profile::Profile;
pub use serve::{DataPlane, DataPlaneSettings};
