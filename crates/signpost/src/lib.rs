//! The program: its commands, and the settings they share.

pub mod cli;
pub mod config;
pub mod control;
pub mod database;
pub mod export;
pub mod history;
pub mod key;
pub mod logging;
pub mod pdnsutil;
pub mod quickstart;
pub mod serve;
