//! NOTIFY (RFC 1996): telling secondaries that a zone changed.

pub mod notify;
mod notify_message;
mod notify_targets;

pub use notify::{Notifier, NotifyCounters, NotifySettings};
