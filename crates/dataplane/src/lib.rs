//! Sockets, and the answer to one query. Does not know that a database exists.

pub mod answer;
