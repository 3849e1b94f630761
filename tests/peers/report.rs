//! What a failure prints: the question, the zones, and the four answers side by side.

use crate::compare::{Case, Part};
use crate::world::World;
use std::fmt::Write;

/// The zones of a world.
pub(crate) fn zones(world: &World) -> String {
    let mut text = String::new();
    for zone in &world.zones {
        let _ = write!(text, "; zone {} {:?}\n{}", zone.apex, zone.mode, zone.text());
    }
    text
}

/// The answers of all.
pub(crate) fn answers(case: &Case<'_>) -> String {
    let mut text = format!("question: {} over {:?}\n--- ours: {}", case.question, case.transport, case.ours);
    for (peer, reply) in &case.peers {
        let _ = match reply {
            Ok(reply) => write!(text, "--- {peer}: {reply}"),
            Err(reason) => writeln!(text, "--- {peer}: {reason}"),
        };
    }
    text
}

/// What is different, and a name for that kind of difference.
pub(crate) fn kind(parts: &[Part]) -> String {
    // Signatures come and go with what they cover.
    let is_alone = |part: &&Part| !part.is_signature() || parts.iter().all(Part::is_signature);
    let mut kinds: Vec<String> = parts.iter().filter(is_alone).map(Part::kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds.join(", ")
}
