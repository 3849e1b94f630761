//! A stub resolver for addresses: one question to a recursive resolver over UDP, and over TCP where the answer is long.
//!
//! What comes back is believed if it comes from the address that was asked, to the port that asked, with the same random id and
//! question (RFC 5452 section 9).

use super::{Answer, Fault};
use hickory_proto::op::{Edns, Message, MessageType, OpCode, Query, ResponseCode};
use hickory_proto::rr::{self, DNSClass, RData, Record};
use hickory_proto::serialize::binary::BinDecodable;
use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio::time::timeout;
use wire::{Name, RecordType};

/// How often one question is put, to one resolver after the other.
const ATTEMPTS: usize = 3;
/// How long each answer may take. A resolver that has to ask itself around needs a moment.
const UDP_WAIT: Duration = Duration::from_secs(2);
const TCP_WAIT: Duration = Duration::from_secs(4);
/// What we take over UDP (DNS Flag Day 2020).
const PAYLOAD: u16 = 1232;
/// Aliases of the target that are followed within an answer.
const CHAIN_MAX: usize = 16;
/// Addresses that are taken from one answer.
const ADDRESSES_MAX: usize = 64;
/// TTL in seconds of a negative answer without SOA (RFC 2308 section 5 lets it not be kept at all).
const NEGATIVE_TTL: u32 = 60;
/// Negative answers are kept no longer than this (RFC 2308 section 5).
const NEGATIVE_TTL_MAX: u32 = 3600;

/// The resolvers, and how to ask them.
#[derive(Debug)]
pub(crate) struct Stub {
    resolvers: Vec<SocketAddr>,
}

impl Stub {
    pub(crate) fn new(resolvers: Vec<SocketAddr>) -> Stub {
        Stub { resolvers }
    }

    /// Asks for one of the address types of `name`; the answer comes with its TTL in seconds.
    pub(crate) async fn ask(&self, name: &Name, rtype: RecordType) -> Result<(Answer, u32), Fault> {
        let mut fault = Fault::Unreachable;
        for resolver in self.resolvers.iter().cycle().take(ATTEMPTS.max(self.resolvers.len())) {
            let Ok(question) = Question::new(name, rtype) else { return Err(Fault::Failed) };
            match question.put_to(*resolver).await {
                Ok(message) => match read(&message, rtype) {
                    Some(answer) => return Ok(answer),
                    // Another one may know better.
                    None => fault = Fault::Failed,
                },
                Err(error) => tracing::debug!(%resolver, %name, %rtype, %error, "no answer for an ALIAS target"),
            }
        }
        Err(fault)
    }
}

/// One question with an id of its own.
struct Question {
    id: u16,
    query: Query,
    octets: Vec<u8>,
}

impl Question {
    fn new(name: &Name, rtype: RecordType) -> Result<Question, hickory_proto::ProtoError> {
        let mut message = Message::query();
        message.metadata.recursion_desired = true;
        let mut query = Query::query(rr::Name::from_bytes(name.as_wire())?, rr::RecordType::from(rtype.0));
        query.set_query_class(DNSClass::IN);
        message.add_query(query.clone());
        let mut edns = Edns::new();
        edns.set_max_payload(PAYLOAD);
        message.set_edns(edns);
        Ok(Question { id: message.metadata.id, query, octets: message.to_vec()? })
    }

    async fn put_to(&self, resolver: SocketAddr) -> io::Result<Message> {
        let message = timeout(UDP_WAIT, self.over_udp(resolver)).await??;
        if message.metadata.truncation { timeout(TCP_WAIT, self.over_tcp(resolver)).await? } else { Ok(message) }
    }

    async fn over_udp(&self, resolver: SocketAddr) -> io::Result<Message> {
        // A socket for each question: its port is as random as its id, and the kernel drops what comes from elsewhere.
        let any = match resolver {
            SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(resolver).await?;
        socket.send(&self.octets).await?;
        let mut buffer = [0; 4096];
        loop {
            let octets = socket.recv(&mut buffer).await?;
            if let Some(message) = self.answer(&buffer[..octets]) {
                return Ok(message);
            }
        }
    }

    async fn over_tcp(&self, resolver: SocketAddr) -> io::Result<Message> {
        let mut stream = TcpStream::connect(resolver).await?;
        let length = u16::try_from(self.octets.len()).map_err(io::Error::other)?;
        stream.write_all(&[&length.to_be_bytes(), self.octets.as_slice()].concat()).await?;
        let mut buffer = vec![0; usize::from(stream.read_u16().await?)];
        stream.read_exact(&mut buffer).await?;
        self.answer(&buffer).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "not an answer to the question"))
    }

    /// The message, if it answers this question; anything else is noise.
    fn answer(&self, octets: &[u8]) -> Option<Message> {
        let message = Message::from_vec(octets).ok()?;
        let metadata = &message.metadata;
        let is_ours = metadata.id == self.id
            && metadata.message_type == MessageType::Response
            && metadata.op_code == OpCode::Query
            && message.queries.as_slice() == std::slice::from_ref(&self.query);
        is_ours.then_some(message)
    }
}

/// What an answer says, with its TTL in seconds. `None`: it is of no use.
fn read(message: &Message, rtype: RecordType) -> Option<(Answer, u32)> {
    let metadata = &message.metadata;
    let is_no_name = match metadata.response_code {
        ResponseCode::NoError => false,
        ResponseCode::NXDomain => true,
        _ => return None,
    };
    let mut name = message.queries.first()?.name();
    let mut ttl = u32::MAX;
    for step in 0.. {
        if step > CHAIN_MAX {
            return None;
        }
        let of_name = |record: &&Record| record.name == *name;
        let addresses =
            message.answers.iter().filter(of_name).filter_map(|record| Some((address(record, rtype)?, record.ttl)));
        let (rdatas, ttls): (BTreeSet<_>, Vec<_>) = addresses.unzip();
        if !rdatas.is_empty() {
            ttl = ttls.into_iter().fold(ttl, u32::min);
            // In an order of their own: many resolvers turn theirs around with each answer.
            return Some((Answer::Records(rdatas.into_iter().take(ADDRESSES_MAX).collect()), ttl));
        }
        let alias = message.answers.iter().filter(of_name).find_map(|record| match &record.data {
            RData::CNAME(target) => Some((&target.0, record.ttl)),
            _ => None,
        });
        let Some((target, own_ttl)) = alias else { break };
        ttl = ttl.min(own_ttl);
        name = target;
    }
    let negative_ttl = message.authorities.iter().find_map(|record| match &record.data {
        RData::SOA(soa) => Some(record.ttl.min(soa.minimum)),
        _ => None,
    });
    // A server that does not recurse refers us elsewhere, which denies nothing (RFC 2308 section 2.2).
    if negative_ttl.is_none() && !metadata.recursion_available {
        return None;
    }
    let answer = if is_no_name { Answer::NoName } else { Answer::NoData };
    Some((answer, ttl.min(negative_ttl.unwrap_or(NEGATIVE_TTL)).min(NEGATIVE_TTL_MAX)))
}

fn address(record: &Record, rtype: RecordType) -> Option<Vec<u8>> {
    match (&record.data, rtype) {
        (RData::A(address), RecordType::A) => Some(address.0.octets().to_vec()),
        (RData::AAAA(address), RecordType::AAAA) => Some(address.0.octets().to_vec()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hickory_proto::rr::rdata::{A, CNAME, NS, SOA};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::net::TcpListener;

    const TARGET: &str = "t.example.";

    fn name(text: &str) -> rr::Name {
        rr::Name::from_ascii(text).unwrap()
    }

    fn a(owner: &str, ttl: u32, last: u8) -> Record {
        Record::from_rdata(name(owner), ttl, RData::A(A(Ipv4Addr::new(192, 0, 2, last))))
    }

    fn cname(owner: &str, ttl: u32, target: &str) -> Record {
        Record::from_rdata(name(owner), ttl, RData::CNAME(CNAME(name(target))))
    }

    fn soa(ttl: u32, minimum: u32) -> Record {
        let soa = SOA::new(name("a."), name("b."), 1, 1, 1, 1, minimum);
        Record::from_rdata(name("example."), ttl, RData::SOA(soa))
    }

    fn reply_to(octets: &[u8]) -> Message {
        let mut message = Message::from_vec(octets).unwrap();
        message.metadata.message_type = MessageType::Response;
        message.metadata.recursion_available = true;
        message
    }

    /// A resolver at a port of its own that sends, for each question over UDP, the messages that `reply` makes of it.
    async fn resolver(reply: impl Fn(Message) -> Vec<Message> + Send + 'static) -> SocketAddr {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (octets, asker) = socket.recv_from(&mut buffer).await.unwrap();
                for message in reply(reply_to(&buffer[..octets])) {
                    socket.send_to(&message.to_vec().unwrap(), asker).await.unwrap();
                }
            }
        });
        address
    }

    async fn ask(resolvers: Vec<SocketAddr>) -> Result<(Answer, u32), Fault> {
        Stub::new(resolvers).ask(&Name::parse(TARGET).unwrap(), RecordType::A).await
    }

    fn records(last: &[u8]) -> Answer {
        Answer::Records(last.iter().map(|&last| vec![192, 0, 2, last]).collect())
    }

    fn read_answer(fill: impl FnOnce(&mut Message)) -> Option<(Answer, u32)> {
        let question = Question::new(&Name::parse(TARGET).unwrap(), RecordType::A).unwrap();
        let mut message = reply_to(&question.octets);
        fill(&mut message);
        read(&message, RecordType::A)
    }

    #[tokio::test]
    async fn rfc5452_section_9_1_what_does_not_answer_the_question_is_noise() {
        let address = resolver(|reply| {
            let with = |last| {
                let mut reply = reply.clone();
                reply.add_answer(a(TARGET, 60, last));
                reply
            };
            let (mut other_id, mut other_question, mut query) = (with(66), with(66), with(66));
            other_id.metadata.id = !other_id.metadata.id;
            other_question.queries = vec![Query::query(name("other.example."), rr::RecordType::A)];
            query.metadata.message_type = MessageType::Query;
            vec![other_id, other_question, query, with(1)]
        });
        assert_eq!(ask(vec![address.await]).await, Ok((records(&[1]), 60)));
    }

    #[tokio::test]
    async fn rfc5452_section_9_2_each_question_has_an_id_of_its_own() {
        let question = || Question::new(&Name::parse(TARGET).unwrap(), RecordType::A).unwrap().id;
        let ids: BTreeSet<u16> = (0..64).map(|_| question()).collect();
        assert!(ids.len() > 32, "{ids:?}");
    }

    #[tokio::test]
    async fn rfc7766_section_5_what_is_truncated_is_asked_for_over_tcp() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let socket = UdpSocket::bind(address).await.unwrap();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            let (octets, asker) = socket.recv_from(&mut buffer).await.unwrap();
            let mut short = reply_to(&buffer[..octets]);
            short.metadata.truncation = true;
            short.add_answer(a(TARGET, 60, 66));
            socket.send_to(&short.to_vec().unwrap(), asker).await.unwrap();
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut question = vec![0; usize::from(stream.read_u16().await.unwrap())];
            stream.read_exact(&mut question).await.unwrap();
            let mut whole = reply_to(&question);
            whole.add_answers((0..200).map(|last| a(TARGET, 60, last)));
            let octets = whole.to_vec().unwrap();
            stream.write_u16(octets.len() as u16).await.unwrap();
            stream.write_all(&octets).await.unwrap();
        });
        let first: Vec<u8> = (0..ADDRESSES_MAX as u8).collect();
        assert_eq!(ask(vec![address]).await, Ok((records(&first), 60)), "no more than there is room for");
    }

    #[tokio::test]
    async fn one_that_fails_is_followed_by_the_next() {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let failing = resolver(move |mut reply| {
            counted.fetch_add(1, Ordering::Relaxed);
            reply.metadata.response_code = ResponseCode::ServFail;
            vec![reply]
        })
        .await;
        let able = resolver(|mut reply| {
            reply.add_answer(a(TARGET, 60, 1));
            vec![reply]
        })
        .await;
        assert_eq!(ask(vec![failing, able]).await, Ok((records(&[1]), 60)));
        assert_eq!(asked.load(Ordering::Relaxed), 1);
        assert_eq!(ask(vec![failing]).await, Err(Fault::Failed));
        assert_eq!(asked.load(Ordering::Relaxed), 1 + ATTEMPTS);
        // Nobody listens there.
        let closed = UdpSocket::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(ask(vec![closed]).await, Err(Fault::Unreachable));
    }

    #[test]
    fn addresses_have_an_order_of_their_own_and_the_least_ttl_of_the_way() {
        let turned = |order: [u8; 4]| {
            read_answer(|message| {
                message.add_answer(cname(TARGET, 50, "U.example."));
                message.add_answer(cname("u.example.", 20, "v.example."));
                message.add_answers(order.map(|last| a("V.example.", 30, last)));
                message.add_answer(a("other.example.", 5, 66));
            })
        };
        assert_eq!(turned([2, 1, 3, 1]), Some((records(&[1, 2, 3]), 20)));
        assert_eq!(turned([3, 2, 1, 3]), turned([1, 2, 3, 1]));
    }

    #[test]
    fn rfc2308_section_5_denials_hold_for_the_lesser_of_the_soas_numbers() {
        for (ttl, minimum, wanted) in [(300, 60, 60), (60, 300, 60), (90_000, 90_000, NEGATIVE_TTL_MAX)] {
            let denied = read_answer(|message| {
                message.metadata.response_code = ResponseCode::NXDomain;
                message.add_authority(soa(ttl, minimum));
            });
            assert_eq!(denied, Some((Answer::NoName, wanted)));
            let denied = read_answer(|message| {
                message.add_authority(soa(ttl, minimum));
            });
            assert_eq!(denied, Some((Answer::NoData, wanted)));
        }
        assert_eq!(read_answer(|_| {}), Some((Answer::NoData, NEGATIVE_TTL)), "a resolver that sends no SOA");
        // Of the CNAME's target, not of the target itself.
        let denied = read_answer(|message| {
            message.metadata.response_code = ResponseCode::NXDomain;
            message.add_answer(cname(TARGET, 10, "u.example."));
            message.add_authority(soa(300, 60));
        });
        assert_eq!(denied, Some((Answer::NoName, 10)));
    }

    #[test]
    fn what_is_no_answer_is_of_no_use() {
        for rcode in [ResponseCode::ServFail, ResponseCode::Refused, ResponseCode::NotImp, ResponseCode::FormErr] {
            assert_eq!(read_answer(|message| message.metadata.response_code = rcode), None);
        }
        let referral = read_answer(|message| {
            message.metadata.recursion_available = false;
            message.add_authority(Record::from_rdata(name("example."), 60, RData::NS(NS(name("ns.example.")))));
        });
        assert_eq!(referral, None);
        let looped = read_answer(|message| {
            message.add_answer(cname(TARGET, 60, "u.example."));
            message.add_answer(cname("u.example.", 60, TARGET));
        });
        assert_eq!(looped, None);
    }
}
