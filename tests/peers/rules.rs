//! Where peers answer otherwise, and an RFC is on our side or leaves it open.
//!
//! Each difference between a peer and us is explained here, part by part, or fails the suite. A rule that the full run never
//! needed fails it too: then the peer has changed, and the rule goes. `docs/testing.md` has the same table.

use crate::compare::{Case, Part};
use crate::reasons::*;
use PeerKind::{Bind, Knot, Nsd};
use signpost_tests::peers::PeerKind;
use signpost_tests::reply::Reply;

/// One documented difference.
pub(crate) struct Rule {
    /// What these do, each of them.
    pub(crate) peers: &'static [PeerKind],
    /// In a few words, after the peer's name.
    pub(crate) what: &'static str,
    /// Who says that ours is right, or may be.
    pub(crate) rfc: &'static str,
    /// Whether this is what makes the part of their reply differ.
    explains: fn(&Case<'_>, &Reply, &Part) -> bool,
}

/// Of the one rule about replies that cannot be read.
const COMPRESSION: &str = "RFC 1035 section 4.1.4";

/// What is too seldom to be met in each full run, and the seed that met it.
const SELDOM: &[(&str, u64)] = &[
    ("takes a wrong NSEC for the one before a name whose labels hold the octet 0", 1006),
    ("answers NOERROR where it is not the first step that makes a name too long", 1005),
    ("lets the owner of a record in the additional section point at itself", 1008),
];

/// All of them.
pub(crate) const RULES: &[Rule] = &[
    Rule { peers: &[Nsd, Knot], what: "does not copy CD", rfc: "RFC 4035 section 3.1.6", explains: is_cd },
    Rule { peers: &[Bind], what: "sets AD when asked for it", rfc: "RFC 4035 section 3.1.6", explains: is_ad },
    Rule {
        peers: &[Bind],
        what: "answers FORMERR to types in the range of meta types",
        rfc: "RFC 6895 section 3.1",
        explains: is_meta_type,
    },
    Rule {
        peers: &[Nsd, Knot],
        what: "answers type 128 (NXNAME) as any other",
        rfc: "RFC 9824 section 3.5",
        explains: is_nxname,
    },
    Rule {
        peers: &[Nsd, Knot, Bind],
        what: "ends a chain of CNAMEs earlier, BIND with SERVFAIL; each server has a limit of its own",
        rfc: "RFC 1034 section 3.6.2",
        explains: is_longer_chain,
    },
    Rule {
        peers: &[Knot, Bind],
        what: "ends a chain where it leaves the zone; we go on in the other zone",
        rfc: "RFC 1034 section 4.3.2, step 3a",
        explains: leads_elsewhere,
    },
    Rule {
        peers: &[Knot, Bind],
        what: "does not follow CNAME for types that may stand beside it, such as NSEC",
        rfc: "RFC 1034 section 4.3.2, step 3a",
        explains: is_beside_cname,
    },
    Rule {
        peers: &[Nsd],
        what: "does not follow CNAME for NSEC3",
        rfc: "RFC 1034 section 4.3.2, step 3a",
        explains: is_nsec3_at_cname,
    },
    Rule {
        peers: &[Nsd, Knot, Bind],
        what: "refers for DS of a child to the zone between, which is not served; we say NODATA from the child",
        rfc: "RFC 4035 section 3.1.4.1",
        explains: is_ds_below_unserved,
    },
    Rule {
        peers: &[Knot, Bind],
        what: "answers NXDOMAIN to DS of a child that the zone above does not know; we say NODATA from the child, which has names",
        rfc: "RFC 8020 section 2",
        explains: is_ds_of_unknown,
    },
    Rule {
        peers: &[Nsd],
        what: "answers DS of a child that the zone above does not delegate from whatever any of its zones has there",
        rfc: "RFC 4035 section 3.1.4.1",
        explains: is_ds_of_undelegated,
    },
    Rule {
        peers: &[Bind],
        what: "answers NSEC at a cut from the parent; we refer",
        rfc: "RFC 4035 section 3.1",
        explains: is_nsec_at_cut,
    },
    Rule {
        peers: &[Nsd, Knot],
        what: "answers ANY over TCP with one RRset, Knot RRSIG too",
        rfc: "RFC 8482 section 4.1",
        explains: is_subset,
    },
    Rule {
        peers: &[Nsd, Knot],
        what: "goes on with ANY where a DNAME leads",
        rfc: "RFC 8482 section 4.1",
        explains: is_any_below_dname,
    },
    Rule {
        peers: &[Knot, Bind],
        what: "answers ANY with signatures, though DO is not set",
        rfc: "RFC 4035 section 3.1",
        explains: is_signature_with_any,
    },
    Rule {
        peers: &[Nsd, Knot],
        what: "makes glue from wildcards below a cut",
        rfc: "RFC 1034 section 4.3.3",
        explains: is_expanded_glue,
    },
    Rule {
        peers: &[Nsd],
        what: "takes no data below a DNAME, and so no glue, though a cut occludes the DNAME",
        rfc: "RFC 6672 section 2.4",
        explains: is_glue_below_dname,
    },
    Rule {
        peers: &[Nsd, Bind],
        what: "leaves out glue that does not fit, without TC",
        rfc: "RFC 9471 section 3.1",
        explains: is_lost_glue,
    },
    Rule {
        peers: &[Knot],
        what: "takes DNAME at a wildcard for one at each name below it",
        rfc: "RFC 4592 section 4.4",
        explains: is_below_wildcard_dname,
    },
    Rule {
        peers: &[Nsd],
        what: "takes a name that begins with an asterisk for a wildcard of the zone",
        rfc: "RFC 4592 section 2.2.1",
        explains: has_asterisk,
    },
    Rule {
        peers: &[Knot],
        what: "does not prove that a name which begins with an asterisk is not there itself",
        rfc: "RFC 4035 section 3.1.3.3",
        explains: is_proof_of_asterisk,
    },
    Rule {
        peers: &[Knot],
        what: "leaves out the proof of a wildcard's NSEC that is the same NSEC",
        rfc: "RFC 4035 section 3.1.3.3",
        explains: is_proof_by_answer,
    },
    Rule {
        peers: &[Knot, Bind],
        what: "does not prove that a wildcard which is an empty non-terminal has no data",
        rfc: "RFC 4035 section 3.1.3.4",
        explains: is_proof_of_empty_wildcard,
    },
    Rule {
        peers: &[Nsd],
        what: "does not prove the closest encloser where a wildcard has not got the type",
        rfc: "RFC 5155 section 7.2.5",
        explains: is_proof_of_encloser,
    },
    Rule {
        peers: &[Nsd, Knot, Bind],
        what: "denies with other records what is at or below an empty non-terminal that opt-out leaves out, or comes of a wildcard that is one",
        rfc: "RFC 5155 section 7.2.1",
        explains: is_below_opted_out,
    },
    Rule {
        peers: &[Knot],
        what: "answers NXDOMAIN alone, without AA and SOA, at or below an empty non-terminal that opt-out leaves out",
        rfc: "RFC 2308 section 2.1",
        explains: is_lost_below_opted_out,
    },
    Rule {
        peers: &[Knot],
        what: "takes a wrong NSEC for the one before a name whose labels hold the octet 0",
        rfc: "RFC 4034 section 6.1",
        explains: is_nsec_at_nul,
    },
    Rule {
        peers: &[Nsd],
        what: "takes the NSEC of the parent for that of the name before, when a DNAME made the name",
        rfc: "RFC 4035 section 3.1.3",
        explains: is_nsec_after_dname,
    },
    Rule {
        peers: &[Nsd],
        what: "takes a wrong NSEC to deny a wildcard that has siblings with names below them before it",
        rfc: "RFC 4035 section 3.1.3.2",
        explains: is_nsec_for_asterisk,
    },
    Rule {
        peers: &[Nsd],
        what: "sees names, and wildcards, that only another of its zones has or mentions",
        rfc: "RFC 4592 section 2.2",
        explains: is_in_another_zone,
    },
    Rule {
        peers: &[Nsd, Knot],
        what: "answers NOERROR where it is not the first step that makes a name too long",
        rfc: "RFC 6672 section 2.2",
        explains: is_later_yxdomain,
    },
    Rule {
        peers: &[Knot],
        what: "lets the owner of a record in the additional section point at itself",
        rfc: COMPRESSION,
        explains: is_pointer_forward,
    },
    Rule { peers: &[Knot], what: "goes on after YXDOMAIN", rfc: "RFC 6672 section 2.2", explains: is_after_yxdomain },
    Rule {
        peers: &[Knot],
        what: "stops when a datagram is full, before it knows the RCODE",
        rfc: "RFC 2181 section 9",
        explains: is_rcode_of_truncated,
    },
];

/// Whether a full run may do without the rule.
pub(crate) fn is_seldom(rule: &Rule) -> bool {
    SELDOM.iter().any(|(what, _)| *what == rule.what)
}

/// How often each rule was needed, by peer.
#[derive(Debug, Default)]
pub(crate) struct Hits(Vec<[usize; 3]>);

impl Hits {
    /// The parts of a peer's differences that no rule explains.
    pub(crate) fn unexplained(&mut self, case: &Case<'_>, peer: PeerKind, theirs: &Result<Reply, String>) -> Vec<Part> {
        self.0.resize(RULES.len(), [0; 3]);
        let mut parts = case.differences(theirs);
        let nothing = Reply::default();
        let theirs = theirs.as_ref().unwrap_or(&nothing);
        parts.retain(|part| {
            // What cannot be read is explained by the rule about that alone, and silence by none.
            let is_about = |rule: &Rule| matches!(part, Part::Unreadable(_)) == (rule.rfc == COMPRESSION);
            let explains =
                |rule: &Rule| is_about(rule) && rule.peers.contains(&peer) && (rule.explains)(case, theirs, part);
            let found = RULES.iter().position(explains);
            found.into_iter().for_each(|rule| self.0[rule][peer as usize] += 1);
            found.is_none()
        });
        parts
    }

    /// Each rule of each peer, and how often it was needed.
    pub(crate) fn all(&self) -> impl Iterator<Item = (PeerKind, &'static Rule, usize)> + '_ {
        let counts = self.0.iter().copied().chain(std::iter::repeat([0; 3]));
        RULES
            .iter()
            .zip(counts)
            .flat_map(|(rule, counts)| rule.peers.iter().map(move |&peer| (peer, rule, counts[peer as usize])))
    }
}
