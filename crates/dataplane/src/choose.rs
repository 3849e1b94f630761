//! Which of the served zones answers for a name (RFC 1034 section 4.3.2, step 2).

use dnssec::{Seen, ServedZone};
use wire::RecordType;
use zone::Found;

/// The zone that answers for `name` (lower-case wire): the one with the longest apex, but for DS at its apex the parent, if that
/// is served too and knows the name (RFC 4035 section 3.1.4.1). A served ancestor further up can only refer, and then the child's
/// NODATA is the answer.
pub(crate) fn choose<'v>(zones: Seen<'v>, name: &[u8], qtype: RecordType) -> Option<&'v ServedZone> {
    let nearest = zones.find(name)?;
    if qtype != RecordType::DS || nearest.zone.apex().as_wire() != name {
        return Some(nearest);
    }
    let parent = zones.find_parent(name).filter(|parent| {
        let found = parent.zone.lookup(name, RecordType::DS);
        !matches!(found, Found::Referral { .. } | Found::NameError { .. })
    });
    Some(parent.unwrap_or(nearest))
}
