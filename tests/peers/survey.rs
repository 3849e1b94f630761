//! A survey: worlds are drawn and served, questions drawn and asked, and every answer judged.

use crate::compare::{Case, Part};
use crate::lab::{Lab, Replies, Transport};
use crate::planted::Catch;
use crate::questions::Question;
use crate::report;
use crate::rules::Hits;
use crate::world::World;
use signpost_tests::random::Random;
use signpost_tests::reply::Reply;
use std::collections::BTreeMap;
use wire::Name;

/// What is served and asked at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) apexes: Apexes,
    pub(crate) questions: usize,
}

/// Where the worlds are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Apexes {
    /// So many worlds beside each other, `w0.example.` and on.
    Beside(u64),
    /// One world that begins at the root.
    Root,
}

/// What surveys found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// By kind.
    pub(crate) differences: BTreeMap<String, Finding>,
    /// What the rules explained.
    pub(crate) hits: Hits,
    /// Questions asked, each over UDP and TCP.
    pub(crate) questions: usize,
    /// What became of planted bugs, if any are to be planted.
    pub(crate) catch: Option<Catch>,
}

/// A kind of difference.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) count: usize,
    /// The first, in words.
    pub(crate) text: String,
    /// The zones it was found in, and the question.
    pub(crate) world: World,
    pub(crate) question: Question,
}

/// The worlds that a plan draws.
pub(crate) fn worlds(plan: Plan) -> Vec<World> {
    let beside = |number| {
        let apex = Name::parse(&format!("w{number}.example.")).expect("a name");
        World::draw(&mut Random::part(plan.seed, number), &apex)
    };
    match plan.apexes {
        Apexes::Beside(count) => (0..count).map(beside).collect(),
        Apexes::Root => vec![World::draw(&mut Random::part(plan.seed, 0), &Name::root())],
    }
}

/// Draws worlds and questions, asks them of all four servers, and adds what differs to `findings`.
pub(crate) fn carry_out(plan: Plan, findings: &mut Findings) {
    let worlds = worlds(plan);
    let lab = Lab::start(&worlds);
    let mut random = Random::part(plan.seed, u64::MAX);
    let drawn: Vec<(&World, Question)> = (0..plan.questions)
        .map(|_| {
            let world = random.pick(&worlds);
            (world, Question::draw(&mut random, world, &lab.hashed))
        })
        .collect();
    judge(&lab, &drawn, findings);
}

/// Asks each question of its world over both transports and judges the answers.
pub(crate) fn judge(lab: &Lab, drawn: &[(&World, Question)], findings: &mut Findings) {
    let questions: Vec<Question> = drawn.iter().map(|(_, question)| question.clone()).collect();
    let [datagrams, streams] = [Transport::Udp, Transport::Tcp].map(|transport| lab.ask(&questions, transport));
    for (((world, question), datagram), stream) in drawn.iter().zip(&datagrams).zip(&streams) {
        let stream = case(world, question, Transport::Tcp, stream, None);
        let datagram = case(world, question, Transport::Udp, datagram, Some(&stream.ours));
        findings.questions += 1;
        if let Some(catch) = &mut findings.catch {
            catch.plant(&mut Random::part(findings.questions as u64, 0), &stream);
        }
        findings.add_faults(&datagram, datagram.against_stream(&stream.ours));
        for case in [&stream, &datagram] {
            findings.add_faults(case, case.own_faults());
            findings.add_differences(case);
        }
    }
}

fn case<'c>(
    world: &'c World,
    question: &'c Question,
    transport: Transport,
    replies: &Replies,
    whole: Option<&Reply>,
) -> Case<'c> {
    let read = |reply: &Option<Vec<u8>>| {
        let reply = reply.as_deref().ok_or("silence".to_owned())?;
        Reply::read(reply).map_err(|reason| format!("{reason}\n{reply:02x?}"))
    };
    let ours =
        read(&replies.ours).unwrap_or_else(|reason| panic!("{question} over {transport:?}: our reply: {reason}"));
    let whole = whole.unwrap_or(&ours).clone();
    let peers = replies.peers.iter().filter(|(peer, _)| world.suits(*peer));
    let peers = peers.map(|(peer, reply)| (*peer, read(reply))).collect();
    Case { world, question, transport, ours, whole, peers }
}

impl Findings {
    fn add_faults(&mut self, case: &Case<'_>, faults: Vec<String>) {
        for fault in faults {
            let kind = format!("ours: {}", fault.split(':').next().unwrap_or_default());
            self.add(kind, case, || format!("{fault}\n"));
        }
    }

    fn add_differences(&mut self, case: &Case<'_>) {
        let unexplained: Vec<_> = case
            .peers
            .iter()
            .map(|(peer, reply)| (*peer, self.hits.unexplained(case, *peer, reply)))
            .filter(|(_, parts)| !parts.is_empty())
            .collect();
        for (peer, parts) in &unexplained {
            // What all do otherwise is our fault until the opposite is shown.
            let all = if unexplained.len() == case.peers.len() { ", as all do" } else { "" };
            self.add(format!("{peer}{all}: {}", report::kind(parts)), case, || {
                parts.iter().map(|part: &Part| format!("{peer}: {part}\n")).collect()
            });
        }
    }

    fn add(&mut self, kind: String, case: &Case<'_>, text: impl FnOnce() -> String) {
        let new = || Finding {
            count: 0,
            text: text() + &report::answers(case),
            world: case.world.clone(),
            question: case.question.clone(),
        };
        self.differences.entry(kind).or_insert_with(new).count += 1;
    }
}
