//! ALIAS records, resolved through unbound and through a server that goes away: signed, kept through edits and restarts, stale rather
//! than gone.

use signpost_tests::api::{Signed, replace, rrset};
use signpost_tests::dig::{Reply, Transport, dig};
use signpost_tests::process;
use signpost_tests::server::{Settings, Signpost};
use signpost_tests::unbound::Unbound;
use signpost_tests::validators::{Anchors, Verdict, delv};
use signpost_tests::wait::{until, until_true};
use std::process::Command;
use std::time::Duration;

const ZONE: &str = "shop.example.";
const TARGETS: &str = "target.example.";
const BOUND: Duration = Duration::from_secs(30);

/// A server that knows the targets.
fn targets(ttl: u32) -> Signpost {
    let server = Signpost::start(Settings::sqlite());
    let rrsets = vec![
        rrset("lb.target.example.", "A", ttl, &["192.0.2.10", "192.0.2.11"]),
        rrset("six.target.example.", "AAAA", ttl, &["2001:db8::6"]),
        rrset("chain.target.example.", "CNAME", ttl, &["lb.target.example."]),
        rrset("text.target.example.", "TXT", ttl, &["\"no address\""]),
    ];
    server.api().create_zone(TARGETS, Signed::No, rrsets);
    server
}

fn ask(server: &Signpost, name: &str, rtype: &str) -> Reply {
    dig(server.dns(), name, rtype, Transport::Udp)
}

/// Returns when the name has these addresses.
fn until_addresses(server: &Signpost, name: &str, rtype: &str, wanted: &[&str]) -> Reply {
    until(&format!("{name} {rtype} to be {wanted:?}"), BOUND, || {
        let reply = ask(server, name, rtype);
        (reply.status == "NOERROR" && reply.contents(rtype) == wanted).then_some(reply)
    })
}

/// What `dig` prints of the Extended DNS Error, with the RCODE.
fn error(server: &Signpost, name: &str, rtype: &str) -> String {
    let address = server.dns();
    let printed = process::run(Command::new("dig").arg(format!("@{}", address.ip())).args([
        "-p",
        &address.port().to_string(),
        "+norecurse",
        "+tries=1",
        name,
        rtype,
    ]));
    let status = printed.split("status: ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
    let ede = printed.lines().find_map(|line| line.strip_prefix("; EDE: ")).unwrap_or_default();
    format!("{status} {ede}").trim_end().to_owned()
}

#[test]
fn an_alias_at_the_apex_is_signed_proved_and_outlives_edits_and_restarts() {
    let targets = targets(60);
    let resolver = Unbound::start(targets.dns(), &[TARGETS], "");
    let resolver_flag = format!("--resolver={}", resolver.address());
    for denial in ["--default-nsec3param=", "--default-nsec3param=1 0 0 -"] {
        let mut server = Signpost::start(Settings::sqlite().with(&resolver_flag).with(denial));
        let api = server.api();
        let rrsets = vec![
            rrset(ZONE, "ALIAS", 300, &["lb.target.example."]),
            rrset(ZONE, "MX", 300, &["10 mail.shop.example."]),
            rrset("*.shop.example.", "ALIAS", 30, &["CHAIN.target.example."]),
            rrset("six.shop.example.", "ALIAS", 300, &["six.target.example."]),
            rrset("both.shop.example.", "ALIAS", 300, &["six.target.example."]),
            rrset("both.shop.example.", "A", 300, &["192.0.2.99"]),
            rrset("gone.shop.example.", "ALIAS", 300, &["nothing.target.example."]),
            rrset("held.shop.example.", "ALIAS", 300, &["text.target.example."]),
        ];
        api.create_zone(ZONE, Signed::Yes, rrsets);
        let both = ["192.0.2.10", "192.0.2.11"];
        let apex = until_addresses(&server, ZONE, "A", &both);
        assert!(apex.answer_is_signed() && apex.has_flag("aa"), "{apex:?}");
        let ttls: Vec<u32> = apex.answer.iter().map(|record| record.ttl).collect();
        assert!(ttls.iter().all(|&ttl| ttl <= 60 && ttl == ttls[0]), "the lesser of 300 and the target's: {ttls:?}");
        let wildcard = until_addresses(&server, "any.shop.example.", "A", &both);
        assert!(wildcard.answer.iter().all(|record| record.ttl <= 30), "{wildcard:?}");
        until_addresses(&server, "six.shop.example.", "AAAA", &["2001:db8::6"]);
        until_addresses(&server, "both.shop.example.", "AAAA", &["2001:db8::6"]);
        assert_eq!(ask(&server, "both.shop.example.", "A").contents("A"), ["192.0.2.99"], "what is stored comes first");
        until_true("NODATA where the target has no such type", BOUND, || {
            let reply = ask(&server, ZONE, "AAAA");
            reply.status == "NOERROR" && reply.answer.is_empty()
        });
        until_true("the reason to be told", BOUND, || {
            error(&server, "gone.shop.example.", "A") == "SERVFAIL 0 (Other): (the target of ALIAS does not exist)"
        });
        // It makes nothing now, and the wildcard does not step in.
        until_true("NODATA of both types", BOUND, || {
            let is_nodata = |reply: Reply| reply.status == "NOERROR" && reply.answer.is_empty();
            ["A", "AAAA"].into_iter().all(|rtype| is_nodata(ask(&server, "held.shop.example.", rtype)))
        });
        assert_eq!(server.metric("signpost_alias_targets"), 5, "two names that share one are one");
        assert_eq!(server.metric("signpost_alias_unresolved"), 2, "A and AAAA of what does not exist");
        // The type itself is no data of the DNS, and nobody is told that it is.
        for rtype in ["TYPE65401", "ANY"] {
            let reply = dig(server.dns(), ZONE, rtype, Transport::Tcp);
            assert!(reply.answer.iter().all(|record| record.rtype != "TYPE65401"), "{reply:?}");
        }
        let denied = ask(&server, ZONE, "TYPE65401");
        assert_eq!((denied.status.as_str(), denied.answer.len()), ("NOERROR", 0));
        assert!(!denied.authority.iter().any(|record| record.content.contains("TYPE65401")), "{denied:?}");

        let anchors = Anchors::new(&[(ZONE, api.entry_keys(ZONE))]);
        for (name, rtype) in [
            (ZONE, "A"),
            (ZONE, "MX"),
            (ZONE, "AAAA"),
            (ZONE, "TYPE65401"),
            ("any.shop.example.", "A"),
            ("six.shop.example.", "A"),
            ("held.shop.example.", "A"),
            ("held.shop.example.", "TXT"),
            ("q.held.shop.example.", "A"),
            ("gone.shop.example.", "TXT"),
        ] {
            assert_eq!(delv(server.dns(), &anchors, ZONE, name, rtype), Verdict::Secure, "{name} {rtype} {denial}");
        }

        // Another RRset of the name, a header, a restart: the addresses stay.
        api.patch(ZONE, vec![replace(ZONE, "TXT", 300, &["\"edited\""])]);
        assert_eq!(ask(&server, ZONE, "A").contents("A"), both);
        server.run(&["pdnsutil", "set-meta", ZONE, "NSEC3PARAM", "1 0 0 ab"]);
        until_true("the zone to be loaded afresh", BOUND, || {
            let salted =
                |record: &signpost_tests::dig::Record| record.rtype == "NSEC3" && record.content.contains(" AB ");
            ask(&server, "nothing.six.shop.example.", "A").authority.iter().any(salted)
        });
        assert_eq!(ask(&server, ZONE, "A").contents("A"), both);
        server.restart();
        assert_eq!(ask(&server, ZONE, "A").contents("A"), both, "readiness waits for what has to be resolved");

        // To another name and back, each in one change.
        let delete = |name: &str| serde_json::json!({ "name": name, "type": "ALIAS", "changetype": "DELETE" });
        let moved = "moved.shop.example.";
        api.patch(ZONE, vec![delete(ZONE), replace(moved, "ALIAS", 300, &["lb.target.example."])]);
        until_addresses(&server, moved, "A", &both);
        api.patch(ZONE, vec![delete(moved), replace(ZONE, "ALIAS", 300, &["lb.target.example."])]);
        until_addresses(&server, ZONE, "A", &both);

        // Another target; then none.
        api.patch(ZONE, vec![replace(ZONE, "ALIAS", 300, &["six.target.example."])]);
        until_addresses(&server, ZONE, "AAAA", &["2001:db8::6"]);
        until_addresses(&server, ZONE, "A", &[]);
        api.patch(ZONE, vec![delete(ZONE)]);
        assert_eq!(ask(&server, ZONE, "AAAA").answer, []);
        assert_eq!(api.contents(ZONE, "six.shop.example.", "ALIAS"), ["six.target.example."], "shown as it is stored");
    }
}

#[test]
fn while_the_resolver_is_away_addresses_are_stale_and_then_fresh_again() {
    // As a resolver it knows one zone, which is enough.
    let mut resolver = targets(1);
    let settings = Settings::sqlite().with(&format!("--resolver={}", resolver.dns()));
    let server = Signpost::start(settings);
    let api = server.api();
    api.create_zone(ZONE, Signed::Yes, vec![rrset(ZONE, "ALIAS", 300, &["lb.target.example."])]);
    let both = ["192.0.2.10", "192.0.2.11"];
    until_addresses(&server, ZONE, "A", &both);
    assert_eq!(server.metric("signpost_alias_targets"), 1);
    resolver.kill();
    until_true("the addresses to count as stale", BOUND, || server.metric("signpost_alias_stale") == 1);
    assert_eq!(ask(&server, ZONE, "A").contents("A"), both);
    assert!(server.metric("signpost_alias_failures_total") >= 1);
    // What was never resolved has no stale data.
    api.patch(ZONE, vec![replace("new.shop.example.", "ALIAS", 300, &["six.target.example."])]);
    until_true("the reason to be told", BOUND, || {
        error(&server, "new.shop.example.", "AAAA")
            == "SERVFAIL 23 (Network Error): (the resolver for ALIAS does not answer)"
    });
    assert!(server.metric("pdns_auth_alias_unanswered") >= 1);
    assert_eq!(ask(&server, "new.shop.example.", "TXT").status, "NOERROR");
    resolver.restart();
    resolver.api().patch(TARGETS, vec![replace("lb.target.example.", "A", 1, &["192.0.2.20"])]);
    until_addresses(&server, ZONE, "A", &["192.0.2.20"]);
    until_addresses(&server, "new.shop.example.", "AAAA", &["2001:db8::6"]);
    until_true("nothing to be stale", BOUND, || server.metric("signpost_alias_stale") == 0);
}

#[test]
fn beyond_the_cap_stale_addresses_are_no_longer_served() {
    let mut resolver = targets(1);
    let resolver_flag = format!("--resolver={}", resolver.dns());
    let server = Signpost::start(Settings::sqlite().with(&resolver_flag).with("--alias-stale-max-secs=0"));
    server.api().create_zone(ZONE, Signed::Yes, vec![rrset(ZONE, "ALIAS", 300, &["lb.target.example."])]);
    until_addresses(&server, ZONE, "A", &["192.0.2.10", "192.0.2.11"]);
    resolver.kill();
    until_true("the addresses to go", BOUND, || error(&server, ZONE, "A").starts_with("SERVFAIL 23"));
}

#[test]
fn without_a_resolver_an_alias_is_servfail_and_without_expansion_it_is_not_there() {
    let server = Signpost::start(Settings::sqlite());
    let alias = || vec![rrset(ZONE, "ALIAS", 300, &["lb.target.example."])];
    server.api().create_zone(ZONE, Signed::Yes, alias());
    assert_eq!(error(&server, ZONE, "A"), "SERVFAIL 21 (Not Supported): (no resolver is configured for ALIAS)");
    assert_eq!(ask(&server, ZONE, "TXT").status, "NOERROR");
    let left_out = Signpost::start(Settings::sqlite().with("--expand-alias=no"));
    let mut rrsets = alias();
    rrsets.push(rrset("www.shop.example.", "ALIAS", 300, &["lb.target.example."]));
    rrsets.push(rrset("*.shop.example.", "A", 300, &["192.0.2.7"]));
    left_out.api().create_zone(ZONE, Signed::Yes, rrsets);
    for name in [ZONE, "www.shop.example."] {
        let reply = ask(&left_out, name, "A");
        assert_eq!((reply.status.as_str(), reply.answer.len()), ("NOERROR", 0), "{name} is there, without addresses");
    }
    assert_eq!(ask(&left_out, "any.shop.example.", "A").contents("A"), ["192.0.2.7"]);
}

#[test]
fn a_lua_record_is_kept_and_what_it_would_make_is_servfail() {
    let server = Signpost::start(Settings::sqlite());
    let api = server.api();
    api.create_zone(ZONE, Signed::Yes, vec![rrset("lua.shop.example.", "TXT", 300, &["\"here\""])]);
    server.run(&["pdnsutil", "add-record", ZONE, "lua", "LUA", "300", "A \"ifportup(443, {'192.0.2.1'})\""]);
    until_true("the LUA record to count", BOUND, || {
        error(&server, "lua.shop.example.", "A") == "SERVFAIL 21 (Not Supported): (LUA records are not run)"
    });
    assert_eq!(api.contents(ZONE, "lua.shop.example.", "LUA"), ["A \"ifportup(443, {'192.0.2.1'})\""]);
    assert_eq!(ask(&server, "lua.shop.example.", "TXT").contents("TXT"), ["\"here\""]);
    assert!(server.metric("pdns_auth_lua_unanswered") >= 1);
    // The denial of another type does not deny this one.
    let denied = ask(&server, "lua.shop.example.", "MX");
    let bitmaps = || denied.authority.iter().filter(|record| record.rtype == "NSEC3");
    assert!(bitmaps().any(|record| record.content.ends_with(" A TXT RRSIG")), "{denied:?}");
}
