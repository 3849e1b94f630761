//! A validator that is none of ours judges what we deny: unbound asks us about drawn zones in each way to deny, and must believe all of it.
//!
//! It is asked what can be answered from the zone alone: a chain that leads out of it, a cut or a loop is no proof of ours. That it would see
//! a proof that is not complete is shown too, by a relay that takes one record out: then it believes none of them, so that no record of
//! ours is one too many either.

use crate::lab;
use crate::questions::{Edns, Question};
use crate::world::{Denial, Mode, World};
use hickory_proto::op::Message;
use signpost_tests::peers::{ZoneFile, unserved};
use signpost_tests::random::Random;
use signpost_tests::reply::{Record, Reply};
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::temp::TempDir;
use signpost_tests::unbound::Unbound;
use signpost_tests::volley;
use signpost_tests::wait::until;
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use wire::{Name, RecordType};

/// Each way to deny.
pub(crate) const WAYS: &[Denial] = &[
    Denial::Nsec,
    Denial::Nsec3 { iterations: 0, salt: "-", opt_out: false },
    Denial::Nsec3 { iterations: 3, salt: "ab", opt_out: false },
    Denial::Nsec3 { iterations: 0, salt: "-", opt_out: true },
    Denial::Narrow,
    Denial::Compact,
];

/// Zones of each way.
const ZONES: usize = 4;

/// What is served, and the questions whose answers are to be proven.
pub(crate) struct Exam {
    ours: Signpost,
    anchors: String,
    zones: Vec<String>,
    questions: Vec<(usize, Question)>,
    worlds: Vec<World>,
    _folder: TempDir,
}

/// What unbound made of the answers.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// Believed, with AD.
    pub(crate) secure: usize,
    /// Taken, without AD: names in the spans that opt-out leaves open.
    pub(crate) open: usize,
    /// Answers that have a proof.
    pub(crate) proofs: usize,
    /// Questions that this is no matter of.
    pub(crate) left_out: usize,
    /// The rest, in words.
    pub(crate) faults: Vec<String>,
}

const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const DNAME: u16 = 39;
const RRSIG: u16 = 46;
const NSEC: u16 = 47;
const NSEC3: u16 = 50;
const AD: u16 = 0x0020;
const RD: u16 = 0x0100;

/// Steps of a chain that unbound surely follows.
const CHAIN_MAX: usize = 6;

impl Exam {
    /// Serves zones drawn from `seed`, `ZONES` of each of `ways`, and draws questions until there are so many of each zone.
    pub(crate) fn prepare(seed: u64, ways: &[Denial], questions: usize) -> Exam {
        let folder = TempDir::new("proofs");
        let ours = Signpost::start(Settings::sqlite());
        let draw = |number: usize| {
            let apex = Name::parse(&format!("p{number}.example.")).expect("a name");
            World::signed(&mut Random::part(seed, number as u64), &apex, ways[number % ways.len()].clone())
        };
        let worlds: Vec<World> = (0..ways.len() * ZONES).map(draw).collect();
        let zones = worlds.iter().flat_map(|world| &world.zones);
        let files: Vec<ZoneFile> = zones
            .map(|zone| {
                let path = folder.join(&zone.apex.to_string());
                lab::load(&ours, zone, &path);
                ZoneFile { apex: zone.apex.clone(), path }
            })
            .collect();
        let dns = ours.dns();
        until("our server to serve all zones", Duration::from_secs(60), || {
            unserved(dns, &files).is_empty().then_some(())
        });
        let mut random = Random::part(seed, u64::MAX);
        let mut drawn = Vec::new();
        for (number, world) in worlds.iter().enumerate() {
            let asked: Vec<Question> = (0..questions).map(|_| question(&mut random, world)).collect();
            drawn.extend(asked.into_iter().map(|question| (number, question)));
        }
        let zones = files.iter().map(|file| file.apex.to_string()).collect();
        Exam { anchors: anchors(dns, &files), ours, zones, questions: drawn, worlds, _folder: folder }
    }

    fn unbound(&self, server: SocketAddr) -> Unbound {
        let zones: Vec<&str> = self.zones.iter().map(String::as_str).collect();
        Unbound::start_with(server, &zones, &self.anchors, "  aggressive-nsec: no\n  qname-minimisation: no\n")
    }

    /// The questions that our own answers show to be about one zone alone, each with that answer.
    fn provable(&self) -> Vec<(&World, &Question, Reply)> {
        let messages: Vec<Vec<u8>> = self.questions.iter().map(|(_, question)| question.message()).collect();
        let replies = volley::tcp(self.ours.dns(), &messages);
        let read = |reply: Option<Vec<u8>>| Reply::read(&reply.expect("we answer")).expect("we answer well");
        let all = self.questions.iter().zip(replies).map(|((number, question), reply)| {
            let world = &self.worlds[*number];
            (world, question, read(reply))
        });
        all.filter(|(world, question, reply)| {
            is_about_one_zone(world, question, reply) && is_understood(world, question, reply)
        })
        .collect()
    }

    /// Asks unbound everything.
    pub(crate) fn judge(&self) -> Verdicts {
        let unbound = self.unbound(self.ours.dns());
        let provable = self.provable();
        let messages: Vec<Vec<u8>> = provable.iter().map(|(_, question, _)| to_resolver(question)).collect();
        let replies = volley::tcp(unbound.address(), &messages);
        let left_out = self.questions.len() - provable.len();
        let mut verdicts = Verdicts { left_out, ..Verdicts::default() };
        for ((world, question, ours), reply) in provable.iter().zip(replies) {
            let theirs = reply.as_deref().ok_or("silence".to_owned()).and_then(Reply::read);
            verdicts.proofs += usize::from(has_proof(ours));
            let fault = match &theirs {
                Err(reason) => Some(reason.clone()),
                Ok(theirs) if theirs.rcode != ours.rcode => Some(format!("RCODE {}", theirs.rcode)),
                Ok(theirs) if contents(theirs) != contents(ours) => Some("another answer".to_owned()),
                Ok(theirs) if theirs.flags & AD != 0 => {
                    verdicts.secure += 1;
                    None
                }
                Ok(_) if world.zones[0].is_opt_out() && has_proof(ours) => {
                    verdicts.open += 1;
                    None
                }
                Ok(_) => Some("not validated".to_owned()),
            };
            if let Some(fault) = fault {
                let theirs = theirs.map_or_else(|reason| reason, |theirs| theirs.to_string());
                let zone = &world.zones[0];
                let name = as_logged(&question.name);
                let said: String =
                    unbound.log().lines().filter(|line| line.contains(&name)).map(|line| format!("{line}\n")).collect();
                let mode = &zone.mode;
                verdicts.faults.push(format!(
                    "=== {fault}: {question}\n--- ours: {ours}--- unbound: {theirs}{said}; zone {} {mode:?}\n{}",
                    zone.apex,
                    zone.text()
                ));
            }
        }
        verdicts
    }

    /// Asks unbound the questions whose answers have a proof, over a relay that takes one record of it out. Returns how many there
    /// were, and those that unbound believed all the same.
    pub(crate) fn judge_without_proofs(&self) -> (usize, Vec<String>) {
        let relay = Relay::start(self.ours.dns());
        let unbound = self.unbound(relay.address);
        let mut proven = self.provable();
        proven.retain(|(_, _, reply)| {
            let is_whole_in_a_datagram = reply.octets < 1200;
            has_proof(reply) && is_whole_in_a_datagram
        });
        let messages: Vec<Vec<u8>> = proven.iter().map(|(_, question, _)| to_resolver(question)).collect();
        let replies = volley::udp(unbound.address(), &messages);
        let is_believed = |reply: &Option<Vec<u8>>| {
            reply.as_deref().is_some_and(|reply| Reply::read(reply).is_ok_and(|reply| reply.rcode != 2))
        };
        let believed = proven.iter().zip(&replies).filter(|(_, reply)| is_believed(reply));
        let describe = |(world, question, ours): &(&World, &Question, Reply)| {
            format!("{question} {:?}\n{ours}", world.zones[0].mode)
        };
        (proven.len(), believed.map(|(case, _)| describe(case)).collect())
    }
}

/// A question for a validator: one that it does not answer itself.
fn question(random: &mut Random, world: &World) -> Question {
    loop {
        let mut question = Question::draw(random, world, &[]);
        question.edns = Some(Edns { payload: 1232, is_dnssec_ok: true });
        question.flags = 0;
        // Types that are a question about several, or none of a zone; DS of an apex is a question to the zone above.
        let is_of_parent = question.rtype == RecordType::DS && world.zones[0].apex == question.name.to_lowercase();
        let is_special = matches!(question.rtype.0, 0 | 41 | 46 | 47 | 50 | 128..=255);
        if !is_of_parent && !is_special {
            return question;
        }
    }
}

/// The message to a resolver: recursion is desired.
fn to_resolver(question: &Question) -> Vec<u8> {
    Question { flags: RD, ..question.clone() }.message()
}

/// The keys of all zones, as trust anchors.
fn anchors(server: SocketAddr, files: &[ZoneFile]) -> String {
    let edns = Some(Edns { payload: 1232, is_dnssec_ok: false });
    let ask =
        |file: &ZoneFile| Question { name: file.apex.clone(), rtype: RecordType::DNSKEY, edns, flags: 0 }.message();
    let replies = volley::tcp(server, &files.iter().map(ask).collect::<Vec<_>>());
    let read = |reply: Option<Vec<u8>>| Reply::read(&reply.expect("we answer")).expect("we answer well").answer;
    let line = |key: &Record| {
        let owner = Name::from_wire(&key.owner).expect("it was read");
        let data = wire::rdata::print(RecordType::DNSKEY, &key.rdata).expect("we made it");
        format!("{owner} 3600 IN DNSKEY {data}\n")
    };
    replies.into_iter().flat_map(read).map(|key| line(&key)).collect()
}

/// Whether an answer ends in the zone it began in, without a cut and before a resolver grows tired.
fn is_about_one_zone(world: &World, question: &Question, reply: &Reply) -> bool {
    let zone = &world.zones[0];
    let is_inside = |name: &[u8]| Name::from_wire(name).is_ok_and(|name| name.is_under(&zone.apex));
    let cnames = || reply.answer.iter().filter(|record| record.rtype == CNAME);
    let leads_to = |name: &Record| cnames().any(|record| record.owner == name.rdata);
    let ends = cnames().filter(|record| !leads_to(record)).count();
    let is_loop = cnames().count() > 0 && ends == 0;
    let is_referral = reply.authority.iter().any(|record| record.rtype == NS);
    matches!(reply.rcode, 0 | 3)
        && !is_referral
        && !is_loop
        && cnames().count() <= CHAIN_MAX
        && cnames().all(|record| is_inside(&record.rdata))
        && is_inside(question.name.to_lowercase().as_wire())
}

/// A name as unbound's log has it.
fn as_logged(name: &Name) -> String {
    let is_plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-_*".contains(&octet);
    let label = |label: &[u8]| -> String {
        label.iter().map(|&octet| if is_plain(octet) { char::from(octet) } else { '?' }).chain(['.']).collect()
    };
    name.labels().map(label).collect()
}

/// Whether unbound 1.17 knows what to do with such an answer. NSD, Knot and BIND give the same as we to what is left out here:
///
/// - CNAME and DNAME asked below a DNAME, DS asked of a CNAME, and a chain through a DNAME and on: the chain of trust is sought at names
///   that only redirection has;
/// - names that begin with an asterisk and come of a wildcard: of these one label too few is taken away (RFC 4034 section 3.1.8.1);
/// - with NSEC, denials by a wildcard with names below it, or whose proof has the NSEC of another wildcard further up, or that is an empty
///   non-terminal: which wildcard it is about is seen wrong.
fn is_understood(world: &World, question: &Question, reply: &Reply) -> bool {
    let has = |rtype: u16| reply.answer.iter().any(|record| record.rtype == rtype);
    let is_of_chain = match question.rtype {
        RecordType::CNAME | RecordType::DNAME => has(DNAME),
        RecordType::DS => has(CNAME),
        _ => has(DNAME) && reply.answer.iter().filter(|record| record.rtype == CNAME).count() > 1,
    };
    let is_expanded_asterisk = |record: &Record| {
        let labels = Name::from_wire(&record.owner).map_or(0, |name| name.label_count());
        record.rtype == RRSIG && record.owner.starts_with(b"\x01*") && usize::from(record.rdata[3]) + 1 < labels
    };
    !is_of_chain && !reply.answer.iter().any(is_expanded_asterisk) && !has_other_wildcard(world, question, reply)
}

/// Whether the last name's type is denied by NSEC records at its wildcard, with another wildcard above the name among them, or without it.
fn has_other_wildcard(world: &World, question: &Question, reply: &Reply) -> bool {
    let cname = reply.answer.iter().rfind(|record| record.rtype == CNAME);
    let asked = || question.name.to_lowercase();
    let target = cname.and_then(|cname| Name::from_wire(&cname.rdata).ok()).unwrap_or_else(asked);
    let is_denied = reply.authority.iter().any(|record| record.rtype == SOA);
    let Some(wildcard) = world.facts(&target).wildcard else { return false };
    let nsecs: Vec<&Record> = reply.authority.iter().filter(|record| record.rtype == NSEC).collect();
    let is_other = |nsec: &&Record| {
        let owner = Name::from_wire(&nsec.owner).expect("it was read");
        owner.is_wildcard() && owner != wildcard && owner.parent().is_some_and(|above| target.is_under(&above))
    };
    let is_without = nsecs.iter().all(|nsec| nsec.owner != wildcard.as_wire());
    let is_nsec = world.zones[0].mode == Mode::Ours(Denial::Nsec);
    let has_names_below =
        world.zones[0].rrsets.iter().any(|rrset| rrset.lower != wildcard && rrset.lower.is_under(&wildcard));
    is_nsec && is_denied && (has_names_below || nsecs.iter().any(is_other) || is_without)
}

/// Whether something is denied: the name, the type, or that the name is there beside its wildcard.
fn has_proof(reply: &Reply) -> bool {
    reply.authority.iter().any(|record| matches!(record.rtype, NSEC | NSEC3))
}

/// What was answered, but for signatures and times.
fn contents(reply: &Reply) -> BTreeSet<(Vec<u8>, u16, Vec<u8>)> {
    let answers = reply.answer.iter().filter(|record| record.rtype != RRSIG);
    answers.map(|record| (record.owner.clone(), record.rtype, record.rdata.clone())).collect()
}

/// Passes datagrams on, and takes the last record of each proof out of the replies.
struct Relay {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Relay {
    fn start(server: SocketAddr) -> Relay {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        socket.set_read_timeout(Some(Duration::from_millis(50))).expect("the time is not zero");
        let address = socket.local_addr().expect("it is bound");
        let is_over = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let is_over = Arc::clone(&is_over);
            move || {
                let mut buffer = [0; 4096];
                while !is_over.load(Ordering::Relaxed) {
                    let Ok((octets, client)) = socket.recv_from(&mut buffer) else { continue };
                    let replies = volley::udp(server, &[buffer[..octets].to_vec()]);
                    if let Some(reply) = replies.into_iter().flatten().next() {
                        let _ = socket.send_to(&without_last_proof(&reply), client);
                    }
                }
            }
        });
        Relay { address, is_over, thread: Some(thread) }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The message without the last NSEC or NSEC3 of its authority section, and without its signature.
fn without_last_proof(reply: &[u8]) -> Vec<u8> {
    let mut message = Message::from_vec(reply).expect("we answer well");
    let is_proof = |rtype| matches!(u16::from(rtype), NSEC | NSEC3);
    if let Some(last) = message.authorities.iter().rposition(|record| is_proof(record.record_type())) {
        let owner = message.authorities.remove(last).name;
        message.authorities.retain(|record| record.name != owner || u16::from(record.record_type()) != RRSIG);
    }
    message.to_vec().expect("it was read")
}
