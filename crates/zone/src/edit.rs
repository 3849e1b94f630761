//! The next snapshot of a zone, at the cost of the change.

use crate::build::{BuildError, with_made};
use crate::chain::Chain;
use crate::presigned::Apart;
use crate::{Node, Rrset, Supply, Withheld, Zone, misplaced};
use std::collections::BTreeSet;
use std::sync::Arc;
use wire::{Name, RecordType};

/// Collects changes to one zone.
///
/// What a change costs is what it touches: the names, their links in the denial chain and the empty
/// non-terminals above them. Three changes touch more: a cut or DNAME that appears or goes above existing
/// names (they are searched for in the whole zone), a SOA whose negative TTL moves (every link), and with opt-out
/// the first wildcard that comes and the last that goes (all empty non-terminals).
#[derive(Debug)]
pub struct ZoneEditor {
    zone: Zone,
    touched: BTreeSet<Name>,
    had_optional_empty_non_terminals: bool,
    /// Cuts and DNAMEs that came or went above other names.
    redirected: Vec<Name>,
}

impl ZoneEditor {
    /// Starts from `zone`, which stays as it is.
    pub fn new(zone: &Arc<Zone>) -> ZoneEditor {
        ZoneEditor {
            zone: Zone::clone(zone),
            touched: BTreeSet::new(),
            had_optional_empty_non_terminals: zone.has_optional_empty_non_terminals(),
            redirected: Vec::new(),
        }
    }

    /// All data of one name is now `rrsets`, and nothing is withheld; none means the name has no data of its own. RRsets whose
    /// data did not change keep their signatures; in a presigned zone all have those that are among `rrsets`. Made RRsets stay at
    /// the apex. Names outside the zone are ignored.
    pub fn replace_name(&mut self, name: &Name, rrsets: Vec<Rrset>) {
        if !name.is_under(&self.zone.apex) {
            return;
        }
        let name = name.to_lowercase();
        let old = self.zone.node(name.as_wire()).map(Arc::clone);
        let is_presigned = self.zone.is_presigned();
        let kept = |rrset: Rrset| {
            let has_same = |old: &&Arc<Rrset>| !is_presigned && old.has_same_data(&rrset);
            let same = old.as_ref().and_then(|node| node.rrset(rrset.rtype())).filter(has_same);
            same.map_or_else(|| Arc::new(rrset), Arc::clone)
        };
        let rrsets: Vec<Rrset> = if is_presigned {
            let apart = Apart::new(rrsets);
            self.zone.replace_stored_link(&name, apart.links);
            apart.data
        } else {
            rrsets
        };
        let is_served = |rrset: &Rrset| {
            let rtype = rrset.rtype();
            let is_placed = misplaced::check(&self.zone.apex, &name, rtype).is_ok();
            !rrset.is_empty() && is_placed && !self.zone.mode.leaves_out(rtype)
        };
        let rrsets = rrsets.into_iter().filter(is_served).map(kept);
        let is_apex = name == self.zone.apex;
        let rrsets: Vec<Arc<Rrset>> = if is_apex { with_made(rrsets, &self.zone.made) } else { rrsets.collect() };
        self.put_data(name, rrsets, None, old);
    }

    /// What one name has of one type is now `supply`; all else stays. Names outside the zone are ignored.
    pub fn supply(&mut self, name: &Name, rtype: RecordType, supply: Supply) {
        if !name.is_under(&self.zone.apex) {
            return;
        }
        let name = name.to_lowercase();
        let old = self.zone.node(name.as_wire()).map(Arc::clone);
        let (mut rrsets, mut withheld) = match &old {
            Some(old) => (old.rrsets.to_vec(), old.withheld().to_vec()),
            None => (Vec::new(), Vec::new()),
        };
        let same = rrsets.iter().position(|rrset| rrset.rtype() == rtype).map(|at| rrsets.remove(at));
        withheld.retain(|withheld| withheld.rtype != rtype);
        match supply {
            Supply::Rrset(rrset) if rrset.is_empty() => {}
            Supply::Rrset(rrset) => {
                let same = same.filter(|same| same.has_same_data(&rrset));
                rrsets.push(same.unwrap_or_else(|| Arc::new(rrset)));
            }
            Supply::Withheld(reason) => withheld.push(Withheld { rtype, reason }),
            Supply::Nothing => {}
        }
        // The names of a presigned zone are those of its signer.
        let is_there = !self.zone.is_presigned() || !withheld.is_empty();
        self.put_data(name, rrsets, is_there.then_some(withheld), old);
    }

    /// Puts a made RRset at the apex, or removes it; what is stored there stays.
    pub fn set_apex(&mut self, rtype: RecordType, rrset: Option<Rrset>) {
        if rrset.is_none() && self.zone.made.iter().all(|made| made.rtype() != rtype) {
            return;
        }
        let apex = Arc::clone(self.apex_node());
        let old = apex.rrset(rtype).map(Arc::clone);
        let new = rrset.map(|rrset| match old {
            Some(old) if old.has_same_data(&rrset) => old,
            _ => Arc::new(rrset),
        });
        self.zone.made.retain(|other| other.rtype() != rtype);
        self.zone.made.extend(new);
        let stored = apex.rrsets.iter().filter(|other| other.rtype() != rtype).cloned();
        let rrsets = with_made(stored, &self.zone.made);
        self.put_data(apex.name.clone(), rrsets, apex.holding(), Some(apex));
    }

    /// The next snapshot; links of touched names are redone.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoSoa`] if the SOA is gone: the zone is to be served no longer.
    pub fn finish(mut self) -> Result<Zone, BuildError> {
        let apex_node = Arc::clone(self.apex_node());
        let soa = apex_node.rrset(RecordType::SOA).map(Arc::clone);
        let soa = soa.ok_or_else(|| BuildError::NoSoa(self.zone.apex.clone()))?;
        let negative_ttl = self.zone.negative_ttl();
        self.zone.apex_node = apex_node;
        self.zone.soa = soa;
        if matches!(self.zone.chain, Chain::None) || self.zone.is_presigned() {
            return Ok(self.zone);
        }
        if self.zone.negative_ttl() != negative_ttl {
            self.zone.rebuild_chain();
            return Ok(self.zone);
        }
        if self.zone.has_optional_empty_non_terminals() != self.had_optional_empty_non_terminals {
            let old = std::mem::take(&mut self.zone.chain);
            self.zone.rebuild_chain();
            self.zone.chain.adopt_signatures(&old);
            return Ok(self.zone);
        }
        if !self.redirected.is_empty() {
            let redirected = &self.redirected;
            let below = self.zone.names.iter().filter(|node| redirected.iter().any(|cut| node.name.is_under(cut)));
            self.touched.extend(below.map(|node| node.name.clone()));
        }
        let places = if self.zone.mode.is_opt_out() {
            self.zone.recount_and_place(self.touched)
        } else {
            self.touched.into_iter().map(|name| self.zone.place_at(name)).collect()
        };
        let ttl = self.zone.negative_ttl();
        self.zone.chain.update(places, ttl);
        Ok(self.zone)
    }

    fn apex_node(&self) -> &Arc<Node> {
        // The apex is never removed: put_data keeps it even without data.
        self.zone.node(self.zone.apex.as_wire()).unwrap_or(&self.zone.apex_node)
    }

    fn put_data(
        &mut self,
        name: Name,
        rrsets: Vec<Arc<Rrset>>,
        withheld: Option<Vec<Withheld>>,
        old: Option<Arc<Node>>,
    ) {
        if old.is_none() && rrsets.is_empty() && withheld.is_none() {
            return;
        }
        let is_apex = name == self.zone.apex;
        let mut node = Node::new(name.clone(), rrsets, withheld, is_apex);
        if let Some(old) = &old {
            node.children = old.children;
            node.has_wildcard_child = old.has_wildcard_child;
        }
        self.zone.rrset_count += node.rrsets.len();
        self.zone.rrset_count -= old.as_ref().map_or(0, |old| old.rrsets.len());
        let was_redirecting = old.as_ref().is_some_and(|old| old.is_redirecting());
        if was_redirecting {
            self.zone.redirects.take(name.label_count());
        }
        if node.is_redirecting() {
            self.zone.redirects.add(name.label_count());
        }
        if was_redirecting != node.is_redirecting() && node.children > 0 {
            self.redirected.push(name.clone());
        }
        self.touched.insert(name.clone());
        if node.is_empty_non_terminal() && node.children == 0 && !is_apex {
            self.remove_node(&name);
            self.drop_child(&name);
        } else {
            self.put_node(node);
            if old.is_none() {
                self.add_child(&name);
            }
        }
    }

    /// Tells the parent that a name has come; empty non-terminals appear as needed.
    fn add_child(&mut self, name: &Name) {
        let mut child = name.clone();
        while child != self.zone.apex {
            let Some(parent) = child.parent() else { return };
            let old = self.zone.node(parent.as_wire()).map(Arc::clone);
            let is_new = old.is_none();
            let mut node =
                old.map_or_else(|| Node::new(parent.clone(), Vec::new(), None, false), |old| Node::clone(&old));
            node.children += 1;
            node.has_wildcard_child |= child.is_wildcard();
            self.put_node(node);
            if !is_new {
                return;
            }
            self.touched.insert(parent.clone());
            child = parent;
        }
    }

    /// Tells the parent that a name is gone; empty non-terminals that led to nothing else go too.
    fn drop_child(&mut self, name: &Name) {
        let mut child = name.clone();
        while child != self.zone.apex {
            let Some(parent) = child.parent() else { return };
            let Some(old) = self.zone.node(parent.as_wire()).map(Arc::clone) else { return };
            let mut node = Node::clone(&old);
            node.children = node.children.saturating_sub(1);
            node.has_wildcard_child &= !child.is_wildcard();
            if !node.is_empty_non_terminal() || node.children > 0 || parent == self.zone.apex {
                self.put_node(node);
                return;
            }
            self.remove_node(&parent);
            self.touched.insert(parent.clone());
            child = parent;
        }
    }

    fn put_node(&mut self, node: Node) {
        let key = self.zone.hash(node.name.as_wire());
        let node = Arc::new(node);
        let name = Arc::clone(&node);
        let old = self.zone.names.insert(key, node, |other| other.name.as_wire().cmp(name.name.as_wire()));
        self.zone.wildcard_count += usize::from(old.is_none() && name.name.is_wildcard());
    }

    fn remove_node(&mut self, name: &Name) {
        let key = self.zone.hash(name.as_wire());
        let old = self.zone.names.remove(key, |node| node.name.as_wire() == name.as_wire());
        self.zone.wildcard_count -= usize::from(old.is_some() && name.is_wildcard());
    }
}
