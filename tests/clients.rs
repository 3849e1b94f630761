//! Clients that people have already, in current releases, each doing its whole job against the real server. What each checks after
//! every step, in the API and in DNS, is in `clients/`; `tests/run` installs those of Python, those of Go are built. External-DNS, bravado, lego
//! and certbot have suites of their own.

use signpost_tests::Postgres;
use signpost_tests::go;
use signpost_tests::process::run;
use signpost_tests::server::{Settings, Signpost, workspace};
use signpost_tests::temp::TempDir;
use std::path::PathBuf;
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

#[test]
fn what_dnscontrol_calls_makes_a_zone_and_plans_nothing_the_second_time() {
    go_tests("^TestDnscontrol", 1, &Signpost::start(Settings::sqlite()));
}
