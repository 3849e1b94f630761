//! Certificates by DNS-01, end to end: ACME clients in current releases put challenges into our zones through the API, Pebble asks for them
//! over UDP and issues, and nothing of it is left. docs/certificates.md has the settings, which are used here as they stand there.

use signpost_tests::Postgres;
use signpost_tests::dig::{Transport, dig};
use signpost_tests::go;
use signpost_tests::pebble::Pebble;
use signpost_tests::process::run;
use signpost_tests::server::{Settings, Signpost, workspace};
use signpost_tests::temp::TempDir;
use signpost_tests::wait::until_true;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const BUILT: &str = env!("CARGO_TARGET_TMPDIR");

#[test]
fn lego_issues_renews_and_revokes_also_with_keys_for_challenges_only() {
    let program = go::clients(BUILT);
    let server = Signpost::start(Settings::sqlite());
    let pebble = Pebble::start(&go::pebble(BUILT), server.dns());
    // The zone for challenges and the CNAME to it, by the commands of docs/certificates.md.
    for zone in ["far.test", "challenges.test"] {
        server.run(&["pdnsutil", "zone", "create", zone, &format!("ns1.{zone}")]);
        server.run(&["pdnsutil", "secure-zone", zone]);
    }
    server.run(&["pdnsutil", "add-record", "far.test", "_acme-challenge", "CNAME", "300", "far.challenges.test."]);
    until_true("the CNAME and the zone it leads to", Duration::from_secs(30), || {
        let there = |name, rtype| dig(server.dns(), name, rtype, Transport::Udp);
        let (alias, soa) = (there("_acme-challenge.far.test.", "CNAME"), there("challenges.test.", "SOA"));
        alias.answer_is_signed() && soa.answer_is_signed()
    });
    let (api, dns, root) = (server.api(), server.dns().to_string(), pebble.root().display().to_string());
    let one_name = ["--zone", "shop.test", "--type", "TXT", "--name", "_acme-challenge.shop.test"];
    let environment = [
        ("CLIENT_API", &api.address.to_string()),
        ("CLIENT_KEY", &api.key),
        ("CLIENT_DNS", &dns),
        ("ACME_DIRECTORY", &pebble.directory()),
        ("LEGO_CA_CERTIFICATES", &root),
        ("ACME_KEY", &server.limited_key("acme", &one_name)),
        ("ACME_ZONE_KEY", &server.limited_key("acme-zone", &["--zone", "challenges.test", "--type", "TXT"])),
    ];
    go::test(&program, "^TestLego", 5, &environment.map(|(name, value)| (name, value.as_str())));
}

/// Where `tests/run` puts the Python packages of the clients.
fn python_packages() -> PathBuf {
    // target/PROFILE/deps/this-test
    let test = std::env::current_exe().expect("a running program has a path");
    let folder = test.ancestors().nth(3).expect("tests are in target/PROFILE/deps").join("clients");
    assert!(folder.join("certbot").exists(), "no certbot in {}: tests/run installs it", folder.display());
    folder
}

#[test]
fn certbot_issues_renews_and_revokes_with_a_key_for_challenges_only() {
    let postgres = Postgres::start().expect("Postgres starts");
    let server = Signpost::start(Settings::postgres(&postgres.url()));
    let pebble = Pebble::start(&go::pebble(BUILT), server.dns());
    let names = "_acme-challenge.example.com,_acme-challenge.www.example.com";
    let acme = server.limited_key("acme", &["--zone", "example.com", "--type", "TXT", "--name", names]);
    let (packages, folder) = (python_packages(), TempDir::new("certbot"));
    run(Command::new("python3")
        .arg(workspace().join("tests/clients/certbot_certificates.py"))
        .current_dir(folder.path())
        .env("PYTHONPATH", &packages)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HOME", folder.path())
        .env("CLIENT_PROGRAMS", packages.join("bin"))
        .env("CLIENT_API", server.api().address.to_string())
        .env("CLIENT_KEY", server.api().key)
        .env("CLIENT_DNS", server.dns().to_string())
        .env("REQUESTS_CA_BUNDLE", pebble.root())
        .env("ACME_DIRECTORY", pebble.directory())
        .env("ACME_KEY", acme));
}
