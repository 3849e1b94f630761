//! What an answer will hold: RRset references by section, decided before a byte is written.

use crate::list::List;
use crate::{negative, redirect, referral, subset};
use dnssec::denial::ProofOwner;
use dnssec::{ServedZone, ZoneSigner, denial};
use foldhash::fast::FixedState;
use std::borrow::Cow;
use std::hash::BuildHasher;
use wire::message::{Query, Rcode};
use wire::name::NAME_OCTETS_MAX;
use wire::{Name, RecordType};
use zone::lookup::Wildcard;
use zone::{Found, Node, Rrset, Zone};

/// CNAME and DNAME steps followed within a zone; resolvers give up before that.
const CHAIN_MAX: usize = 16;

/// The decided answer.
pub(crate) struct Plan<'a> {
    pub(crate) rcode: Rcode,
    /// AA: for the first owner of the answer section (RFC 1035 section 4.1.1), so a referral at the end of a chain keeps it.
    pub(crate) is_authoritative: bool,
    pub(crate) answer: List<Item<'a>, 3>,
    pub(crate) authority: List<Item<'a>, 5>,
    /// In-domain glue, without which a referral is of no use (RFC 9471 section 3.1).
    pub(crate) glue: List<Item<'a>, 4>,
    /// Left out silently where there is no room.
    pub(crate) additional: List<Item<'a>, 2>,
    pub(crate) zone: &'a Zone,
    /// The zone's signer, whatever the client wants.
    pub(crate) signer: Option<&'a ZoneSigner>,
    /// Whether signatures and proofs go along: the client wants them and the zone is signed.
    pub(crate) is_secure: bool,
    pub(crate) breadth: Breadth,
    /// The same in all answers about the same thing, for rate limits: a name that exists, a wildcard, a cut, or all that does not
    /// exist.
    pub(crate) likeness: u64,
}

/// How much of a node ANY and RRSIG queries see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Breadth {
    /// One RRset (RFC 8482 section 4.1), where the source address is not proven.
    One,
    /// All of them.
    All,
}

/// One RRset in its place.
pub(crate) struct Item<'a> {
    pub(crate) owner: Owner<'a>,
    pub(crate) data: Data<'a>,
    pub(crate) ttl: u32,
    pub(crate) signing: Signing,
}

/// Whose records these are.
pub(crate) enum Owner<'a> {
    /// A name of the zone.
    Node(&'a Name),
    /// A name made for this answer.
    Made(Name),
    /// The owner of a record of the denial chain.
    Proof(ProofOwner<'a>),
    /// A name that a wildcard stands for; signed under the wildcard (RFC 4035 section 5.3.2).
    Expanded { name: Cow<'a, [u8]>, source: &'a Name },
}

impl Owner<'_> {
    /// The owner in wire format; `buffer` is where it is put together if it has to be.
    pub(crate) fn wire<'b>(&'b self, buffer: &'b mut [u8; NAME_OCTETS_MAX]) -> &'b [u8] {
        match self {
            Owner::Node(name) => name.as_wire(),
            Owner::Made(name) => name.as_wire(),
            Owner::Proof(owner) => owner.wire(buffer),
            Owner::Expanded { name, .. } => name,
        }
    }

    /// The wildcard that the signatures are made for, where it is not the owner itself.
    pub(crate) fn source(&self) -> Option<&Name> {
        match self {
            Owner::Expanded { source, .. } => Some(source),
            _ => None,
        }
    }
}

pub(crate) enum Data<'a> {
    Rrset(&'a Rrset),
    /// A CNAME synthesised from a DNAME (RFC 6672 section 3.1).
    Cname(Name),
}

/// Whether signatures go along, in a secure answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signing {
    Signed,
    /// Not this zone's data (NS at a cut, glue), or synthesised.
    Unsigned,
    /// The signatures alone, and whatever the client wants: RRSIG was asked.
    SignaturesOnly,
}

/// Decides the answer for a name at or under the zone's apex.
pub(crate) fn plan<'a>(served: &'a ServedZone, query: &'a Query<'_>, breadth: Breadth) -> Plan<'a> {
    let mut plan = Plan {
        rcode: Rcode::NOERROR,
        is_authoritative: true,
        answer: List::default(),
        authority: List::default(),
        glue: List::default(),
        additional: List::default(),
        zone: &served.zone,
        signer: served.signer.as_deref(),
        // A zone without an active key is served unsigned, as PowerDNS does.
        is_secure: query.is_dnssec_ok() && served.signer.as_ref().is_some_and(|signer| signer.can_sign()),
        breadth,
        likeness: 0,
    };
    let mut name = Cow::Borrowed(query.name());
    for steps_left in (0..=CHAIN_MAX).rev() {
        match plan.step(name, query.qtype(), steps_left) {
            Some(target) if plan.is_new_in_zone(&target) => name = Cow::Owned(target.to_lowercase().as_wire().to_vec()),
            _ => break,
        }
    }
    plan
}

impl<'a> Plan<'a> {
    /// Adds what the zone says about one name, and returns the name to go on with.
    fn step(&mut self, name: Cow<'a, [u8]>, qtype: RecordType, steps_left: usize) -> Option<Name> {
        let zone = self.zone;
        let found = zone.lookup(&name, qtype);
        if self.likeness == 0 {
            self.likeness = likeness(zone, &found);
        }
        match found {
            Found::Answer { node, rrset, wildcard } => {
                self.prove_expansion(&name, &found, wildcard);
                self.answer.push(Item::signed(owner(node, wildcard, name), rrset));
            }
            Found::Cname { node, wildcard, .. } | Found::NoData { node, wildcard }
                if subset::wants_subset(self, node, qtype) =>
            {
                self.prove_expansion(&name, &found, wildcard);
                subset::add(self, owner(node, wildcard, name), node, qtype);
            }
            // One step past the bound: resolvers go on from the last target by themselves.
            Found::Cname { .. } | Found::Dname { .. } if steps_left == 0 => {}
            Found::Cname { node, rrset, wildcard } => {
                self.prove_expansion(&name, &found, wildcard);
                self.answer.push(Item::signed(owner(node, wildcard, name), rrset));
                return redirect::cname_target(rrset);
            }
            Found::Dname { node, rrset } => {
                let target = redirect::substitute(self, &name, node, rrset);
                return target.filter(|_| !matches!(qtype, RecordType::CNAME | RecordType::ANY));
            }
            Found::NoData { .. } => negative::no_data(self, &name, &found),
            Found::NameError { .. } => negative::name_error(self, &name, &found),
            Found::Referral { cut } => referral::refer(self, &name, cut, &found),
        }
        None
    }

    /// A wildcard's answer needs proof that the name itself does not exist (RFC 4035 section 3.1.3.3, RFC 5155 section 7.2.6).
    fn prove_expansion(&mut self, name: &[u8], found: &Found<'a>, wildcard: Option<Wildcard<'a>>) {
        if wildcard.is_some() {
            self.prove(name, found);
        }
    }

    /// Adds the proof that belongs to `found`, each record once.
    pub(crate) fn prove(&mut self, name: &[u8], found: &Found<'a>) {
        if !self.is_secure {
            return;
        }
        for (&owner, rrset) in denial::prove(self.zone, name, found).iter() {
            let is_there = |item: &Item<'_>| matches!(item.data, Data::Rrset(other) if std::ptr::eq(other, &**rrset));
            if !self.authority.iter().any(is_there) {
                self.authority.push(Item::signed(Owner::Proof(owner), rrset));
            }
        }
    }

    /// Whether a chain may go on at `target`: in this zone, and not where it has been.
    fn is_new_in_zone(&self, target: &Name) -> bool {
        let has_been_there =
            |item: &Item<'_>| item.owner.wire(&mut [0; NAME_OCTETS_MAX]).eq_ignore_ascii_case(target.as_wire());
        target.is_under(self.zone.apex()) && !self.answer.iter().any(has_been_there)
    }
}

impl<'a> Item<'a> {
    /// An RRset under its own TTL, with signatures.
    pub(crate) fn signed(owner: Owner<'a>, rrset: &'a Rrset) -> Item<'a> {
        Item { owner, data: Data::Rrset(rrset), ttl: rrset.ttl(), signing: Signing::Signed }
    }
}

/// Random names under one wildcard or in one zone are alike, so that asking for them is no way around a limit. Nodes are told apart
/// by where they lie in memory, which costs nothing, and is another place at most once a change.
fn likeness(zone: &Zone, found: &Found<'_>) -> u64 {
    let node: &Node = match found {
        Found::Answer { node, .. } | Found::Cname { node, .. } | Found::NoData { node, .. } => node,
        Found::Dname { node, .. } => node,
        Found::Referral { cut } => cut,
        Found::NameError { .. } => return FixedState::default().hash_one(zone.apex()) | 1,
    };
    std::ptr::from_ref(node).addr() as u64
}

fn owner<'a>(node: &'a Node, wildcard: Option<Wildcard<'a>>, name: Cow<'a, [u8]>) -> Owner<'a> {
    match wildcard {
        Some(wildcard) => Owner::Expanded { name, source: wildcard.source.name() },
        None => Owner::Node(node.name()),
    }
}
