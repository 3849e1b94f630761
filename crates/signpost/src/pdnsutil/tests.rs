//! What scripts see: streams and exit codes on an SQLite database, as PDNS-DIALECT section 13.2 has them.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use super::*;

/// Bytes that a test can read after the command wrote them.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(octets)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// A database of its own, in a folder that goes with the test.
struct Shell {
    folder: PathBuf,
    settings: Vec<String>,
    /// What is typed.
    input: String,
    /// The environment.
    variables: Vec<(String, String)>,
}

/// Standard output, standard error, exit code.
type Ran = (String, String, u8);

impl Shell {
    async fn new(name: &str) -> Shell {
        let folder = std::env::temp_dir().join(format!("signpost-pdnsutil-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let shell = Shell {
            settings: vec![format!("--database-url=sqlite:{}/z.db", folder.display())],
            folder,
            input: String::new(),
            variables: Vec::new(),
        };
        let settings = store::StoreSettings {
            url: format!("sqlite:{}/z.db", shell.folder.display()),
            connections_max: 2,
            timeout: std::time::Duration::from_secs(5),
            default_ttl: 3600,
            migrate: true,
        };
        store::open(&settings).await.unwrap();
        shell
    }

    /// As PowerDNS has it: one key, NSEC. The lines of these tests are then the same as PowerDNS's.
    fn like_pdns(mut self) -> Shell {
        self.settings.push("--dnssec-defaults=pdns".to_owned());
        self
    }

    async fn words(&self, words: &[&str]) -> Ran {
        let (out, err) = (Captured::default(), Captured::default());
        let input = Box::new(std::io::Cursor::new(self.input.clone().into_bytes()));
        let output = Output::new(Box::new(out.clone()), Box::new(err.clone()), input);
        let args = self.settings.iter().cloned().chain(words.iter().map(|word| (*word).to_owned())).collect();
        let code = execute(
            args,
            Sources { root: Some(self.folder.clone()), variables: self.variables.clone(), ..Sources::default() },
            output,
        )
        .await;
        (out.text(), err.text(), code)
    }

    /// Runs a line split at spaces.
    async fn run(&self, line: &str) -> Ran {
        self.words(&line.split(' ').collect::<Vec<_>>()).await
    }

    async fn expect(&self, line: &str, out: &str, err: &str, code: u8) {
        assert_eq!(self.run(line).await, (out.to_owned(), err.to_owned(), code), "{line}");
    }

    fn file(&self, name: &str, text: &str) -> String {
        let path = self.folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

const ZONE: &str = "$ORIGIN load.test.\n$TTL 300\n@ IN SOA ns1 host 1 3600 600 86400 60\n@ IN NS ns1\nns1 A 192.0.2.1\n\
    www 60 A 192.0.2.2\nwww 60 A 192.0.2.3\na.b.c TXT \"hi there\"\nsub NS ns.sub\nns.sub A 192.0.2.9\n\
    alias CNAME www.example.org.\n@ MX 10 mail\n_s._tcp SRV 0 5 5060 sip\n";

#[tokio::test]
async fn section_13_2_create_zone_and_delete_zone() {
    let shell = Shell::new("create").await;
    shell.expect("create-zone example.test", "", "Creating empty zone 'example.test'\n", 0).await;
    shell.expect("create-zone Example.test.", "", "Zone 'example.test' exists already\n", 1).await;
    let ns = ("Also adding one NS record\n", "Creating empty zone 'ns.test'\n");
    shell.expect("zone create ns.test ns1.ns.test", ns.0, ns.1, 0).await;
    shell.expect("list-all-zones", "example.test\nns.test\n", "", 0).await;
    shell
        .expect(
            "list-zone example.test",
            "$ORIGIN .\nexample.test\t3600\tIN\tSOA\ta.misconfigured.dns.server.invalid hostmaster.example.test 0 10800 3600 604800 3600\n",
            "",
            0,
        )
        .await;
    shell.expect("get-meta example.test SOA-EDIT-API", "Metadata for 'example.test'\nSOA-EDIT-API = \n", "", 0).await;
    shell.expect("metadata get ns.test SOA-EDIT-API", "Metadata for 'ns.test'\nSOA-EDIT-API = DEFAULT\n", "", 0).await;
    shell.expect("delete-zone ns.test", "", "", 0).await;
    shell.expect("delete-zone ns.test", "", "Zone 'ns.test' not found!\n", 1).await;
    shell.expect("zone list-all", "example.test\n", "", 0).await;
}

#[tokio::test]
async fn section_13_2_load_zone_and_list_zone() {
    let shell = Shell::new("load").await;
    let file = shell.file("z", ZONE);
    shell.expect(&format!("load-zone load.test {file}"), "", "Creating 'load.test'\n", 0).await;
    let again = "Zone 'load.test' exists already, replacing contents\n";
    shell.expect(&format!("zone load load.test {file}"), "", again, 0).await;
    let wanted = "$ORIGIN .\n\
        _s._tcp.load.test\t300\tIN\tSRV\t0 5 5060 sip.load.test.\n\
        a.b.c.load.test\t300\tIN\tTXT\t\"hi there\"\n\
        alias.load.test\t300\tIN\tCNAME\twww.example.org.\n\
        load.test\t300\tIN\tMX\t10 mail.load.test.\n\
        load.test\t300\tIN\tNS\tns1.load.test.\n\
        load.test\t300\tIN\tSOA\tns1.load.test host.load.test 1 3600 600 86400 60\n\
        ns.sub.load.test\t300\tIN\tA\t192.0.2.9\n\
        ns1.load.test\t300\tIN\tA\t192.0.2.1\n\
        sub.load.test\t300\tIN\tNS\tns.sub.load.test.\n\
        www.load.test\t60\tIN\tA\t192.0.2.2\n\
        www.load.test\t60\tIN\tA\t192.0.2.3\n";
    shell.expect("list-zone load.test", wanted, "", 0).await;
    let dotted = shell.run("zone list load.test").await.0;
    assert!(dotted.contains("load.test.\t300\tIN\tSOA\tns1.load.test. host.load.test. 1 "), "{dotted}");
    shell.expect("list-zone nope.test", "", "Zone 'nope.test' not found!\n", 1).await;
    let outside =
        "Creating 'other.test'\nFile contains record named 'load.test' which is not part of zone 'other.test'\n";
    shell.expect(&format!("load-zone other.test {file}"), "", outside, 1).await;
    let (out, err, code) = shell.run("load-zone x.test /nonexistent").await;
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.starts_with("Creating 'x.test'\nError: Unable to open file '/nonexistent'"), "{err}");
    // Nothing of the two that failed is left.
    shell.expect("-v list-all-zones", "load.test\nAll zonecount: 1\n", "", 0).await;
    shell.expect("check-zone load.test", "Checked 14 records of 'load.test', 0 errors, 0 warnings.\n", "", 0).await;
    shell
        .expect(
            "check-all-zones",
            "Checked 14 records of 'load.test', 0 errors, 0 warnings.\nChecked 1 zones, 0 had errors.\n",
            "",
            0,
        )
        .await;
}

#[tokio::test]
async fn section_13_2_records() {
    let shell = Shell::new("records").await;
    shell.run("create-zone example.test").await;
    let one = "New rrset:\nwww.example.test. 3600 IN A 192.0.2.1\n";
    shell.expect("add-record example.test www A 192.0.2.1", one, "", 0).await;
    let two = "New rrset:\nwww.example.test. 300 IN A 192.0.2.1\nwww.example.test. 300 IN A 192.0.2.2\n";
    shell.expect("rrset add example.test www.example.test A 300 192.0.2.2", two, "", 0).await;
    let mx = ["add-record", "example.test", "@", "MX", "10 mail.example.test."];
    let shown = "New rrset:\nexample.test. 3600 IN MX 10 mail.example.test\n";
    assert_eq!(shell.words(&mx).await, (shown.to_owned(), String::new(), 0));
    let (_, err, code) = shell.run("add-record example.test bad A nonsense").await;
    assert_eq!(code, 1);
    assert!(err.starts_with("Error: Parsing record content (try 'pdnsutil check-zone'): "), "{err}");
    let cname = "Attempting to add CNAME to www.example.test which already had existing records\n";
    shell.expect("add-record example.test www CNAME foo.", "", cname, 1).await;
    shell.expect("add-record nope.test www A 192.0.2.1", "", "Zone 'nope.test' does not exist\n", 1).await;
    let replaced = "Current records for www.example.test IN A will be replaced\nNew rrset:\nwww.example.test. 120 IN A 192.0.2.8\n";
    shell.expect("replace-rrset example.test www A 120 192.0.2.8", replaced, "", 0).await;
    let replaced = "All existing records for new.example.test IN A will be replaced\nNew rrset:\nnew.example.test. 3600 IN A 192.0.2.8\n";
    shell.expect("record replace example.test new.example.test A 192.0.2.8", replaced, "", 0).await;
    shell.expect("delete-rrset example.test new A", "", "", 0).await;
    shell.expect("delete-rrset example.test new A", "", "", 0).await;
    shell.expect("delete-rrset nope.test new A", "", "Zone 'nope.test' does not exist\n", 1).await;
    let outside = "Name 'www.' is not part of zone 'example.test.'\n";
    shell.expect("rrset add example.test www A 192.0.2.1", "", outside, 1).await;
}

#[tokio::test]
async fn section_13_2_securing_as_powerdns_does() {
    let shell = Shell::new("secure").await.like_pdns();
    shell.run("create-zone example.test").await;
    shell
        .expect(
            "show-zone example.test",
            "This is a Native zone\nZone is not actively secured\nMetadata items: None\n",
            "No keys for zone 'example.test'.\n",
            0,
        )
        .await;
    let (out, err, code) = shell.run("secure-zone example.test").await;
    assert_eq!(
        out,
        "Securing zone with default key size\nAdding CSK (257) with algorithm ecdsa256\nZone example.test secured\n"
    );
    assert!(err.starts_with("Adding NSEC ordering information for zone 'example.test', "), "{err}");
    assert_eq!(code, 0);
    let already = "Zone 'example.test' already secure, remove keys with pdnsutil remove-zone-key if needed\n";
    shell.expect("secure-zone example.test", "", already, 1).await;
    shell.expect("zone secure nope.test", "", "Can't find a zone called 'nope.test'\n", 1).await;

    let shown = shell.run("show-zone example.test").await.0;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[..4], ["This is a Native zone", "Metadata items: None", "Zone has NSEC semantics", "keys: "]);
    assert!(lines[4].starts_with("ID = 1 (CSK), flags = 257, tag = "), "{}", lines[4]);
    assert!(lines[4].ends_with(", algo = 13, bits = 256\t  Active\t Published  ( ECDSAP256SHA256 ) "), "{}", lines[4]);
    assert!(lines[5].starts_with("CSK DNSKEY = example.test. IN DNSKEY 257 3 13 "), "{}", lines[5]);
    assert!(lines[5].ends_with(" ; ( ECDSAP256SHA256 )"));
    assert!(lines[6].starts_with("DS = example.test. IN DS ") && lines[6].ends_with(" ; ( SHA256 digest )"));
    assert!(lines[7].ends_with(" ; ( SHA-384 digest )"));
    assert_eq!(lines.len(), 8);

    let ds = shell.run("export-zone-ds example.test").await;
    let wanted = format!("{}\n{}\n", lines[6].replace("DS = ", ""), lines[7].replace("DS = ", ""));
    assert_eq!(ds, (wanted, String::new(), 0));
    let dnskey =
        lines[5].replace("CSK DNSKEY = example.test. ", "example.test ").replace(" ; ( ECDSAP256SHA256 )", "\n");
    shell.expect("export-zone-dnskey example.test 1", &dnskey, "", 0).await;
    let key = shell.run("export-zone-key example.test 1").await.0;
    assert!(key.starts_with("Private-key-format: v1.2\nAlgorithm: 13 (ECDSAP256SHA256)\nPrivateKey: "), "{key}");
    assert!(key.ends_with("=\n\n"));

    shell.expect("disable-dnssec example.test", "", "", 0).await;
    let none = "No keys for zone 'example.test'.\nCannot disable DNSSEC on example.test\n";
    shell.expect("zone dnssec-disable example.test", "", none, 1).await;
    shell.expect("export-zone-ds example.test", "", "Zone is not actively secured\n", 1).await;
    shell.expect("export-zone-ds nope.test", "", "No such zone in the database\n", 1).await;
    // A key that was exported comes back as the same key.
    let file = shell.file("k", &key);
    let (id, _, code) = shell.run(&format!("import-zone-key example.test {file}")).await;
    assert_eq!((id.trim().parse::<i64>().is_ok(), code), (true, 0));
    assert_eq!(shell.run("export-zone-ds example.test").await, ds);
}

#[tokio::test]
async fn section_13_2_rsa_keys_and_pem() {
    let shell = Shell::new("rsa").await.like_pdns();
    shell.run("create-zone example.test").await;
    let added = "Added a ZSK with algorithm = 8, active=0\nRequested specific key size of 1024 bits\n";
    shell.expect("add-zone-key example.test zsk 1024 rsasha256", "1\n", added, 0).await;
    let size = "Error: Creating an algorithm 8 (RSASHA256) key requires the size (in bits) to be passed.\n";
    shell.expect("add-zone-key example.test zsk rsasha256", "", size, 1).await;
    let bad = "Error: The algorithm does not support the given bit size.\n";
    shell.expect("add-zone-key example.test zsk 512 rsasha256", "", bad, 1).await;
    let sha1 = shell.run("add-zone-key example.test zsk 2048 rsasha1").await;
    assert!(sha1.1.contains("unknown algorithm, key flag or size 'rsasha1'"), "{}", sha1.1);

    // Out as PEM, in again as the same key; as any file of openssl's.
    let (pem, _, code) = shell.run("export-zone-key-pem example.test 1").await;
    assert!(pem.starts_with("-----BEGIN RSA PRIVATE KEY-----\n") && code == 0, "{pem}");
    let file = shell.file("pem", &pem);
    shell.expect(&format!("import-zone-key-pem example.test {file} 8 zsk"), "2\n", "", 0).await;
    let first = shell.run("export-zone-key example.test 1").await;
    assert_eq!(shell.run("zone export-key example.test 2").await, first);
    let (_, err, code) = shell.run(&format!("import-zone-key-pem example.test {file} 13")).await;
    assert!(err.starts_with("Error: Failed to read private key from PEM file `") && code == 1, "{err}");

    let (out, err, code) = shell.run("generate-zone-key ksk rsasha512 1024").await;
    assert!(out.starts_with("Flags: 257\nPrivate-key-format: v1.2\nAlgorithm: 10 (RSASHA512)\nModulus: "), "{out}");
    assert_eq!(
        (err.as_str(), code),
        ("Generating a KSK with algorithm = 10\nRequesting specific key size of 1024 bits\n", 0)
    );
    // What it prints can be imported.
    let file = shell.file("generated", &out);
    shell.expect(&format!("import-zone-key example.test {file} inactive"), "3\n", "", 0).await;
}

#[tokio::test]
async fn keys_of_no_use_are_named_and_not_made_active() {
    let shell = Shell::new("unusable").await;
    shell.run("create-zone example.test ns1.example.net").await;
    let tiny = shell.file("tiny", include_str!("../../../dnssec/tests/keys/rsasha256-256.private"));
    let (_, err, code) = shell.run(&format!("import-zone-key example.test {tiny}")).await;
    assert!(
        err.contains("the key cannot be active: RSASHA256 with a key of 256 bits must not sign") && code == 1,
        "{err}"
    );
    shell.expect(&format!("import-zone-key example.test {tiny} inactive"), "1\n", "", 0).await;
    let (_, err, code) = shell.run("activate-zone-key example.test 1").await;
    assert!(err.starts_with("Error: key 1 cannot be used, and so not be activated: ") && code == 1, "{err}");
    let (out, err, _) = shell.run("show-zone example.test").await;
    assert!(out.contains("algo = 8, bits = 256\tInactive\t Published"), "{out}");
    assert!(err.starts_with("Key 1 cannot be used: "), "{err}");
    let (out, ..) = shell.run("check-zone example.test").await;
    assert!(out.contains("[Warning] Key 1 of zone 'example.test' cannot be used: "), "{out}");
    let weak = shell.file("weak", include_str!("../../../dnssec/tests/keys/rsasha256-1024.private"));
    shell.expect(&format!("import-zone-key example.test {weak}"), "2\n", "", 0).await;
    let (out, ..) = shell.run("check-zone example.test").await;
    assert!(
        out.contains("[Warning] Key 2 of zone 'example.test' has 1024 bits: RSA keys below 2048 are weak"),
        "{out}"
    );
}

#[tokio::test]
async fn our_own_defaults_give_two_keys_and_nsec3() {
    let shell = Shell::new("own").await;
    shell.run("create-zone two.test ns.two.test").await;
    let (out, err, code) = shell.run("secure-zone two.test").await;
    assert_eq!(
        out,
        "Securing zone with default key size\nAdding KSK with algorithm ecdsa256\nAdding ZSK with algorithm ecdsa256\nZone two.test secured\n"
    );
    assert!(err.starts_with("Adding NSEC3 hashed ordering information for zone 'two.test', "), "{err}");
    assert_eq!(code, 0);
    let shown = shell.run("show-zone two.test").await.0;
    assert!(shown.contains("\nMetadata items: \n\tNSEC3PARAM\t1 0 0 -\n"), "{shown}");
    assert!(shown.contains("\nZone has hashed NSEC3 semantics, configuration: 1 0 0 -\n"));
    assert!(shown.contains(" (ZSK), flags = 256, ") && shown.contains(" (KSK), flags = 257, "));
    assert_eq!(shown.matches("DNSKEY = ").count(), 1);
    let hash = shell.run("hash-zone-record two.test www.two.test").await;
    assert_eq!((hash.0.len(), hash.2), (33, 0));
    let (_, err, _) = shell.run("rectify-zone two.test").await;
    assert_eq!(err, "Adding NSEC3 hashed ordering information for zone 'two.test', 0 updates\n");
}

#[tokio::test]
async fn section_13_2_keys() {
    let shell = Shell::new("keys").await.like_pdns();
    shell.run("create-zone example.test").await;
    let (out, err, code) = shell.run("add-zone-key example.test zsk active 256 ecdsa256").await;
    assert_eq!((out.as_str(), code), ("1\n", 0));
    assert_eq!(err, "Added a ZSK with algorithm = 13, active=1\nRequested specific key size of 256 bits\n");
    let (out, err, _) = shell.run("add-zone-key example.test ksk inactive unpublished ecdsa384").await;
    assert_eq!((out.as_str(), err.as_str()), ("2\n", "Added a KSK with algorithm = 14, active=0\n"));
    let (out, err, _) = shell.run("zone add-key example.test").await;
    assert_eq!((out.as_str(), err.as_str()), ("3\n", "Added a KSK with algorithm = 13, active=0\n"));
    let (_, err, code) = shell.run("add-zone-key example.test").await;
    assert!(err.starts_with("Syntax: pdnsutil add-zone-key ZONE ") && code == 0, "{err}");
    shell.expect("add-zone-key nope.test ksk", "", "No such zone in the database\n", 0).await;

    shell.expect("activate-zone-key example.test 2", "", "", 0).await;
    shell.expect("publish-zone-key example.test 2", "", "", 0).await;
    let missing = "Can't find a key with id 99 for zone 'example.test'\n";
    shell.expect("activate-zone-key example.test 99", "", missing, 1).await;
    shell.expect("zone deactivate-key example.test x", "", "Invalid KEY-ID 'x'\n", 1).await;
    shell.expect("zone deactivate-key example.test 0", "", "Invalid KEY-ID '0'\n", 1).await;
    shell.expect("unpublish-zone-key example.test 1", "", "", 0).await;
    let listed = shell.run("list-keys example.test").await.0;
    let lines: Vec<&str> = listed.lines().collect();
    assert_eq!(lines[0], "Zone                          Type Act Pub Size    Algorithm       ID   Location    Keytag");
    assert_eq!(lines[1], "-".repeat(90));
    assert!(
        lines[2].starts_with("example.test                  CSK  Act     256     ECDSAP256SHA256 1    cryptokeys  "),
        "{listed}"
    );
    assert!(
        lines[3].starts_with("example.test                  CSK  Act Pub 384     ECDSAP384SHA384 2    cryptokeys  "),
        "{listed}"
    );
    assert!(
        lines[4].starts_with("example.test                  CSK      Pub 256     ECDSAP256SHA256 3    cryptokeys  "),
        "{listed}"
    );
    assert_eq!(shell.run("list-keys").await.0, listed);
    shell.expect("list-keys nope.test", "", "Zone nope.test not found.\n", 1).await;
    shell.expect("remove-zone-key example.test 2", "", "", 0).await;
    shell.expect("remove-zone-key example.test 2", "", "", 0).await;
    let gone = "Error: Can't find a key with id 2 for zone 'example.test'\n";
    shell.expect("export-zone-key example.test 2", "", gone, 1).await;
    assert!(shell.run("import-zone-key example.test /nonexistent").await.1.starts_with("Error: Unable to read file"));
}

#[tokio::test]
async fn section_13_2_nsec3() {
    let shell = Shell::new("nsec3").await.like_pdns();
    shell.run("create-zone example.test").await;
    let unsigned =
        "NSEC3 set, Done, please secure and rectify your zone (or reload it if you are using the bindbackend)\n";
    shell.expect("set-nsec3 example.test", "", unsigned, 0).await;
    shell.run("secure-zone example.test").await;
    let opt_out = ["set-nsec3", "example.test", "1 1 0 -"];
    let set = "NSEC3 (opt-out) set, Done, please rectify your zone if your backend needs it (or reload it if you are using the bindbackend)\n";
    assert_eq!(shell.words(&opt_out).await, (String::new(), set.to_owned(), 0));
    let narrow = shell.words(&["zone", "set-nsec3", "example.test", "1 0 0 ab", "narrow"]).await;
    assert_eq!(narrow.2, 0);
    let shown = shell.run("show-zone example.test").await.0;
    assert!(shown.contains("\nZone has NARROW hashed NSEC3 semantics, configuration: 1 0 0 ab\n"), "{shown}");
    let (_, err, _) = shell.run("rectify-zone example.test").await;
    assert_eq!(
        err,
        "Erasing NSEC3 ordering since we are narrow, only setting 'auth' fields for zone 'example.test', 0 updates\n"
    );
    for bad in ["2 0 0 -", "bogus", "1 0 500 -", "1 0 0 xyz"] {
        let (out, err, code) = shell.words(&["set-nsec3", "example.test", bad]).await;
        assert_eq!((out.as_str(), code), ("", 1), "{bad}");
        assert!(err.starts_with("Error: NSEC3PARAMs provided for zone 'example.test' are invalid: "), "{err}");
    }
    let unset =
        "Done, please rectify your zone if your backend needs it (or reload it if you are using the bindbackend)\n";
    shell.expect("unset-nsec3 example.test", "", unset, 0).await;
    let nsec = "The 'example.test' zone does not use NSEC3\n";
    shell.expect("hash-zone-record example.test www.example.test", "", nsec, 0).await;
    shell
        .expect("rectify-zone nope.test", "", "No SOA known for 'nope.test', is such a zone in the database?\n", 1)
        .await;
    let all = shell.run("rectify-all-zones").await;
    assert_eq!(all.0, "Rectified 1 zones.\n");
    assert_eq!(all.1, "Rectifying example.test: Adding NSEC ordering information for zone 'example.test', 0 updates\n");
    shell.expect("rectify-all-zones quiet", "", "", 0).await;
}

#[tokio::test]
async fn section_13_2_metadata_kind_account_and_serial() {
    let shell = Shell::new("meta").await;
    let file = shell.file("z", ZONE);
    shell.run(&format!("load-zone load.test {file}")).await;
    shell.expect("get-meta load.test", "Metadata for 'load.test'\n", "", 0).await;
    let set = "Set 'load.test' meta ALLOW-AXFR-FROM = 10.0.0.0/8, 192.0.2.0/24\n";
    shell.expect("set-meta load.test ALLOW-AXFR-FROM 10.0.0.0/8 192.0.2.0/24", set, "", 0).await;
    let added = "Set 'load.test' meta ALLOW-AXFR-FROM = 10.0.0.0/8, 192.0.2.0/24, ::1\n";
    shell.expect("metadata add load.test ALLOW-AXFR-FROM ::1", added, "", 0).await;
    let got = "Metadata for 'load.test'\nALLOW-AXFR-FROM = 10.0.0.0/8, 192.0.2.0/24, ::1\nNOTTHERE = \n";
    shell.expect("get-meta load.test ALLOW-AXFR-FROM NOTTHERE", got, "", 0).await;
    shell.expect("set-meta load.test ALLOW-AXFR-FROM", "Set 'load.test' meta ALLOW-AXFR-FROM = \n", "", 0).await;
    shell.expect("set-publish-cds load.test", "", "", 0).await;
    shell.expect("get-meta load.test", "Metadata for 'load.test'\nPUBLISH-CDS = 2\n", "", 0).await;
    shell.expect("unset-publish-cds load.test", "", "", 0).await;
    shell.expect("get-meta nope.test", "", "Invalid zone 'nope.test'\n", 1).await;
    shell.expect("set-meta nope.test X y", "", "Invalid zone 'nope.test'\n", 1).await;
    shell.expect("increase-serial load.test", "SOA serial for zone load.test set to 2\n", "", 0).await;
    shell.expect("zone increase-serial nope.test", "", "No SOA for zone 'nope.test'\n", 1).await;
    shell.expect("set-kind load.test primary", "", "", 0).await;
    shell.expect("set-account load.test acc", "", "", 0).await;
    let shown = shell.run("show-zone load.test").await.0;
    assert!(
        shown.starts_with("This zone is owned by acc\nThis is a Master zone\nLast SOA serial number we notified: 0 != 2 (serial in the database)\n"),
        "{shown}"
    );
    shell.expect("set-kind load.test bogus", "", "", 0).await;
    assert!(shell.run("show-zone load.test").await.0.contains("This is a Native zone\n"));
    shell.expect("set-kind nope.test native", "", "No such zone nope.test in the database\n", 1).await;
    let kinds = "Syntax: pdnsutil list-all-zones [primary|secondary|native|producer|consumer]\n";
    shell.expect("list-all-zones bogus", "", kinds, 1).await;
    shell.expect("list-all-zones primary", "", "", 0).await;
    shell.expect("clear-zone load.test", "", "", 0).await;
    shell.expect("list-all-zones", "", "", 0).await;
    shell.expect("list-all-zones -v", "load.test\nAll zonecount: 1\n", "", 0).await;
}

#[tokio::test]
async fn usage_and_unknown_commands_exit_as_each_generation_does() {
    let shell = Shell::new("usage").await;
    shell.expect("create-zone", "", "Syntax: pdnsutil create-zone ZONE [nsname]\n", 0).await;
    shell.expect("zone create", "", "Usage: pdnsutil zone create ZONE [nsname]\n", 1).await;
    shell.expect("bogus", "", "Unknown command 'bogus'\n", 1).await;
    shell.expect("create-bind-db x", "", "Command 'create-bind-db' is not offered by Signpost\n", 1).await;
    assert!(shell.run("--version").await.0.starts_with("pdnsutil (signpost "));
    assert!(shell.run("help").await.0.contains("add-record (rrset add) ZONE name type"));
    assert_eq!(shell.run("--bogus list-all-zones").await.2, 1);
    assert!(shell.run("list-algorithms").await.0.contains("\n13 - ECDSAP256SHA256\n"));
    // Two dots set a variant off: three are a mistake.
    let (_, err, code) = shell.run("create-zone a...b").await;
    assert!(err.starts_with("Error: 'a...b' is not the name of a zone: ") && code == 1, "{err}");
}

#[tokio::test]
async fn without_a_database_it_fails_and_makes_none() {
    let mut shell = Shell::new("none").await;
    shell.settings.clear();
    let (out, err, code) = shell.run("create-zone example.test").await;
    assert_eq!((out.as_str(), code), ("", 1));
    assert!(err.starts_with("Error: no database is configured: "), "{err}");
    let missing = shell.folder.join("missing.db");
    shell.settings = vec![format!("--database-url=sqlite:{}", missing.display())];
    let (_, err, code) = shell.run("create-zone example.test").await;
    assert_eq!(code, 1);
    assert_eq!(err, format!("Error: database {} does not exist (flag --database-url)\n", missing.display()));
    assert!(!missing.exists());
}

#[tokio::test]
async fn section_13_2_tsig_keys() {
    let shell = Shell::new("tsig").await;
    shell.run("create-zone load.test").await;
    let (out, err, code) = shell.run("generate-tsig-key K.test. hmac-sha256").await;
    let secret = out.strip_prefix("Create new TSIG key k.test hmac-sha256 ").unwrap().trim_end().to_owned();
    assert_eq!((secret.len(), err.as_str(), code), (88, "", 0));
    let again = "Could not create new TSIG key k.test hmac-sha256: it exists already\n";
    shell.expect("tsigkey generate k.test hmac-sha256", "", again, 1).await;
    let bad = "Could not create new TSIG key k foo: Invalid TSIG algorithm: foo\n";
    shell.expect("generate-tsig-key k foo", "", bad, 1).await;
    let imported = "Imported TSIG key k2.test hmac-sha512\n";
    shell.expect("import-tsig-key k2.test hmac-sha512 aGVsbG8=", imported, "", 0).await;
    shell.expect("tsigkey import k2.test hmac-sha512 d29ybGQ=", imported, "", 0).await;
    let not_base64 = "Error: the key is not base64 of at most 255 characters\n";
    shell.expect("import-tsig-key k3 hmac-md5 notbase64!!", "", not_base64, 1).await;
    shell.expect("import-tsig-key k3 foo aGVsbG8=", "", "Error: Unknown TSIG algorithm: foo\n", 1).await;
    let listed = format!("k.test. hmac-sha256. {secret}\nk2.test. hmac-sha512. d29ybGQ=\n");
    shell.expect("list-tsig-keys", &listed, "", 0).await;
    shell.expect("tsigkey list", &listed, "", 0).await;

    let enabled = "Enabled TSIG key k.test for load.test\n";
    for role in ["primary", "master", "producer"] {
        shell.expect(&format!("activate-tsig-key load.test k.test {role}"), enabled, "", 0).await;
    }
    shell
        .expect("tsigkey activate load.test k2.test secondary", "Enabled TSIG key k2.test for load.test\n", "", 0)
        .await;
    let unknown = ("Enabled TSIG key k9 for load.test\n", "Warning: there is no TSIG key k9 yet\n");
    shell.expect("activate-tsig-key load.test k9 primary", unknown.0, unknown.1, 0).await;
    let meta = "Metadata for 'load.test'\nAXFR-MASTER-TSIG = k2.test\nTSIG-ALLOW-AXFR = k.test, k9\n";
    shell.expect("get-meta load.test", meta, "", 0).await;
    let shown = shell.run("show-zone load.test").await.0;
    assert!(
        shown.contains(
            "\nZone has following allowed TSIG key(s): k.test,k9\nZone uses following TSIG key(s): k2.test\n"
        ),
        "{shown}"
    );
    let role = "Invalid parameter 'bogus', expected primary or secondary type\n";
    shell.expect("activate-tsig-key load.test k.test bogus", "", role, 1).await;
    shell.expect("activate-tsig-key nope.test k.test primary", "", "Zone 'nope.test' does not exist\n", 1).await;
    // As the API writes it, with a dot.
    shell.run("set-meta load.test TSIG-ALLOW-AXFR k.test. k9").await;
    shell.expect("activate-tsig-key load.test k.test primary", enabled, "", 0).await;
    for _ in 0..2 {
        let disabled = "Disabled TSIG key k.test for load.test\n";
        shell.expect("deactivate-tsig-key load.test k.test primary", disabled, "", 0).await;
    }
    let meta = "Metadata for 'load.test'\nTSIG-ALLOW-AXFR = k9\n";
    shell.expect("get-meta load.test TSIG-ALLOW-AXFR", meta, "", 0).await;
    for _ in 0..2 {
        shell.expect("delete-tsig-key k2.test", "Deleted TSIG key k2.test\n", "", 0).await;
    }
    assert_eq!(shell.run("list-tsig-keys").await.0.lines().count(), 1);
}

#[tokio::test]
async fn section_13_2_autoprimaries() {
    let shell = Shell::new("autoprimary").await;
    shell.expect("add-autoprimary 192.0.2.1 ns1.x acc", "", "", 0).await;
    shell.expect("autoprimary add 2001:DB8::1 NS2.x.", "", "", 0).await;
    let again = "Error: autoprimary 192.0.2.1 ns1.x. exists already\n";
    shell.expect("add-autoprimary 192.0.2.1 ns1.x.", "", again, 1).await;
    let bad = "Error: Unable to convert presentation address 'ns'\n";
    shell.expect("add-autoprimary ns ns1.x", "", bad, 1).await;
    let all = "IP=192.0.2.1, NS=ns1.x, account=acc\nIP=2001:db8::1, NS=NS2.x., account=\n";
    shell.expect("list-autoprimaries", all, "", 0).await;
    shell.expect("autoprimary list", all, "", 0).await;
    shell.expect("remove-autoprimary 192.0.2.9 ns1.x", "", "", 0).await;
    shell.expect("remove-autoprimary 192.0.2.1 ns1.x.", "", "", 0).await;
    shell.expect("autoprimary remove 2001:db8::1 ns2.x", "", "", 0).await;
    shell.expect("list-autoprimaries", "", "", 0).await;
    shell.expect("add-autoprimary x", "", "Syntax: pdnsutil add-autoprimary IP NAMESERVER [account]\n", 0).await;
}

#[tokio::test]
async fn section_13_2_secondary_zones() {
    let shell = Shell::new("secondary").await;
    let made = "Creating secondary zone 'sec.test', with primaries '192.0.2.5,192.0.2.6:5300'\n";
    shell.expect("create-secondary-zone sec.test 192.0.2.5:53 192.0.2.6:5300", "", made, 0).await;
    shell.expect("zone create-secondary sec.test 192.0.2.5", "", "Zone 'sec.test' exists already\n", 1).await;
    let bad = "Error: Unable to convert presentation address 'notip'\n";
    shell.expect("create-secondary-zone sec2.test notip", "", bad, 1).await;
    let shown = "This is a Slave zone\nPrimaries: 192.0.2.5:53 192.0.2.6:5300 \n\
                 Last time we got update from primary: Never\nNo SOA serial found in database\n\
                 Zone is not actively secured\nMetadata items: None\n";
    shell.expect("show-zone sec.test", shown, "No keys for zone 'sec.test'.\n", 0).await;
    let changed = "Updating secondary zone 'sec.test', primaries to '[2001:db8::1]:54'\n";
    shell.expect("zone change-primary sec.test [2001:db8::1]:54", "", changed, 0).await;
    assert!(shell.run("show-zone sec.test").await.0.contains("\nPrimary: [2001:db8::1]:54 \n"));
    shell.expect("change-secondary-zone-primary nope.test 192.0.2.9", "", "Zone 'nope.test' doesn't exist\n", 1).await;
    shell.expect("list-all-zones", "", "", 0).await;
    shell.expect("list-all-zones secondary -v", "sec.test\nsecondary zonecount: 1\n", "", 0).await;
}

#[tokio::test]
async fn section_13_2_catalogs_and_options() {
    let shell = Shell::new("catalog").await;
    for zone in ["cat.test", "ex.test", "other.test"] {
        shell.run(&format!("create-zone {zone}")).await;
    }
    shell.expect("list-member-zones cat.test", "", "Zone 'cat.test' is not a catalog zone\n", 1).await;
    shell.run("set-kind cat.test producer").await;
    shell.expect("set-catalog ex.test CAT.test.", "", "", 0).await;
    shell.expect("catalog set other.test cat.test", "", "", 0).await;
    shell.expect("list-member-zones cat.test", "ex.test\nother.test\n", "", 0).await;
    shell.expect("catalog set other.test", "", "", 0).await;
    shell.expect("catalog list-members cat.test -v", "ex.test\nAll zonecount: 1\n", "", 0).await;
    shell.expect("set-catalog ex.test", "", "Syntax: pdnsutil set-catalog ZONE [CATALOG]\n", 0).await;
    shell.expect("set-catalog nope.test cat.test", "", "No such zone nope.test in the database\n", 1).await;

    shell.expect("set-option ex.test producer coo New.test", "", "", 0).await;
    shell.expect("set-option ex.test producer group g2 g1", "", "", 0).await;
    shell.expect("zone set-option ex.test consumer unique abc", "", "", 0).await;
    let shown = shell.run("show-zone ex.test").await.0;
    let options = r#"{"consumer": {"unique": "abc."}, "producer": {"coo": "new.test.", "group": ["g1", "g2"]}}"#;
    assert!(shown.contains(&format!("\nOptions:\n{options}\nCatalog: \ncat.test\n")), "{shown}");
    assert_eq!(shell.words(&["set-option", "ex.test", "producer", "group", ""]).await.2, 0);
    assert!(shell.run("show-zone ex.test").await.0.contains(r#""producer": {"coo": "new.test."}}"#));
    let usage = "Syntax: pdnsutil set-option ZONE [producer|consumer] [coo|unique|group] VALUE [VALUE ...]\n";
    for bad in ["x.test producer", "x.test bogus coo a", "x.test producer foo a", "x.test producer coo a b"] {
        shell.expect(&format!("set-option {bad}"), "", usage, 1).await;
    }
    let json = shell.words(&["set-options-json", "ex.test", r#"{"a": {"b" : 1}}"#]).await;
    assert_eq!(json, (String::new(), String::new(), 0));
    assert!(shell.run("show-zone ex.test").await.0.contains("\nOptions:\n{\"a\": {\"b\" : 1}}\n"));
    for bad in ["{bad", "[]", "7"] {
        let (_, err, code) = shell.words(&["set-options-json", "ex.test", bad]).await;
        assert!(err.starts_with("Parsing of JSON document failed:") && code == 1, "{err}");
    }
    shell.words(&["set-options-json", "ex.test", ""]).await;
    shell.words(&["set-catalog", "ex.test", ""]).await;
    let shown = shell.run("show-zone ex.test").await.0;
    assert!(!shown.contains("Options") && !shown.contains("Catalog"), "{shown}");
}

#[tokio::test]
async fn section_13_1_commands_without_a_database() {
    let mut shell = Shell::new("plain").await;
    shell.settings.clear();
    shell.input = "hello\n".to_owned();
    let (out, err, code) = shell.run("hash-password 16").await;
    assert_eq!((err.as_str(), code), ("", 0));
    assert!(out.starts_with("$scrypt$ln=4,p=1,r=8$"), "{out}");
    let hash = api::password::ScryptHash::parse(out.trim_end()).unwrap();
    assert!(hash.matches(b"hello"), "neither the line's end nor a prompt is hashed");
    assert!(shell.run("hash-password").await.0.starts_with("$scrypt$ln=10,p=1,r=8$"));
    for bad in ["3", "0", "1", "1048576"] {
        let why = "the work factor is not a power of two from 2 to 131072";
        let said = format!("Error while hashing the supplied password: {why}\n");
        shell.expect(&format!("hash-password {bad}"), "", &said, 1).await;
    }
    shell.expect("hash-password x", "", "Unable to parse the supplied work factor: 'x'\n", 1).await;
    shell.input.clear();
    shell.expect("hash-password", "", "", 1).await;

    shell.expect("raw-lua-from-content A 192.0.2.1", "\"\\192\\000\\002\\001\"\n", "", 0).await;
    shell.expect("raw-lua-from-content NS Ab.c.", "\"\\002Ab\\001c\\000\"\n", "", 0).await;
    assert_eq!(shell.run("raw-lua-from-content A x").await.2, 1);
}

#[tokio::test]
async fn section_13_1_b2b_migrate_moves_everything_into_an_empty_database() {
    let mut shell = Shell::new("migrate").await;
    let file = shell.file("z", ZONE);
    shell.run(&format!("load-zone load.test {file}")).await;
    shell.run("secure-zone load.test").await;
    shell.run("create-secondary-zone sec.test 192.0.2.5").await;
    shell.run("import-tsig-key k.test hmac-sha256 aGVsbG8=").await;
    shell.run("add-autoprimary 192.0.2.1 ns1.x acc").await;
    let before = [
        shell.run("show-zone load.test").await.0,
        shell.run("list-zone load.test").await.0,
        shell.run("list-tsig-keys").await.0,
    ];

    let (from, to) =
        (format!("sqlite:{}/z.db", shell.folder.display()), format!("sqlite:{}/new.db", shell.folder.display()));
    let command = format!("b2b-migrate {from} {to}");
    let (out, err, code) = shell.run(&command).await;
    assert_eq!((err.as_str(), code), ("", 0), "{out}");
    let wanted = format!(
        "Moving zone(s) from {from} to {to}\nProcessing 'load.test'\n\
         Moved 14 record(s), 0 comment(s), 1 metadata(s) and 2 cryptokey(s)\nProcessing 'sec.test'\n\
         Moved 0 record(s), 0 comment(s), 0 metadata(s) and 0 cryptokey(s)\n\
         Moved 2 zone(s), 1 TSIG key(s) and 1 autoprimary(s)\n"
    );
    assert_eq!(out, wanted);
    let (_, err, code) = shell.run(&command).await;
    assert_eq!((err.as_str(), code), ("Error: Target backend has zone(s), please clean it first\n", 1));

    shell.settings[0] = format!("--database-url={to}");
    let after = [
        shell.run("show-zone load.test").await.0,
        shell.run("list-zone load.test").await.0,
        shell.run("list-tsig-keys").await.0,
    ];
    assert_eq!(after, before);
    shell.expect("list-autoprimaries", "IP=192.0.2.1, NS=ns1.x, account=acc\n", "", 0).await;
    let (_, err, code) = shell.run("rectify-zone load.test").await;
    assert_eq!((err.as_str(), code), ("Adding NSEC3 hashed ordering information for zone 'load.test', 0 updates\n", 0));

    let missing = format!("sqlite:{}/missing.db", shell.folder.display());
    let (_, err, code) = shell.run(&format!("b2b-migrate {missing} {to}")).await;
    assert_eq!((err, code), (format!("Error: database {missing} does not exist\n"), 1));
    assert_eq!(shell.run("b2b-migrate gsqlite3 gpgsql").await.2, 1);
}

#[tokio::test]
async fn section_13_1_edit_zone_shows_what_changes_and_asks() {
    let mut shell = Shell::new("edit").await;
    let file = shell.file("z", ZONE);
    shell.run(&format!("load-zone load.test {file}")).await;
    shell.expect("edit-zone nope.test", "", "Zone 'nope.test' not found!\n", 1).await;
    let script = |sed: &str| format!("sed -i {sed}");
    let edit = |shell: &mut Shell, editor: String, typed: &str| {
        shell.variables = vec![("EDITOR".to_owned(), "false".to_owned()), ("PDNSUTIL_EDITOR".to_owned(), editor)];
        shell.input = typed.to_owned();
    };

    // Nothing changed, nothing asked.
    edit(&mut shell, "true".to_owned(), "");
    let (out, err, code) = shell.run("edit-zone load.test").await;
    assert!(out.ends_with(" 0 errors, 0 warnings.\nNo changes to apply.\n"), "{out}");
    assert_eq!((err.as_str(), code), ("", 0));

    let change = "s/192.0.2.3/192.0.2.33/";
    for typed in ["q\n", "", "n\nq\n", "what\nn\n"] {
        edit(&mut shell, script(change), typed);
        let (out, _, code) = shell.run("edit-zone load.test").await;
        assert_eq!(code, 1, "{typed:?}");
        let shown = "Detected the following changes:\n\
                     -www.load.test. 60 IN A 192.0.2.3\n+www.load.test. 60 IN A 192.0.2.33\n";
        assert!(out.contains(shown), "{out}");
        assert!(!shell.run("list-zone load.test").await.0.contains("192.0.2.33"), "{typed:?} is no consent");
    }
    edit(&mut shell, script(change), "y\na\n");
    let (_, err, code) = shell.run("zone edit load.test").await;
    assert_eq!(code, 0, "{err}");
    let asked = "You have not updated the SOA record! Would you like to increase-serial?\n(y)es";
    assert!(err.starts_with(asked), "{err}");
    let listed = shell.run("list-zone load.test").await.0;
    assert!(listed.contains("\t192.0.2.33\n") && listed.contains("\t192.0.2.2\n"), "{listed}");
    assert!(listed.contains("host.load.test 2 3600"), "the serial is increased: {listed}");

    // An address becomes an alias, and the SOA is the user's.
    let commands = "-e '$a www.load.test. 60 IN CNAME x.example.' -e /^www/d -e 's/ 2 3600/ 9 3600/'";
    edit(&mut shell, script(commands), "a\n");
    let (out, err, code) = shell.run("edit-zone load.test").await;
    assert_eq!(code, 0, "{out}{err}");
    let listed = shell.run("list-zone load.test").await.0;
    assert!(listed.contains("www.load.test\t60\tIN\tCNAME\tx.example.\n"), "{listed}");
    assert!(listed.contains("host.load.test 9 3600"), "{listed}");

    // What cannot be read is edited again or given up; what is wrong is applied only if told to.
    edit(&mut shell, script("'$a broken'"), "q\n");
    let (_, err, code) = shell.run("edit-zone load.test").await;
    let options = "Options are: (e)dit your changes, (r)etry with original zone, (q)uit: ";
    assert!(err.contains("Error: ") && err.contains(options), "{err}");
    assert_eq!(code, 1);
    edit(&mut shell, script("'$a www.load.test. 60 IN A 192.0.2.1'"), "q\n");
    let (out, err, code) = shell.run("edit-zone load.test").await;
    assert!(out.contains("CNAME www.load.test found, but other records with same label exist."), "{out}");
    assert!(err.contains("(a)pply change anyhow") && code == 1, "{err}");
    edit(&mut shell, "false".to_owned(), "");
    let (_, err, code) = shell.run("edit-zone load.test").await;
    assert_eq!((err.as_str(), code), ("Error: the editor 'false' ended with exit status: 1\n", 1));
    let left = std::fs::read_dir(std::env::temp_dir()).unwrap().flatten();
    let own = format!("pdnsutil-{}-", std::process::id());
    assert_eq!(left.filter(|file| file.file_name().to_string_lossy().starts_with(&own)).count(), 0);
}
