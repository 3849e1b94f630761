//! Bugs planted into our answers, one at a time: what the comparison is worth shows in how many it finds.

use crate::compare::Case;
use crate::rules::Hits;
use signpost_tests::random::Random;
use signpost_tests::reply::{AA, Record, Reply};
use std::collections::BTreeMap;

/// What a server might do wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bug {
    /// NXDOMAIN for NOERROR, and the other way round.
    OtherRcode,
    OtherAuthority,
    LostAnswer,
    LostSignature,
    LostProof,
    LostSoa,
    LostReferral,
    LostDs,
    LostGlue,
    /// One record less of an RRset with several.
    LostRecord,
    /// A chain that ends one step too early.
    LostTarget,
    OtherTtl,
    OtherData,
    /// An RRset in the answer that nobody asked for.
    StrangeAnswer,
    StrangeProof,
    /// NODATA in place of an answer.
    Denied,
    LostOpt,
}

/// All of them.
pub(crate) const BUGS: &[Bug] = &[
    Bug::OtherRcode,
    Bug::OtherAuthority,
    Bug::LostAnswer,
    Bug::LostSignature,
    Bug::LostProof,
    Bug::LostSoa,
    Bug::LostReferral,
    Bug::LostDs,
    Bug::LostGlue,
    Bug::LostRecord,
    Bug::LostTarget,
    Bug::OtherTtl,
    Bug::OtherData,
    Bug::StrangeAnswer,
    Bug::StrangeProof,
    Bug::Denied,
    Bug::LostOpt,
];

/// How many of the bugs of each kind were found.
#[derive(Debug, Default)]
pub(crate) struct Catch {
    /// Planted and found, by kind.
    pub(crate) bugs: BTreeMap<Bug, (usize, usize)>,
    /// The rules that hid bugs, and how many.
    pub(crate) hidden_by: BTreeMap<String, usize>,
}

impl Catch {
    /// Plants each kind of bug that this answer has room for, and looks who sees it.
    pub(crate) fn plant(&mut self, random: &mut Random, case: &Case<'_>) {
        for &bug in BUGS {
            let Some(reply) = planted(random, bug, &case.ours) else { continue };
            let case = Case { ours: reply.clone(), whole: reply, peers: case.peers.clone(), ..*case };
            let mut hits = Hits::default();
            let is_seen =
                |(peer, theirs): &(_, Result<Reply, String>)| !hits.unexplained(&case, *peer, theirs).is_empty();
            let seen = case.peers.iter().map(is_seen).fold(false, |any, seen| any | seen);
            let is_found = seen || !case.own_faults().is_empty();
            let (planted, found) = self.bugs.entry(bug).or_default();
            *planted += 1;
            *found += usize::from(is_found);
            if !is_found {
                let rules: Vec<String> = hits
                    .all()
                    .filter(|(_, _, hits)| *hits > 0)
                    .map(|(peer, rule, _)| format!("{peer} {}", rule.what))
                    .collect();
                *self.hidden_by.entry(rules.join("; ")).or_default() += 1;
            }
        }
    }
}

/// The reply with the bug, if there is room for it.
fn planted(random: &mut Random, bug: Bug, reply: &Reply) -> Option<Reply> {
    let mut reply = reply.clone();
    match bug {
        Bug::OtherRcode => {
            reply.rcode = match reply.rcode {
                0 => 3,
                3 => 0,
                _ => return None,
            }
        }
        Bug::OtherAuthority => reply.flags ^= AA,
        Bug::LostAnswer => lose(random, &mut reply.answer, |record| record.rtype != RRSIG)?,
        Bug::LostSignature => {
            let section = if reply.answer.iter().any(|record| record.rtype == RRSIG) && random.chance(50) {
                &mut reply.answer
            } else {
                &mut reply.authority
            };
            let at = pick(random, section, |record| record.rtype == RRSIG)?;
            section.remove(at);
        }
        Bug::LostProof => lose(random, &mut reply.authority, |record| matches!(record.rtype, NSEC | NSEC3))?,
        Bug::LostSoa => lose(random, &mut reply.authority, |record| record.rtype == SOA)?,
        Bug::LostReferral => lose(random, &mut reply.authority, |record| record.rtype == NS)?,
        Bug::LostDs => lose(random, &mut reply.authority, |record| record.rtype == DS)?,
        Bug::LostGlue => {
            let servers: Vec<(Vec<u8>, Vec<u8>)> = reply
                .authority
                .iter()
                .filter(|record| record.rtype == NS)
                .map(|record| (record.owner.clone(), record.rdata.clone()))
                .collect();
            let at = pick(random, &reply.additional, |record| {
                matches!(record.rtype, A | AAAA)
                    && servers.iter().any(|(cut, server)| *server == record.owner && server.ends_with(cut))
            })?;
            reply.additional.remove(at);
        }
        Bug::LostRecord => {
            let section = &mut reply.answer;
            let at = pick(random, section, |record| {
                record.rtype != RRSIG && section.iter().filter(|other| is_same_rrset(record, other)).count() > 1
            })?;
            section.remove(at);
        }
        Bug::LostTarget => {
            let cname = reply.answer.iter().find(|record| record.rtype == CNAME)?;
            let target = cname.rdata.clone();
            let before = reply.answer.len();
            reply.answer.retain(|record| record.owner != target);
            if reply.answer.len() == before {
                return None;
            }
            reply.authority.clear();
        }
        Bug::OtherTtl => {
            let is_answer = !reply.answer.is_empty() && (reply.authority.is_empty() || random.chance(50));
            let section = if is_answer { &mut reply.answer } else { &mut reply.authority };
            let at = pick(random, section, |record| record.rtype != RRSIG)?;
            let chosen = section[at].clone();
            section.iter_mut().filter(|record| is_same_rrset(&chosen, record)).for_each(|record| record.ttl += 1);
        }
        Bug::OtherData => {
            let is_answer = !reply.answer.is_empty() && (reply.authority.is_empty() || random.chance(50));
            let section = if is_answer { &mut reply.answer } else { &mut reply.authority };
            let at = pick(random, section, |record| record.rtype != RRSIG)?;
            // Of an NSEC the types at its end, of a name the root.
            let rdata = &mut section[at].rdata;
            let last = rdata.last_mut()?;
            *last ^= 1;
        }
        Bug::StrangeAnswer => {
            let owner = reply.answer.first().map_or_else(|| question_name(&reply), |record| record.owner.clone());
            reply.answer.push(Record { owner, rtype: 99, ttl: 60, class: 1, rdata: b"\x01x".to_vec() });
        }
        Bug::StrangeProof => {
            let at = pick(random, &reply.authority, |record| matches!(record.rtype, NSEC | NSEC3))?;
            let mut record = reply.authority[at].clone();
            *record.owner.get_mut(1)? ^= 1;
            reply.authority.push(record);
        }
        Bug::Denied => {
            if reply.answer.is_empty() {
                return None;
            }
            reply.answer.clear();
        }
        Bug::LostOpt => {
            reply.edns.take()?;
        }
    }
    Some(reply)
}

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const AAAA: u16 = 28;
const DS: u16 = 43;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const NSEC3: u16 = 50;

fn question_name(reply: &Reply) -> Vec<u8> {
    reply.question[..reply.question.len() - 4].to_ascii_lowercase()
}

fn is_same_rrset(one: &Record, other: &Record) -> bool {
    one.owner == other.owner && one.rtype == other.rtype
}

fn pick(random: &mut Random, section: &[Record], is_wanted: impl Fn(&Record) -> bool) -> Option<usize> {
    let wanted: Vec<usize> = (0..section.len()).filter(|&at| is_wanted(&section[at])).collect();
    (!wanted.is_empty()).then(|| *random.pick(&wanted))
}

/// Drops one RRset with its signatures.
fn lose(random: &mut Random, section: &mut Vec<Record>, is_wanted: impl Fn(&Record) -> bool) -> Option<()> {
    let chosen = section[pick(random, section, is_wanted)?].clone();
    section.retain(|record| record.owner != chosen.owner || record.covered() != chosen.rtype);
    Some(())
}
