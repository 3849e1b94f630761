//! A Postgres of our own: a temporary cluster on a free port of 127.0.0.1, gone when dropped or when the test dies.

use std::fs;
use std::io::{BufWriter, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, Result, bail};

/// A running cluster. Every connection is trusted; the superuser is `postgres`.
#[derive(Debug)]
pub struct Postgres {
    directory: PathBuf,
    binaries: PathBuf,
    port: u16,
    databases: AtomicU32,
    /// Cleans up when our end of its standard input closes, however this process ends.
    guard: Child,
}

/// Whether commits reach the disk. Only tests of durability need that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fsync {
    /// As in production.
    On,
    /// Faster by far; a crash of Postgres itself still loses nothing.
    Off,
}

impl Postgres {
    /// Makes and starts a cluster with `fsync=off`.
    ///
    /// # Errors
    ///
    /// No Postgres in `/usr/lib/postgresql`, or it does not start; the text has its log.
    pub fn start() -> Result<Postgres> {
        Postgres::start_with(Fsync::Off)
    }

    /// Makes and starts a cluster.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`].
    pub fn start_with(fsync: Fsync) -> Result<Postgres> {
        let postgres = Postgres::prepare()?;
        run(postgres.as_owner("initdb").args(["--auth=trust", "--username=postgres", "--encoding=UTF8"]).args([
            "--locale=C.UTF-8",
            "--no-sync",
            "--pgdata",
            &postgres.data(),
        ]))?;
        let fsync = if fsync == Fsync::On { "on" } else { "off" };
        postgres.configure(&format!("fsync = {fsync}\nmax_connections = 200\nlogging_collector = off\n"))?;
        postgres.launch()?;
        Ok(postgres)
    }

    /// Starts a hot standby that follows this one.
    ///
    /// # Errors
    ///
    /// As [`Postgres::start`].
    pub fn standby(&self) -> Result<Postgres> {
        let standby = Postgres::prepare()?;
        let port = self.port.to_string();
        run(standby.as_owner("pg_basebackup").args(["-h", "127.0.0.1", "-p", &port, "-U", "postgres"]).args([
            "--no-sync",
            "--write-recovery-conf",
            "--checkpoint=fast",
            "--pgdata",
            &standby.data(),
        ]))?;
        standby.configure("")?;
        standby.launch()?;
        Ok(standby)
    }

    /// Makes a standby a primary of its own.
    ///
    /// # Errors
    ///
    /// It is none.
    pub fn promote(&self) -> Result<()> {
        self.control(&["promote", "-w"])
    }

    /// A folder, a port, and the guard over them.
    fn prepare() -> Result<Postgres> {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("signpost-postgres-{}-{number}", std::process::id()));
        fs::create_dir_all(&directory).with_context(|| format!("making {}", directory.display()))?;
        let guard = guard(&directory)?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let postgres = Postgres { directory, binaries: binaries()?, port, databases: AtomicU32::new(0), guard };
        if is_root() {
            run(Command::new("chown").arg("postgres").arg(&postgres.directory))?;
        }
        Ok(postgres)
    }

    /// Adds settings to those that are there; the last of a name counts.
    fn configure(&self, more: &str) -> Result<()> {
        let file = self.directory.join("data/postgresql.auto.conf");
        let present = fs::read_to_string(&file).unwrap_or_default();
        let settings = format!(
            "{present}\nlisten_addresses = '127.0.0.1'\nport = {}\nunix_socket_directories = '{}'\n{more}",
            self.port,
            self.directory.display(),
        );
        fs::write(&file, settings).with_context(|| format!("writing {}", file.display()))
    }

    /// `postgres://…` of the database `postgres`.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// `postgres://…` of one database.
    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        let log = fs::read(self.directory.join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Makes an empty database and returns its name.
    ///
    /// # Errors
    ///
    /// Postgres's own.
    pub fn create_database(&self) -> Result<String> {
        let name = format!("db{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"))?;
        Ok(name)
    }

    /// Runs SQL as anybody would who is not Signpost, and returns what `psql` prints: no header, `|` between columns.
    ///
    /// # Errors
    ///
    /// The first statement that failed; later ones are not run.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &self.url_of(database), "-c", sql]);
        run(&mut psql)
    }

    /// Runs a `COPY … FROM STDIN` on what `write` writes.
    ///
    /// # Errors
    ///
    /// Postgres's own, or what `write` failed with.
    pub fn copy(
        &self,
        database: &str,
        statement: &str,
        write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
    ) -> Result<()> {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", &self.url_of(database), "-c", statement]);
        let mut psql = psql.stdin(Stdio::piped()).spawn().context("running psql")?;
        let mut input = BufWriter::new(psql.stdin.take().context("psql has no standard input")?);
        let written = write(&mut input).and_then(|()| input.flush());
        drop(input);
        // Its own message is on standard error.
        anyhow::ensure!(psql.wait()?.success(), "psql failed: {statement}");
        written.context("psql ended early")
    }

    /// The process that all others of it are children of.
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn id(&self) -> Result<u32> {
        let text = fs::read_to_string(self.directory.join("data/postmaster.pid"))?;
        text.lines().next().and_then(|id| id.trim().parse().ok()).context("postmaster.pid has no process id")
    }

    /// Stops it as an operator does: open transactions are rolled back.
    ///
    /// # Errors
    ///
    /// It did not stop.
    pub fn stop(&self) -> Result<()> {
        self.control(&["stop", "-m", "fast", "-w"])
    }

    /// Ends it as a crash does: every process of it at once, nothing flushed.
    ///
    /// # Errors
    ///
    /// It was not running.
    pub fn kill(&self) -> Result<()> {
        self.signal("KILL")
    }

    /// Starts it again after [`Postgres::stop`] or [`Postgres::kill`].
    ///
    /// # Errors
    ///
    /// It did not start; the text has its log.
    pub fn restart(&self) -> Result<()> {
        self.launch()
    }

    /// Freezes every process of it: connections stay open and nothing answers.
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn freeze(&self) -> Result<()> {
        self.signal("STOP")
    }

    /// Ends [`Postgres::freeze`].
    ///
    /// # Errors
    ///
    /// It is not running.
    pub fn thaw(&self) -> Result<()> {
        self.signal("CONT")
    }

    fn launch(&self) -> Result<()> {
        let log = self.directory.join("log");
        self.control(&["start", "-w", "-t", "60", "-l", &log.display().to_string()])
            .with_context(|| fs::read_to_string(&log).unwrap_or_default())
    }

    fn control(&self, arguments: &[&str]) -> Result<()> {
        let mut command = self.as_owner("pg_ctl");
        command.args(["--pgdata", &self.data()]).args(arguments);
        // The server inherits them, and waiting for them to close would be waiting for the server to end.
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status().context("running pg_ctl")?;
        if !status.success() {
            bail!("pg_ctl {} failed", arguments[0]);
        }
        Ok(())
    }

    fn signal(&self, signal: &str) -> Result<()> {
        let pid_file = self.directory.join("data/postmaster.pid");
        let text = fs::read_to_string(&pid_file).with_context(|| format!("reading {}", pid_file.display()))?;
        let postmaster = text.lines().next().context("postmaster.pid is empty")?.trim().to_owned();
        // The postmaster first: what it does not see it does not replace. Once it is killed, its children are no
        // longer known as such.
        let mut children = children_of(&postmaster)?;
        run(Command::new("kill").args(["-s", signal, &postmaster]))?;
        children.extend(children_of(&postmaster)?);
        for child in &children {
            // One may have ended by itself in between.
            let _ = Command::new("kill").args(["-s", signal, child]).stderr(Stdio::null()).status();
        }
        if signal == "KILL" {
            // A new postmaster refuses to start beside processes of the old one.
            let is_alive = |pid: &String| Path::new("/proc").join(pid).join("exe").exists();
            while children.iter().chain([&postmaster]).any(is_alive) {
                std::thread::yield_now();
            }
            // Its lock files name a process that may stay a zombie for as long as nobody asks for its exit code.
            for lock in [pid_file, self.directory.join(format!(".s.PGSQL.{}.lock", self.port))] {
                fs::remove_file(&lock).with_context(|| format!("removing {}", lock.display()))?;
            }
        }
        Ok(())
    }

    fn data(&self) -> String {
        self.directory.join("data").display().to_string()
    }

    /// Postgres refuses to run as root.
    fn as_owner(&self, program: &str) -> Command {
        let program = self.binaries.join(program);
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        command.current_dir(&self.directory).stdin(Stdio::null());
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.guard.stdin.take());
        let _ = self.guard.wait();
    }
}

/// Waits for this process to let go of its standard input, then removes the cluster, frozen or not.
fn guard(directory: &Path) -> Result<Child> {
    const SCRIPT: &str = r#"
        cat > /dev/null
        postmaster=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
        if [ -n "$postmaster" ]; then
            children=$(pgrep -P "$postmaster")
            kill -s KILL $postmaster $children 2> /dev/null
        fi
        rm -rf "$1"
    "#;
    Command::new("sh")
        .args(["-c", SCRIPT, "sh"])
        .arg(directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // An interrupt from the terminal must not end it before its work is done.
        .process_group(0)
        .spawn()
        .context("running sh")
}

fn children_of(parent: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        // pid (name) state ppid: the name may hold anything, parentheses included.
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        if after_name.split_ascii_whitespace().nth(1) == Some(parent) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    Ok(found)
}

/// The newest version installed.
fn binaries() -> Result<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .context("looking for Postgres in /usr/lib/postgresql (Debian package postgresql)")?
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_string_lossy().parse().ok()?;
            let binaries = entry.path().join("bin");
            binaries.join("initdb").exists().then_some((version, binaries))
        })
        .collect();
    versions.sort();
    versions.pop().map(|(_, binaries)| binaries).context("no initdb in /usr/lib/postgresql/*/bin")
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        bail!("{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}
