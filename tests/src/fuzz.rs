//! Bodies of the fuzz targets, one for each parser that meets strangers.
//!
//! They are plain functions, so that a stable toolchain runs them too: over seeds and their mutations ([`Mutations`]), a
//! bounded number of times. `tests/fuzz/` wraps the same functions for libFuzzer. A body panics when a promise is broken.

mod contents;
pub mod draft;
mod mutations;
mod operator;
pub mod reply;
pub mod zones;

pub use contents::{api_json, api_path, rdata_wire, record_text, svcb_text, webhook_json, zone_file};
pub use mutations::Mutations;
pub use operator::{isc_key, settings};

use dataplane::answer::{Asker, Desk, Outcome, Transport, respond};
use dataplane::profile::Label;
use dataplane::tail::Refusal;
use dataplane::{CookieSecret, CookieSecrets, Profile};
use draft::{Decisions, Draft};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;
use wire::message::Rcode;
use zones::{APEXES, NOW, ZONES};

/// A target by name: its folder in `tests/fuzz/seeds/` is called the same.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("message", message),
    ("drafted", drafted),
    ("record_text", record_text),
    ("zone_file", zone_file),
    ("api_json", api_json),
    ("api_path", api_path),
    ("webhook_json", webhook_json),
    ("edns_options", edns_options),
    ("rdata_wire", rdata_wire),
    ("svcb_text", svcb_text),
    ("isc_key", isc_key),
    ("settings", settings),
    ("proxy_header", proxy_header),
];

/// A DNS message from anybody. Whatever it is, the reply is none or one that [`reply::check`] and hickory-proto take.
///
/// The first octet chooses the transport.
pub fn message(data: &[u8]) {
    let Some((choice, message)) = data.split_first() else { return };
    if let Some((reply, _)) = answer(message, transport(*choice)) {
        crate::query::decode(&reply);
    }
}

/// A message made of the decisions in `data`: reaches what random octets do not. The first octet chooses the transport.
pub fn drafted(data: &[u8]) {
    let Some((choice, decisions)) = data.split_first() else { return };
    let draft = draft::draft(&mut Decisions::from_data(decisions));
    if let Some(reply) = answer_draft(&draft, transport(*choice)) {
        crate::query::decode(&reply);
    }
}

/// EDNS options of anybody, in a query that is right otherwise. The first octet chooses the transport, the second the name.
pub fn edns_options(data: &[u8]) {
    /// Answered, denied, referred, and of no zone.
    const NAMES: [&[u8]; 4] =
        [b"\x02ns\x07example\0", b"\x07nothing\x05other\0", b"\x03cut\x07example\0", b"\x02no\x04zone\0"];
    let Some((&[choice, name], options)) = data.split_first_chunk::<2>() else { return };
    let Ok(length) = u16::try_from(options.len()) else { return };
    let message = [
        b"\x07\x07\x01\0\0\x01\0\0\0\0\0\x01",
        NAMES[usize::from(name % 4)],
        b"\0\x01\0\x01\0\0\x29\x04\xd0\0\0\x80\0",
        &length.to_be_bytes(),
        options,
    ];
    if let Some((reply, _)) = answer(&message.concat(), transport(choice)) {
        crate::query::decode(&reply);
    }
}

/// What a load balancer puts before a message. A header says how long it is: with an octet less it is none, with more after it the same.
pub fn proxy_header(data: &[u8]) {
    let Ok(header) = dataplane::proxy::parse(data) else { return };
    assert!(data.len() >= header.octets, "a header longer than its datagram");
    assert_eq!(dataplane::proxy::parse(&data[..header.octets]), Ok(header));
    assert!(dataplane::proxy::parse(&data[..header.octets - 1]).is_err());
    let longer = [data, b"more"].concat();
    assert_eq!(dataplane::proxy::parse(&longer), Ok(header));
}

/// Answers a message drawn at random and checks the reply, which is returned.
///
/// # Panics
///
/// When the reply breaks a promise, or there is none to a query, or FORMERR to an honest one.
pub fn answer_draft(draft: &Draft, transport: Transport) -> Option<Vec<u8>> {
    let answered = answer(&draft.octets, transport);
    let is_honest_query = draft.is_honest && draft.octets[2] & 0xf8 == 0;
    match answered {
        Some((reply, rcode)) => {
            // Keepalive is an error over QUIC (RFC 9250 section 5.5.2).
            let is_taken = rcode != Rcode::FORMERR || transport == Transport::Quic;
            assert!(is_taken || !is_honest_query, "FORMERR to an honest query: {:02x?}", draft.octets);
            Some(reply)
        }
        None => {
            assert!(!is_honest_query, "no reply to an honest query");
            None
        }
    }
}

/// A server that tells all that can be asked of it.
static PROFILE: LazyLock<Profile> = LazyLock::new(|| {
    let mut profile = Profile::default();
    profile.server_id = Some(Label::new("ns1").expect("a short text"));
    profile.version = Some(Label::new("Signpost").expect("a short text"));
    profile.cookies = Some(CookieSecrets::new(CookieSecret::new([7; 16]), []));
    profile
});

fn transport(choice: u8) -> Transport {
    match choice % 8 {
        0 => Transport::Udp { payload_max: 512 },
        1 | 2 => Transport::Udp { payload_max: 1232 },
        3 => Transport::Udp { payload_max: 4096 },
        4 => Transport::Tls,
        5 => Transport::Https,
        6 => Transport::Quic,
        _ => Transport::Tcp,
    }
}

/// The reply to a message, checked. Silence is for what has no header, and for responses.
fn answer(message: &[u8], transport: Transport) -> Option<(Vec<u8>, Rcode)> {
    let mut buffer = vec![0; 65_535];
    let view = ZONES.view();
    let desk = Desk { zones: &view, profile: &PROFILE };
    let asker = Asker { address: IpAddr::V4(Ipv4Addr::LOCALHOST), transport };
    let outcome = respond(desk, message, asker, NOW, &mut buffer);
    let is_response = message.get(2).is_none_or(|octet| octet & 0x80 != 0);
    let Outcome::Reply(reply) = outcome else {
        assert!(message.len() < 12 || is_response, "no reply");
        return None;
    };
    assert!(!is_response, "a reply to a response");
    // A panic is caught per query and answered with SERVFAIL: here it counts.
    assert_ne!(reply.refusal, Some(Refusal::Internal), "a caught panic");
    buffer.truncate(reply.octets);
    reply::check(message, transport, &buffer, APEXES);
    Some((buffer, reply.rcode))
}
