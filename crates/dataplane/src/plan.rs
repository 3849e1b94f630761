//! What an answer will hold: RRset references by section, decided before a byte is written.

use crate::choose::choose;
use crate::list::List;
use crate::reading::Target;
use crate::{additional, negative, redirect, referral, subset};
use dnssec::denial::{HASHED_LABEL_OCTETS, ProofOwner, ProofRecord, hashed_label};
use dnssec::workbench::MadeRecord;
use dnssec::{Seen, ServedZone, Workbench, ZoneSigner, denial};
use foldhash::fast::FixedState;
use std::borrow::Cow;
use std::hash::BuildHasher;
use wire::message::{Query, Rcode};
use wire::name::NAME_OCTETS_MAX;
use wire::{Name, RecordType};
use zone::lookup::Wildcard;
use zone::{Found, HashedSuffix, Node, Proofs, Rrset, WithheldReason, Zone};

/// CNAME and DNAME steps followed, within a zone and across zones; resolvers give up before that.
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
    /// The zone that is being asked; a chain may lead through several.
    pub(crate) zone: &'a Zone,
    /// Who signs that zone, whatever the client wants.
    pub(crate) signer: Option<Signatory<'a>>,
    /// The same if that zone's signatures and proofs go along: the client wants them.
    pub(crate) secure: Option<Signatory<'a>>,
    is_dnssec_ok: bool,
    is_compact_ok: bool,
    /// Where what is made for this answer comes from.
    pub(crate) bench: &'a Workbench,
    /// Why there is no answer after all: what the chain ends in exists and cannot be sent.
    pub(crate) withheld: Option<WithheldReason>,
    /// Nothing may be answered from the zone: see [`is_without_keys`].
    pub(crate) lacks_keys: bool,
    pub(crate) breadth: Breadth,
    /// The same in all answers about the same thing, for rate limits: a name that exists, a wildcard, a cut, or all that does not
    /// exist.
    pub(crate) likeness: u64,
    /// What was hashed already of the name asked for, in the zone that is asked first.
    hashed: Option<HashedSuffix>,
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
    pub(crate) signing: Signing<'a>,
}

/// Whose records these are.
pub(crate) enum Owner<'a> {
    /// A name of the zone.
    Node(&'a Name),
    /// A name made for this answer.
    Made(Name),
    /// The owner of the record, [`Data::Made`].
    Record,
    /// The owner of a record of the denial chain.
    Proof(ProofOwner<'a>),
    /// A name that a wildcard stands for; signed under the wildcard (RFC 4035 section 5.3.2).
    Expanded { name: Cow<'a, [u8]>, source: &'a Name },
}

impl Owner<'_> {
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
    /// A record that is no zone's data, under its own owner.
    Made(MadeRecord),
    /// A CNAME synthesised from a DNAME (RFC 6672 section 3.1).
    Cname(Name),
}

/// Who signs what a zone has.
#[derive(Clone, Copy)]
pub(crate) enum Signatory<'a> {
    /// We, with keys that are active.
    Keys(&'a ZoneSigner),
    /// Somebody else, and the signatures are stored.
    Stored,
}

/// Which signatures go along.
#[derive(Clone, Copy)]
pub(crate) enum Signing<'a> {
    /// None: nobody wants them, or this is not the zone's data (NS at a cut, glue), or it is synthesised.
    Unsigned,
    /// Those of the zone that the RRset is from.
    By(Signatory<'a>),
    /// The signatures alone, and whatever the client wants: RRSIG was asked.
    Alone(Signatory<'a>),
}

/// Whether the client wants signatures of a zone whose active keys are all of no use. Without them the answer would be bogus
/// wherever the parent has a DS, and another server may do better. Who wants none gets what it would get anyway.
fn is_without_keys(served: &ServedZone, is_dnssec_ok: bool) -> bool {
    is_dnssec_ok && served.signer.as_ref().is_some_and(|signer| !signer.can_sign())
}

impl<'a> Plan<'a> {
    /// An answer of this zone in which nothing is yet.
    pub(crate) fn new(target: Target<'a>, bench: &'a Workbench, query: &Query<'_>, breadth: Breadth) -> Plan<'a> {
        let served = target.served;
        let mut plan = Plan {
            rcode: Rcode::NOERROR,
            is_authoritative: true,
            answer: List::default(),
            authority: List::default(),
            glue: List::default(),
            additional: List::default(),
            zone: &served.zone,
            signer: None,
            secure: None,
            is_dnssec_ok: query.is_dnssec_ok(),
            is_compact_ok: query.edns().is_some_and(|edns| edns.compact_ok),
            bench,
            withheld: None,
            lacks_keys: is_without_keys(served, query.is_dnssec_ok()),
            breadth,
            likeness: 0,
            hashed: target.hashed,
        };
        plan.enter(served);
        plan
    }

    /// Decides what is in it, from the zone it was begun with and those that chains lead to. `found` is what it says about
    /// the name asked for.
    pub(crate) fn decide(&mut self, zones: Seen<'a>, query: &'a Query<'_>, mut found: Found<'a>) {
        if self.lacks_keys {
            return;
        }
        let mut name = Cow::Borrowed(query.name());
        for steps_left in (0..=CHAIN_MAX).rev() {
            let Some(target) = self.step(name, found, query.qtype(), steps_left) else { break };
            let target = target.as_wire().to_ascii_lowercase();
            // RFC 1034 section 4.3.2, step 3a: back to step 1, so that the target may be in any zone that is served.
            match choose(zones, &target, query.qtype()) {
                Some(next) if !self.has_been_at(&target) && !is_without_keys(next, self.is_dnssec_ok) => {
                    self.enter(next)
                }
                _ => break,
            }
            self.hashed = None;
            found = self.zone.lookup(&target, query.qtype());
            name = Cow::Owned(target);
        }
    }

    /// Goes on in this zone.
    fn enter(&mut self, served: &'a ServedZone) {
        self.zone = &served.zone;
        self.signer = match served.signer.as_deref() {
            _ if served.zone.is_presigned() => Some(Signatory::Stored),
            // A zone without an active key has no signer, and is served unsigned, as PowerDNS does.
            signer => signer.filter(|signer| signer.can_sign()).map(Signatory::Keys),
        };
        self.secure = self.signer.filter(|_| self.is_dnssec_ok);
    }

    /// Adds what the zone says about one name, which is `found`, and returns the name to go on with.
    fn step(&mut self, name: Cow<'a, [u8]>, found: Found<'a>, qtype: RecordType, steps_left: usize) -> Option<Name> {
        let zone = self.zone;
        if self.likeness == 0 {
            self.likeness = likeness(zone, &found);
        }
        match found {
            _ if subset::add_compact_nsec(self, &name, &found, qtype) => {}
            Found::Answer { node, rrset, wildcard } => {
                self.prove_expansion(&name, &found, wildcard);
                additional::add(self, &name, rrset);
                self.add_answer(self.signed(owner(node, wildcard, name), rrset));
            }
            Found::Cname { node, wildcard, .. } | Found::NoData { node, wildcard }
                if subset::wants_subset(self, node, qtype) =>
            {
                // There is an answer: of a wildcard's other types nothing need be proven.
                let found = node.rrsets().first().map_or(found, |rrset| Found::Answer { node, rrset, wildcard });
                self.prove_expansion(&name, &found, wildcard);
                subset::add(self, owner(node, wildcard, name), node, qtype);
            }
            // One step past the bound: resolvers go on from the last target by themselves.
            Found::Cname { .. } | Found::Dname { .. } if steps_left == 0 => {}
            Found::Cname { node, rrset, wildcard } => {
                self.prove_expansion(&name, &found, wildcard);
                self.answer.push(self.signed(owner(node, wildcard, name), rrset));
                return redirect::cname_target(rrset);
            }
            Found::Dname { node, rrset } => {
                let target = redirect::substitute(self, &name, node, rrset);
                return target.filter(|_| !matches!(qtype, RecordType::CNAME | RecordType::ANY));
            }
            Found::NoData { .. } => negative::no_data(self, &name, &found),
            Found::NameError { .. } => negative::name_error(self, &name, &found),
            Found::Referral { cut } => referral::refer(self, &name, cut, &found),
            Found::Withheld { reason, .. } => self.withheld = Some(reason),
        }
        None
    }

    /// A wildcard's answer needs proof that the name itself does not exist (RFC 4035 section 3.1.3.3, RFC 5155 section 7.2.6), but where it
    /// is signed as if it did.
    fn prove_expansion(&mut self, name: &[u8], found: &Found<'a>, wildcard: Option<Wildcard<'a>>) {
        if wildcard.is_some() && !self.is_compact() {
            self.prove(name, found);
        }
    }

    /// Adds the proof that belongs to `found`, each record once.
    pub(crate) fn prove(&mut self, name: &[u8], found: &Found<'a>) {
        if self.secure.is_none() {
            return;
        }
        for record in denial::prove_knowing(self.zone, name, found, self.bench, self.hashed) {
            if !self.authority.iter().any(|item| item.is_same(&record)) {
                self.authority.push(self.proof(record, self.signing()));
            }
        }
    }

    /// Adds what was asked for at the end of a chain, unless the chain came by it (RFC 2181 section 5): a DNAME may lead to its owner.
    pub(crate) fn add_answer(&mut self, item: Item<'a>) {
        let has_same_signatures =
            |other: &Item<'a>| matches!(other.signing, Signing::Unsigned) == matches!(item.signing, Signing::Unsigned);
        let is_same = |other: &Item<'a>| match (&other.data, &other.owner, &item.owner) {
            (Data::Rrset(rrset), Owner::Node(_), Owner::Node(_)) => item.is(rrset) && has_same_signatures(other),
            _ => false,
        };
        if !self.answer.iter().any(is_same) {
            self.answer.push(item);
        }
    }

    /// Adds the proof that belongs to `found` as what was asked for.
    pub(crate) fn answer_with_proof(&mut self, name: &[u8], found: &Found<'a>, signing: Signing<'a>) {
        for record in denial::prove(self.zone, name, found, self.bench) {
            self.answer.push(self.proof(record, signing));
        }
    }

    fn proof(&self, record: ProofRecord<'a>, signing: Signing<'a>) -> Item<'a> {
        match record {
            ProofRecord::Chained(owner, rrset) => self.item(Owner::Proof(owner), rrset, signing),
            ProofRecord::Made(made) => self.made(made, signing),
        }
    }

    fn made(&self, made: MadeRecord, signing: Signing<'a>) -> Item<'a> {
        let ttl = made.rrset().ttl();
        Item { owner: Owner::Record, data: Data::Made(made), ttl, signing }
    }

    /// Whether the zone that is being asked denies by NSEC records at the very name (RFC 9824), and the client wants them.
    pub(crate) fn is_compact(&self) -> bool {
        self.secure.is_some() && self.zone.proofs() == Proofs::Compact
    }

    /// Whether the client is told by the RCODE, too, that a name does not exist (RFC 9824 section 5.1).
    pub(crate) fn restores_rcode(&self) -> bool {
        self.is_compact_ok && self.is_compact()
    }

    /// An RRset of the zone that is being asked, under its own TTL, with its signatures where they are wanted.
    pub(crate) fn signed(&self, owner: Owner<'a>, rrset: &'a Rrset) -> Item<'a> {
        self.item(owner, rrset, self.signing())
    }

    /// The same with these signatures.
    pub(crate) fn item(&self, owner: Owner<'a>, rrset: &'a Rrset, signing: Signing<'a>) -> Item<'a> {
        match &owner {
            // RFC 9824 section 3.3: as if the name existed, so that nothing has to prove that it does not.
            Owner::Expanded { name, .. } if self.is_compact() => self.made(self.bench.under(name, rrset), signing),
            _ => Item { owner, data: Data::Rrset(rrset), ttl: rrset.ttl(), signing },
        }
    }

    /// How this zone's own data is signed.
    pub(crate) fn signing(&self) -> Signing<'a> {
        self.secure.map_or(Signing::Unsigned, Signing::By)
    }

    /// Whether the chain has come through this name, so that it would go round.
    fn has_been_at(&self, target: &[u8]) -> bool {
        let leads_from_there =
            |item: &Item<'_>| item.is_cname() && item.owner(&mut [0; NAME_OCTETS_MAX]).eq_ignore_ascii_case(target);
        self.answer.iter().any(leads_from_there)
    }
}

impl Item<'_> {
    /// The owner as it is written; `label` is where its first label is put together if it has to be.
    pub(crate) fn written_owner<'b>(&'b self, label: &'b mut [u8; HASHED_LABEL_OCTETS]) -> wire::message::Owner<'b> {
        match (&self.owner, &self.data) {
            (Owner::Node(name), _) => name.as_wire().into(),
            (Owner::Made(name), _) => name.as_wire().into(),
            (Owner::Record, Data::Made(made)) => made.owner().as_wire().into(),
            (Owner::Record, _) => unreachable!("`Plan::made` alone gives this owner"),
            (Owner::Proof(ProofOwner::Name(name)), _) => name.as_wire().into(),
            (Owner::Proof(ProofOwner::Hashed { hash, apex }), _) => {
                *label = hashed_label(hash);
                wire::message::Owner::Below(label, apex.as_wire())
            }
            (Owner::Expanded { name, .. }, _) => wire::message::Owner::Whole(name),
        }
    }

    /// The owner in wire format; `buffer` is where it is put together if it has to be.
    pub(crate) fn owner<'b>(&'b self, buffer: &'b mut [u8; NAME_OCTETS_MAX]) -> &'b [u8] {
        match (&self.owner, &self.data) {
            (Owner::Node(name), _) => name.as_wire(),
            (Owner::Made(name), _) => name.as_wire(),
            (Owner::Record, Data::Made(made)) => made.owner().as_wire(),
            (Owner::Record, _) => unreachable!("`Plan::made` alone gives this owner"),
            (Owner::Proof(owner), _) => owner.wire(buffer),
            (Owner::Expanded { name, .. }, _) => name,
        }
    }

    /// Whether this is that record of a proof.
    fn is_same(&self, record: &ProofRecord<'_>) -> bool {
        match (&self.data, record) {
            (Data::Rrset(own), ProofRecord::Chained(_, other)) => std::ptr::eq(*own, &***other),
            (Data::Made(own), ProofRecord::Made(other)) => {
                own.owner() == other.owner() && own.rrset().has_same_data(other.rrset())
            }
            _ => false,
        }
    }

    /// Whether this very RRset is meant, under whatever owner.
    pub(crate) fn is(&self, rrset: &Rrset) -> bool {
        matches!(self.data, Data::Rrset(own) if std::ptr::eq(own, rrset))
    }

    fn is_cname(&self) -> bool {
        match self.data {
            Data::Rrset(rrset) => rrset.rtype() == RecordType::CNAME,
            Data::Made(ref made) => made.rrset().rtype() == RecordType::CNAME,
            Data::Cname(_) => true,
        }
    }
}

/// Random names under one wildcard or in one zone are alike, so that asking for them is no way around a limit. Nodes are told apart
/// by where they lie in memory, which costs nothing, and is another place at most once a change.
fn likeness(zone: &Zone, found: &Found<'_>) -> u64 {
    let node: &Node = match found {
        Found::Answer { node, .. } | Found::Cname { node, .. } | Found::NoData { node, .. } => node,
        Found::Dname { node, .. } | Found::Withheld { node, .. } => node,
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
