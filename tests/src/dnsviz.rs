//! dnsviz: a stranger's analyst, which asks servers much and says what it holds against the answers.
//!
//! It is written in Python; `tests/run` installs it from PyPI into the target folder. Nothing it asks leaves this machine: the
//! topmost zone is marked as one without a parent, and every zone has its server named.

use crate::process::output;
use crate::temp::TempDir;
use serde_json::Value;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

/// Where the analysis takes place.
#[derive(Debug)]
pub struct Scene<'a> {
    /// The server of all zones.
    pub server: SocketAddr,
    /// The zone that has a trust anchor.
    pub top: &'a str,
    /// Zones under it, each with the name server `ns1` in the zone.
    pub zones: &'a [String],
    /// Names to look at, in signed zones.
    pub names: &'a [String],
    /// The same in zones that are not signed. dnsviz 0.11 cannot print the status of their negative answers.
    pub unsigned: &'a [String],
    /// Types to ask for at each of them.
    pub types: &'a [&'a str],
    /// DNSKEY records of `top` in text.
    pub anchors: &'a str,
}

/// What it found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Errors and warnings: where in the analysis, which code, and its words.
    pub complaints: Vec<Complaint>,
    /// How many answers, proofs and keys it calls secure.
    pub secure: usize,
    /// Delegations to signed zones: `SECURE`, or worse.
    pub delegations: Vec<(String, String)>,
}

/// One error or warning.
#[derive(Debug, Clone)]
pub struct Complaint {
    /// The way to it, names first.
    pub at: String,
    /// Such as `SIGNATURE_INVALID`.
    pub code: String,
    /// For a person.
    pub text: String,
}

/// Probes the servers and assesses what they answered.
///
/// # Panics
///
/// When dnsviz is not there or fails.
pub fn assess(scene: &Scene<'_>) -> Findings {
    let folder = TempDir::new("dnsviz");
    let (probed, anchors, found) = (folder.join("probed"), folder.join("anchors"), folder.join("found"));
    std::fs::write(&anchors, scene.anchors).expect("the folder is ours");
    let mut probe = command("probe");
    probe.args(["-d", "1", "-4", "-A", "-t", "2", "-R", &scene.types.join(",")]).arg("-o").arg(&probed);
    // The plus: nothing above it is asked for.
    probe.arg("-x").arg(servers(&format!("{}+", bare(scene.top)), scene.top, scene.server));
    for zone in scene.zones {
        probe.arg("-x").arg(servers(bare(zone), zone, scene.server));
    }
    probe.args(scene.names.iter().chain(scene.unsigned).map(|name| bare(name)));
    run(&mut probe);
    let mut findings = Findings::default();
    for (names, level) in [(scene.names, "info"), (scene.unsigned, "warning")] {
        let mut grok = command("grok");
        grok.args(["-l", level]).arg("-t").arg(&anchors).arg("-r").arg(&probed).arg("-o").arg(&found);
        run(grok.args(names.iter().map(|name| bare(name))));
        let found = std::fs::read(&found).expect("it wrote what it found");
        // Nothing at all, if there is nothing to say.
        if !found.is_empty() {
            collect(&serde_json::from_slice(&found).expect("it writes JSON"), "", &mut findings);
        }
    }
    findings
}

fn servers(domain: &str, zone: &str, server: SocketAddr) -> String {
    format!("{domain}:ns1.{}={server}", bare(zone))
}

fn bare(name: &str) -> &str {
    name.trim_end_matches('.')
}

fn command(verb: &str) -> Command {
    let folder = folder();
    let mut command = Command::new("python3");
    command.env("PYTHONPATH", &folder).arg(folder.join("bin/dnsviz")).arg(verb);
    command
}

fn folder() -> PathBuf {
    // target/PROFILE/deps/this-test
    let test = std::env::current_exe().expect("a running program has a path");
    let target = test.ancestors().nth(3).expect("tests are in target/PROFILE/deps");
    let folder = target.join("dnsviz");
    assert!(folder.join("bin/dnsviz").exists(), "no dnsviz in {}: tests/run installs it", folder.display());
    folder
}

fn run(command: &mut Command) {
    let output = output(command);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{command:?}: {said}");
}

fn collect(value: &Value, at: &str, findings: &mut Findings) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match (name.as_str(), value) {
                    ("errors" | "warnings", Value::Array(complaints)) => {
                        findings.complaints.extend(complaints.iter().map(|complaint| Complaint {
                            at: at.to_owned(),
                            code: complaint["code"].as_str().unwrap_or_default().to_owned(),
                            text: complaint["description"].as_str().unwrap_or_default().to_owned(),
                        }));
                    }
                    ("status", Value::String(status)) => {
                        findings.secure += usize::from(status == "SECURE");
                        if let Some(zone) = at.strip_suffix("/delegation") {
                            findings.delegations.push((zone.trim_start_matches('/').to_owned(), status.clone()));
                        }
                    }
                    _ => collect(value, &format!("{at}/{name}"), findings),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, at, findings)),
        _ => {}
    }
}
