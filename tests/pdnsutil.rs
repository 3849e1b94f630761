//! Debian's `pdnsutil` and ours, command by command on two databases alike: the same words on both streams, the same exit codes,
//! and in the end the same tables (PDNS-DIALECT section 13).
//!
//! `side_by_side` compares what both print of one database; here each writes.

use signpost_tests::Postgres;
use signpost_tests::pdns::load_schema;
use signpost_tests::process;
use signpost_tests::server::{Settings, Signpost, clean_command};
use signpost_tests::temp::TempDir;
use std::fs;
use std::process::Command;

const SOA: &str = "ns1.example.com hostmaster.@ 0 10800 3600 604800 3600";

/// How the two are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compared {
    /// Both streams and the exit code.
    Whole,
    /// Whether it went well; that standard output is the same, and that both say something on standard error. The reasons that libraries give
    /// for what they cannot read, and the parameters in usage lines, are each one's own.
    Refusal,
}

use Compared::{Refusal, Whole};

/// What one of them did.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    out: String,
    err: String,
    code: Option<i32>,
}

/// Both tools, each with a database made from PowerDNS's schema.
struct Tools {
    postgres: Postgres,
    theirs: String,
    ours: String,
    folder: TempDir,
    differences: Vec<String>,
}

impl Tools {
    fn new() -> Tools {
        let postgres = Postgres::start().expect("Postgres starts");
        let [theirs, ours] = [(); 2].map(|()| {
            let database = postgres.create_database().expect("a database");
            load_schema(&postgres, &database);
            database
        });
        let folder = TempDir::new("pdnsutil");
        let configuration = format!(
            "launch=gpgsql\ngpgsql-host=127.0.0.1\ngpgsql-port={}\ngpgsql-dbname={theirs}\ngpgsql-user=postgres\ngpgsql-dnssec=yes\n\
             default-soa-content={SOA}\n",
            postgres.port()
        );
        fs::write(folder.join("pdns.conf"), configuration).expect("the folder is ours");
        Tools { postgres, theirs, ours, folder, differences: Vec::new() }
    }

    fn file(&self, name: &str, text: &str) -> String {
        fs::write(self.folder.join(name), text).expect("the folder is ours");
        self.folder.join(name).display().to_string()
    }

    fn run(command: &mut Command) -> Ran {
        let output = process::output(command);
        let text = |octets: &[u8]| String::from_utf8_lossy(octets).split_inclusive('\n').map(masked).collect();
        Ran { out: text(&output.stdout), err: text(&output.stderr), code: output.status.code() }
    }

    fn theirs(&self, words: &[&str]) -> Ran {
        Tools::run(Command::new("pdnsutil").arg(format!("--config-dir={}", self.folder.path().display())).args(words))
    }

    fn ours(&self, words: &[&str]) -> Ran {
        Tools::run(
            clean_command()
                .arg("pdnsutil")
                .arg(format!("--database-url={}", self.postgres.url_of(&self.ours)))
                .args(["--dnssec-defaults=pdns", &format!("--default-soa-content={SOA}")])
                .args(words),
        )
    }

    fn compare(&mut self, words: &[&str], compared: Compared) {
        let (mut theirs, mut ours) = (self.theirs(words), self.ours(words));
        // The order of records in an RRset is no promise of either.
        if ["list-zone", "add-record", "replace-rrset"].contains(&words[0]) {
            for ran in [&mut theirs, &mut ours] {
                let mut lines: Vec<&str> = ran.out.lines().collect();
                lines.sort_unstable();
                ran.out = lines.join("\n");
            }
        }
        let is_same = match compared {
            Whole => theirs == ours,
            Refusal => {
                let went_well = |ran: &Ran| ran.code == Some(0);
                went_well(&theirs) == went_well(&ours)
                    && theirs.out == ours.out
                    && theirs.err.trim().is_empty() == ours.err.trim().is_empty()
            }
        };
        if !is_same {
            self.differences.push(format!("{words:?}:\n  theirs {theirs:?}\n  ours   {ours:?}"));
        }
    }

    fn script(&mut self, compared: Compared, lines: &[&str]) {
        for line in lines {
            self.compare(&split(line), compared);
        }
    }

    fn sql(&self, sql: &str) -> [String; 2] {
        [&self.theirs, &self.ours].map(|database| self.postgres.sql(database, sql).expect("both have these tables"))
    }

    /// Both databases say the same to each of these.
    fn assert_same_tables(&mut self) {
        for sql in [
            "SELECT name, type, coalesce(account, ''), coalesce(master, ''), coalesce(options, ''), coalesce(catalog, '') FROM domains ORDER BY 1",
            "SELECT d.name, r.name, r.type, r.content, r.ttl, r.prio, r.ordername, r.auth, r.disabled FROM records r \
             JOIN domains d ON d.id = r.domain_id ORDER BY 1, 2, 3 NULLS FIRST, 4, 5",
            "SELECT d.name, m.kind, m.content FROM domainmetadata m JOIN domains d ON d.id = m.domain_id ORDER BY 1, 2, 3",
            "SELECT d.name, k.id, k.flags, k.active, k.published, left(k.content, 40) FROM cryptokeys k \
             JOIN domains d ON d.id = k.domain_id ORDER BY 1, 2",
            "SELECT name, algorithm FROM tsigkeys ORDER BY 1, 2",
            "SELECT ip, nameserver, account FROM supermasters ORDER BY 1, 2",
        ] {
            let [theirs, ours] = self.sql(sql);
            let only = |of: &str, other: &str| {
                of.lines()
                    .filter(|line| !other.lines().any(|other| other == *line))
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            if theirs != ours {
                let (a, b) = (only(&theirs, &ours), only(&ours, &theirs));
                self.differences.push(format!("{sql}:\n  theirs {a:#?}\n  ours   {b:#?}"));
            }
        }
    }

    fn assert_none(&self) {
        assert!(
            self.differences.is_empty(),
            "{} differences:\n{}",
            self.differences.len(),
            self.differences.join("\n")
        );
    }
}

/// At spaces, with `'...'` as one word.
fn split(line: &str) -> Vec<&str> {
    line.split('\'')
        .enumerate()
        .flat_map(|(at, part)| match at % 2 {
            0 => part.split_ascii_whitespace().collect::<Vec<_>>(),
            _ => vec![part],
        })
        .collect()
}

/// Without what differs from run to run: key material and tags, secrets, how many rows a rectify found wrong.
fn masked(line: &str) -> String {
    let (line, end) = line.split_at(line.trim_end_matches('\n').len());
    let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
    let at = |words: &[String], wanted: &str| words.iter().rposition(|word| word == wanted);
    if let Some(position) = at(&words, "updates") {
        words[position - 1] = "N".to_owned();
    }
    if let Some(position) = words.iter().position(|word| word == "tag") {
        words[position + 2] = "N,".to_owned();
    }
    if let Some(position) = at(&words, "DNSKEY").filter(|position| words.len() > position + 4) {
        words[position + 4] = "KEY".to_owned();
    }
    if let Some(position) = at(&words, "DS").filter(|position| words.len() > position + 4) {
        words[position + 1] = "N".to_owned();
        words[position + 4] = "DIGEST".to_owned();
    }
    let is_material = [
        "Modulus:",
        "PrivateKey:",
        "PrivateExponent:",
        "Prime1:",
        "Prime2:",
        "Exponent1:",
        "Exponent2:",
        "Coefficient:",
    ];
    if words.len() == 2 && is_material.contains(&words[0].as_str()) {
        words[1] = "KEY".to_owned();
    }
    if line.contains("  cryptokeys  ") || line.starts_with("Create new TSIG key ") {
        *words.last_mut().expect("a line has a word") = "N".to_owned();
    }
    words.join(" ") + end
}

const ZONE: &str = "$ORIGIN load.test.\n$TTL 300\n@ IN SOA ns1 host 1 3600 600 86400 60\n@ IN NS ns1\nns1 A 192.0.2.1\nwww 60 A 192.0.2.2\n\
    www 60 A 192.0.2.3\na.b.c TXT \"hi there\"\nsub NS ns.sub\nns.sub A 192.0.2.9\nalias CNAME www.example.org.\n@ MX 10 mail\n\
    _s._tcp SRV 0 5 5060 sip\n";

#[test]
fn section_13_2_zones_and_records() {
    let mut tools = Tools::new();
    let file = tools.file("zone", ZONE);
    tools.script(
        Whole,
        &[
            "create-zone example.test",
            "create-zone example.test.",
            "create-zone ns.test ns1.ns.test",
            "list-zone example.test",
            "list-zone ns.test",
            "check-zone example.test",
            "get-meta ns.test",
            "show-zone ns.test",
            &format!("load-zone load.test {file}"),
            &format!("load-zone load.test {file}"),
            "list-zone load.test",
            "list-zone nope.test",
            "rectify-zone load.test",
            "rectify-zone nope.test",
            "check-zone load.test",
            "check-zone nope.test",
            "add-record load.test www A 60 192.0.2.7",
            "add-record load.test @ MX 300 '20 mail2.load.test.'",
            "add-record load.test txt TXT '\"a b\"'",
            "add-record load.test plain TXT unquoted",
            "add-record load.test two A 60 192.0.2.1 192.0.2.2",
            "add-record load.test www CNAME foo.",
            "add-record load.test alias A 192.0.2.1",
            "add-record nope.test www A 192.0.2.1",
            "replace-rrset load.test www A 120 192.0.2.9",
            "replace-rrset load.test www A 120 192.0.2.9 192.0.2.10",
            "replace-rrset load.test new A 192.0.2.9",
            "replace-rrset load.test alias CNAME other.example.net.",
            "replace-rrset nope.test new A 192.0.2.9",
            "delete-rrset load.test new A",
            "delete-rrset load.test new A",
            "delete-rrset nope.test new A",
            "rectify-zone load.test",
            "list-zone load.test",
            "increase-serial load.test",
            "set-meta load.test SOA-EDIT-API EPOCH",
            "increase-serial load.test",
            "list-all-zones native",
            "list-all-zones primary -v",
            "list-all-zones bogus",
            "set-kind ns.test primary",
            "set-kind ns.test bogus",
            "set-kind nope.test native",
            "set-account ns.test acc",
            "set-account nope.test acc",
            "show-zone ns.test",
            "create-secondary-zone sec.test 192.0.2.5 192.0.2.6:5300",
            "create-secondary-zone sec.test 192.0.2.5",
            "change-secondary-zone-primary sec.test 192.0.2.7",
            "change-secondary-zone-primary nope.test 192.0.2.7",
            "show-zone sec.test",
            "show-zone nope.test",
            "list-all-zones secondary -v",
            "edit-zone nope.test",
            "clear-zone load.test",
            "clear-zone nope.test",
            "list-zone load.test",
            "show-zone load.test",
            "rectify-zone load.test",
            "delete-zone load.test",
            "delete-zone load.test",
            "rectify-all-zones quiet",
            "rectify-all-zones",
            "bogus",
        ],
    );
    tools.script(
        Refusal,
        &[
            "add-record ns.test bad A nonsense",
            "add-record ns.test bad BOGUS x",
            "add-record ns.test www",
            "replace-rrset ns.test",
            "delete-rrset ns.test",
            "increase-serial nope.test",
            "increase-serial",
            "create-zone",
            "create-secondary-zone sec2.test notip",
            "create-secondary-zone sec3.test",
            "change-secondary-zone-primary sec.test bogus",
            "load-zone x.test",
            "check-zone",
            "clear-zone",
            "delete-zone",
            "list-zone",
            "show-zone",
            "set-kind ns.test",
            "set-account ns.test",
            "rectify-zone",
            "raw-lua-from-content A x",
            "raw-lua-from-content A",
        ],
    );
    tools.assert_same_tables();
    tools.assert_none();
}

#[test]
fn section_13_2_keys_and_denial() {
    let mut tools = Tools::new();
    let file = tools.file("zone", ZONE);
    tools.script(
        Whole,
        &[
            &format!("load-zone load.test {file}"),
            "create-zone example.test",
            "create-zone ns.test ns1.example.net",
            "export-zone-ds load.test",
            "disable-dnssec load.test",
            "secure-zone load.test",
            "secure-zone load.test",
            "secure-zone nope.test",
            "show-zone load.test",
            "list-keys load.test",
            "list-keys nope.test",
            "export-zone-ds load.test",
            "export-zone-ds nope.test",
            "export-zone-dnskey load.test 1",
            "export-zone-dnskey load.test 99",
            "export-zone-dnskey nope.test 1",
            "export-zone-key load.test 1",
            "export-zone-key load.test 99",
            "export-zone-key nope.test 1",
            // In all orders.
            "add-zone-key load.test zsk",
            "add-zone-key load.test zsk active",
            "add-zone-key load.test active zsk 256 ecdsa256",
            "add-zone-key load.test ecdsa384 inactive unpublished ksk",
            "add-zone-key load.test 384 unpublished ecdsa384 active ksk",
            "add-zone-key load.test published ecdsa256",
            "add-zone-key load.test ksk 2048 active rsasha256 unpublished",
            "add-zone-key load.test rsasha512 2048 zsk inactive",
            "add-zone-key load.test ed25519 ksk",
            "add-zone-key load.test zsk active inactive",
            "add-zone-key load.test zsk 100 ecdsa256",
            "add-zone-key load.test rsasha256",
            "add-zone-key nope.test zsk",
            "list-keys load.test",
            "list-keys",
            "show-zone load.test",
            "activate-zone-key load.test 2",
            "activate-zone-key load.test 99",
            "activate-zone-key load.test x",
            "activate-zone-key load.test 0",
            "activate-zone-key nope.test 1",
            "deactivate-zone-key load.test 3",
            "deactivate-zone-key load.test 99",
            "publish-zone-key load.test 4",
            "publish-zone-key load.test 99",
            "unpublish-zone-key load.test 2",
            "unpublish-zone-key nope.test 2",
            "remove-zone-key load.test 6",
            "remove-zone-key load.test 6",
            "remove-zone-key nope.test 6",
            "list-keys load.test",
            "set-nsec3 load.test",
            "rectify-zone load.test",
            "show-zone load.test",
            "hash-zone-record load.test www.load.test",
            "hash-zone-record ns.test www.ns.test",
            "hash-zone-record nope.test www.nope.test",
            "set-nsec3 load.test '1 0 1 ab'",
            "hash-zone-record load.test www.load.test",
            "set-nsec3 load.test '1 1 0 -'",
            "rectify-zone load.test",
            "set-nsec3 load.test '1 0 0 -' narrow",
            "rectify-zone load.test",
            "show-zone load.test",
            "set-nsec3 example.test",
            "unset-nsec3 example.test",
            "set-nsec3 ns.test '1 0 0 abcd'",
            "secure-zone ns.test",
            "unset-nsec3 load.test",
            "rectify-zone load.test",
            "check-zone load.test",
            "secure-all-zones",
            "secure-all-zones increase-serial",
            "rectify-all-zones quiet",
            "set-presigned example.test",
            "unset-presigned example.test",
            "set-publish-cds ns.test",
            "get-meta ns.test",
            "set-publish-cds ns.test 2,4",
            "set-publish-cdnskey ns.test",
            "get-meta ns.test",
            "unset-publish-cds ns.test",
            "set-publish-cdnskey ns.test delete",
            "get-meta ns.test",
            "unset-publish-cdnskey ns.test",
            "disable-dnssec example.test",
            "disable-dnssec example.test",
            "disable-dnssec nope.test",
            "show-zone example.test",
            "rectify-all-zones quiet",
            "generate-zone-key zsk",
            "generate-zone-key ksk ecdsa384",
            "generate-zone-key ksk rsasha256 1024",
            "generate-zone-key ksk rsasha256",
        ],
    );
    tools.script(
        Refusal,
        &[
            "secure-zone",
            "secure-all-zones bogus",
            "disable-dnssec",
            "export-zone-dnskey load.test x",
            "add-zone-key load.test",
            "add-zone-key load.test bogus",
            "add-zone-key load.test zsk bogus",
            "activate-zone-key load.test",
            "remove-zone-key load.test x",
            "set-nsec3 load.test bogus",
            "set-nsec3 load.test '2 0 0 -'",
            "set-nsec3 load.test '1 0 0 xyz'",
            "set-nsec3",
            "unset-nsec3",
            "set-publish-cdnskey ns.test x",
            "generate-zone-key",
            "generate-zone-key ksk bogus",
        ],
    );
    tools.assert_same_tables();
    // A zone without a SOA gets its key; that it cannot be rectified is said.
    tools.script(Whole, &["disable-dnssec load.test", "clear-zone load.test", "secure-zone load.test"]);
    tools.assert_none();
}

/// RFC 8976 appendix A.1.
const ZONEMD: &str = "example. 86400 IN SOA ns1 admin 2018031900 1800 900 604800 86400\n@ 86400 IN NS ns1\n@ 86400 IN NS ns2\n\
    @ 86400 IN ZONEMD 2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c\n\
    ns1 3600 IN A 203.0.113.63\nns2 3600 IN AAAA 2001:db8::63\n";

#[test]
fn section_13_1_a_file_is_verified_by_its_zonemd() {
    let mut tools = Tools::new();
    let whole = tools.file("whole", ZONEMD);
    let changed = tools.file("changed", &ZONEMD.replace("113.63", "113.64"));
    let unknown = tools.file("unknown", &ZONEMD.replace(" 1 1 c6", " 1 240 c6"));
    let other = tools.file("other", &ZONEMD.replace("ZONEMD 2018031900", "ZONEMD 2018031901"));
    for file in [whole, changed, unknown, other] {
        tools.compare(&["zonemd-verify-file", "example", &file], Whole);
    }
    tools.script(Refusal, &["zonemd-verify-file example /nonexistent", "zonemd-verify-file example"]);
    tools.assert_none();
}

#[test]
fn section_13_2_metadata_tsig_catalogs_and_autoprimaries() {
    let mut tools = Tools::new();
    tools.script(
        Whole,
        &[
            "create-zone ns.test ns1.example.net",
            "create-zone cat.test ns1.example.net",
            "set-meta ns.test ALLOW-AXFR-FROM 10.0.0.0/8 192.0.2.0/24",
            "set-meta ns.test X-FOO a b",
            "add-meta ns.test ALLOW-AXFR-FROM ::1",
            "add-meta nope.test ALLOW-AXFR-FROM ::1",
            "set-meta nope.test X y",
            "get-meta ns.test",
            "get-meta ns.test ALLOW-AXFR-FROM NOTTHERE",
            "get-meta nope.test",
            "set-meta ns.test X-FOO",
            "get-meta ns.test",
            "set-option ns.test producer group g1",
            "set-option ns.test producer coo x.test",
            "show-zone ns.test",
            "set-options-json ns.test '{\"a\":1}'",
            "show-zone ns.test",
            "set-options-json ns.test ''",
            "set-kind cat.test producer",
            "set-catalog ns.test cat.test",
            "set-catalog nope.test cat.test",
            "show-zone ns.test",
            "show-zone cat.test",
            "set-catalog ns.test ''",
            "import-tsig-key k.test hmac-sha256 aGVsbG8=",
            "import-tsig-key k2.test. hmac-sha512 d29ybGQ=",
            "generate-tsig-key g.test hmac-sha256",
            "generate-tsig-key g2.test foo",
            "activate-tsig-key ns.test k.test primary",
            "activate-tsig-key ns.test k.test master",
            "activate-tsig-key ns.test k.test producer",
            "activate-tsig-key ns.test k2.test secondary",
            "activate-tsig-key ns.test k.test bogus",
            "activate-tsig-key nope.test k.test primary",
            "get-meta ns.test",
            "show-zone ns.test",
            "deactivate-tsig-key ns.test k.test primary",
            "deactivate-tsig-key ns.test k.test primary",
            "deactivate-tsig-key nope.test k2.test secondary",
            "get-meta ns.test",
            "delete-tsig-key k2.test",
            "delete-tsig-key k2.test",
            "add-autoprimary 192.0.2.1 ns1.x acc",
            "add-autoprimary 192.0.2.2 ns2.x",
            "list-autoprimaries",
            "remove-autoprimary 192.0.2.2 ns2.x",
            "remove-autoprimary 192.0.2.2 ns2.x",
            "list-autoprimaries",
        ],
    );
    tools.script(
        Refusal,
        &[
            "set-meta ns.test",
            "add-meta ns.test",
            "get-meta",
            "set-option ns.test bogus",
            "set-options-json ns.test bad",
            "set-catalog ns.test",
            "import-tsig-key k3.test",
            "generate-tsig-key g.test",
            "activate-tsig-key ns.test",
            "deactivate-tsig-key ns.test",
            "delete-tsig-key",
            "add-autoprimary 192.0.2.1",
            "remove-autoprimary 192.0.2.1",
        ],
    );
    tools.assert_same_tables();
    tools.assert_none();
}

#[test]
fn section_17_2_a_request_after_a_command_sees_what_it_did() {
    let tools = Tools::new();
    let server = Signpost::start(Settings::postgres(&tools.postgres.url_of(&tools.theirs)));
    let api = server.api();
    let run = |words: &[&str]| assert_eq!(tools.theirs(words).code, Some(0), "{words:?}");
    let body = |path: &str| String::from_utf8(api.must(200, "GET", path, None).body).expect("JSON is UTF-8");
    assert!(!body("/zones").contains("now.test."));
    run(&["create-zone", "now.test", "ns1.example.net"]);
    assert!(body("/zones").contains("now.test."));
    assert_eq!(api.zone("now.test.")["dnssec"], false);
    run(&["secure-zone", "now.test"]);
    assert_eq!(api.zone("now.test.")["dnssec"], true);
    assert!(body("/zones/now.test./cryptokeys").contains("ECDSAP256SHA256"));
    run(&["set-meta", "now.test", "ALLOW-AXFR-FROM", "192.0.2.0/24"]);
    assert!(body("/zones/now.test./metadata/ALLOW-AXFR-FROM").contains("192.0.2.0/24"));
    run(&["set-nsec3", "now.test", "1 0 0 ab"]);
    assert_eq!(api.zone("now.test.")["nsec3param"], "1 0 0 ab");
    run(&["disable-dnssec", "now.test"]);
    assert_eq!(api.zone("now.test.")["dnssec"], false);
    run(&["delete-zone", "now.test"]);
    api.must(404, "GET", "/zones/now.test.", None);
}
