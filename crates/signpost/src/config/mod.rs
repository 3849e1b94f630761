//! Settings: one value from defaults, `signpost.toml`, `pdns.conf`, the environment and flags, in rising order.
//!
//! [`catalog`] lists our own settings, [`powerdns`] those of PowerDNS; [`load`] reads all sources and checks
//! everything once, and [`Settings`] hands each part of the program its own.

pub mod api_keys;
pub mod catalog;
pub mod environment;
pub mod error;
pub mod flags;
pub mod kubernetes;
pub mod layers;
pub mod pdns_conf;
pub mod postgres_url;
pub mod powerdns;
pub mod settings;
pub mod shown;
pub mod toml_file;
mod translate;
pub mod transports;
pub mod value;

use std::path::{Path, PathBuf};

use environment::Variable;
pub use error::{ConfigError, Origin, Warning};
use flags::Flag;
use layers::{Layers, Rank};
use pdns_conf::{Assigned, PdnsSettings};
pub use settings::Settings;

/// Read when it is there and no other file is named.
const TOML_DEFAULT: &str = "/etc/signpost/signpost.toml";
/// Where PowerDNS keeps its own.
const PDNS_DIR_DEFAULT: &str = "/etc/powerdns";

/// Where settings may come from.
#[derive(Debug, Default)]
pub struct Sources {
    /// From the command line, already taken out of it.
    pub flags: Vec<Flag>,
    /// The environment.
    pub variables: Vec<Variable>,
    /// Whether `/etc/powerdns/pdns.conf` counts when nobody names a file: for `pdnsutil`, which PowerDNS's scripts
    /// call without options. The server reads only what it is pointed at, since PowerDNS may run beside it.
    pub falls_back_to_pdns_conf: bool,
    /// Replaces the default places of both files in tests.
    pub root: Option<PathBuf>,
}

impl Sources {
    /// The flags given and the environment of this process. Variables that are not UTF-8 are left out.
    pub fn of_process(flags: Vec<Flag>) -> Sources {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Sources { flags, variables: std::env::vars_os().filter_map(text).collect(), ..Sources::default() }
    }

    fn default_path(&self, path: &str) -> PathBuf {
        match &self.root {
            Some(root) => root.join(path.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// Whether a flag or a variable says where zones are.
    fn names_a_database(&self) -> bool {
        let names = ["database-url", "launch"];
        names.iter().any(|name| {
            self.flags.iter().any(|flag| flag.name == *name) || environment::location(&self.variables, name).is_some()
        })
    }

    /// A file or folder that a flag or a variable names.
    fn location(&self, name: &str) -> Option<String> {
        let flag = self.flags.iter().rev().find(|flag| flag.name == name).map(|flag| flag.text.clone());
        flag.or_else(|| environment::location(&self.variables, name).map(|(value, _)| value))
            .filter(|value| !value.is_empty())
    }
}

/// Reads all sources.
///
/// # Errors
///
/// The first [`ConfigError`], which names the setting, where its value stands, and what is wrong with it.
pub fn load(sources: &Sources) -> Result<Settings, ConfigError> {
    let mut layers = Layers::new();
    let mut pdns = PdnsSettings::default();
    let mut warnings = Vec::new();

    let toml = match sources.location("config") {
        Some(path) => Some(PathBuf::from(path)),
        None => Some(sources.default_path(TOML_DEFAULT)).filter(|path| path.exists()),
    };
    let named_keys = match &toml {
        Some(path) => toml_file::read(path, &mut layers)?,
        None => Vec::new(),
    };
    read_pdns_conf(sources, toml.is_some(), &mut pdns, &mut warnings)?;
    environment::read(&sources.variables, &mut layers, &mut pdns, &mut warnings)?;
    for flag in &sources.flags {
        if matches!(flag.name.as_str(), "config" | "config-dir" | "config-name") {
            continue;
        }
        match catalog::find(&flag.name) {
            Some(setting) => {
                layers.set_text(setting.name, &flag.name, &flag.text, &flag.origin, Rank::OwnFlag)?;
            }
            None => {
                let assigned = Assigned { text: flag.text.clone(), origin: flag.origin.clone(), rank: Rank::PdnsFlag };
                pdns.assign(flag.name.clone(), assigned, false);
            }
        }
    }
    translate::translate(pdns, &mut layers, &mut warnings)?;
    Settings::from_layers(&layers, named_keys, warnings)
}

fn read_pdns_conf(
    sources: &Sources,
    has_toml: bool,
    pdns: &mut PdnsSettings,
    warnings: &mut Vec<Warning>,
) -> Result<(), ConfigError> {
    let (dir, name) = (sources.location("config-dir"), sources.location("config-name"));
    if dir.is_some() || name.is_some() {
        let dir = dir.map_or_else(|| sources.default_path(PDNS_DIR_DEFAULT), PathBuf::from);
        return pdns_conf::read(&dir, &name.unwrap_or_default(), pdns);
    }
    let dir = sources.default_path(PDNS_DIR_DEFAULT);
    let is_decided = has_toml || sources.names_a_database();
    if !sources.falls_back_to_pdns_conf || is_decided || !pdns_conf::file_in(&dir, "").exists() {
        return Ok(());
    }
    // Nobody asked for this file by name: not being allowed to read it is worth a word, not an end.
    match pdns_conf::read(&dir, "", pdns) {
        Err(ConfigError::Read { path, source }) => {
            warnings.push(not_read(&path, &source));
            Ok(())
        }
        other => other,
    }
}

fn not_read(path: &Path, source: &std::io::Error) -> Warning {
    Warning {
        name: "config-dir".to_owned(),
        origin: Origin::Default,
        reason: format!("{} was not read: {source}", path.display()),
    }
}

#[cfg(test)]
mod tests;
