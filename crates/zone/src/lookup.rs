//! What a zone says about one name and type: one walk of the snapshot (RFC 1034 section 4.3.2, RFC 4592).

use crate::snapshot::LabelStarts;
use crate::{NameKey, Node, Rrset, Withheld, WithheldReason, Zone};
use std::sync::Arc;
use wire::RecordType;
use wire::name::NAME_OCTETS_MAX;

/// A wildcard that answered for a name below its closest encloser.
#[derive(Debug, Clone, Copy)]
pub struct Wildcard<'z> {
    /// The node `*.<closest encloser>` (source of synthesis).
    pub source: &'z Node,
    /// The closest encloser (RFC 4592 section 3.3.1).
    pub closest_encloser: &'z Node,
}

/// What a zone says about one name and type.
#[derive(Debug, Clone, Copy)]
pub enum Found<'z> {
    /// The RRset, at the name or synthesised from a wildcard.
    Answer {
        /// Where it was found: the name's own node, or the wildcard.
        node: &'z Node,
        /// The data.
        rrset: &'z Arc<Rrset>,
        /// Set when synthesised.
        wildcard: Option<Wildcard<'z>>,
    },
    /// A CNAME stands at the name and another type was asked.
    Cname {
        /// Where it was found.
        node: &'z Node,
        /// The CNAME RRset.
        rrset: &'z Arc<Rrset>,
        /// Set when synthesised.
        wildcard: Option<Wildcard<'z>>,
    },
    /// A DNAME stands at an ancestor of the name (RFC 6672).
    Dname {
        /// The DNAME's owner.
        node: &'z Node,
        /// The DNAME RRset.
        rrset: &'z Arc<Rrset>,
    },
    /// The name exists without this type (RFC 2308 section 2.2), or a wildcard does.
    NoData {
        /// The name's own node, or the wildcard.
        node: &'z Node,
        /// Set when a wildcard matched.
        wildcard: Option<Wildcard<'z>>,
    },
    /// Neither the name nor a wildcard for it exists (RFC 2308 section 2.1).
    NameError {
        /// The longest existing ancestor.
        closest_encloser: &'z Node,
    },
    /// The name, or a wildcard for it, has the type, but nothing that could be sent.
    Withheld {
        /// The name's own node, or the wildcard.
        node: &'z Node,
        /// Why.
        reason: WithheldReason,
    },
    /// The name is at or below a cut (RFC 1034 section 4.3.2, step 3b). DS at the cut itself is not a referral.
    Referral {
        /// The node with the NS RRset.
        cut: &'z Node,
    },
}

impl Zone {
    /// Looks up a name in lower-case wire format, which must be at or under the apex.
    ///
    /// DS at a cut is answered from this side (RFC 4035 section 3.1.4.1); any other type there is a
    /// referral. A CNAME yields [`Found::Cname`] unless CNAME itself was asked, whatever stands beside it: a resolver that has the
    /// CNAME in its cache would see nothing else either. At the apex and at cuts SOA, NS, DS and
    /// keys must be found, and what is there is answered.
    pub fn lookup(&self, lower: &[u8], rtype: RecordType) -> Found<'_> {
        self.lookup_at(lower, self.key_of(lower), rtype)
    }

    /// The same for a name whose key is known.
    pub fn lookup_at(&self, lower: &[u8], key: NameKey, rtype: RecordType) -> Found<'_> {
        if let Some(node) = self.redirect_above(lower) {
            return match node.rrset(RecordType::DNAME) {
                Some(rrset) if !node.is_cut() => Found::Dname { node, rrset },
                _ => Found::Referral { cut: node },
            };
        }
        if let Some(node) = self.node_at(lower, key) {
            if node.is_cut() && rtype != RecordType::DS {
                return Found::Referral { cut: node };
            }
            return at_node(node, rtype, None);
        }
        let closest_encloser = self.closest_encloser(lower);
        if !closest_encloser.has_wildcard_child() {
            return Found::NameError { closest_encloser };
        }
        // On the stack: floods of names that do not exist come this way.
        let encloser = closest_encloser.name().as_wire();
        let mut wildcard = [0; 2 + NAME_OCTETS_MAX];
        wildcard[..2].copy_from_slice(b"\x01*");
        wildcard[2..2 + encloser.len()].copy_from_slice(encloser);
        match self.node(&wildcard[..2 + encloser.len()]) {
            Some(source) => at_node(source, rtype, Some(Wildcard { source, closest_encloser })),
            None => Found::NameError { closest_encloser },
        }
    }

    /// The longest existing ancestor of a name that does not exist (RFC 4592 section 3.3.1). From the
    /// apex down: a name of 127 labels then costs no more than the first one that is missing.
    pub fn closest_encloser(&self, lower: &[u8]) -> &Node {
        let starts = LabelStarts::new(lower);
        let below_apex = starts.count().saturating_sub(self.apex.label_count());
        let mut closest: &Node = self.apex_node();
        for index in (1..below_apex).rev() {
            match self.node(&lower[starts.at(index)..]) {
                Some(node) => closest = node,
                None => break,
            }
        }
        closest
    }
}

fn at_node<'z>(node: &'z Node, rtype: RecordType, wildcard: Option<Wildcard<'z>>) -> Found<'z> {
    if let Some(rrset) = node.rrset(rtype) {
        return match node.cname_beside_others() {
            Some(cname) if rtype != RecordType::CNAME => Found::Cname { node, rrset: cname, wildcard },
            _ => Found::Answer { node, rrset, wildcard },
        };
    }
    if let Some(withheld) = withheld(node, rtype) {
        return Found::Withheld { node, reason: withheld.reason };
    }
    match node.rrset(RecordType::CNAME) {
        Some(rrset) => Found::Cname { node, rrset, wildcard },
        None => Found::NoData { node, wildcard },
    }
}

/// What is withheld of the type; of a CNAME, which would answer for any type; of whatever is there, where nothing can be sent.
fn withheld(node: &Node, rtype: RecordType) -> Option<&Withheld> {
    let is_asked = |withheld: &&Withheld| {
        withheld.rtype == rtype
            || withheld.rtype == RecordType::CNAME
            || (matches!(rtype, RecordType::ANY | RecordType::RRSIG) && node.rrsets().is_empty())
    };
    node.withheld().iter().find(is_asked)
}
