//! What is kept from one start to the next. That each printed command runs is tested with the whole program.

use std::os::unix::fs::PermissionsExt;

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("signpost-quickstart-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        make_folder(&path).unwrap();
        Folder(path)
    }
    fn options(&self) -> Options {
        Options { dir: self.0.clone(), dns_port: 0, api_port: 0 }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn the_api_key_is_made_once_and_readable_by_its_owner_only() {
    let folder = Folder::new("key");
    let path = folder.0.join("api-key");
    let key = api_key(&path).unwrap();
    assert_eq!(key.len(), 32);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(api_key(&path).unwrap(), key);
    std::fs::write(&path, "\n").unwrap();
    assert!(api_key(&path).unwrap_err().to_string().ends_with("is empty: delete it, and a new key is made"));
}

#[test]
fn settings_that_it_chooses_are_refused_as_flags() {
    let folder = Folder::new("flags");
    let flag = |name: &str| Flag { name: name.into(), text: "x".into(), origin: Origin::Flag(format!("--{name}")) };
    let error = settings(&folder.options(), vec![flag("api-listen")], "k").unwrap_err();
    assert!(error.to_string().starts_with("quickstart chooses api-listen itself"));
    let settings = settings(&folder.options(), Vec::new(), "k").unwrap();
    assert_eq!(settings.dns.listen, ["127.0.0.1:0".parse().unwrap()]);
    assert_eq!(settings.log.filter, "warn");
}

#[tokio::test]
async fn the_zone_and_its_keys_are_made_once() {
    let folder = Folder::new("zone");
    let settings = settings(&folder.options(), Vec::new(), "k").unwrap();
    let zone = sample::zone();
    assert!(sample::ensure(&settings, &zone).await.unwrap());
    let keys = entry_keys(&settings, &zone).await.unwrap();
    assert!(!sample::ensure(&settings, &zone).await.unwrap());
    let again = entry_keys(&settings, &zone).await.unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(keys[0].dnskey(), again[0].dnskey());
    let anchor = folder.0.join("trust-anchor.conf");
    write_trust_anchor(&anchor, &zone, &keys).unwrap();
    let text = std::fs::read_to_string(&anchor).unwrap();
    assert!(text.starts_with("trust-anchors {\n\texample.com static-key 257 3 13 \""), "{text}");
    assert!(text.ends_with("\";\n};\n"));
}

#[tokio::test]
async fn a_port_in_use_is_said_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new("port");
    let options = Options { api_port: taken.local_addr().unwrap().port(), ..folder.options() };
    let settings = settings(&options, Vec::new(), "k").unwrap();
    let error = serve::start(&settings).await.err().unwrap();
    let text = format!("{:#}", with_port_hint(error, &options));
    assert!(text.starts_with("a port is in use: choose others with --dns-port"), "{text}");
    assert!(text.contains("cannot listen for HTTP on 127.0.0.1:"), "{text}");
}

#[tokio::test]
async fn the_sample_zone_is_exported_as_stored_and_as_served() {
    let folder = Folder::new("export");
    let settings = settings(&folder.options(), Vec::new(), "k").unwrap();
    sample::ensure(&settings, &sample::zone()).await.unwrap();
    let export = async |with_dnssec| {
        let mut out = Vec::new();
        crate::export::export(&settings, "Example.com", with_dnssec, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    };
    let of_type = |text: &str, rtype: &str| text.lines().filter(|line| line.split('\t').nth(3) == Some(rtype)).count();
    let stored = export(false).await;
    assert!(stored.starts_with("example.com.\t60\tIN\tSOA\tns1.example.com. hostmaster.example.com. "), "{stored}");
    assert_eq!((stored.lines().count(), of_type(&stored, "DNSKEY")), (12, 0));
    let served = export(true).await;
    // Names with data: apex, ns1, mail, www, blog, *.apps, _sip._tcp; without: apps, _tcp (RFC 5155 section 7.1).
    assert_eq!((of_type(&served, "DNSKEY"), of_type(&served, "NSEC3"), of_type(&served, "NSEC3PARAM")), (2, 9, 1));
    // One signature for each RRset: 11 stored, DNSKEY, NSEC3PARAM, the chain.
    assert_eq!(of_type(&served, "RRSIG"), 11 + 2 + 9);
    let mut out = Vec::new();
    let error = crate::export::export(&settings, "nope.test", false, &mut out).await.unwrap_err();
    assert_eq!(error.to_string(), "zone nope.test. not found");
}
