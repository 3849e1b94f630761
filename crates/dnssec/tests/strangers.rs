//! Strangers check a signed zone: `ldns-verify-zone` and BIND's `dnssec-verify` read it as a file.

mod support;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use dnssec::{Algorithm, KeyInUse, SigningPolicy, ZoneKey, ZoneSigner};
use support::{name, records};
use wire::{Name, RecordType, rdata};
use zone::{DenialMode, Nsec3Params, Rrset, Zone, ZoneBuilder};

/// A bit of everything: wildcards, empty non-terminals, cuts with and without DS, glue, long and odd names.
const RECORDS: &str = "
    example.test.              3600 SOA ns1.example.test. hostmaster.example.test. 7 3600 600 604800 300
    example.test.              3600 NS  ns1.example.test.
    example.test.              3600 NS  NS2.Example.TEST.
    example.test.              3600 MX  10 Mail.Example.Test.
    example.test.              3600 MX  20 mail2.example.test.
    example.test.              300  CAA 0 issue \"ca.test\"
    ns1.example.test.          3600 A   192.0.2.1
    ns1.example.test.          3600 AAAA 2001:db8::1
    ns2.example.test.          3600 A   192.0.2.2
    mail.example.test.         3600 A   192.0.2.3
    mail.example.test.         3600 A   192.0.2.4
    mail2.example.test.        60   CNAME mail.example.test.
    WWW.example.test.          60   A   192.0.2.5
    www.example.test.          60   TXT \"one\" \"two three\"
    www.example.test.          60   TXT \"heritage=external-dns,external-dns/owner=me\"
    *.wild.example.test.       60   A   192.0.2.6
    *.wild.example.test.       60   TXT \"star\"
    deep.ent.empty.example.test. 60 A   192.0.2.7
    _sip._tcp.example.test.    60   SRV 1 2 5060 www.example.test.
    d.example.test.            60   DNAME elsewhere.test.
    insecure.example.test.     3600 NS  ns.insecure.example.test.
    ns.insecure.example.test.  3600 A   192.0.2.8
    secure.example.test.       3600 NS  ns.elsewhere.test.
    secure.example.test.       3600 DS  12345 13 2 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    a\\.b.example.test.        60   A   192.0.2.9
    \\200x.example.test.       60   A   192.0.2.10
    https.example.test.        60   HTTPS 1 . alpn=h2
    ptr.example.test.          60   PTR www.example.test.
    naptr.example.test.        60   NAPTR 1 2 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .
    tlsa.example.test.         60   TLSA 3 1 1 aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
    unknown.example.test.      60   TYPE65280 \\# 3 010203
";

fn key(algorithm: Algorithm, flags: u16) -> KeyInUse {
    let key = ZoneKey::from_isc(&ZoneKey::generate(algorithm).unwrap(), flags).unwrap();
    KeyInUse { key: Arc::new(key), active: true, published: true }
}

fn rsa(text: &str) -> KeyInUse {
    KeyInUse { key: Arc::new(ZoneKey::from_isc(text, 257).unwrap()), active: true, published: true }
}

fn now() -> u32 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() as u32
}

fn signed(mode: DenialMode, signer: &ZoneSigner) -> Zone {
    let mut builder = ZoneBuilder::new(signer.apex().clone(), mode.clone());
    for (owner, ttl, rtype, rdata) in records(RECORDS) {
        builder.add(&owner, rtype, ttl, &rdata);
    }
    builder.set_apex(signer.dnskey_rrset(3600).unwrap());
    builder.set_apex(signer.cds_rrset(3600, &[2]).unwrap());
    builder.set_apex(signer.cdnskey_rrset(3600).unwrap());
    if let DenialMode::Nsec3(params) = &mode {
        builder.set_apex(Rrset::new(RecordType::NSEC3PARAM, 0, vec![params.nsec3param_rdata()]));
    }
    builder.finish().unwrap()
}

/// The zone as a master file, signatures included.
fn print(zone: &Zone, signer: &ZoneSigner, now: u32) -> String {
    let mut text = String::new();
    let mut line = |owner: &Name, ttl: u32, rtype: RecordType, record: &[u8]| {
        writeln!(text, "{owner} {ttl} IN {rtype} {}", rdata::print(rtype, record).unwrap()).unwrap();
    };
    let mut rrset_lines = |owner: &Name, rrset: &Rrset| {
        rrset.rdatas().for_each(|record| line(owner, rrset.ttl(), rrset.rtype(), record));
    };
    // SOA first, then all data, glue included.
    rrset_lines(zone.apex(), zone.soa());
    for node in zone.nodes() {
        let data = node.rrsets().iter().filter(|rrset| rrset.rtype() != RecordType::SOA);
        data.for_each(|rrset| rrset_lines(node.name(), rrset));
    }
    zone.denial_records().for_each(|(owner, rrset)| rrset_lines(&owner, rrset));
    let signed = signer.sign_due(zone.signable(), now, usize::MAX);
    assert_eq!(signed, zone.signable().count());
    for (owner, rrset) in zone.signable() {
        assert!(!signer.is_due(rrset, now));
        for rrsig in signer.signatures(&owner, rrset, now).rdatas() {
            line(&owner, rrset.ttl(), RecordType::RRSIG, rrsig);
        }
    }
    text
}

/// A file that goes away with the test.
struct ZoneFile(PathBuf);

impl ZoneFile {
    fn new(label: &str, text: &str) -> ZoneFile {
        let path = std::env::temp_dir().join(format!("dnssec-strangers-{}-{label}.zone", std::process::id()));
        std::fs::write(&path, text).unwrap();
        ZoneFile(path)
    }
}

impl Drop for ZoneFile {
    fn drop(&mut self) {
        // A file that stays behind in the temporary folder does no harm.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    let said = [output.stdout, output.stderr].concat();
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&said).into_owned()) }
}

/// What each stranger says of the file.
fn judge(text: &str, label: &str) -> [Result<(), String>; 2] {
    let file = ZoneFile::new(label, text);
    let path = file.0.to_str().unwrap();
    [
        run("ldns-verify-zone", &["-V", "2", path]),
        // -z: a lone KSK signs everything; -x is not given, so that ZSKs may sign DNSKEY too.
        run("dnssec-verify", &["-z", "-o", "example.test", path]),
    ]
}

fn modes() -> [(&'static str, DenialMode); 4] {
    let salted = Nsec3Params { opt_out: false, iterations: 5, salt: vec![0xab, 0xcd] };
    let opt_out = Nsec3Params { opt_out: true, ..Nsec3Params::default() };
    [
        ("nsec", DenialMode::Nsec),
        ("nsec3", DenialMode::Nsec3(Nsec3Params::default())),
        ("salted", DenialMode::Nsec3(salted)),
        ("opt-out", DenialMode::Nsec3(opt_out)),
    ]
}

#[test]
fn strangers_accept_zones_in_every_denial_mode_and_algorithm() {
    let p256 = |flags| key(Algorithm::EcdsaP256Sha256, flags);
    let key_sets = [
        ("ksk-zsk", vec![p256(257), p256(256)]),
        ("csk", vec![p256(257)]),
        ("p384", vec![key(Algorithm::EcdsaP384Sha384, 257)]),
        ("ed25519", vec![key(Algorithm::Ed25519, 257)]),
        ("rsasha256", vec![rsa(include_str!("keys/rsasha256-2048.private"))]),
        ("rsasha512", vec![rsa(include_str!("keys/rsasha512-2048.private"))]),
        // Sizes that ring refuses.
        ("rsasha256-512", vec![rsa(include_str!("keys/rfc5702-6.1.private"))]),
        ("rsasha512-1024", vec![rsa(include_str!("keys/rfc5702-6.2.private"))]),
        ("rsasha256-1300", vec![rsa(&ZoneKey::generate_sized(Algorithm::RsaSha256, 1300).unwrap())]),
        ("two-algorithms", vec![p256(257), p256(256), key(Algorithm::Ed25519, 257)]),
    ];
    for (keys_label, keys) in key_sets {
        let signer = ZoneSigner::new(name("example.test"), keys, SigningPolicy::default());
        for (mode_label, mode) in modes() {
            let label = format!("{keys_label}-{mode_label}");
            let text = print(&signed(mode, &signer), &signer, now());
            for verdict in judge(&text, &label) {
                assert_eq!(verdict, Ok(()), "{label}\n{text}");
            }
        }
    }
}

/// So that the strangers' consent means something: they object to what is wrong.
#[test]
fn strangers_refuse_what_is_wrong() {
    let signer =
        ZoneSigner::new(name("example.test"), vec![key(Algorithm::EcdsaP256Sha256, 257)], SigningPolicy::default());
    let zone = signed(DenialMode::Nsec3(Nsec3Params::default()), &signer);
    let text = print(&zone, &signer, now());
    let changed = text.replace("192.0.2.5", "192.0.2.55");
    assert_ne!(changed, text);
    assert!(judge(&changed, "changed").iter().all(Result::is_err));
    let lines: Vec<&str> = text.lines().collect();
    let without = |word: &str| {
        let at = lines.iter().position(|line| line.contains(word)).unwrap();
        [&lines[..at], &lines[at + 1..]].concat().join("\n") + "\n"
    };
    assert!(judge(&without(" IN NSEC3 "), "no-nsec3").iter().all(Result::is_err));
    assert!(judge(&without(" IN RRSIG TXT "), "no-rrsig").iter().all(Result::is_err));
    let old = signed(DenialMode::Nsec, &signer);
    let expired = print(&old, &signer, now() - 30 * 86_400);
    assert!(judge(&expired, "expired").iter().all(Result::is_err));
}

/// A folder that goes away with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(label: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("dnssec-strangers-{}-{label}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let output = Command::new(program).args(arguments).current_dir(&self.0).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // As for files above.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// BIND's keys are read, and give the DNSKEY and DS that BIND says they have.
#[test]
fn keys_of_dnssec_keygen_are_read() {
    let folder = Folder::new("keygen");
    for (algorithm, bits) in [
        ("RSASHA256", "1024"),
        ("RSASHA256", "2048"),
        ("RSASHA256", "1536"),
        ("RSASHA512", "1024"),
        ("ECDSAP256SHA256", "256"),
        ("ECDSAP384SHA384", "384"),
        ("ED25519", "256"),
    ] {
        let stem = folder.run("dnssec-keygen", &["-q", "-a", algorithm, "-b", bits, "-f", "KSK", "example.test"]);
        let stem = stem.trim();
        let private = std::fs::read_to_string(folder.0.join(format!("{stem}.private"))).unwrap();
        let key = ZoneKey::from_isc(&private, 257).unwrap();
        assert_eq!(key.bits().to_string(), bits, "{algorithm}");
        assert_eq!(key.unfit(), None);
        let record = folder.run("sh", &["-c", &format!("grep -v '^;' {stem}.key")]);
        let words: Vec<&str> = record.split_whitespace().collect();
        assert_eq!(key.dnskey_text(), format!("257 3 {} {}", words[5], words[6..].concat()));
        for (digest, number) in [("SHA-256", 2), ("SHA-384", 4)] {
            let ds = folder.run("dnssec-dsfromkey", &["-a", digest, &format!("{stem}.key")]);
            let words: Vec<&str> = ds.split_whitespace().collect();
            let wanted = format!("{} {} {} {}", words[3], words[4], words[5], words[6..].concat().to_lowercase());
            assert_eq!(key.ds_text(&name("example.test"), number).unwrap(), wanted);
        }
    }
}

/// Keys that openssl makes, in each form it writes them, small exponents among them.
#[test]
fn keys_of_openssl_are_read() {
    let folder = Folder::new("openssl");
    let read = |algorithm| {
        let pem = std::fs::read_to_string(folder.0.join("key.pem")).unwrap();
        ZoneKey::from_isc(&dnssec::pem::read(&pem, algorithm).unwrap(), 257).unwrap()
    };
    for (arguments, algorithm, bits) in [
        ("genrsa -out key.pem 2048", Algorithm::RsaSha256, 2048),
        ("genrsa -traditional -out key.pem 1024", Algorithm::RsaSha512, 1024),
        ("genrsa -3 -out key.pem 2048", Algorithm::RsaSha256, 2048),
        ("genpkey -algorithm ed25519 -out key.pem", Algorithm::Ed25519, 256),
        ("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out key.pem", Algorithm::EcdsaP256Sha256, 256),
        ("ecparam -name secp384r1 -genkey -noout -out key.pem", Algorithm::EcdsaP384Sha384, 384),
    ] {
        folder.run("openssl", &arguments.split(' ').collect::<Vec<_>>());
        let key = read(algorithm);
        assert_eq!((key.bits(), key.unfit()), (bits, None), "{arguments}");
    }
    // And back.
    for algorithm in Algorithm::ALL {
        let pem = dnssec::pem::write(&ZoneKey::generate(algorithm).unwrap()).unwrap();
        std::fs::write(folder.0.join("key.pem"), pem.as_bytes()).unwrap();
        folder.run("openssl", &["pkey", "-in", "key.pem", "-noout", "-check"]);
    }
}

/// Our keys sign a zone under `dnssec-signzone`.
#[test]
fn our_keys_are_taken_by_dnssec_signzone() {
    let folder = Folder::new("signzone");
    let zone = "$ORIGIN example.test.\n@ 60 SOA ns h 1 3600 600 604800 60\n@ 60 NS ns\nns 60 A 192.0.2.1\n";
    for algorithm in Algorithm::ALL {
        std::fs::write(folder.0.join("zone"), zone).unwrap();
        let text = ZoneKey::generate(algorithm).unwrap();
        let key = ZoneKey::from_isc(&text, 257).unwrap();
        let stem = format!("Kexample.test.+{:03}+{:05}", algorithm.number(), key.key_tag());
        std::fs::write(folder.0.join(format!("{stem}.private")), &text).unwrap();
        let record = format!("example.test. 60 IN DNSKEY {}\n", key.dnskey_text());
        std::fs::write(folder.0.join(format!("{stem}.key")), &record).unwrap();
        std::fs::write(folder.0.join("zone"), format!("{zone}{record}")).unwrap();
        // -z: the KSK signs everything; it verifies what it has made.
        folder.run("dnssec-signzone", &["-z", "-o", "example.test", "-f", "signed", "zone", &stem]);
        let signed = std::fs::read_to_string(folder.0.join("signed")).unwrap();
        assert!(signed.contains("RRSIG"), "{algorithm}");
    }
}
