//! `compare` in its smallest form: that it starts servers, asks, judges and reports. How quick they are is not looked at.

use serde_json::Value;
use signpost_tests::process;
use signpost_tests::temp::TempDir;
use std::process::Command;

#[test]
fn every_reply_of_ours_and_of_knot_is_right_and_the_report_says_so() {
    let folder = TempDir::new("compare-test");
    let out = folder.join("out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_bench"));
    command.args(["compare", "--names=300", "--kind=half", "--server=echo", "--server=signpost", "--server=knot"]);
    command
        .args(["--rounds=1", "--seconds=0.1", "--ports=16"])
        .arg("--work")
        .arg(folder.join("work"))
        .arg("--out")
        .arg(&out);
    let printed = process::run(&mut command);
    let json: Value =
        serde_json::from_slice(&std::fs::read(out.join("compare.json")).expect("it is written")).expect("it is JSON");
    let rows = json[0]["rows"].as_array().expect("one table of rates");
    let names: Vec<&str> = rows.iter().filter_map(|row| row["server"].as_str()).collect();
    assert_eq!(names, ["echo loop", "Signpost", "Knot"]);
    for row in rows {
        assert!(row["queries_per_second"].as_f64().is_some_and(|rate| rate > 0.0), "{row}");
        assert!(row["half_load_p99_micros"].as_f64().is_some(), "{row}");
        assert_eq!((&row["wrong"], &row["lost"]), (&Value::from(0), &Value::from(0)), "{row}");
    }
    // Half of the replies have an address or the like and its signature, half three proofs.
    assert!(rows[1]["octets_per_reply"].as_f64().is_some_and(|octets| (300.0..700.0).contains(&octets)), "{}", rows[1]);
    let markdown = std::fs::read_to_string(out.join("compare.md")).expect("it is written");
    assert!(printed.contains(markdown.lines().next().expect("a title")) && markdown.contains("| Knot |"), "{markdown}");
    let picture = std::fs::read_to_string(out.join("compare.svg")).expect("it is written");
    assert_eq!(picture.matches("<rect").count(), 3);
}
