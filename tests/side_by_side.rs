//! PowerDNS and Signpost on one database at once: each answers what the other was told, with the same DS, and what
//! Signpost writes PowerDNS's own tools find nothing to complain about.

use signpost_tests::Postgres;
use signpost_tests::api::{Api, Signed, delete, replace, rrset};
use signpost_tests::dig::{Transport, dig};
use signpost_tests::pdns::{Pdns, load_schema, pdns_control};
use signpost_tests::process;
use signpost_tests::server::{Settings, Signpost, binary};
use signpost_tests::temp::TempDir;
use signpost_tests::validators::{Anchors, Verdict, delv, verify_zone};
use signpost_tests::wait::until_true;
use std::net::SocketAddr;
use std::process::{Command, Output};
use std::time::Duration;

/// The time within which Signpost answers with a change made by others.
const LAG_MAX: Duration = Duration::from_secs(1);

struct Pair {
    signpost: Signpost,
    pdns: Pdns,
    postgres: Postgres,
    database: String,
}

enum Tables {
    /// Loaded from PowerDNS's package, as on a server that has run for years.
    OfPowerDns,
    /// Made by Signpost in an empty database.
    OfSignpost,
}

impl Pair {
    fn start(tables: Tables) -> Pair {
        Pair::start_with(tables, &[])
    }

    fn start_with(tables: Tables, flags: &[&str]) -> Pair {
        let postgres = Postgres::start().expect("Postgres starts");
        let database = postgres.create_database().expect("a database");
        let mut settings = Settings::postgres(&postgres.url_of(&database));
        settings = flags.iter().fold(settings, |settings, flag| settings.with(flag));
        match tables {
            Tables::OfPowerDns => {
                load_schema(&postgres, &database);
                let pdns = Pdns::start(&postgres, &database);
                Pair { signpost: Signpost::start(settings), pdns, postgres, database }
            }
            Tables::OfSignpost => {
                let signpost = Signpost::start(settings);
                let pdns = Pdns::start(&postgres, &database);
                Pair { signpost, pdns, postgres, database }
            }
        }
    }

    fn sql(&self, sql: &str) -> String {
        self.postgres.sql(&self.database, sql).unwrap_or_else(|error| panic!("{sql}: {error:#}"))
    }

    /// Everything PowerDNS derives, and what it is derived from.
    fn records(&self) -> String {
        self.sql(
            "SELECT d.name, r.name, r.type, r.content, r.ttl, r.prio, r.disabled, r.ordername, r.auth FROM records r \
             JOIN domains d ON d.id = r.domain_id ORDER BY 1, 2, 3, 4",
        )
    }

    fn soon_answers(&self, name: &str, rtype: &str, contents: &[&str]) {
        let what = format!("Signpost to answer {name} {rtype} with {contents:?}");
        until_true(&what, LAG_MAX, || {
            let reply = dig(self.signpost.dns(), name, rtype, Transport::Udp);
            reply.contents(rtype) == contents && (contents.is_empty() || reply.answer_is_signed())
        });
    }

    fn pdns_answers(&self, name: &str, rtype: &str, contents: &[&str]) {
        let reply = dig(self.pdns.dns(), name, rtype, Transport::Udp);
        assert_eq!(reply.contents(rtype), contents, "PowerDNS: {reply:?}");
    }
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// What both servers must agree on: names of every kind, with glue, cuts and empty non-terminals.
fn sets(zone: &str) -> Vec<serde_json::Value> {
    let at = |host: &str| format!("{host}.{zone}");
    vec![
        rrset(&at("ns1"), "A", 300, &["192.0.2.53"]),
        rrset(&at("www"), "A", 300, &["192.0.2.80", "192.0.2.81"]),
        rrset(&at("WWW2"), "AAAA", 300, &["2001:db8::80"]),
        rrset(&at("*.wild"), "A", 300, &["192.0.2.82"]),
        rrset(&at("a.b.c.ent"), "TXT", 300, &["\"deep\""]),
        rrset(&at("alias"), "CNAME", 300, &[&at("www")]),
        rrset(&at("mail"), "MX", 300, &["10 mx1.example.net.", "20 mx2.example.net."]),
        rrset(&at("_sip._tcp"), "SRV", 300, &["1 2 5060 sip.example.net."]),
        rrset(&at("sub"), "NS", 300, &[&at("ns.sub")]),
        rrset(&at("ns.sub"), "A", 300, &["192.0.2.54"]),
        rrset(&at("secure"), "NS", 300, &["ns.example.net."]),
        rrset(
            &at("secure"),
            "DS",
            300,
            &["12345 13 2 abababababababababababababababababababababababababababababababab"],
        ),
    ]
}

/// The kinds of question that need different proofs.
fn questions(zone: &str) -> Vec<(String, &'static str)> {
    let at = |host: &str| format!("{host}.{zone}");
    vec![
        (zone.to_owned(), "SOA"),
        (zone.to_owned(), "DNSKEY"),
        (at("www"), "A"),
        (at("www"), "TXT"),
        (at("www2"), "AAAA"),
        (at("nope"), "A"),
        (at("x.wild"), "A"),
        (at("x.wild"), "TXT"),
        (at("ent"), "A"),
        (at("c.ent"), "A"),
        (at("alias"), "A"),
        (at("mail"), "MX"),
        (at("_sip._tcp"), "SRV"),
        (at("sub"), "DS"),
        (at("secure"), "DS"),
    ]
}

/// Both servers answer the same data, and each answer validates with the DS of either.
fn assert_agreement(pair: &Pair, zone: &str) {
    let (ours, theirs) = (pair.signpost.api(), pair.pdns.api());
    assert_eq!(ours.ds(zone), theirs.ds(zone), "{zone}");
    let sorted = |api: &Api| {
        let mut keys = api.entry_keys(zone);
        keys.sort();
        keys
    };
    assert_eq!(sorted(&ours), sorted(&theirs), "{zone}");
    let anchors = Anchors::new(&[(zone, sorted(&ours))]);
    let servers: [(&str, SocketAddr); 2] = [("Signpost", pair.signpost.dns()), ("PowerDNS", pair.pdns.dns())];
    for (name, rtype) in questions(zone) {
        let replies = servers.map(|(_, server)| dig(server, &name, rtype, Transport::Udp));
        assert_eq!(replies[0].status, replies[1].status, "{name} {rtype}: {replies:?}");
        assert_eq!(replies[0].contents(rtype), replies[1].contents(rtype), "{name} {rtype}");
        for (who, server) in servers {
            let verdict = delv(server, &anchors, zone, &name, rtype);
            assert_eq!(verdict, Verdict::Secure, "{who}: {name} {rtype}");
        }
    }
}

fn assert_pdnsutil_content(pair: &Pair) {
    let checked = pair.pdns.pdnsutil(&["check-all-zones"]);
    let printed = text(&checked);
    assert!(checked.status.success(), "{printed}");
    assert!(!printed.contains("[Error]") && !printed.contains("[Warning]"), "{printed}");
    let zones: Vec<String> = pair.sql("SELECT name FROM domains ORDER BY 1").lines().map(str::to_owned).collect();
    let before = pair.records();
    for zone in &zones {
        let rectified = pair.pdns.pdnsutil(&["rectify-zone", zone]);
        assert!(rectified.status.success(), "{}", text(&rectified));
    }
    let after = pair.records();
    let changed: Vec<(&str, &str)> = before.lines().zip(after.lines()).filter(|(a, b)| a != b).take(10).collect();
    assert!(
        before == after,
        "rectify-zone changed {changed:?}; {} rows, then {}",
        before.lines().count(),
        after.lines().count()
    );
}

fn sharing(tables: Tables, flags: &[&str], denial: &str) {
    let pair = Pair::start_with(tables, flags);
    // Secured by ours.
    pair.signpost.api().create_zone("ours.example.", Signed::Yes, sets("ours.example."));
    let reply = dig(pair.signpost.dns(), "nope.ours.example.", "A", Transport::Udp);
    assert!(reply.authority.iter().any(|record| record.rtype == denial), "{reply:?}");
    assert_agreement(&pair, "ours.example.");
    // Secured by PowerDNS's API.
    pair.pdns.api().create_zone("theirs.example.", Signed::Yes, sets("theirs.example."));
    pair.soon_answers("www.theirs.example.", "A", &["192.0.2.80", "192.0.2.81"]);
    assert_agreement(&pair, "theirs.example.");
    // Made by PowerDNS's API, secured by its pdnsutil, to NSEC3.
    pair.pdns.api().create_zone("tool.example.", Signed::No, sets("tool.example."));
    for arguments in [
        &["secure-zone", "tool.example"][..],
        &["set-nsec3", "tool.example", "1 0 0 -"],
        &["rectify-zone", "tool.example"],
    ] {
        let output = pair.pdns.pdnsutil(arguments);
        assert!(output.status.success(), "{}", text(&output));
    }
    pair.soon_answers("www.tool.example.", "A", &["192.0.2.80", "192.0.2.81"]);
    assert_agreement(&pair, "tool.example.");
    // Secured by our pdnsutil.
    pair.pdns.api().create_zone("mixed.example.", Signed::No, sets("mixed.example."));
    pair.signpost.run(&["pdnsutil", "secure-zone", "mixed.example"]);
    pair.soon_answers("www.mixed.example.", "A", &["192.0.2.80", "192.0.2.81"]);
    assert_agreement(&pair, "mixed.example.");
    // Changed by ours in every way that moves derived columns.
    for zone in ["ours.example.", "theirs.example.", "tool.example.", "mixed.example."] {
        let at = |host: &str| format!("{host}.{zone}");
        let api = pair.signpost.api();
        api.patch(zone, vec![replace(&at("p.q.r"), "A", 60, &["192.0.2.7"]), delete(&at("a.b.c.ent"), "TXT")]);
        api.patch(zone, vec![replace(&at("q.r"), "TXT", 60, &["\"was an empty non-terminal\""])]);
        api.patch(zone, vec![delete(&at("p.q.r"), "A"), replace(&at("z.c.ent"), "A", 60, &["192.0.2.8"])]);
        // A cut appears over data, another goes.
        api.patch(zone, vec![replace(&at("under.newcut"), "A", 60, &["192.0.2.9"])]);
        api.patch(zone, vec![replace(&at("newcut"), "NS", 60, &["ns.example.net."])]);
        api.patch(zone, vec![delete(&at("sub"), "NS")]);
        assert_agreement(&pair, zone);
        verify_zone(zone, &pair.signpost.run(&["export", zone, "--signed"]));
    }
    assert_pdnsutil_content(&pair);
}

#[test]
fn zones_of_either_are_answered_by_both_on_powerdns_tables() {
    sharing(Tables::OfPowerDns, &[], "NSEC3");
}

#[test]
fn zones_of_either_are_answered_by_both_on_tables_signpost_made() {
    sharing(Tables::OfSignpost, &["--dnssec-defaults=pdns"], "NSEC");
}

#[test]
fn a_change_by_any_hand_is_answered_by_the_other_within_a_second() {
    let pair = Pair::start(Tables::OfPowerDns);
    let zone = "shared.example.";
    let at = |host: &str| format!("{host}.{zone}");
    pair.pdns.api().create_zone(zone, Signed::Yes, sets(zone));
    pair.soon_answers(&at("www"), "A", &["192.0.2.80", "192.0.2.81"]);

    // Through our API, answered by PowerDNS.
    pair.signpost.api().patch(zone, vec![replace(&at("ours"), "A", 60, &["192.0.2.1"])]);
    pair.pdns_answers(&at("ours"), "A", &["192.0.2.1"]);
    pair.signpost.api().patch(zone, vec![delete(&at("ours"), "A")]);
    pair.pdns_answers(&at("ours"), "A", &[]);

    // Through PowerDNS's API.
    pair.pdns.api().patch(zone, vec![replace(&at("theirs"), "A", 60, &["192.0.2.2"])]);
    pair.soon_answers(&at("theirs"), "A", &["192.0.2.2"]);
    pair.pdns.api().patch(zone, vec![delete(&at("theirs"), "A")]);
    pair.soon_answers(&at("theirs"), "A", &[]);

    // By either pdnsutil.
    let output = pair.pdns.pdnsutil(&["add-record", "shared.example", "util", "A", "60", "192.0.2.3"]);
    assert!(output.status.success(), "{}", text(&output));
    pair.soon_answers(&at("util"), "A", &["192.0.2.3"]);
    pair.signpost.run(&["pdnsutil", "add-record", "shared.example", "util2", "A", "60", "192.0.2.4"]);
    pair.pdns_answers(&at("util2"), "A", &["192.0.2.4"]);
    pair.soon_answers(&at("util2"), "A", &["192.0.2.4"]);

    // By SQL: insert, update, delete, TRUNCATE's kin, and a new zone.
    let id = pair.sql("SELECT id FROM domains WHERE name = 'shared.example'");
    pair.sql(&format!("INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) VALUES ({id}, 'sql.shared.example', 'A', '192.0.2.5', 60, 0, false, true)"));
    pair.soon_answers(&at("sql"), "A", &["192.0.2.5"]);
    pair.sql("UPDATE records SET content = '192.0.2.6' WHERE name = 'sql.shared.example'");
    pair.soon_answers(&at("sql"), "A", &["192.0.2.6"]);
    pair.sql("UPDATE records SET disabled = true WHERE name = 'sql.shared.example'");
    pair.soon_answers(&at("sql"), "A", &[]);
    pair.sql("UPDATE records SET disabled = false, name = 'renamed.shared.example' WHERE name = 'sql.shared.example'");
    pair.soon_answers(&at("renamed"), "A", &["192.0.2.6"]);
    pair.sql("DELETE FROM records WHERE name = 'renamed.shared.example'");
    pair.soon_answers(&at("renamed"), "A", &[]);

    // A zone that comes and goes by SQL.
    pair.sql("INSERT INTO domains (name, type) VALUES ('bysql.example', 'NATIVE')");
    let id = pair.sql("SELECT id FROM domains WHERE name = 'bysql.example'");
    pair.sql(&format!(
        "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) VALUES \
         ({id}, 'bysql.example', 'SOA', 'ns1.example.com hostmaster.example.com 1 10800 3600 604800 3600', 3600, 0, false, true), \
         ({id}, 'bysql.example', 'NS', 'ns1.example.com', 3600, 0, false, true), \
         ({id}, 'www.bysql.example', 'A', '192.0.2.7', 60, 0, false, true)"
    ));
    until_true("Signpost to answer a zone made by SQL", LAG_MAX, || {
        dig(pair.signpost.dns(), "www.bysql.example.", "A", Transport::Udp).contents("A") == ["192.0.2.7"]
    });
    pair.sql(&format!("DELETE FROM records WHERE domain_id = {id}; DELETE FROM domains WHERE id = {id}"));
    until_true("Signpost to refuse a zone deleted by SQL", LAG_MAX, || {
        dig(pair.signpost.dns(), "www.bysql.example.", "A", Transport::Udp).status == "REFUSED"
    });

    // Keys: PowerDNS adds one, Signpost publishes it.
    let keys = |server: SocketAddr| dig(server, zone, "DNSKEY", Transport::Udp).contents("DNSKEY").len();
    let before = keys(pair.signpost.dns());
    let output = pair.pdns.pdnsutil(&["add-zone-key", "shared.example", "zsk", "active", "ecdsa256"]);
    assert!(output.status.success(), "{}", text(&output));
    until_true("Signpost to publish PowerDNS's new key", LAG_MAX, || keys(pair.signpost.dns()) == before + 1);
    assert_eq!(keys(pair.pdns.dns()), before + 1);
    assert_agreement(&pair, zone);
}

/// Rows that break rules: both say the same of them, with the same counts and exit code. What PowerDNS has no words for is in its own test
/// (`pdnsutil::check`).
#[test]
fn check_zone_says_of_rows_that_break_rules_what_powerdns_says() {
    let pair = Pair::start(Tables::OfPowerDns);
    let ds = "1 13 2 abababababababababababababababababababababababababababababababab";
    let rows: &[(&str, &str, &str, u32)] = &[
        ("ttl", "A", "192.0.2.1", 300),
        ("ttl", "A", "192.0.2.2", 60),
        ("mail", "MX", "only.rules.example", 300),
        ("only", "CNAME", "a.example.net", 300),
        ("www", "CNAME", "a.example.net", 300),
        ("www", "A", "192.0.2.1", 300),
        ("two", "CNAME", "a.example.net", 300),
        ("two", "CNAME", "b.example.net", 300),
        ("twice", "TXT", "\"x\"", 300),
        ("twice", "TXT", "\"x\"", 300),
        ("low", "SOA", "ns.example.net host.example.net 1 2 3 4 5", 300),
        ("sig", "RRSIG", "A 13 3 300 20300101000000 20250101000000 1 rules.example AAAA", 300),
        ("ds", "DS", ds, 300),
        ("cut", "NS", "ns.cut.rules.example", 300),
        ("cut", "TXT", "\"hidden\"", 300),
        ("x.cut", "AAAA", "2001:db8::1", 300),
        ("y.cut", "TXT", "\"hidden\"", 300),
        ("d", "DNAME", "example.net", 300),
        ("d", "TXT", "\"beside\"", 300),
        ("below.d", "A", "192.0.2.1", 300),
        ("alias", "ALIAS", "a.example.net", 300),
        ("under_score", "A", "192.0.2.1", 300),
    ];
    pair.sql(
        "INSERT INTO domains (name, type) VALUES ('rules.example', 'NATIVE'), ('sound.example', 'NATIVE'), \
         ('soaless.example', 'NATIVE'), ('nsless.example', 'NATIVE')",
    );
    let insert = |zone: &str, name: &str, rtype: &str, content: &str, ttl: &str, disabled: &str| {
        pair.sql(&format!(
            "INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) SELECT id, '{name}', '{rtype}', \
             '{content}', {ttl}, 0, {disabled}, true FROM domains WHERE name = '{zone}'"
        ));
    };
    for zone in ["rules.example", "sound.example", "nsless.example"] {
        insert(zone, zone, "SOA", "ns.example.net host.example.net 1 2 3 4 5", "300", "false");
    }
    for zone in ["rules.example", "sound.example", "soaless.example"] {
        insert(zone, zone, "NS", "ns.example.net", "300", "false");
    }
    for (host, rtype, content, ttl) in rows {
        insert("rules.example", &format!("{host}.rules.example"), rtype, content, &ttl.to_string(), "false");
    }
    insert("sound.example", "off.sound.example", "A", "nonsense", "300", "true");
    insert("sound.example", "www.sound.example", "A", "192.0.2.1", "NULL", "false");
    for zone in ["rules.example", "sound.example", "soaless.example", "nsless.example"] {
        // What PowerDNS derives is not what is compared.
        pair.pdns.pdnsutil(&["rectify-zone", zone]);
        if zone == "rules.example" {
            // Not before: it would make empty non-terminals up to the root for it.
            insert(zone, "www.elsewhere.example", "A", "192.0.2.1", "300", "false");
        }
        let arguments = ["check-zone", zone];
        let theirs = pair.pdns.pdnsutil(&arguments);
        let ours = pair.signpost.command(&[&["pdnsutil"], &arguments[..]].concat());
        let sorted = |output: &Output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            // Which TTL is the first depends on the order of rows.
            let line = |line: &str| match line.split_once(" IN A 192.0.2.") {
                Some((head, _)) if head.contains("TTL mismatch") => head.to_owned(),
                _ => line.to_owned(),
            };
            let mut lines: Vec<String> = text.lines().map(line).collect();
            lines.sort();
            lines
        };
        assert_eq!(sorted(&ours), sorted(&theirs), "{zone}");
        assert_eq!(ours.status.code(), theirs.status.code(), "{zone}");
    }
    // A row that neither serves counts as disabled, and the API shows it so.
    insert("sound.example", "unsaid.sound.example", "A", "192.0.2.1", "300", "NULL");
    let said = pair.signpost.run(&["pdnsutil", "check-zone", "sound.example"]);
    assert!(said.contains("Checked 3 records of 'sound.example', 0 errors, 0 warnings."), "{said}");
    let unsaid = pair.signpost.api().zone("sound.example.?rrset_name=unsaid.sound.example.");
    assert_eq!(unsaid["rrsets"][0]["records"][0]["disabled"], true, "{unsaid}");
    insert("sound.example", "minus.sound.example", "A", "192.0.2.1", "-1", "false");
    let output = pair.signpost.command(&["pdnsutil", "check-zone", "sound.example"]);
    let error = "[Error] Record 'minus.sound.example|A' cannot be served: ttl -1 is not between 0 and 2147483647";
    assert!(text(&output).contains(error), "{}", text(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn powerdns_keeps_working_with_a_role_that_may_not_touch_our_tables() {
    let postgres = Postgres::start().expect("Postgres starts");
    let database = postgres.create_database().expect("a database");
    load_schema(&postgres, &database);
    let signpost = Signpost::start(Settings::postgres(&postgres.url_of(&database)));
    signpost.api().create_zone("role.example.", Signed::Yes, sets("role.example."));
    for sql in [
        "CREATE ROLE pdns LOGIN",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON domains, records, domainmetadata, cryptokeys, comments, tsigkeys, \
         supermasters TO pdns",
        "GRANT USAGE ON SEQUENCE domains_id_seq, records_id_seq TO pdns",
    ] {
        postgres.sql(&database, sql).expect("a superuser may");
    }
    let insert = "SET ROLE pdns; INSERT INTO records (domain_id, name, type, content, ttl, prio, disabled, auth) \
                  SELECT id, 'byrole.role.example', 'A', '192.0.2.5', 60, 0, false, true FROM domains";
    postgres.sql(&database, insert).expect("PowerDNS's role needs no right on our tables");
    until_true("Signpost to answer", LAG_MAX, || {
        dig(signpost.dns(), "byrole.role.example.", "A", Transport::Udp).contents("A") == ["192.0.2.5"]
    });
}

/// A record of every type that people write, in the API's spelling.
fn every_type(zone: &str) -> Vec<serde_json::Value> {
    let digest = "abababababababababababababababababababababababababababababababab";
    let contents: Vec<(&str, String)> = vec![
        ("A", "192.0.2.1".to_owned()),
        ("AAAA", "2001:db8::1".to_owned()),
        ("AFSDB", format!("1 afs.{zone}")),
        ("ALIAS", "target.example.net.".to_owned()),
        ("APL", "1:192.0.2.0/24 !2:2001:db8::/32".to_owned()),
        ("CAA", "0 issue \"ca.example.net\"".to_owned()),
        ("CDNSKEY", "0 3 0 AA==".to_owned()),
        ("CDS", format!("12345 13 2 {digest}")),
        ("CERT", "1 0 0 AQID".to_owned()),
        ("CNAME", "Target.example.net.".to_owned()),
        ("CSYNC", "66 3 A NS AAAA".to_owned()),
        ("DHCID", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=".to_owned()),
        ("DLV", format!("12345 13 2 {digest}")),
        ("DNAME", "target.example.net.".to_owned()),
        ("EUI48", "00-11-22-33-44-55".to_owned()),
        ("EUI64", "00-11-22-33-44-55-66-77".to_owned()),
        ("HINFO", "\"CPU\" \"OS\"".to_owned()),
        ("HTTPS", "1 . alpn=h2".to_owned()),
        ("IPSECKEY", "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==".to_owned()),
        ("KEY", "0 3 13 AQID".to_owned()),
        ("KX", "10 kx.example.net.".to_owned()),
        ("L32", "10 10.1.2.3".to_owned()),
        ("L64", "10 2001:0DB8:1140:1000".to_owned()),
        ("LOC", "51 30 12.748 N 0 7 39.611 W 0.00m 0.00m 0.00m 0.00m".to_owned()),
        ("LP", "10 l64.example.net.".to_owned()),
        ("MINFO", "admin.example.net. errors.example.net.".to_owned()),
        ("MR", "mailbox.example.net.".to_owned()),
        ("MX", format!("10 mail.{zone}")),
        ("NAPTR", "100 50 \"s\" \"http\" \"\" _http._tcp.example.net.".to_owned()),
        ("NID", "10 0014:4FFF:FF20:EE64".to_owned()),
        ("OPENPGPKEY", "AQID".to_owned()),
        ("PTR", "host.example.net.".to_owned()),
        ("RKEY", "0 3 13 AQID".to_owned()),
        ("RP", format!("admin.{zone} info.{zone}")),
        ("SMIMEA", format!("3 1 1 {digest}")),
        ("SPF", "\"v=spf1 -all\"".to_owned()),
        ("SRV", format!("1 2 5060 sip.{zone}")),
        ("SSHFP", format!("4 2 {digest}")),
        ("SVCB", "1 svc.example.net. port=8443".to_owned()),
        ("TLSA", format!("3 1 1 {digest}")),
        ("TXT", "\"one\" \"two; \\\"quoted\\\"\"".to_owned()),
        ("TYPE65300", "\\# 3 c00201".to_owned()),
        ("URI", "10 1 \"https://example.net/\"".to_owned()),
        ("ZONEMD", format!("5 1 1 {digest}{}", &digest[..32])),
    ];
    let at = |rtype: &str| format!("{}.types.{zone}", rtype.to_lowercase());
    contents.iter().map(|(rtype, content)| rrset(&at(rtype), rtype, 300, &[content])).collect()
}

/// One command of both tools: the same standard output and exit code, octet by octet.
fn compare_tools(pair: &Pair, arguments: &[&str], differences: &mut Vec<String>) {
    let theirs = pair.pdns.pdnsutil(arguments);
    let ours = pair.signpost.command(&[&["pdnsutil", "--dnssec-defaults=pdns"], arguments].concat());
    let out = |output: &Output| String::from_utf8_lossy(&output.stdout).into_owned();
    let (code, text) = ((ours.status.code(), theirs.status.code()), (out(&ours), out(&theirs)));
    if code.0 == code.1 && text.0 == text.1 {
        return;
    }
    // The order of zones, and of records in an RRset, is no promise of either.
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    if code.0 == code.1 && ["list-all-zones", "list-zone"].contains(&arguments[0]) && sorted(&text.0) == sorted(&text.1)
    {
        return;
    }
    let lines: Vec<String> = {
        let (a, b): (Vec<&str>, Vec<&str>) = (text.0.lines().collect(), text.1.lines().collect());
        let only = |of: &[&str], other: &[&str], sign: &str| -> Vec<String> {
            of.iter().filter(|line| !other.contains(line)).map(|line| format!("  {sign} {line}")).collect()
        };
        [only(&a, &b, "ours  "), only(&b, &a, "theirs")].concat()
    };
    let lines = if lines.is_empty() { format!("{}\n---\n{}", text.0, text.1) } else { lines.join("\n") };
    differences.push(format!("{arguments:?}: exit codes {code:?}\n{lines}"));
}

/// Both APIs show the same of a zone.
fn assert_same_zone(pair: &Pair, zone: &str) {
    let shown = |api: &Api| {
        let mut value = api.zone(zone);
        let rrsets = value["rrsets"].as_array_mut().expect("a list");
        for rrset in rrsets.iter_mut() {
            rrset["records"].as_array_mut().expect("a list").sort_by_key(|record| record.to_string());
        }
        rrsets.sort_by_key(|rrset| (rrset["name"].to_string(), rrset["type"].to_string()));
        value
    };
    let (ours, theirs) = (shown(&pair.signpost.api()), shown(&pair.pdns.api()));
    let fields = theirs.as_object().expect("an object").keys();
    for field in fields.filter(|field| *field != "rrsets") {
        assert_eq!(ours[field], theirs[field], "{zone} {field}");
    }
    let list = |value: &serde_json::Value| value["rrsets"].as_array().expect("a list").clone();
    for (ours, theirs) in list(&ours).iter().zip(&list(&theirs)) {
        assert_eq!(ours, theirs, "{zone}");
    }
    assert_eq!(list(&ours).len(), list(&theirs).len(), "{zone}");
}

/// Acceptance: what the API writes in every type and mode of denial, PowerDNS's tool reads without complaint, and prints as ours does; what its tool
/// writes, our API shows.
#[test]
fn both_tools_print_the_same_of_every_type_and_mode() {
    let soa = "--default-soa-content=ns1.example.com hostmaster.@ 0 10800 3600 604800 3600";
    let pair = Pair::start_with(Tables::OfPowerDns, &["--dnssec-defaults=pdns", soa]);
    let modes: [(&str, Signed, serde_json::Value); 5] = [
        ("plain.example.", Signed::No, serde_json::json!({})),
        ("nsec.example.", Signed::Yes, serde_json::json!({})),
        ("nsec3.example.", Signed::Yes, serde_json::json!({"nsec3param": "1 0 0 -"})),
        ("narrow.example.", Signed::Yes, serde_json::json!({"nsec3param": "1 0 0 ab", "nsec3narrow": true})),
        ("optout.example.", Signed::Yes, serde_json::json!({"nsec3param": "1 1 0 -"})),
    ];
    let api = pair.signpost.api();
    let mut differences = Vec::new();
    let modes_named = modes.clone();
    for (zone, signed, settings) in modes {
        api.create_zone(zone, signed, sets(zone).into_iter().chain(every_type(zone)).collect());
        let path = format!("/zones/{zone}");
        api.must(204, "PUT", &path, Some(&settings));
        let name = zone.trim_end_matches('.');
        let check = pair.pdns.pdnsutil(&["check-zone", name]);
        assert!(check.status.success() && !text(&check).contains("[Error]"), "{}", text(&check));
        for command in ["list-zone", "show-zone", "list-keys", "get-meta", "check-zone", "export-zone-ds"] {
            // It warns of wildcards in zones with opt-out, ours does not.
            if (command, zone) == ("check-zone", "optout.example.") {
                continue;
            }
            compare_tools(&pair, &[command, name], &mut differences);
        }
        for id in pair
            .sql(&format!("SELECT k.id FROM cryptokeys k JOIN domains d ON d.id = k.domain_id WHERE d.name = '{name}'"))
            .lines()
        {
            for command in ["export-zone-dnskey", "export-zone-key"] {
                compare_tools(&pair, &[command, name, id], &mut differences);
            }
        }
    }
    // What the other API shows of it is what ours shows.
    for (zone, ..) in modes_named {
        assert_same_zone(&pair, zone);
    }
    // And what PowerDNS's tool writes, in every type.
    let written = pair.pdns.pdnsutil(&["create-zone", "tool.example", "ns1.example.net"]);
    assert!(written.status.success(), "{}", text(&written));
    let mut types = every_type("tool.example.");
    types.push(rrset("lua.types.tool.example.", "LUA", 300, &["A \"return '192.0.2.1'\""]));
    for set in types {
        let text_of = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
        let (name, rtype) = (text_of(&set["name"]), text_of(&set["type"]));
        let content = text_of(&set["records"][0]["content"]);
        let host = name.trim_end_matches(".tool.example.");
        let output = pair.pdns.pdnsutil(&["add-record", "tool.example", host, &rtype, "300", &content]);
        assert!(output.status.success(), "{rtype}: {}", text(&output));
    }
    assert_same_zone(&pair, "tool.example.");
    for arguments in [&["list-zone", "tool.example"][..], &["show-zone", "tool.example"]] {
        compare_tools(&pair, arguments, &mut differences);
    }
    for arguments in [
        &["create-secondary-zone", "sec.example", "192.0.2.5", "192.0.2.6:5300"][..],
        &["import-tsig-key", "k.example", "hmac-sha256", "aGVsbG8="],
        &["activate-tsig-key", "plain.example", "k.example", "primary"],
        &["add-autoprimary", "192.0.2.1", "ns1.example.net", "acc"],
        &["set-kind", "nsec.example", "primary"],
        &["set-account", "nsec.example", "acc"],
        &["set-catalog", "nsec.example", "plain.example"],
        &["set-option", "nsec.example", "producer", "group", "g1"],
    ] {
        let output = pair.pdns.pdnsutil(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    }
    for arguments in [
        &["list-all-zones"][..],
        &["list-all-zones", "-v"],
        &["list-all-zones", "secondary", "-v"],
        &["list-tsig-keys"],
        &["list-autoprimaries"],
        &["show-zone", "sec.example"],
        &["show-zone", "plain.example"],
        &["show-zone", "nsec.example"],
        &["get-meta", "plain.example"],
        &["raw-lua-from-content", "MX", "10 mail.example.net."],
        &["list-zone", "nope.example"],
        &["show-zone", "nope.example"],
        &["list-keys", "nope.example"],
        &["check-zone", "nope.example"],
    ] {
        compare_tools(&pair, arguments, &mut differences);
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let zone = api.zone("plain.example.");
    assert_eq!(zone["master_tsig_key_ids"], serde_json::json!(["k.example."]));
    let body = |path: &str| String::from_utf8(api.must(200, "GET", path, None).body).expect("JSON is UTF-8");
    assert!(body("/tsigkeys/k.example.").contains("aGVsbG8="));
    assert!(body("/autoprimaries").contains("ns1.example.net"));
    assert_eq!(api.zone("sec.example.")["masters"], serde_json::json!(["192.0.2.5", "192.0.2.6:5300"]));
    assert_eq!(api.zone("nsec.example.")["catalog"], "plain.example.");
}

/// PDNS-DIALECT section 13.2: PowerDNS's own `pdns_control` drives Signpost, and ours PowerDNS, with the same words.
#[test]
fn section_13_2_pdns_control_of_either_drives_both_servers() {
    let folder = TempDir::new("control");
    let mut pair = Pair::start_with(Tables::OfPowerDns, &[&format!("--socket-dir={}", folder.path().display())]);
    for (zone, kind) in [("one.example.", "Native"), ("two.example.", "Master")] {
        let body = serde_json::json!({"name": zone, "kind": kind, "nameservers": ["ns1.example.net."]});
        pair.signpost.api().must(201, "POST", "/zones", Some(&body));
    }
    let folders = [folder.path().to_owned(), pair.pdns.folder().to_owned()];
    // With the name it is called by, as in an image where it is a link.
    let tools = TempDir::new("tools");
    let ours = tools.join("pdns_control");
    std::os::unix::fs::symlink(binary(), &ours).expect("the folder is ours");
    let ask = |folder: &std::path::Path, arguments: &[&str]| {
        let theirs = pdns_control(folder, arguments);
        let mine =
            process::output(Command::new(&ours).arg(format!("--socket-dir={}", folder.display())).args(arguments));
        assert_eq!(theirs.status.code(), mine.status.code(), "{arguments:?}");
        // Between the two questions a server's times and memory go on.
        let said = |output: &Output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if arguments != ["show", "*"] {
                return text;
            }
            let name = |entry: &str| entry.split('=').next().map(str::to_owned);
            text.split(',').filter_map(name).collect::<Vec<String>>().join(",")
        };
        assert_eq!(said(&theirs), said(&mine), "{arguments:?}");
        assert_eq!(String::from_utf8_lossy(&theirs.stderr), String::from_utf8_lossy(&mine.stderr), "{arguments:?}");
        (theirs.status.code(), text(&theirs))
    };
    for arguments in [
        &["rping"][..],
        &["RPING"],
        &["list-zones", "master"],
        &["list-zones", "primary"],
        &["list-zones", "secondary"],
        &["purge"],
        &["purge", "one.example$"],
        &["rediscover"],
        &["reload"],
        &["retrieve"],
        &["retrieve", "one.example"],
        &["notify"],
        &["show"],
        &["show", "nonsense"],
        &["set", "x", "y"],
        &["nonsense"],
        &["xfr-queue"],
    ] {
        let [signpost, powerdns] = folders.each_ref().map(|folder| ask(folder, arguments));
        assert_eq!(signpost, powerdns, "{arguments:?}");
    }
    let said = |arguments: &[&str]| ask(&folders[0], arguments).1;
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(said(&["list-zones"])), sorted(ask(&folders[1], &["list-zones"]).1));
    assert_eq!(said(&["notify", "two.example"]), "Added to queue\n");
    assert_eq!(said(&["notify", "*"]), "Added 1 MASTER/SLAVE/PRODUCER/CONSUMER zones to queue\n");
    assert_eq!(said(&["notify-host", "two.example", "127.0.0.1"]), "Added to queue\n");
    assert!(said(&["notify", "nope.example"]).starts_with("Failed to add to the queue"));
    assert!(said(&["notify-host", "two.example", "x"]).contains("Unable to convert 'x'"));
    assert!(dig(pair.signpost.dns(), "one.example.", "SOA", Transport::Udp).contents("SOA").len() == 1);
    let queries: u64 = said(&["show", "udp-queries"]).trim().parse().expect("a number");
    assert!(queries >= 1);
    assert!(said(&["show", "*"]).contains("udp-queries="));
    assert!(said(&["remotes"]).contains("127.0.0.1\t"));
    assert!(said(&["qtypes"]).contains("SOA\t"));
    assert!(said(&["current-config"]).lines().any(|line| line.starts_with("default-ttl=")));
    assert!(!said(&["current-config"]).contains(signpost_tests::server::KEY), "secrets are masked");
    assert!(said(&["help"]).contains("list-zones"));
    // Who may not write to the socket may not ask.
    use std::os::unix::fs::PermissionsExt;
    let socket = folder.join("pdns.controlsocket");
    assert_eq!(std::fs::metadata(&socket).expect("it is there").permissions().mode() & 0o777, 0o600);
    // Nonsense on the socket harms nobody.
    use std::io::{Read, Write};
    for octets in [&b"\xff\xfe\n"[..], b"\n", &[b'a'; 10_000], b""] {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).expect("it listens");
        let _ = stream.write_all(octets);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let _ = stream.read_to_end(&mut Vec::new());
    }
    assert_eq!(text(&pdns_control(&folders[0], &["quit"])), "Exiting\n");
    assert!(pair.signpost.daemon().wait().success());
    assert!(!socket.exists());
    let (code, error) = ask(&folders[0], &["rping"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("Unable to connect to remote"), "{error}");
}
