//! The one way to write a zone.

use std::time::Duration;

use wire::Name;

use crate::session::Session;
use crate::{Commit, NewZone, StoreError, ZoneEdit};

/// What is to be written.
#[allow(dead_code)]
pub(crate) enum Change<'a> {
    Create(&'a NewZone),
    Edit(&'a Name, &'a ZoneEdit),
    Delete(&'a Name),
}

pub(crate) async fn run(_session: &mut Session, _change: &Change<'_>) -> Result<Commit, StoreError> {
    todo!()
}

pub(crate) fn pause_before_retry(_error: &StoreError, _attempt: u32) -> Option<Duration> {
    None
}
