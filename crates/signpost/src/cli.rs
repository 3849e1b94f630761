//! The command line: which command, with which settings.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::config::catalog::SETTINGS;
use crate::config::flags::{self, Flag};
use crate::config::{self, Settings, Sources};
use crate::key::{self, KeyCommand};
use crate::{control, export, history, logging, pdnsutil, quickstart, serve};

/// An authoritative nameserver that signs its zones, keeps them in a database, and speaks PowerDNS's languages.
#[derive(Debug, Parser)]
#[command(name = "signpost", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers DNS and serves the API from the configured database.
    Serve,
    /// Tries things out: a signed zone example.com on SQLite and loopback, and what to do with it.
    Quickstart {
        /// Folder for the database, the API key and the trust anchor; kept from start to start.
        #[arg(long, default_value = "signpost-data", value_name = "DIR")]
        dir: PathBuf,
        /// Port for DNS over UDP and TCP.
        #[arg(long, default_value_t = 5300, value_name = "PORT")]
        dns_port: u16,
        /// Port for HTTP.
        #[arg(long, default_value_t = 8081, value_name = "PORT")]
        api_port: u16,
    },
    /// Prints a zone as a master file.
    Export {
        /// The zone.
        zone: String,
        /// With keys, signatures and the denial chain, as it is served.
        #[arg(long)]
        signed: bool,
    },
    /// Tells who changed what in a zone, the newest first.
    History {
        /// The zone.
        zone: String,
        /// How many changes.
        #[arg(long, default_value_t = 20, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=10_000))]
        limit: u32,
    },
    /// Takes the records and comments of a zone back to how they were at a serial, under a new serial.
    Undo {
        /// The zone.
        zone: String,
        /// The serial that `signpost history` shows behind the arrow.
        serial: u32,
        /// Only tells what would be changed.
        #[arg(long)]
        dry_run: bool,
    },
    /// API keys with names and limits, kept in the database.
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// PowerDNS's control of a running server: `signpost control help`. Also reached by calling this program `pdns_control`.
    Control {
        /// Its command line.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// PowerDNS's tool: `signpost pdnsutil help`. Also reached by calling this program `pdnsutil`.
    Pdnsutil {
        /// Its command line.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

/// Runs the program with this command line, the program's name first.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter().map(|arg| arg.into_string());
    let name = args.next().and_then(Result::ok).unwrap_or_default();
    let args: Vec<String> = match args.collect() {
        Ok(args) => args,
        Err(arg) => {
            eprintln!("Error: argument {} is not UTF-8", arg.to_string_lossy());
            return ExitCode::FAILURE;
        }
    };
    let called_as = Path::new(&name).file_name().and_then(|name| name.to_str()).unwrap_or("signpost");
    if called_as == "pdnsutil" {
        return pdnsutil::main(args, Vec::new());
    }
    if called_as == "pdns_control" {
        return control::main(args, Vec::new());
    }
    // PowerDNS's tools have grammars of their own: only settings before their names are ours.
    for (name, tool) in [("pdnsutil", pdnsutil::main as fn(_, _) -> _), ("control", control::main)] {
        if let Some(at) = args.iter().position(|arg| arg == name) {
            let (settings, before) = flags::split(args[..at].iter().cloned());
            if before.is_empty() {
                return tool(args[at + 1..].to_vec(), settings);
            }
        }
    }
    let (settings, mut rest) = flags::split(args);
    // The way PowerDNS's own program is called, without a command.
    if called_as == "pdns_server" && rest.is_empty() {
        rest.push("serve".to_owned());
    }
    let command = Cli::command().after_help(settings_help());
    let parsed = command
        .try_get_matches_from(std::iter::once("signpost".to_owned()).chain(rest))
        .and_then(|matches| Cli::from_arg_matches(&matches));
    match parsed {
        Ok(cli) => run(cli.command, settings),
        Err(error) => {
            // Usage on the stream and with the code that clap gives it; a closed stream is no concern.
            let _ = error.print();
            ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(1))
        }
    }
}

fn run(command: Command, settings: Vec<Flag>) -> ExitCode {
    let outcome = match command {
        Command::Serve => serve(settings),
        Command::Quickstart { dir, dns_port, api_port } => {
            block_on(quickstart::run(&quickstart::Options { dir, dns_port, api_port }, settings))
        }
        Command::Export { zone, signed } => {
            on_database(settings, async |settings, out| export::export(&settings, &zone, signed, out).await)
        }
        Command::History { zone, limit } => {
            on_database(settings, async |settings, out| history::history(&settings, &zone, limit, out).await)
        }
        Command::Undo { zone, serial, dry_run } => {
            on_database(settings, async |settings, out| history::undo(&settings, &zone, serial, dry_run, out).await)
        }
        Command::Key { command } => {
            on_database(settings, async |settings, out| key::run(&settings, command, out).await)
        }
        Command::Control { args } => return control::main(args, settings),
        Command::Pdnsutil { args } => return pdnsutil::main(args, settings),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {}", store::with_causes(&*error));
            ExitCode::FAILURE
        }
    }
}

fn serve(flags: Vec<Flag>) -> anyhow::Result<()> {
    let settings = config::load(&Sources::of_process(flags))?;
    logging::start(&settings.log);
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "signpost starts");
    block_on(async {
        let stop = serve::stop_signal()?;
        serve::start(&settings).await?.run(stop).await
    })
}

/// Runs a command that works on the database and prints.
fn on_database(
    flags: Vec<Flag>,
    work: impl AsyncFnOnce(Settings, &mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let settings = config::load(&Sources::of_process(flags))?;
    logging::start_quietly();
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(work(settings, &mut out))
}

/// Runs on all cores.
fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

/// Every setting with its default, for `--help`.
fn settings_help() -> String {
    let mut text = String::from(
        "Settings, as --name=value, SIGNPOST_NAME, or in --config=FILE (default /etc/signpost/signpost.toml);\n\
         PowerDNS's names are understood as flags, as PDNS_NAME, and in --config-dir=DIR (pdns.conf):\n",
    );
    for setting in SETTINGS {
        let default = if setting.default.is_empty() { "none" } else { setting.default };
        let _ = writeln!(text, "  --{}\n          {} [default: {default}]", setting.name, setting.help);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_names_every_setting() {
        let help = settings_help();
        for setting in SETTINGS {
            assert!(help.contains(&format!("--{}\n", setting.name)));
        }
    }
}
