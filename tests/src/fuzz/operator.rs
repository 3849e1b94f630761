//! What operators write: settings and private keys.

use crate::temp::TempDir;
use signpost::config::{self, Sources};
use std::path::Path;

/// A private key in BIND's text. What is accepted is written in one form, which is the same key.
pub fn isc_key(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(normal) = dnssec::isc::normalize(&text) else { return };
    let again = dnssec::isc::normalize(&normal).expect("the normal form is a key");
    assert_eq!(again, normal, "the normal form has another");
    // Not every key that can be read can be used: RSA moduli may be too short, points not on the curve.
    let Ok(key) = dnssec::ZoneKey::from_isc(&text, 257) else { return };
    let again = dnssec::ZoneKey::from_isc(&normal, 257).expect("the normal form is the same key");
    assert_eq!(again.dnskey(), key.dnskey());
}

thread_local! {
    /// Where the files would be; one a thread, gone with it.
    static ROOT: TempDir = {
        let root = TempDir::new("settings");
        std::fs::create_dir_all(root.join("etc/powerdns")).expect("the folder is ours");
        std::fs::create_dir_all(root.join("etc/signpost")).expect("the folder is ours");
        root
    };
}

/// Settings: `pdns.conf`, `signpost.toml`, environment variables or flags, by the first octet. They are taken, or refused with a
/// reason.
pub fn settings(data: &[u8]) {
    let Some((choice, text)) = data.split_first() else { return };
    let text = String::from_utf8_lossy(text);
    if text.replace('_', "-").to_ascii_lowercase().contains("include-dir") {
        // It would read this machine's files.
        return;
    }
    ROOT.with(|root| load(root.path(), *choice, &text));
}

fn load(root: &Path, choice: u8, text: &str) {
    let mut sources = Sources { falls_back_to_pdns_conf: true, root: Some(root.to_owned()), ..Sources::default() };
    let is_file = |number: u8| choice % 4 == number;
    for (file, text) in [
        ("etc/powerdns/pdns.conf", is_file(0).then_some(text)),
        ("etc/signpost/signpost.toml", is_file(1).then_some(text)),
    ] {
        match text {
            Some(text) => std::fs::write(root.join(file), text).expect("the folder is ours"),
            // Mostly it is not there.
            None => drop(std::fs::remove_file(root.join(file))),
        }
    }
    if is_file(2) {
        let pair = |line: &str| line.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
        sources.variables = text.lines().filter_map(pair).filter(|(name, _)| !is_location(name)).collect();
    }
    if is_file(3) {
        sources.flags = config::flags::split(text.lines().map(str::to_owned)).0;
        sources.flags.retain(|flag| !is_location(&flag.name));
    }
    if let Err(error) = config::load(&sources) {
        assert!(!error.to_string().is_empty());
    }
}

/// Whether a setting says where others are, which would be files of this machine.
fn is_location(name: &str) -> bool {
    name.replace('_', "-").to_ascii_lowercase().contains("config")
}
