//! Which names opt-out leaves out of the NSEC3 chain (RFC 5155 sections 6 and 7.1): insecure delegations, and empty
//! non-terminals that lead to nothing else.
//!
//! A wildcard above such an empty non-terminal could not be denied for the names below it: a validator cannot see that they have
//! a closer encloser than the wildcard's. So a zone with wildcards keeps its empty non-terminals in the chain.
//!
//! Whether an empty non-terminal leads to something else is known by counting: each name of the chain counts at its parent. Only
//! zones with opt-out keep these counts.

use crate::chain::Place;
use crate::{Node, Zone};
use imbl::OrdMap;
use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::{Name, RecordType};

/// How many names of the chain stand exactly one label below a name; the apex, which is always in the chain, is not counted at.
#[derive(Debug, Clone, Default)]
pub(crate) struct LinkedChildren(OrdMap<Name, u32>);

impl LinkedChildren {
    fn has_any(&self, name: &Name) -> bool {
        self.0.contains_key(name)
    }

    fn add(&mut self, parent: Name) {
        *self.0.entry(parent).or_insert(0) += 1;
    }

    fn take(&mut self, parent: &Name) {
        match self.0.get_mut(parent) {
            Some(count) if *count > 1 => *count -= 1,
            _ => {
                self.0.remove(parent);
            }
        }
    }
}

impl Zone {
    /// Whether opt-out leaves out this node, which is not below a cut.
    pub(crate) fn is_opted_out(&self, node: &Node) -> bool {
        let is_insecure = node.is_cut && node.rrset(RecordType::DS).is_none();
        let leads_nowhere =
            || node.is_empty_non_terminal() && node.name != self.apex && !self.linked_children.has_any(&node.name);
        self.mode.is_opt_out() && (is_insecure || self.wildcard_count == 0 && leads_nowhere())
    }

    /// Whether opt-out leaves out empty non-terminals too.
    pub fn has_optional_empty_non_terminals(&self) -> bool {
        self.mode.is_opt_out() && self.wildcard_count == 0
    }

    /// Counts afresh.
    pub(crate) fn count_linked_children(&mut self) {
        self.linked_children = LinkedChildren::default();
        let mut nodes: Vec<Arc<Node>> = self.names.iter().map(Arc::clone).collect();
        // Children first: they decide about empty non-terminals above them.
        nodes.sort_by_cached_key(|node| Reverse(node.name.label_count()));
        for node in nodes {
            if self.is_linked(&node) {
                self.recount(&node.name, true);
            }
        }
    }

    /// The places of `touched` and of the empty non-terminals above them that came into the chain or went with them.
    pub(crate) fn recount_and_place(&mut self, touched: BTreeSet<Name>) -> Vec<Place> {
        let deepest_first = |name: Name| (Reverse(name.label_count()), name);
        let mut waiting: BTreeSet<(Reverse<usize>, Name)> = touched.into_iter().map(deepest_first).collect();
        let mut places = Vec::with_capacity(waiting.len());
        while let Some((_, name)) = waiting.pop_first() {
            let place = self.place_at(name);
            let (was_linked, is_linked) = (self.chain.link_of(&place.0).is_some(), place.1.is_some());
            if was_linked != is_linked {
                waiting.extend(self.recount(&place.0, is_linked).map(deepest_first));
            }
            places.push(place);
        }
        places
    }

    /// Tells the parent that a name came into the chain or went; returns it, unless it is the apex.
    fn recount(&mut self, name: &Name, is_linked: bool) -> Option<Name> {
        let parent = name.parent().filter(|parent| *name != self.apex && *parent != self.apex)?;
        match is_linked {
            true => self.linked_children.add(parent.clone()),
            false => self.linked_children.take(&parent),
        }
        Some(parent)
    }
}
