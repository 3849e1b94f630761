//! `signpost control`, also called as `pdns_control`: one command to a running server over its control socket, as scripts and
//! probes send it (PDNS-DIALECT section 13.2). What the server answers stands in the API's crate.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use crate::config::flags::{self, Flag};
use crate::config::{self, Sources};

/// Where PowerDNS's server has it when nothing else is said.
const SOCKET_DEFAULT: &str = "/var/run/pdns/pdns.controlsocket";
/// For the server to take the command, and for each piece of its answer.
const TIMEOUT: Duration = Duration::from_secs(7);
/// Longest answer: the names of a million zones are below it.
const ANSWER_OCTETS_MAX: u64 = 512 << 20;

const USAGE: &str = "\
Usage: signpost control [--control-socket-dir=DIR] COMMAND [PARAMETER]...
       pdns_control [--socket-dir=DIR] [--config-dir=DIR] COMMAND [PARAMETER]...

Without a folder the settings of signpost, or pdns.conf, name it.";

/// Runs a command line without the program's name.
pub fn main(args: Vec<String>, more_flags: Vec<Flag>) -> ExitCode {
    let (mut flags, words) = flags::split(args);
    flags.extend(more_flags);
    if words.iter().any(|word| word == "--help" || word == "-h") {
        println!("{USAGE}\n\nCommands:\n{}", api::control_help());
        return ExitCode::SUCCESS;
    }
    if words.is_empty() {
        eprintln!("No command passed");
        return ExitCode::FAILURE;
    }
    match ask(flags, &words) {
        Ok(answer) if answer.starts_with("Unknown") => {
            eprintln!("{answer}");
            ExitCode::FAILURE
        }
        Ok(answer) => {
            // A closed stream is no concern of ours.
            let _ = writeln!(std::io::stdout(), "{answer}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("Fatal error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn ask(flags: Vec<Flag>, words: &[String]) -> anyhow::Result<String> {
    let sources = Sources { falls_back_to_pdns_conf: true, ..Sources::of_process(flags) };
    let socket = config::load(&sources)?.control_socket.unwrap_or_else(|| PathBuf::from(SOCKET_DEFAULT));
    let cannot = |error| anyhow::anyhow!("Unable to connect to remote '{}': {}", socket.display(), reason(&error));
    exchange(&socket, &line(words)?).map_err(cannot)
}

/// The command in capitals, as PowerDNS's own tool sends it.
fn line(words: &[String]) -> anyhow::Result<String> {
    if words.iter().any(|word| word.contains(['\n', '\r'])) {
        anyhow::bail!("a command is one line");
    }
    let (command, parameters) = words.split_first().expect("there is a command");
    Ok(std::iter::once(command.to_ascii_uppercase()).chain(parameters.iter().cloned()).collect::<Vec<_>>().join(" "))
}

fn exchange(socket: &Path, line: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_OCTETS_MAX).read_to_string(&mut answer)?;
    Ok(answer)
}

/// Without the number that Rust adds.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_line_in_capitals() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(line(&words(&["notify", "Example.com"])).unwrap(), "NOTIFY Example.com");
        assert!(line(&words(&["notify", "a\nQUIT"])).is_err());
    }
}
