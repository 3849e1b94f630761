//! External-DNS itself against the real server: its provider, TXT registry, plan and controller, in the releases people
//! run. What is checked after every step is in `external-dns/`; here the server is started, and at the end every zone
//! that External-DNS has written is judged as a whole.

use signpost_tests::Postgres;
use signpost_tests::process::{free_port, run};
use signpost_tests::server::{Settings, Signpost, workspace};
use signpost_tests::validators::verify_zone;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

const WEBHOOK_PASSWORD: &str = "webhook-password-of-the-tests";

/// Builds the Go test binary of a release, once in a build folder.
fn build(release: &str) -> PathBuf {
    // Go's linker and its cache are enough for both cores.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("external-dns-{release}.test"));
    run(Command::new(workspace().join("tests/external-dns/build")).arg(release).arg(&output));
    output
}

fn external_dns_lives_with(settings: Settings, release: &str) {
    let binary = build(release);
    let webhook = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let server = Signpost::start(
        settings
            .with("--api-external-dns-takeover=yes")
            .with(&format!("--webhook-listen={webhook}"))
            .with(&format!("--webhook-password={WEBHOOK_PASSWORD}")),
    );
    let api = server.api();
    let printed = run(Command::new(binary)
        .args(["-test.v", "-test.timeout=20m"])
        .env("EXTERNAL_DNS_TEST_API", format!("http://{}", api.address))
        .env("EXTERNAL_DNS_TEST_KEY", &api.key)
        .env("EXTERNAL_DNS_TEST_WEBHOOK", format!("http://any:{WEBHOOK_PASSWORD}@{webhook}"))
        .env("EXTERNAL_DNS_TEST_DNS_HOST", server.dns().ip().to_string())
        .env("EXTERNAL_DNS_TEST_DNS_PORT", server.dns().port().to_string()));
    let passed = printed.lines().filter(|line| line.trim_start().starts_with("--- PASS")).count();
    assert!(passed >= 15, "only {passed} tests ran:\n{printed}");

    let zones = api.must(200, "GET", "/zones", None).json();
    let names: Vec<&str> = zones.as_array().into_iter().flatten().filter_map(|zone| zone["name"].as_str()).collect();
    assert!(names.len() >= 15, "{names:?}");
    for name in names {
        verify_zone(name, &server.run(&["export", name, "--signed"]));
    }
}

#[test]
fn release_0_21_with_the_old_client_on_sqlite() {
    external_dns_lives_with(Settings::sqlite(), "0.21.0");
}

#[test]
fn release_0_22_with_the_new_client_on_sqlite() {
    external_dns_lives_with(Settings::sqlite(), "0.22.0");
}

#[test]
fn release_0_21_with_the_old_client_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    external_dns_lives_with(Settings::postgres(&postgres.url()), "0.21.0");
}

#[test]
fn release_0_22_with_the_new_client_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    external_dns_lives_with(Settings::postgres(&postgres.url()), "0.22.0");
}

#[test]
fn release_0_14_that_many_manuals_pin_on_sqlite() {
    external_dns_lives_with(Settings::sqlite(), "0.14.0");
}

#[test]
#[ignore = "full set: another build of External-DNS"]
fn release_0_14_that_many_manuals_pin_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    external_dns_lives_with(Settings::postgres(&postgres.url()), "0.14.0");
}
