//! What README and quickstart tell a newcomer is true: its commands run, its links lead somewhere.

use signpost_tests::process::{Daemon, output, run};
use signpost_tests::server::{clean_command, workspace};
use signpost_tests::temp::TempDir;
use signpost_tests::wait::until_true;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

fn readme() -> String {
    std::fs::read_to_string(workspace().join("README.md")).expect("README.md is there")
}

/// The commands in its console blocks.
fn commands() -> Vec<String> {
    readme().lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned).collect()
}

#[test]
fn the_two_commands_are_what_they_are_said_to_be() {
    let commands = commands();
    assert_eq!(commands.first().map(String::as_str), Some("cargo run --release -- quickstart"));
    assert!(commands.iter().any(|command| command == "tests/run"));
    // `cargo run` means the program: the workspace has one default member with one binary.
    let metadata = run(Command::new("cargo")
        .args(["metadata", "--no-deps", "--offline", "--format-version=1"])
        .current_dir(workspace()));
    let metadata: serde_json::Value = serde_json::from_str(&metadata).expect("cargo prints JSON");
    let members = metadata["workspace_default_members"].as_array().expect("an array");
    assert!(members.len() == 1 && members[0].as_str().is_some_and(|id| id.contains("crates/signpost")), "{members:?}");
    // The test command exists and knows its flags.
    let help = run(Command::new(workspace().join("tests/run")).arg("--help"));
    assert!(help.contains("--full"), "{help}");
    let ci = std::fs::read_to_string(workspace().join(".ci/run")).expect(".ci/run is there");
    assert!(ci.lines().any(|line| line.trim() == "tests/run"), "CI does not call the test command as README does");
}

/// The ports of README are the defaults, which may be taken here: a network namespace of its own has them free.
#[test]
fn the_commands_to_try_work_as_written() {
    let folder = TempDir::new("readme");
    let namespace = ["--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"];
    let root = output(Command::new("id").arg("-u")).stdout.trim_ascii() == b"0";
    let user: &[&str] = if root { &[] } else { &["--user", "--map-root-user"] };
    let mut server = Command::new("unshare");
    server.args(user).args(namespace).arg(clean_command().get_program()).arg("quickstart").current_dir(folder.path());
    let mut daemon = Daemon::start("signpost quickstart", &mut server, &folder.join("log"));
    until_true("quickstart to print what to try", Duration::from_secs(60), || {
        daemon.assert_running();
        daemon.log().contains(" IN DS ")
    });
    let user: &[&str] = if root { &[] } else { &["--user", "--preserve-credentials"] };
    let inside = |line: &str| {
        let mut command = Command::new("nsenter");
        command.args(user).args(["--net", "--target", &daemon.id().to_string(), "sh", "-c", line]);
        output(command.current_dir(folder.path()))
    };
    let tried: Vec<String> =
        commands().into_iter().filter(|c| ["dig ", "delv ", "curl "].iter().any(|tool| c.starts_with(tool))).collect();
    assert!(tried.len() >= 4, "{tried:?}");
    for command in &tried {
        let output = inside(command);
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{command}\n{printed}{}", String::from_utf8_lossy(&output.stderr));
        match command.split(' ').next() {
            Some("delv") => assert!(printed.contains("fully validated"), "{command}\n{printed}"),
            Some("dig") if command.contains("+dnssec") => assert!(printed.contains("RRSIG"), "{command}\n{printed}"),
            Some("dig") => assert_eq!(printed.trim(), "192.0.2.42", "{command}"),
            _ => {}
        }
    }
    // External-DNS's arguments name the same server.
    assert!(readme().contains("--pdns-server=http://127.0.0.1:8081") && daemon.log().contains("http://127.0.0.1:8081"));
}

#[test]
fn links_lead_to_files_that_are_there() {
    let mut pages = vec!["README.md".to_owned(), "ARCHITECTURE.md".to_owned(), "CHANGELOG.md".to_owned()];
    for entry in std::fs::read_dir(workspace().join("docs")).expect("the manual is there").flatten() {
        pages.push(format!("docs/{}", entry.file_name().to_string_lossy()));
    }
    for page in pages {
        let text = std::fs::read_to_string(workspace().join(&page)).unwrap_or_else(|error| panic!("{page}: {error}"));
        let folder = Path::new(&page).parent().expect("a page is in a folder");
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = target.split('#').next().unwrap_or_default();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            assert!(workspace().join(folder).join(file).exists(), "{page} links to {target}");
        }
    }
}

#[test]
fn the_table_of_sets_names_every_suite() {
    let table = std::fs::read_to_string(workspace().join("docs/testing.md")).expect("docs/testing.md is there");
    let manifest = std::fs::read_to_string(workspace().join("tests/Cargo.toml")).expect("tests/Cargo.toml is there");
    for suite in manifest.split("[[test]]").skip(1).filter_map(|rest| rest.split('"').nth(1)) {
        assert!(table.contains(&format!("`{suite}`")), "{suite} is not in docs/testing.md");
    }
}
