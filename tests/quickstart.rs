//! `signpost quickstart`, and every command it prints, run as printed.

use signpost_tests::process::{Daemon, free_port, output};
use signpost_tests::server::{binary, clean_command};
use signpost_tests::temp::TempDir;
use signpost_tests::wait::until;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

struct Quickstart {
    daemon: Daemon,
    /// What it printed for people.
    guide: String,
}

impl Quickstart {
    fn start(folder: &TempDir, ports: (u16, u16)) -> Quickstart {
        let log = folder.join("log");
        let _ = std::fs::remove_file(&log);
        let mut command = clean_command();
        command.args(["quickstart", "--dir", "data"]);
        command.args(["--dns-port", &ports.0.to_string(), "--api-port", &ports.1.to_string()]);
        // What External-DNS gets must not be another server's.
        command.env("PDNS_launch", "gpgsql").env("SIGNPOST_API_KEY", "another server's");
        let mut daemon = Daemon::start("signpost quickstart", command.current_dir(folder.path()), &log);
        let guide = until("quickstart to print what to try", Duration::from_secs(60), || {
            daemon.assert_running();
            let printed = daemon.log();
            // The DS is the last thing it says.
            printed.contains(" IN DS ").then_some(printed)
        });
        Quickstart { daemon, guide }
    }

    /// The commands to try, in order.
    fn commands(&self) -> Vec<String> {
        self.guide.lines().filter_map(|line| line.strip_prefix("  $ ")).map(str::to_owned).collect()
    }

    fn line(&self, word: &str) -> String {
        self.guide
            .lines()
            .find(|line| line.contains(word))
            .unwrap_or_else(|| panic!("no {word}: {}", self.guide))
            .to_owned()
    }
}

/// Runs a printed line as a person would, in the folder where quickstart was started.
fn shell(line: &str, folder: &Path) -> Output {
    output(Command::new("sh").args(["-c", line]).current_dir(folder))
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn every_command_it_prints_works_as_printed() {
    let folder = TempDir::new("quickstart");
    let ports = (free_port(), free_port());
    let mut quickstart = Quickstart::start(&folder, ports);
    let mut seen = Vec::new();
    for command in quickstart.commands() {
        let output = shell(&command, folder.path());
        let text = printed(&output);
        assert!(output.status.success(), "{command}\n{text}{}", String::from_utf8_lossy(&output.stderr));
        let tool = command.split(' ').next().unwrap_or_default().to_owned();
        match tool.as_str() {
            "dig" if command.contains("+dnssec") => assert!(text.contains("RRSIG"), "{command}\n{text}"),
            "dig" => assert!(!text.trim().is_empty() && !text.contains(";;"), "{command}\n{text}"),
            "delv" => assert!(text.contains("fully validated"), "{command}\n{text}"),
            "curl" => assert!(text.is_empty(), "{command}\n{text}"),
            tool => panic!("what is {tool}? {command}"),
        }
        seen.push(tool);
    }
    for tool in ["dig", "delv", "curl"] {
        assert!(seen.iter().any(|t| t == tool), "{tool} is not among {seen:?}");
    }
    let changed = quickstart.commands().into_iter().rev().find(|command| command.starts_with("dig")).expect("a dig");
    assert_eq!(printed(&shell(&changed, folder.path())).trim(), "192.0.2.42", "the change does not show in {changed}");

    // The DS is that of the key that is served: what dnssec-dsfromkey makes of it.
    let ds = quickstart.line(" IN DS ");
    let dig = format!(
        "dig @127.0.0.1 -p {} example.com DNSKEY +noall +answer | dnssec-dsfromkey -2 -f - example.com",
        ports.0
    );
    let made = printed(&shell(&dig, folder.path()));
    let digest = ds.split(' ').next_back().unwrap_or_default().to_lowercase();
    assert!(digest.len() == 64 && made.to_lowercase().replace(' ', "").contains(&digest), "{ds} is not in {made}");

    // External-DNS's arguments name this server, and the key in them is the one that is accepted.
    let arguments = quickstart.line("--provider=pdns");
    assert!(arguments.contains(&format!("--pdns-server=http://127.0.0.1:{}", ports.1)), "{arguments}");
    let key = arguments.split("--pdns-api-key=").nth(1).expect("the key is among them");
    let zones = format!("http://127.0.0.1:{}/api/v1/servers/localhost/zones", ports.1);
    let listed = shell(&format!("curl -fsS -H X-API-Key:{key} {zones}"), folder.path());
    assert!(printed(&listed).contains("example.com."), "{arguments}: {listed:?}");
    assert!(quickstart.daemon.terminate().success());
}

#[test]
fn stopping_and_starting_keeps_data_and_keys() {
    let folder = TempDir::new("quickstart");
    let ports = (free_port(), free_port());
    let mut first = Quickstart::start(&folder, ports);
    let change = first.commands().into_iter().find(|command| command.starts_with("curl")).expect("a curl");
    assert!(shell(&change, folder.path()).status.success());
    let (ds, arguments) = (first.line(" IN DS "), first.line("--pdns-api-key"));
    assert!(first.daemon.terminate().success());

    let second = Quickstart::start(&folder, ports);
    assert_eq!(second.line(" IN DS "), ds);
    assert_eq!(second.line("--pdns-api-key"), arguments);
    let question = format!("dig @127.0.0.1 -p {} new.example.com A +short", ports.0);
    assert_eq!(printed(&shell(&question, folder.path())).trim(), "192.0.2.42");
    // And after a crash.
    drop(second);
    let third = Quickstart::start(&folder, ports);
    assert_eq!(third.line(" IN DS "), ds);
    assert_eq!(printed(&shell(&question, folder.path())).trim(), "192.0.2.42");
}

#[test]
fn a_port_in_use_is_named_with_the_way_out() {
    let folder = TempDir::new("quickstart");
    let ports = (free_port(), free_port());
    let _running = Quickstart::start(&folder, ports);
    let output = output(
        Command::new(binary())
            .args(["quickstart", "--dir", "other", "--dns-port", &ports.0.to_string()])
            .args(["--api-port", &free_port().to_string()])
            .current_dir(folder.path()),
    );
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("--dns-port") && error.contains("in use"), "{error}");
}
