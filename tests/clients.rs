//! Clients that people have already, in current releases, each doing its whole job against the real server. What each checks after
//! every step, in the API and in DNS, is in `clients/`; `tests/run` installs those of Python, those of Go are built. External-DNS, bravado, lego
//! and certbot have suites of their own.

use signpost_tests::Postgres;
use signpost_tests::api::Signed;
use signpost_tests::dig::{Transport, dig};
use signpost_tests::go;
use signpost_tests::process::run;
use signpost_tests::server::{Settings, Signpost, workspace};
use signpost_tests::temp::TempDir;
use signpost_tests::validators::verify_zone;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where `tests/run` puts the Python packages of this suite.
fn python_packages() -> PathBuf {
    // target/PROFILE/deps/this-test
    let test = std::env::current_exe().expect("a running program has a path");
    let folder = test.ancestors().nth(3).expect("tests are in target/PROFILE/deps").join("clients");
    assert!(folder.join("octodns").exists(), "no octoDNS in {}: tests/run installs it", folder.display());
    folder
}

/// Runs a script of `clients/` against a server; its one argument is a folder to write into.
fn script(name: &str, server: &Signpost) {
    let (packages, folder) = (python_packages(), TempDir::new("client"));
    let mut command = Command::new("python3");
    command.arg(workspace().join("tests/clients").join(name)).arg(folder.path()).current_dir(folder.path());
    command
        .env("PYTHONPATH", &packages)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("HOME", folder.path())
        .env("CLIENT_PROGRAMS", packages.join("bin"))
        .env("CLIENT_API", server.api().address.to_string())
        .env("CLIENT_KEY", server.api().key)
        .env("CLIENT_DNS", server.dns().to_string());
    run(&mut command);
}

fn on_both_stores(name: &str) {
    script(name, &Signpost::start(Settings::sqlite()));
    let postgres = Postgres::start().expect("Postgres starts");
    script(name, &Signpost::start(Settings::postgres(&postgres.url())));
}

#[test]
fn octodns_carries_every_type_and_its_second_run_plans_nothing() {
    on_both_stores("octodns_sync.py");
}

#[test]
fn python_powerdns_backs_a_zone_up_and_restores_it() {
    on_both_stores("python_powerdns.py");
}

#[test]
fn dns_lexicon_makes_lists_changes_and_deletes() {
    script("lexicon_records.py", &Signpost::start(Settings::sqlite()));
}

#[test]
fn powerdns_cli_runs_every_command_of_an_operator() {
    on_both_stores("powerdns_cli.py");
}

#[test]
fn powerdns_client_reads_every_answer_into_its_models() {
    script("powerdns_client_models.py", &Signpost::start(Settings::sqlite()));
}

/// Runs the tests of `clients/go` that `pattern` names, of which there are `count`.
fn go_tests(pattern: &str, count: usize, server: &Signpost) {
    let program = go::clients(env!("CARGO_TARGET_TMPDIR"));
    let (api, dns) = (server.api(), server.dns().to_string());
    let settings = [("CLIENT_API", &*api.address.to_string()), ("CLIENT_KEY", &*api.key), ("CLIENT_DNS", &*dns)];
    go::test(&program, pattern, count, &settings);
}

#[test]
fn joeig_go_powerdns_does_all_it_can() {
    go_tests("^TestJoeig", 4, &Signpost::start(Settings::sqlite()));
}

#[test]
fn joeig_go_powerdns_does_all_it_can_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    go_tests("^TestJoeig", 4, &Signpost::start(Settings::postgres(&postgres.url())));
}

#[test]
fn mittwald_go_powerdns_does_all_it_can() {
    go_tests("^TestMittwald", 3, &Signpost::start(Settings::sqlite()));
}

/// What dnscontrol prints for one command; `step` is which of its two configurations it has.
fn dnscontrol(program: &Path, folder: &TempDir, step: u32, command: &[&str]) -> String {
    let config = workspace().join("tests/clients/dnscontrol/dnsconfig.js");
    run(Command::new(program)
        .args(command)
        .args(["--config".as_ref(), config.as_os_str()])
        .args(["--variable", &format!("STEP={step}"), "--variable", "ZONE=dnscontrol.example"])
        .current_dir(folder.path()))
}

#[test]
fn dnscontrol_makes_a_zone_with_every_type_and_plans_nothing_the_second_time() {
    let program = go::dnscontrol(env!("CARGO_TARGET_TMPDIR"));
    let server = Signpost::start(Settings::sqlite());
    let folder = TempDir::new("dnscontrol");
    // As the manual has it: a key for this zone alone.
    let key = server.limited_key("dnscontrol", &["--zone", "dnscontrol.example"]);
    let credentials = serde_json::json!({"signpost": {
        "TYPE": "POWERDNS", "apiUrl": format!("http://{}", server.api().address), "apiKey": key, "serverName": "localhost",
    }});
    std::fs::write(folder.join("creds.json"), credentials.to_string()).expect("the folder is ours");
    let answers = |name: &str, rtype: &str| dig(server.dns(), name, rtype, Transport::Udp).contents(rtype);

    assert!(dnscontrol(&program, &folder, 1, &["preview"]).contains("Ensuring zone"));
    let done = dnscontrol(&program, &folder, 1, &["push"]);
    assert!(done.contains("Enable DNSSEC") && !done.contains("FAILURE"), "{done}");
    assert!(dnscontrol(&program, &folder, 1, &["push"]).contains("Done. 0 corrections."));
    assert_eq!(answers("swap.dnscontrol.example.", "CNAME"), ["www.dnscontrol.example."]);
    assert_eq!(answers("www.dnscontrol.example.", "A").len(), 2);
    verify_zone("dnscontrol.example.", &server.run(&["export", "dnscontrol.example", "--signed"]));

    // CNAME and addresses change places, and the keys go.
    let done = dnscontrol(&program, &folder, 2, &["push"]);
    assert!(done.contains("Disable DNSSEC") && !done.contains("FAILURE"), "{done}");
    assert!(dnscontrol(&program, &folder, 2, &["push"]).contains("Done. 0 corrections."));
    assert_eq!(answers("swap.dnscontrol.example.", "A"), ["192.0.2.8"]);
    assert_eq!(answers("swap.dnscontrol.example.", "AAAA"), ["2001:db8::8"]);

    // What another key has made is not seen.
    server.api().create_zone("other.example.", Signed::No, Vec::new());
    let listed = run(Command::new(&program)
        .args(["get-zones", "--format=nameonly", "signpost", "-", "all"])
        .current_dir(folder.path()));
    assert_eq!(listed.trim(), "dnscontrol.example");
}
