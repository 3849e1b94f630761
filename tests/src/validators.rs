//! Strangers' command-line validators: delv (BIND), drill and ldns-verify-zone (ldns), dnssec-verify (BIND).

use crate::process::output;
use crate::temp::TempDir;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

/// Keys to trust, in the forms the tools read.
#[derive(Debug)]
pub struct Anchors {
    folder: TempDir,
    /// DNSKEY records in text, one a line.
    pub records: String,
}

/// What a validator found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// A positive or negative answer with a whole chain of trust.
    Secure,
    /// No signatures, and proof that none are to be expected.
    Insecure,
    /// Neither; the output of the tool.
    Bogus(String),
}

impl Anchors {
    /// Trusts each zone's keys: `(zone with final dot, DNSKEY contents)`.
    pub fn new(zones: &[(&str, Vec<String>)]) -> Anchors {
        let folder = TempDir::new("anchors");
        let (mut records, mut bind) = (String::new(), String::from("trust-anchors {\n"));
        for (zone, keys) in zones {
            for key in keys {
                records.push_str(&format!("{zone} 3600 IN DNSKEY {key}\n"));
                let mut parts = key.splitn(4, ' ');
                let numbers: Vec<&str> = parts.by_ref().take(3).collect();
                let public = parts.next().unwrap_or_default().replace(' ', "");
                bind.push_str(&format!("  \"{zone}\" static-key {} \"{public}\";\n", numbers.join(" ")));
            }
        }
        bind.push_str("};\n");
        std::fs::write(folder.join("records"), &records).expect("the folder is ours");
        std::fs::write(folder.join("bind"), bind).expect("the folder is ours");
        Anchors { folder, records }
    }

    fn bind_file(&self) -> PathBuf {
        self.folder.join("bind")
    }

    fn record_file(&self) -> PathBuf {
        self.folder.join("records")
    }
}

/// Validates with delv, from the key of `root` down.
pub fn delv(server: SocketAddr, anchors: &Anchors, root: &str, name: &str, rtype: &str) -> Verdict {
    delv_from(IpAddr::from([127, 0, 0, 1]), server, anchors, root, name, rtype)
}

/// The same, asking from an address of loopback.
pub fn delv_from(
    source: IpAddr,
    server: SocketAddr,
    anchors: &Anchors,
    root: &str,
    name: &str,
    rtype: &str,
) -> Verdict {
    let output = output(
        Command::new("delv")
            .arg(format!("@{}", server.ip()))
            .args(["-b", &source.to_string(), "-p", &server.port().to_string(), "-a"])
            .arg(anchors.bind_file())
            .args([&format!("+root={}", root.trim_end_matches('.')), "-q", name, "-t", rtype]),
    );
    let printed = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let says = |text: &str| printed.lines().any(|line| line.contains(text));
    let broken = ["broken trust chain", "no valid", "insecurity proof failed", "SERVFAIL", "timed out", "refused"];
    if broken.iter().any(|text| says(text)) {
        Verdict::Bogus(printed)
    } else if says("fully validated") {
        Verdict::Secure
    } else if says("unsigned answer") || says("negative response, unsigned") {
        Verdict::Insecure
    } else {
        Verdict::Bogus(printed)
    }
}

/// Validates with drill, which chases signatures from the answer up to a trusted key.
pub fn drill(server: SocketAddr, anchors: &Anchors, name: &str, rtype: &str) -> Verdict {
    let chase = |options: &[&str]| {
        let mut command = Command::new("drill");
        command.args(options).args(["-S", "-D", "-k"]).arg(anchors.record_file());
        command.args(["-p", &server.port().to_string(), name, &format!("@{}", server.ip()), rtype]);
        let output = output(&mut command);
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    let mut printed = chase(&[]);
    if ["<no data>", "No DNSSEC public key(s)"].iter().any(|text| printed.contains(text)) {
        // When it chases, it does not by itself go on to TCP after a truncated reply, of keys among others.
        printed = chase(&["-t"]);
    }
    // It also prints "Chase successful" beside a subtree it could not verify.
    let failed =
        ["Bogus", "Chase failed", "self signed", "not valid", "Error"].iter().any(|text| printed.contains(text));
    if printed.contains(";; Chase successful") && !failed {
        Verdict::Secure
    } else if printed.contains("No DNSSEC public key(s)") || printed.contains("No DNSSEC signature(s)") {
        Verdict::Insecure
    } else {
        Verdict::Bogus(printed)
    }
}

/// Checks a whole signed zone in zone file format with ldns-verify-zone and with dnssec-verify.
///
/// # Panics
///
/// When either finds a fault; the message has its output.
pub fn verify_zone(zone: &str, text: &str) {
    let faults = zone_faults(zone, text);
    assert!(faults.is_empty(), "{}\n{text}", faults.join("\n"));
}

/// As [`verify_zone`]; what the tools find, each with its name first.
pub fn zone_faults(zone: &str, text: &str) -> Vec<String> {
    let folder = TempDir::new("zone");
    let file = folder.join("zone");
    std::fs::write(&file, text).expect("the folder is ours");
    let zone = zone.trim_end_matches('.');
    let mut dnssec_verify = vec!["-q", "-o", zone];
    if !text.contains("\tDNSKEY\t256 ") && !text.contains(" DNSKEY 256 ") {
        // A single key signs everything: by default the tool wants a ZSK beside it.
        dnssec_verify.push("-z");
    }
    let mut faults = Vec::new();
    for (tool, arguments) in [("ldns-verify-zone", vec!["-V", "2"]), ("dnssec-verify", dnssec_verify)] {
        let output = output(Command::new(tool).args(arguments).arg(&file));
        if !output.status.success() {
            let [printed, said] = [&output.stdout, &output.stderr].map(|octets| String::from_utf8_lossy(octets));
            faults.push(format!("{tool}: {zone}: {printed}{said}"));
        }
    }
    faults
}
