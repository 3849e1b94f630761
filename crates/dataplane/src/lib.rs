//! Sockets, and the answer to one query. Does not know that a database exists.

pub mod answer;
mod encode;
mod list;
mod negative;
mod plan;
mod redirect;
mod referral;
mod subset;
pub mod tail;
