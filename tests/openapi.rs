//! `/api/docs` in the hands of strangers: validators judge both documents, bravado works by the one, schemathesis draws requests
//! from the other and holds every answer to it. `tests/run` installs them from PyPI.

use signpost_tests::Postgres;
use signpost_tests::process::{output, run};
use signpost_tests::server::{KEY, Settings, Signpost, workspace};
use std::path::PathBuf;
use std::process::Command;

/// A Python command with the packages of this suite.
fn python() -> Command {
    // target/PROFILE/deps/this-test
    let test = std::env::current_exe().expect("a running program has a path");
    let folder = test.ancestors().nth(3).expect("tests are in target/PROFILE/deps").join("openapi");
    assert!(folder.join("bravado").exists(), "no bravado in {}: tests/run installs it", folder.display());
    let mut command = Command::new("python3");
    // Its notes would lie in the folder it is started in.
    command.env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1").current_dir(std::env::temp_dir());
    command
}

fn script(name: &str) -> PathBuf {
    workspace().join("tests/openapi").join(name)
}

fn url(server: &Signpost) -> String {
    format!("http://{}", server.api().address)
}

#[test]
fn both_documents_are_valid_in_json_and_in_yaml() {
    let server = Signpost::start(Settings::sqlite());
    run(python().arg(script("validate.py")).arg(url(&server)).arg(KEY));
}

fn bravado_does_its_whole_job(settings: Settings) {
    let server = Signpost::start(settings);
    let said = run(python().arg(script("bravado_client.py")).arg(url(&server)).arg(KEY));
    assert_eq!(said.trim(), "bravado did its whole job");
}

#[test]
fn bravado_works_by_the_document_on_sqlite() {
    bravado_does_its_whole_job(Settings::sqlite());
}

#[test]
fn bravado_works_by_the_document_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    bravado_does_its_whole_job(Settings::postgres(&postgres.url()));
}

/// What must hold for every answer to whatever schemathesis draws. That wrong requests are refused is not among it: the dialect
/// reads leniently.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,ignored_auth";

fn schemathesis(server: &Signpost, seed: u32, examples: u32, more: &[&str], phases: &str) {
    let mut command = python();
    command.args(["-m", "schemathesis.cli"]).args(more).arg("run").arg(format!("{}/api/docs?openapi=3.1", url(server)));
    command.args([
        "--header",
        &format!("X-API-Key: {KEY}"),
        "--checks",
        CHECKS,
        "--no-shrink",
        "--continue-on-failure",
    ]);
    command.args([
        "--seed",
        &seed.to_string(),
        "--max-examples",
        &examples.to_string(),
        "--warnings",
        "off",
        "--phases",
        phases,
    ]);
    let output = output(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{command:?}\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("No issues found"), "{said}");
}

fn no_answer_breaks_the_document(settings: Settings, seeds: std::ops::Range<u32>, examples: u32) {
    let server = Signpost::start(settings);
    let zone = serde_json::json!({
        "name": "drawn.test.", "kind": "Native", "dnssec": true, "nameservers": ["ns1.drawn.test."],
    });
    for seed in seeds {
        let api = server.api();
        // A drawn request may have deleted it.
        let _ = api.send("POST", "/zones", Some(&zone)).expect("the API answers");
        let keys = api.must(200, "GET", "/zones/drawn.test./cryptokeys", None).json();
        // Drawn ids are of nothing: these name what is there.
        let ids = server.folder().join("schemathesis.toml");
        let text = format!(
            "[parameters]\nzone_id = \"drawn.test.\"\nmetadata_kind = \"ALSO-NOTIFY\"\ncryptokey_id = \"{}\"\n",
            keys[0]["id"]
        );
        std::fs::write(&ids, text).expect("the folder is ours");
        let ids = ids.to_str().expect("it is of plain letters");
        schemathesis(&server, seed, examples, &["--config-file", ids], "coverage,fuzzing");
        schemathesis(&server, seed, examples, &[], "fuzzing,stateful");
    }
    // It counts only if requests got through.
    for (metric, least) in
        [("pdns_auth_api_result_200", 100), ("pdns_auth_api_result_201", 10), ("pdns_auth_api_result_204", 10)]
    {
        assert!(server.metric(metric) >= least, "{metric}: {}", server.metric(metric));
    }
    assert_eq!((server.metric("pdns_auth_api_result_500"), server.metric("pdns_auth_api_result_503")), (0, 0));
}

#[test]
fn no_answer_breaks_the_document_on_sqlite() {
    no_answer_breaks_the_document(Settings::sqlite(), 1..2, 10);
}

#[test]
fn no_answer_breaks_the_document_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    no_answer_breaks_the_document(Settings::postgres(&postgres.url()), 2..3, 10);
}

#[test]
#[ignore = "full set: ten times the requests, five seeds"]
fn no_answer_breaks_the_document_with_many_requests_on_sqlite() {
    no_answer_breaks_the_document(Settings::sqlite(), 10..15, 150);
}

#[test]
#[ignore = "full set: ten times the requests, five seeds"]
fn no_answer_breaks_the_document_with_many_requests_on_postgres() {
    let postgres = Postgres::start().expect("Postgres starts");
    no_answer_breaks_the_document(Settings::postgres(&postgres.url()), 20..25, 150);
}
