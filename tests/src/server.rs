//! The real `signpost` program, started as an operator starts it.

use crate::api::Api;
use crate::http;
use crate::process::{self, Daemon, free_port};
use crate::query::{Asker, query};
use crate::temp::TempDir;
use crate::wait::{until, until_true};
use hickory_proto::rr::RecordType;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::Duration;

/// Longest time a server may take from start to its first answer. It is a bound, not a wait.
const START_MAX: Duration = Duration::from_secs(60);

/// The key every server of the harness is given.
pub const KEY: &str = "a key only tests know";

/// The `signpost` binary of this build; built on first use.
///
/// `SIGNPOST_BIN` names another one, such as a release build.
///
/// # Panics
///
/// When it does not build.
pub fn binary() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(path) = std::env::var_os("SIGNPOST_BIN") {
            return PathBuf::from(path);
        }
        // target/PROFILE/deps/this-test, or target/PROFILE/bench: the program belongs into target/PROFILE.
        let own = std::env::current_exe().expect("a running program has a path");
        let folder = own.parent().expect("a program is in a folder");
        let profile = if folder.ends_with("deps") { folder.parent().expect("deps is in a profile") } else { folder };
        let target = profile.parent().expect("a profile is in the target folder");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--package", "signpost", "--bin", "signpost", "--target-dir"]).arg(target);
        if profile.ends_with("release") {
            cargo.arg("--release");
        }
        // Cargo tells a test about its package in variables that ring's build script asks for: what it built before, with others or
        // none, would be built once more, and all that stands on it.
        let is_of_a_package = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_a_package)) {
            cargo.env_remove(name);
        }
        cargo.current_dir(workspace());
        process::run(&mut cargo);
        profile.join("signpost")
    })
}

/// The repository's root.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests are a folder of the workspace")
}

/// A running server.
#[derive(Debug)]
pub struct Signpost {
    daemon: Daemon,
    settings: Settings,
    dns: SocketAddr,
    api: SocketAddr,
    folder: TempDir,
}

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `postgres://…` or `sqlite:…`; empty: a fresh SQLite file.
    pub database_url: String,
    /// More flags of `serve`; `{api}` in one stands for the API's address.
    pub flags: Vec<String>,
    /// Open files allowed, soft and hard limit as `prlimit` writes them; empty: as the tests have it.
    pub open_files: String,
    /// The program; empty: that of this build, [`binary`].
    pub program: PathBuf,
    /// Where DNS listens. Who listens everywhere is reached by loopback.
    pub dns_address: Ipv4Addr,
}

impl Settings {
    /// A fresh SQLite file.
    pub fn sqlite() -> Settings {
        Settings::postgres("")
    }

    /// A database of Postgres.
    pub fn postgres(url: &str) -> Settings {
        Settings {
            database_url: url.to_owned(),
            flags: Vec::new(),
            open_files: String::new(),
            program: PathBuf::new(),
            dns_address: Ipv4Addr::LOCALHOST,
        }
    }

    /// With another build of the program.
    pub fn of(mut self, program: &Path) -> Settings {
        self.program = program.to_owned();
        self
    }

    /// With one more flag, such as `--default-nsec3param=`.
    pub fn with(mut self, flag: &str) -> Settings {
        self.flags.push(flag.to_owned());
        self
    }
}

impl Signpost {
    /// Starts a server on free ports and returns when API and DNS answer.
    ///
    /// # Panics
    ///
    /// When it ends or does not answer within a bound; its log is printed.
    pub fn start(mut settings: Settings) -> Signpost {
        let folder = TempDir::new("server");
        if settings.database_url.is_empty() {
            settings.database_url = format!("sqlite:{}", folder.join("signpost.db").display());
        }
        let dns = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let api = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let daemon = launch(&settings, dns, api, &folder);
        let mut server = Signpost { daemon, settings, dns, api, folder };
        server.wait_until_ready();
        server
    }

    /// One value of `/metrics`, by its whole name.
    ///
    /// # Panics
    ///
    /// When there is none of that name.
    pub fn metric(&self, name: &str) -> u64 {
        let reply = http::request(self.api, "GET", "/metrics", &[], None).expect("metrics are served");
        let text = reply.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.trim().parse().ok()).unwrap_or_else(|| panic!("no metric {name}"))
    }

    /// Where DNS is.
    pub fn dns(&self) -> SocketAddr {
        self.dns
    }

    /// The API, with its key.
    pub fn api(&self) -> Api {
        Api { address: self.api, key: KEY.to_owned() }
    }

    /// A folder of its own, gone with it.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database it was given.
    pub fn database_url(&self) -> &str {
        &self.settings.database_url
    }

    /// The process.
    pub fn daemon(&mut self) -> &mut Daemon {
        &mut self.daemon
    }

    /// Ends it as a crash does: no signal handler runs.
    pub fn kill(&mut self) {
        self.daemon.kill();
    }

    /// Starts it again on the same ports and database, and returns when it answers.
    pub fn restart(&mut self) {
        self.daemon.kill();
        self.daemon = launch(&self.settings, self.dns, self.api, &self.folder);
        self.wait_until_ready();
    }

    /// Starts it again without waiting for an answer, which may need a database that is not there.
    pub fn relaunch(&mut self) {
        self.daemon.kill();
        self.daemon = launch(&self.settings, self.dns, self.api, &self.folder);
    }

    /// Returns when the API answers and DNS does.
    pub fn wait_until_ready(&mut self) {
        let probe = query(1, "ready.invalid.", RecordType::SOA);
        until("the server to answer", START_MAX, || {
            self.daemon.assert_running();
            let reply = http::request(self.api, "GET", "/readyz", &[], None).ok()?;
            (reply.status == 200).then_some(())?;
            Asker::new(self.dns, Duration::from_millis(500)).ask(&probe).ok().map(|_| ())
        });
    }

    /// Runs another command of the program on the same database, such as `pdnsutil` or `export`.
    pub fn command(&self, arguments: &[&str]) -> Output {
        process::output(&mut self.command_line(arguments))
    }

    /// As [`Signpost::command`], must succeed; returns standard output.
    pub fn run(&self, arguments: &[&str]) -> String {
        process::run(&mut self.command_line(arguments))
    }

    /// Makes an API key by `signpost key create NAME LIMITS`, and waits until the server knows it.
    ///
    /// # Panics
    ///
    /// When it is not made, or never known.
    pub fn limited_key(&self, name: &str, limits: &[&str]) -> String {
        let key = self.run(&[&["key", "create", name], limits].concat()).trim().to_owned();
        let api = Api { key: key.clone(), ..self.api() };
        until_true("the server to know the key", Duration::from_secs(30), || {
            api.send("GET", "/zones", None).is_ok_and(|reply| reply.status == 200)
        });
        key
    }

    /// Such a command, not yet run.
    pub fn command_line(&self, arguments: &[&str]) -> Command {
        let mut command = clean_command_of(&self.settings);
        // In the environment, not as flag: `pdnsutil` has no flags of ours.
        command.env("SIGNPOST_DATABASE_URL", &self.settings.database_url).args(arguments);
        command
    }
}

/// The program in an environment without settings.
pub fn clean_command() -> Command {
    clean(binary())
}

fn clean_command_of(settings: &Settings) -> Command {
    if settings.program.as_os_str().is_empty() { clean_command() } else { clean(&settings.program) }
}

fn clean(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // A system-wide settings file must not change what is tested.
    command.env("SIGNPOST_CONFIG", workspace().join("tests/empty.toml"));
    command
}

fn launch(settings: &Settings, dns: SocketAddr, api: SocketAddr, folder: &TempDir) -> Daemon {
    let mut command = clean_command_of(settings);
    if !settings.open_files.is_empty() {
        command = process::with_open_files(&command, &settings.open_files);
    }
    command
        .arg("serve")
        .arg(format!("--database-url={}", settings.database_url))
        .arg(format!("--dns-listen={}", SocketAddr::from((settings.dns_address, dns.port()))))
        .arg(format!("--api-listen={api}"))
        .arg(format!("--api-key={KEY}"))
        // A debug build on a busy machine may need longer than a server in production is allowed to. That a 204 is an
        // answer is what is tested; the bound has tests of its own.
        .arg("--confirm-timeout-ms=60000")
        .args(settings.flags.iter().map(|flag| flag.replace("{api}", &api.to_string())))
        .env("RUST_BACKTRACE", "1")
        .current_dir(folder.path());
    Daemon::start("signpost", &mut command, &folder.join("log"))
}
