//! PowerDNS's `pdnsutil`: its commands, its words on its streams, its exit codes (PDNS-DIALECT section 13).
//!
//! It works on the database directly, whether a server runs or not; a running one follows the change feed. Each group
//! of commands has a file; what all of them share is `Tool`.

mod autoprimaries;
mod catalog;
mod check;
mod commands;
mod content;
mod copy;
mod dnssec;
mod edit;
mod keys;
mod load;
mod metadata;
mod output;
mod plain;
mod rrsets;
mod show;
mod transfers;
mod tsig;
mod views;
mod zonemd;
mod zones;

#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::sync::Arc;

use api::ZoneDefaults;
use store::{Store, StoreError, ZoneEdit, ZoneSummary};
use wire::{Name, ZoneName};

use crate::config::{self, Sources, flags, postgres_url};
use crate::{database, logging};
use commands::{Access, Command, Recognised, Spelling};
use output::{Failure, Outcome, Output};

/// What every command has at hand.
pub(crate) struct Tool {
    store: Arc<dyn Store>,
    defaults: ZoneDefaults,
    output: Output,
    spelling: Spelling,
    is_verbose: bool,
    is_quiet: bool,
    /// What `PDNSUTIL_EDITOR` or `EDITOR` names.
    editor: Option<String>,
}

impl Tool {
    /// A zone named on the command line; a final dot is optional.
    fn zone_name(text: &str) -> Result<ZoneName, Failure> {
        ZoneName::parse(text).map_err(|source| Failure::Zone { text: text.to_owned(), source })
    }

    /// A name on the command line; a final dot is optional.
    fn name(text: &str) -> Result<Name, Failure> {
        match Name::parse(text) {
            Ok(name) => Ok(name.to_lowercase()),
            Err(source) => Err(Failure::Name { text: text.to_owned(), source }),
        }
    }

    /// The zone, or the failure that says `message`.
    async fn zone(&self, name: &ZoneName, message: impl FnOnce() -> String) -> Result<ZoneSummary, Failure> {
        self.store.zone(name).await?.ok_or_else(|| Failure::Said(message()))
    }

    /// Changes the zone; one that is not there is the failure that says `message`.
    async fn edit(
        &self,
        name: &ZoneName,
        edit: ZoneEdit,
        message: impl FnOnce() -> String,
    ) -> Result<store::Commit, Failure> {
        let edit = ZoneEdit { actor: Some("pdnsutil".to_owned()), ..edit };
        match self.store.edit_zone(name, edit).await {
            Err(StoreError::NotFound { what: "zone" }) => Err(Failure::Said(message())),
            other => Ok(other?),
        }
    }
}

/// Global options, taken off the front and the rest of the command line as PowerDNS's parser does.
#[derive(Debug, Default, PartialEq, Eq)]
struct Options {
    is_verbose: bool,
    is_quiet: bool,
    wants_help: bool,
    wants_version: bool,
}

/// Takes options and settings out of `args`; what is left is the command.
fn parse_options(args: Vec<String>) -> Result<(Options, Vec<flags::Flag>, Vec<String>), Failure> {
    let (settings, rest) = flags::split(args);
    let mut options = Options::default();
    let mut words = Vec::new();
    let mut rest = rest.into_iter();
    while let Some(word) = rest.next() {
        match word.as_str() {
            "-v" | "--verbose" => options.is_verbose = true,
            "-q" | "--quiet" => options.is_quiet = true,
            "-h" | "--help" => options.wants_help = true,
            "--version" => options.wants_version = true,
            // We ask for no confirmation, print no colours, and always sort.
            "-f" | "--force" | "--no-colors" | "-s" | "--sort" => {}
            "--" => words.extend(rest.by_ref()),
            option if option.starts_with("--") => {
                return Err(Failure::Said(format!("Error: unrecognised option '{option}'")));
            }
            // A dash alone begins a content, or the salt of set-nsec3.
            _ => words.push(word),
        }
    }
    Ok((options, settings, words))
}

/// Runs a command line without the program's name.
pub fn main(args: Vec<String>, more_flags: Vec<flags::Flag>) -> ExitCode {
    let sources = Sources { falls_back_to_pdns_conf: true, ..Sources::of_process(more_flags) };
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => ExitCode::from(runtime.block_on(execute(args, sources, Output::of_process()))),
        Err(error) => {
            eprintln!("Error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The exit code of failures.
const FAILED: u8 = 1;

/// Runs a command line with these sources of settings, and returns the exit code.
async fn execute(args: Vec<String>, mut sources: Sources, mut output: Output) -> u8 {
    let (options, flags, words) = match parse_options(args) {
        Ok(parsed) => parsed,
        Err(failure) => {
            output.chatter(failure);
            return FAILED;
        }
    };
    if options.wants_version {
        output.data(format_args!("pdnsutil (signpost {})", env!("CARGO_PKG_VERSION")));
        return exit(output.flush());
    }
    if options.wants_help || words.first().is_none_or(|word| word == "help") {
        usage(&mut output);
        return exit(output.flush());
    }
    let (entry, spelling, parameters) = match commands::recognise(&words) {
        Recognised::Command(entry, spelling, parameters) => (entry, spelling, parameters),
        Recognised::NotOffered(reason) => {
            output.chatter(format_args!("Command '{}' is not offered by Signpost: {reason}", words[0]));
            return FAILED;
        }
        Recognised::Unknown => {
            output.chatter(format_args!("Unknown command '{}'", words[0]));
            return FAILED;
        }
    };
    if parameters.len() < entry.parameters_min {
        output.chatter(entry.usage(spelling));
        return entry.usage_exit(spelling);
    }
    if entry.access == Access::None {
        let outcome = match entry.command {
            Command::B2bMigrate => copy::migrate(&mut output, parameters).await,
            command => run_without_database(&mut output, command, parameters),
        };
        let is_written = output.flush();
        return match outcome {
            Err(Failure::Usage) => {
                output.chatter(entry.usage(spelling));
                entry.usage_exit(spelling)
            }
            Err(Failure::Silent) => FAILED,
            Err(Failure::Store(error)) => {
                output.chatter(format_args!("Error: {}", store::with_causes(&error)));
                FAILED
            }
            Err(failure) => {
                output.chatter(failure);
                FAILED
            }
            Ok(()) => exit(is_written),
        };
    }
    sources.flags.extend(flags);
    let (store, defaults) = match open(&sources, entry.access, &mut output).await {
        Ok(opened) => opened,
        Err(error) => {
            output.chatter(format_args!("Error: {}", store::with_causes(&*error)));
            return FAILED;
        }
    };
    let (is_verbose, is_quiet) = (options.is_verbose, options.is_quiet);
    let variable = |wanted: &str| sources.variables.iter().find(|(name, _)| name == wanted);
    let editor = variable("PDNSUTIL_EDITOR").or(variable("EDITOR")).map(|(_, editor)| editor.clone());
    let mut tool = Tool { store, defaults, output, spelling, is_verbose, is_quiet, editor };
    let outcome = run(&mut tool, entry.command, parameters).await;
    let is_written = tool.output.flush();
    match outcome {
        Ok(()) => exit(is_written),
        Err(Failure::Usage) => {
            tool.output.chatter(entry.usage(spelling));
            entry.usage_exit(spelling)
        }
        Err(Failure::Silent) => FAILED,
        Err(Failure::Store(error)) => {
            tool.output.chatter(format_args!("Error: {}", store::with_causes(&error)));
            FAILED
        }
        Err(failure) => {
            tool.output.chatter(failure);
            FAILED
        }
    }
}

fn exit(is_well: bool) -> u8 {
    if is_well { 0 } else { FAILED }
}

fn usage(output: &mut Output) {
    output.data("Usage:\npdnsutil [options] <command> [params ..]\n\nCommands:");
    for entry in commands::COMMANDS {
        let new = match entry.new {
            ("", _) => String::new(),
            (object, verb) if entry.old.is_empty() => format!("{object} {verb}"),
            (object, verb) => format!(" ({object} {verb})"),
        };
        output.data(format_args!("{}{new} {}", entry.old, entry.parameters));
    }
    output.data(
        "\nOptions: --config-dir=DIR --config-name=NAME --config=FILE -v|--verbose -q|--quiet -f|--force --version \
         -h|--help\nSettings such as --database-url=URL may stand anywhere.",
    );
}

/// Finds the database that settings name. It never makes one up.
async fn open(
    sources: &Sources,
    access: Access,
    output: &mut Output,
) -> anyhow::Result<(Arc<dyn Store>, ZoneDefaults)> {
    let settings = config::load(sources)?;
    logging::start_quietly();
    let Some(database) = settings.database else {
        // Perhaps a file that may not be read is why.
        for warning in settings.warnings.iter().filter(|warning| warning.name == "config-dir") {
            output.chatter(format_args!("Warning: {warning}"));
        }
        anyhow::bail!(
            "no database is configured: set database-url (SIGNPOST_DATABASE_URL, or in --config=FILE), or name a \
             pdns.conf with launch=gpgsql or gsqlite3 (--config-dir=DIR)"
        );
    };
    database::refuse_missing_file(&database)?;
    let opened = match access {
        Access::Write => store::open(&database::store_settings(&database, &settings.zones, true)).await,
        Access::None | Access::Read => database::open_to_read(&database, &settings.zones).await,
    };
    let store = opened.map_err(|error| {
        let url = postgres_url::redacted(&database.url.0);
        anyhow::Error::from(error).context(format!("cannot open the database {url} ({})", database.origin))
    })?;
    Ok((store, settings.zones))
}

/// One command that works on what it is given.
fn run_without_database(output: &mut Output, command: Command, parameters: &[String]) -> Outcome {
    match command {
        Command::GenerateZoneKey => keys::generate(output, parameters),
        Command::HashPassword => plain::hash_password(output, parameters),
        Command::RawLuaFromContent => plain::raw_lua(output, parameters),
        Command::ZonemdVerifyFile => zonemd::verify_file(output, parameters),
        _ => {
            dnssec::list_algorithms(output, parameters);
            Ok(())
        }
    }
}

/// One command.
async fn run(tool: &mut Tool, command: Command, parameters: &[String]) -> Outcome {
    match command {
        Command::CreateZone => zones::create(tool, parameters).await,
        Command::DeleteZone => zones::delete(tool, parameters).await,
        Command::ClearZone => zones::clear(tool, parameters).await,
        Command::ListAllZones => zones::list_all(tool, parameters).await,
        Command::ListZone => zones::list(tool, parameters).await,
        Command::SetKind => zones::set_kind(tool, parameters).await,
        Command::SetAccount => zones::set_account(tool, parameters).await,
        Command::IncreaseSerial => zones::increase_serial(tool, parameters).await,
        Command::LoadZone => load::load(tool, parameters).await,
        Command::AddRecord => rrsets::add(tool, parameters).await,
        Command::ReplaceRrset => rrsets::replace(tool, parameters).await,
        Command::DeleteRrset => rrsets::delete(tool, parameters).await,
        Command::GetMeta => metadata::get(tool, parameters).await,
        Command::SetMeta => metadata::set(tool, parameters).await,
        Command::AddMeta => metadata::add(tool, parameters).await,
        Command::SetPresigned => metadata::put_silently(tool, parameters, "PRESIGNED", &["1"]).await,
        Command::UnsetPresigned => metadata::put_silently(tool, parameters, "PRESIGNED", &[]).await,
        Command::SetPublishCds => metadata::set_publish_cds(tool, parameters).await,
        Command::UnsetPublishCds => metadata::put_silently(tool, parameters, "PUBLISH-CDS", &[]).await,
        Command::SetPublishCdnskey => metadata::set_publish_cdnskey(tool, parameters).await,
        Command::UnsetPublishCdnskey => metadata::put_silently(tool, parameters, "PUBLISH-CDNSKEY", &[]).await,
        Command::SecureZone => dnssec::secure(tool, parameters).await,
        Command::SecureAllZones => dnssec::secure_all(tool, parameters).await,
        Command::DisableDnssec => dnssec::disable(tool, parameters).await,
        Command::SetNsec3 => dnssec::set_nsec3(tool, parameters).await,
        Command::UnsetNsec3 => dnssec::unset_nsec3(tool, parameters).await,
        Command::RectifyZone => dnssec::rectify(tool, parameters).await,
        Command::RectifyAllZones => dnssec::rectify_all(tool, parameters).await,
        Command::HashZoneRecord => dnssec::hash(tool, parameters).await,
        Command::GenerateZoneKey
        | Command::ListAlgorithms
        | Command::HashPassword
        | Command::RawLuaFromContent
        | Command::ZonemdVerifyFile => run_without_database(&mut tool.output, command, parameters),
        Command::B2bMigrate => copy::migrate(&mut tool.output, parameters).await,
        Command::GenerateTsigKey => tsig::generate(tool, parameters).await,
        Command::ImportTsigKey => tsig::import(tool, parameters).await,
        Command::ListTsigKeys => tsig::list(tool).await,
        Command::DeleteTsigKey => tsig::delete(tool, parameters).await,
        Command::ActivateTsigKey => tsig::activate(tool, parameters).await,
        Command::DeactivateTsigKey => tsig::deactivate(tool, parameters).await,
        Command::AddAutoprimary => autoprimaries::add(tool, parameters).await,
        Command::RemoveAutoprimary => autoprimaries::remove(tool, parameters).await,
        Command::ListAutoprimaries => autoprimaries::list(tool).await,
        Command::CreateSecondaryZone => transfers::create(tool, parameters).await,
        Command::ChangeSecondaryZonePrimary => transfers::change(tool, parameters).await,
        Command::SetCatalog => catalog::set(tool, parameters).await,
        Command::ListMemberZones => catalog::list_members(tool, parameters).await,
        Command::SetOption => catalog::set_option(tool, parameters).await,
        Command::SetOptionsJson => catalog::set_options_json(tool, parameters).await,
        Command::AddZoneKey => keys::add(tool, parameters).await,
        Command::ImportZoneKey => keys::import(tool, parameters).await,
        Command::ActivateZoneKey => keys::set_flags(tool, parameters, Some(true), None).await,
        Command::DeactivateZoneKey => keys::set_flags(tool, parameters, Some(false), None).await,
        Command::PublishZoneKey => keys::set_flags(tool, parameters, None, Some(true)).await,
        Command::UnpublishZoneKey => keys::set_flags(tool, parameters, None, Some(false)).await,
        Command::RemoveZoneKey => keys::remove(tool, parameters).await,
        Command::ListKeys => keys::list(tool, parameters).await,
        Command::ExportZoneKey => keys::export(tool, parameters).await,
        Command::ExportZoneKeyPem => keys::export_pem(tool, parameters).await,
        Command::ImportZoneKeyPem => keys::import_pem(tool, parameters).await,
        Command::ExportZoneDnskey => keys::export_dnskey(tool, parameters).await,
        Command::ExportZoneDs => show::export_ds(tool, parameters).await,
        Command::EditZone => edit::edit(tool, parameters).await,
        Command::ShowZone => show::show(tool, parameters).await,
        Command::ListNetworks => views::networks(tool).await,
        Command::SetNetwork => views::set_network(tool, parameters).await,
        Command::AddViewZone => views::add_zone(tool, parameters).await,
        Command::RemoveViewZone => views::remove_zone(tool, parameters).await,
        Command::ListView => views::list(tool, parameters).await,
        Command::ListViews => views::list_all(tool).await,
        Command::CheckZone => check::check(tool, parameters).await,
        Command::CheckAllZones => check::check_all(tool, parameters).await,
    }
}
