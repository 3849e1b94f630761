//! The smallest zones that still show a difference: records are dropped while it stays.

use crate::lab::Lab;
use crate::questions::Question;
use crate::survey::{Finding, Findings, judge};
use crate::world::World;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// Time spent on one difference.
const TIME_MAX: Duration = Duration::from_secs(120);

/// Returns the difference `kind` in a world as small as it can be made in the time there is.
pub(crate) fn shrink(kind: &str, finding: &Finding) -> Option<Finding> {
    let until = Instant::now() + TIME_MAX;
    let question = &finding.question;
    let mut smallest = find(kind, &finding.world, question)?;
    let mut at_once = smallest.world.droppable().len().div_ceil(2);
    while at_once > 0 {
        let mut start = 0;
        loop {
            let droppable = smallest.world.droppable();
            if start >= droppable.len() {
                break;
            }
            if Instant::now() > until {
                return Some(smallest);
            }
            let dropped = &droppable[start..droppable.len().min(start + at_once)];
            match find(kind, &smallest.world.without(dropped), question) {
                Some(found) => smallest = found,
                None => start += at_once,
            }
        }
        at_once /= 2;
    }
    Some(smallest)
}

/// The difference, if this world shows it. A world that a server refuses does not.
fn find(kind: &str, world: &World, question: &Question) -> Option<Finding> {
    let found = catch_unwind(AssertUnwindSafe(|| {
        let lab = Lab::start(std::slice::from_ref(world));
        let mut findings = Findings::default();
        judge(&lab, &[(world, question.clone())], &mut findings);
        findings
    }));
    found.ok()?.differences.remove(kind)
}
