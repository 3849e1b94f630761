//! Dependencies point one way (ARCHITECTURE.md): `cargo metadata` says what is declared, and the sources what is used.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which of our crates each crate may name. Nothing else is allowed, and each of these stays possible without being used.
const OURS: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("zone", &["wire"]),
    ("dnssec", &["zone", "wire"]),
    ("rollover", &[]),
    ("store", &["zone", "wire"]),
    ("certificate", &[]),
    ("dataplane", &["dnssec", "zone", "wire", "certificate"]),
    ("publish", &["store", "dnssec", "zone", "wire"]),
    ("transfer", &["store", "dnssec", "zone", "wire", "dataplane"]),
    ("api", &["store", "dnssec", "zone", "wire"]),
    ("signpost", &["api", "certificate", "publish", "transfer", "dataplane", "store", "dnssec", "zone", "wire"]),
];

/// Third-party crates that stop at the crate that adopted them.
const CONFINED: &[(&str, &[&str])] = &[
    ("sqlx", &["store"]),
    // Routes of DNS over HTTPS in `dataplane`.
    ("axum", &["api", "dataplane"]),
    ("hyper", &["api", "dataplane"]),
    ("tower-http", &["api"]),
    ("libc", &["dataplane"]),
    ("socket2", &["dataplane"]),
    ("siphasher", &["dataplane"]),
    ("rustls", &["certificate", "dataplane"]),
    ("tokio-rustls", &["api", "dataplane"]),
    ("quinn", &["dataplane"]),
    ("rcgen", &["certificate"]),
    // Digests of API keys in `api` and of certificates in `certificate`, random numbers in `signpost`; signatures have a test of
    // their own.
    ("ring", &["dnssec", "api", "certificate", "signpost"]),
    ("scrypt", &["api"]),
    ("p256", &["dnssec"]),
    ("p384", &["dnssec"]),
    ("rsa", &["dnssec"]),
    ("sec1", &["dnssec"]),
    ("getrandom", &["dnssec"]),
    ("sha1", &["zone"]),
    ("clap", &["signpost"]),
    ("toml", &["signpost"]),
    ("anyhow", &["signpost"]),
    ("tracing-subscriber", &["signpost"]),
    ("mimalloc", &["signpost"]),
    ("rustix", &["signpost"]),
    // Messages to others: NOTIFY in `transfer`, questions for ALIAS in `publish`.
    ("hickory-proto", &["transfer", "publish"]),
    ("hickory-server", &[]),
];

/// Crates that open nothing, read no clock and are not async: bytes, snapshots and `now` in, values out.
const PURE: &[&str] = &["wire", "zone", "dnssec", "rollover"];

/// What a pure crate must not name outside its tests. Types such as `SystemTime` may be passed; `now()` may not be called.
const IMPURE: &[&str] = &[
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "Zoned::now",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "ToSocketAddrs",
    "std::fs",
    "std::env",
    "std::thread::spawn",
    "std::process",
    "async fn",
    "tokio",
];

struct Package {
    folder: PathBuf,
    /// Names as in `Cargo.toml`, without development dependencies.
    dependencies: BTreeSet<String>,
}

fn packages() -> BTreeMap<String, Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(signpost_tests::server::workspace())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    metadata["packages"]
        .as_array()
        .expect("a workspace has packages")
        .iter()
        .map(|package| {
            let manifest = Path::new(package["manifest_path"].as_str().expect("a path"));
            let dependencies = package["dependencies"].as_array().expect("an array");
            let dependencies = dependencies
                .iter()
                .filter(|dependency| dependency["kind"] != "dev")
                .map(|dependency| dependency["name"].as_str().expect("a name").to_owned())
                .collect();
            let folder = manifest.parent().expect("a manifest is in a folder").to_owned();
            (package["name"].as_str().expect("a name").to_owned(), Package { folder, dependencies })
        })
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a crate has sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// A source without its `mod tests`, which is last in a file, and without comments.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).expect("a source is text");
    let end = text.find("#[cfg(test)]").unwrap_or(text.len());
    text[..end]
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |code, line| code + line + "\n")
}

fn is_test_file(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests") || path.file_name().is_some_and(|name| name == "tests.rs")
}

#[test]
fn crates_depend_on_each_other_one_way_only() {
    let packages = packages();
    let ours: BTreeMap<&str, &[&str]> = OURS.iter().copied().collect();
    for (name, package) in &packages {
        if name == "signpost-tests" || name == "signpost-benches" || name == "signpost-guard" {
            continue;
        }
        let allowed =
            ours.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in ARCHITECTURE.md and not here"));
        for dependency in package.dependencies.iter().filter(|d| ours.contains_key(d.as_str())) {
            assert!(allowed.contains(&dependency.as_str()), "{name} must not depend on {dependency}");
        }
    }
    for name in ours.keys() {
        assert!(packages.contains_key(*name), "{name} is listed and not there");
    }
}

#[test]
fn third_party_types_stop_at_the_crate_that_adopted_them() {
    for (name, package) in packages().iter().filter(|(name, _)| OURS.iter().any(|(ours, _)| ours == name)) {
        for (dependency, homes) in CONFINED {
            let named = package.dependencies.contains(*dependency);
            assert!(!named || homes.contains(&name.as_str()), "{dependency} is for {homes:?}, not for {name}");
        }
    }
}

#[test]
fn signatures_are_made_in_dnssec_only() {
    for (name, package) in packages().iter().filter(|(name, _)| OURS.iter().any(|(ours, _)| ours == name)) {
        for path in sources(&package.folder.join("src")) {
            let signs = ["ring::signature", "EcdsaKeyPair", "Ed25519KeyPair", "RsaKeyPair", "rsa::"];
            let found = signs.iter().find(|word| code(&path).contains(**word));
            assert!(found.is_none() || name == "dnssec", "{} has {found:?}", path.display());
        }
    }
}

#[test]
fn the_pure_crates_open_nothing_and_read_no_clock() {
    let packages = packages();
    for name in PURE {
        for path in sources(&packages[*name].folder.join("src")) {
            if is_test_file(&path) {
                continue;
            }
            let code = code(&path);
            for word in IMPURE {
                assert!(!code.contains(word), "{} names {word}", path.display());
            }
        }
    }
}

#[test]
fn unsafe_code_is_in_the_udp_folder_only() {
    for (name, package) in packages() {
        for path in sources(&package.folder) {
            let allowed = name == "dataplane" && path.starts_with(package.folder.join("src/udp"));
            let code = code(&path);
            let found = ["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code)"].iter().find(|word| {
                // This very list is text, not code.
                code.contains(**word) && !path.ends_with("architecture.rs")
            });
            // `udp.rs` opens the folder.
            let opens = path.ends_with("dataplane/src/udp.rs") && found == Some(&"allow(unsafe_code)");
            assert!(found.is_none() || allowed || opens, "{} has {found:?}", path.display());
        }
    }
}

#[test]
fn sql_is_in_the_store_only() {
    let statements = ["SELECT ", "INSERT INTO ", "DELETE FROM ", "UPDATE records", "UPDATE domains", "CREATE TABLE "];
    for (name, package) in packages().iter().filter(|(name, _)| OURS.iter().any(|(ours, _)| ours == name)) {
        if name == "store" {
            continue;
        }
        for path in sources(&package.folder.join("src")) {
            if is_test_file(&path) {
                continue;
            }
            let code = code(&path);
            for statement in statements {
                assert!(!code.contains(statement), "{} has {statement:?}", path.display());
            }
        }
    }
}

#[test]
fn migrations_have_the_same_numbers_for_both_databases() {
    let numbers = |database: &str| -> BTreeSet<String> {
        let folder = signpost_tests::server::workspace().join("migrations").join(database);
        std::fs::read_dir(&folder)
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
            .flatten()
            .filter_map(|entry| {
                entry.file_name().to_string_lossy().split_once('_').map(|(number, _)| number.to_owned())
            })
            .collect()
    };
    let postgres = numbers("postgres");
    assert!(!postgres.is_empty());
    assert_eq!(postgres, numbers("sqlite"));
}
