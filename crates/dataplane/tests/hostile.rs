//! Whatever comes in, a reply is well-formed, within its limit, and no larger than it has to be.

mod fixture;

use dataplane::answer::{Outcome, Transport, respond};
use dataplane::tail::Refusal;
use dnssec::ZoneTable;
use fixture::{Mode, NOW, ask, asker, desk, table, zone};
use hickory_proto::op::Message;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

static ZONES: LazyLock<Arc<ZoneTable>> = LazyLock::new(|| {
    let text = "
        example. 60 SOA a.example. b.example. 1 1 1 1 60
        example. 60 NS a.example.
        a.example. 60 A 192.0.2.1
        c.example. 60 CNAME d.example.
        d.example. 60 CNAME a.example.
        n.example. 60 DNAME example.
        *.w.example. 60 TXT \"wild\"
        child.example. 60 NS ns.child.example.
        ns.child.example. 60 AAAA 2001:db8::1
        ";
    table([zone(Mode::Nsec3, text), zone(Mode::Nsec, &text.replace("example.", "other."))])
});

/// A caught panic is an answer too: here it is a failure.
fn check(message: &[u8], transport: Transport) {
    let mut reply = vec![0; 65_535];
    let Outcome::Reply(done) = respond(desk(&ZONES.view()), message, asker(transport), NOW, &mut reply) else { return };
    assert_ne!(done.refusal, Some(Refusal::Internal), "{message:02x?}");
    if let Transport::Udp { payload_max } = transport {
        assert!(done.octets <= usize::from(payload_max));
    }
    assert_eq!(reply[..2], message[..2]);
    assert!(Message::from_vec(&reply[..done.octets]).is_ok(), "{message:02x?} {:02x?}", &reply[..done.octets]);
}

fn label() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => proptest::sample::select(vec!["a", "c", "d", "n", "w", "*", "child", "ns", "x"]).prop_map(|l| l.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..=63),
    ]
}

fn query() -> impl Strategy<Value = Vec<u8>> {
    let labels = proptest::collection::vec(label(), 0..5);
    let apex = proptest::sample::select(vec!["example", "other", "EXAMPLE", "net"]);
    let opt = proptest::option::of((any::<u16>(), prop_oneof![9 => Just(0_u8), 1 => any::<u8>()], any::<u16>()));
    (labels, apex, prop_oneof![any::<u16>(), 0..70_u16], opt, any::<u16>()).prop_map(
        |(labels, apex, qtype, opt, flags)| {
            let mut message = vec![7, 7];
            message.extend_from_slice(&(flags & 0x07ff).to_be_bytes());
            message.extend_from_slice(&[0, 1, 0, 0, 0, 0, 0, u8::from(opt.is_some())]);
            for label in labels.iter().map(Vec::as_slice).chain([apex.as_bytes()]) {
                message.push(label.len() as u8);
                message.extend_from_slice(label);
            }
            message.push(0);
            message.extend_from_slice(&qtype.to_be_bytes());
            message.extend_from_slice(&[0, 1]);
            if let Some((payload, version, flags)) = opt {
                message.extend_from_slice(&[0, 0, 41]);
                message.extend_from_slice(&payload.to_be_bytes());
                message.extend_from_slice(&[0, version]);
                message.extend_from_slice(&flags.to_be_bytes());
                message.extend_from_slice(&[0, 0]);
            }
            message
        },
    )
}

fn transport() -> impl Strategy<Value = Transport> {
    prop_oneof![(512..4096_u16).prop_map(|payload_max| Transport::Udp { payload_max }), Just(Transport::Tcp)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn any_octets(message in proptest::collection::vec(any::<u8>(), 0..300), transport in transport()) {
        check(&message, transport);
    }

    #[test]
    fn any_query(message in query(), transport in transport()) {
        check(&message, transport);
    }

    #[test]
    fn any_mutated_query(
        mut message in query(),
        changes in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
        transport in transport(),
    ) {
        for (at, octet) in changes {
            let at = at.index(message.len());
            message[at] = octet;
        }
        if let Some(cut) = cut {
            message.truncate(cut.index(message.len()));
        }
        check(&message, transport);
    }
}

/// CVE-2021-36754 was one type among 65,536 that stopped a server, CVE-2026-5946 one class.
#[test]
fn every_type_and_every_class() {
    let mut message = ask("a.example", "A").with_do().message();
    let at = 12 + b"\x01a\x07example\0".len();
    for value in 0..=u16::MAX {
        message[at..at + 2].copy_from_slice(&value.to_be_bytes());
        check(&message, fixture::UDP);
    }
    message[at..at + 2].copy_from_slice(&[0, 1]);
    for value in 0..=u16::MAX {
        message[at + 2..at + 4].copy_from_slice(&value.to_be_bytes());
        check(&message, fixture::UDP);
    }
}

#[test]
fn the_longest_names_and_most_labels() {
    let longest = format!("{}.{}.{}.{}.example", "a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(53));
    let many = format!("{}example", "x.".repeat(122));
    for name in [longest, many.clone(), many.replacen("example", "n.example", 1)[4..].to_string()] {
        assert!(fixture::name(&name).as_wire().len() > 250, "{name}");
        for qtype in ["A", "DS", "ANY", "NSEC3", "CNAME"] {
            check(&ask(&name, qtype).with_do().message(), fixture::UDP);
        }
    }
}

/// The most that a short question draws: NODATA at a wildcard under NSEC3, with four signatures of 64 octets that nothing
/// compresses. ANY, DNSKEY and RRSIG draw less.
#[test]
fn amplification_is_bounded() {
    let mut worst = 0.0_f64;
    for name in
        ["example", "nothing.example", "x.w.example", "a.example", "z.child.example", "nothing.other", "q.w.other"]
    {
        for qtype in ["A", "ANY", "DNSKEY", "RRSIG", "MX", "TXT"] {
            let message = ask(name, qtype).with_do().message();
            let (octets, _) = fixture::send(&ZONES, &message, fixture::UDP);
            worst = worst.max(octets.len() as f64 / message.len() as f64);
        }
    }
    assert!(worst < 17.0, "{worst}");
}
