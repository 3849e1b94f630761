//! The Go clients of `tests/clients/go`, what else is built from their module, and dnscontrol.

use crate::process::run;
use crate::server::workspace;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// Builds the tests of the clients into `folder`, and returns the program.
///
/// # Panics
///
/// When that fails.
pub fn clients(folder: &str) -> PathBuf {
    build("go", folder, "go-clients.test", &["test", "-c", "-vet=off"], ".")
}

/// Builds Pebble into `folder`, and returns the program.
///
/// # Panics
///
/// When that fails.
pub fn pebble(folder: &str) -> PathBuf {
    build("go", folder, "pebble", &["build"], "github.com/letsencrypt/pebble/v2/cmd/pebble")
}

/// Builds dnscontrol into `folder`, and returns the program.
///
/// # Panics
///
/// When that fails.
pub fn dnscontrol(folder: &str) -> PathBuf {
    build("dnscontrol", folder, "dnscontrol", &["build"], ".")
}

fn build(module: &str, folder: &str, program: &str, command: &[&str], package: &str) -> PathBuf {
    // Go's linker and its cache are enough for both cores.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _held = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let output = Path::new(folder).join(program);
    run(Command::new("go")
        .args(command)
        .args(["-mod=readonly", "-buildvcs=false", "-o"])
        .arg(&output)
        .arg(package)
        .env("GOWORK", "off")
        .current_dir(workspace().join("tests/clients").join(module)));
    output
}

/// Runs the tests of `program` that `pattern` names, with `settings` in the environment; there must be `count` of them.
///
/// # Panics
///
/// When one fails.
pub fn test(program: &Path, pattern: &str, count: usize, settings: &[(&str, &str)]) {
    let printed = run(Command::new(program)
        .args(["-test.v", "-test.timeout=5m", "-test.run", pattern])
        .envs(settings.iter().copied()));
    let passed = printed.lines().filter(|line| line.starts_with("--- PASS")).count();
    assert_eq!(passed, count, "tests that passed:\n{printed}");
}
