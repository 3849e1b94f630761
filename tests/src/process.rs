//! Programs that run beside a test: started, signalled, and ended with the test.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A program running in the background. Dropping it kills it; if the test is failing, the end of its log is printed.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts `command` with output and errors appended to the file `log`.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Daemon {
        let file = File::options().create(true).append(true).open(log).expect("the log is in a folder of ours");
        let errors = file.try_clone().expect("a file can be opened twice");
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        Daemon { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The status it ended with, or `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be waited for")
    }

    /// Panics with the log when it has ended.
    pub fn assert_running(&mut self) {
        if let Some(status) = self.ended() {
            panic!("{} ended with {status}:\n{}", self.name, self.log());
        }
    }

    /// What it has printed so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends a signal by name, such as `STOP` or `TERM`.
    ///
    /// # Panics
    ///
    /// When the process is not there.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// Kills it as a crash would (SIGKILL) and waits until it is gone.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end (SIGTERM) and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("TERM");
        self.wait()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> ExitStatus {
        self.child.wait().expect("a child can be waited for")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let tail: Vec<&str> = log.lines().rev().take(40).collect();
            eprintln!("--- the end of {}'s log ---", self.name);
            tail.iter().rev().for_each(|line| eprintln!("{line}"));
        }
    }
}

/// Sends a signal by name to a process. The shell's `kill` needs no unsafe code.
pub fn signal(id: u32, name: &str) {
    run(Command::new("sh").args(["-c", &format!("kill -{name} {id}")]));
}

/// Runs a program to its end and returns what it printed.
///
/// # Panics
///
/// When it cannot be started or fails; the message has its output.
pub fn run(command: &mut Command) -> String {
    let output = output(command);
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{command:?} ended with {}:\n{printed}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

/// Runs a program to its end, whatever that is.
///
/// # Panics
///
/// When it cannot be started.
pub fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?} does not start: {error}"))
}

/// The same program under another limit of open files, soft and hard, as in `256:4096`.
pub fn with_open_files(command: &Command, limit: &str) -> Command {
    let mut limited = Command::new("prlimit");
    limited.arg(format!("--nofile={limit}")).arg(command.get_program()).args(command.get_args()).env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    limited
}

/// Lets this process have at least `count` files open.
///
/// # Panics
///
/// When the system does not allow it.
pub fn allow_open_files(count: usize) {
    let own = std::process::id();
    run(Command::new("prlimit").args([format!("--pid={own}"), format!("--nofile={count}:")]));
}

/// A port of 127.0.0.1 that is free for UDP and TCP alike.
///
/// Nobody holds it afterwards: programs that cannot say which port they bound are told this one. It lies below the range
/// from which the kernel gives ports to clients: dig sets SO_REUSEPORT as our server does, and once in some ten thousand
/// questions would be given the server's own port, and hear itself.
///
/// # Panics
///
/// When all ports of the range are taken.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Test programs that run at once begin at different places.
    let start = std::process::id().wrapping_mul(97);
    (0..u32::from(PORTS.end - PORTS.start))
        .map(|_| start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)))
        .map(|number| PORTS.start + (number % u32::from(PORTS.end - PORTS.start)) as u16)
        .find(|port| {
            let address = (Ipv4Addr::LOCALHOST, *port);
            TcpListener::bind(address).is_ok() && UdpSocket::bind(address).is_ok()
        })
        .expect("loopback has free ports")
}

/// Below 32768, where Linux begins to give ports to clients.
const PORTS: std::ops::Range<u16> = 20_000..32_000;
