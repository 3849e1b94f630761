//! Questions asked with `dig`, and its output taken apart.

use crate::process::run;
use crate::temp::TempDir;
use std::net::SocketAddr;
use std::process::Command;

/// How to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// One datagram; a truncated reply is asked for again over TCP by dig.
    Udp,
    /// Length-prefixed messages (RFC 7766).
    Tcp,
}

/// Both, in the order to try them.
pub const TRANSPORTS: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// One record as dig prints it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Owner, with final dot.
    pub name: String,
    /// Time to live.
    pub ttl: u32,
    /// Type mnemonic.
    pub rtype: String,
    /// The rest of the line.
    pub content: String,
}

/// One message as dig prints it.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// RCODE mnemonic.
    pub status: String,
    /// Flags such as `aa`, `ad`, `tc`.
    pub flags: Vec<String>,
    /// Answer section.
    pub answer: Vec<Record>,
    /// Authority section.
    pub authority: Vec<Record>,
    /// Additional section, OPT left out.
    pub additional: Vec<Record>,
}

impl Reply {
    /// Whether a flag is set.
    pub fn has_flag(&self, flag: &str) -> bool {
        self.flags.iter().any(|f| f == flag)
    }

    /// Contents in the answer section of one type, sorted.
    pub fn contents(&self, rtype: &str) -> Vec<String> {
        let mut contents: Vec<String> =
            self.answer.iter().filter(|r| r.rtype == rtype).map(|r| r.content.clone()).collect();
        contents.sort();
        contents
    }

    /// Whether every RRset of the answer has an RRSIG beside it (RFC 4035 section 3.1.1).
    pub fn answer_is_signed(&self) -> bool {
        let mut data = self.answer.iter().filter(|r| r.rtype != "RRSIG").peekable();
        data.peek().is_some()
            && data.all(|r| {
                self.answer.iter().any(|s| {
                    s.rtype == "RRSIG" && s.name == r.name && s.content.split(' ').next() == Some(r.rtype.as_str())
                })
            })
    }
}

/// Asks once with DNSSEC records, without recursion. Fails the test when there is no reply.
pub fn dig(server: SocketAddr, name: &str, rtype: &str, transport: Transport) -> Reply {
    let more = if transport == Transport::Tcp { "+tcp" } else { "+notcp" };
    dig_with(server, &["+dnssec", "+norecurse", more, "-q", name, "-t", rtype])
}

/// Asks many questions one after the other, with options of one's own for all of them.
///
/// # Panics
///
/// When a reply is missing.
pub fn dig_all(server: SocketAddr, options: &[&str], questions: &[(String, String)]) -> Vec<Reply> {
    let folder = TempDir::new("dig");
    let file = folder.join("questions");
    let lines: String = questions.iter().map(|(name, rtype)| format!("-q {name} -t {rtype}\n")).collect();
    std::fs::write(&file, lines).expect("the folder is ours");
    let printed = run(Command::new("dig")
        .arg("-f")
        .arg(&file)
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string()])
        .args(["+tries=2", "+time=10", "+nosplit", "+noidnin", "+noidnout"])
        .args(options));
    let replies = parse(&printed);
    assert_eq!(replies.len(), questions.len(), "a reply is missing:\n{printed}");
    replies
}

/// Asks with options of one's own.
pub fn dig_with(server: SocketAddr, arguments: &[&str]) -> Reply {
    let printed = run(Command::new("dig")
        .arg(format!("@{}", server.ip()))
        .args(["-p", &server.port().to_string()])
        .args(["+tries=1", "+time=5", "+nosplit", "+noidnin", "+noidnout"])
        .args(arguments));
    parse(&printed).into_iter().next_back().unwrap_or_else(|| panic!("dig {arguments:?} printed no reply:\n{printed}"))
}

/// Takes apart what dig printed, which may be several messages.
pub fn parse(printed: &str) -> Vec<Reply> {
    enum At {
        Nowhere,
        Answer,
        Authority,
        Additional,
    }
    let mut replies: Vec<Reply> = Vec::new();
    let mut at = At::Nowhere;
    for line in printed.lines() {
        if let Some(header) = line.strip_prefix(";; ->>HEADER<<-") {
            let status = header.split("status: ").nth(1).and_then(|s| s.split(',').next()).unwrap_or_default();
            replies.push(Reply { status: status.to_owned(), ..Reply::default() });
            at = At::Nowhere;
        }
        let Some(reply) = replies.last_mut() else { continue };
        if let Some(flags) = line.strip_prefix(";; flags:") {
            reply.flags = flags.split(';').next().unwrap_or_default().split_whitespace().map(str::to_owned).collect();
        } else if line.starts_with(";; ANSWER SECTION") {
            at = At::Answer;
        } else if line.starts_with(";; AUTHORITY SECTION") {
            at = At::Authority;
        } else if line.starts_with(";; ADDITIONAL SECTION") {
            at = At::Additional;
        } else if let Some(record) = parse_record(line) {
            match at {
                At::Answer => reply.answer.push(record),
                At::Authority => reply.authority.push(record),
                At::Additional => reply.additional.push(record),
                At::Nowhere => {}
            }
        }
    }
    replies
}

fn parse_record(line: &str) -> Option<Record> {
    fn word(rest: &mut &str) -> Option<String> {
        *rest = rest.trim_start();
        let end = rest.find(char::is_whitespace)?;
        let (word, after) = rest.split_at(end);
        *rest = after;
        Some(word.to_owned())
    }
    if line.starts_with(';') {
        return None;
    }
    let mut rest = line;
    let name = word(&mut rest)?;
    let ttl = word(&mut rest)?.parse().ok()?;
    word(&mut rest)?;
    let rtype = word(&mut rest)?;
    Some(Record { name, ttl, rtype, content: rest.trim().to_owned() })
}
