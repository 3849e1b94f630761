//! What a zone says about one name and type: one walk of the snapshot (RFC 1034 section 4.3.2, RFC 4592).

use crate::{Node, Rrset, Zone};
use std::sync::Arc;
use wire::RecordType;

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
    /// The name is at or below a cut (RFC 1034 section 4.3.2, step 3b). DS at the cut itself is not a referral.
    Referral {
        /// The node with the NS RRset.
        cut: &'z Node,
    },
}

impl Zone {
    /// Looks up a name in lower-case wire format, which must be at or under the apex. For ANY, `Answer` is never
    /// returned: see the data plane. `rtype` DS at a cut is answered from this side (RFC 4035 section 3.1.4.1).
    pub fn lookup(&self, _lower: &[u8], _rtype: RecordType) -> Found<'_> {
        todo!()
    }
}
