//! `signpost key`: API keys in the database, made, listed and revoked without a server (docs/api.md). A server that runs takes notice.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use api::ApiKeyRequest;
use clap::{Args, Subcommand};
use store::{ApiKeyChange, Store, StoreError, StoredApiKey};

use crate::config::{Settings, api_keys};
use crate::database;

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Makes a key and prints it, this once.
    Create(Create),
    /// Lists all keys with what they may do.
    List,
    /// Shows one key.
    Show {
        /// Its name.
        name: String,
    },
    /// Removes a key: from then on it is refused.
    Revoke {
        /// Its name.
        name: String,
    },
}

/// A key to make. Without limits it may do everything.
#[derive(Debug, Args)]
pub struct Create {
    /// Letters, digits, `.`, `_` and `-`; what the journal shows as api:NAME.
    name: String,
    /// Zones it may use: example.com, '*.example.com', 'team-*.example.com'.
    #[arg(long = "zone", value_delimiter = ',', value_name = "PATTERN")]
    zones: Vec<String>,
    /// Record types it may change.
    #[arg(long = "type", value_delimiter = ',', value_name = "TYPE")]
    types: Vec<String>,
    /// Names it may change, with all below them.
    #[arg(long = "name", value_delimiter = ',', value_name = "NAME")]
    names: Vec<String>,
    /// It may change nothing.
    #[arg(long)]
    read_only: bool,
    /// It is refused from then on: a date, a time, or days such as 90d.
    #[arg(long, value_name = "WHEN")]
    expires: Option<String>,
    /// Reads the key from standard input instead of making one; it is kept by scrypt.
    #[arg(long)]
    stdin: bool,
}

/// Runs one command; what is asked for goes to `out`.
///
/// # Errors
///
/// No database, or it refuses.
pub async fn run(settings: &Settings, command: KeyCommand, out: &mut dyn Write) -> anyhow::Result<()> {
    let store = open(settings).await?;
    match command {
        KeyCommand::Create(create) => {
            if settings.api.named_keys.iter().any(|key| key.name == create.name) || create.name == "api-key" {
                bail!("a key with the name '{}' stands in the settings", create.name);
            }
            let chosen = if create.stdin { Some(from_stdin()?) } else { None };
            make(&*store, create, chosen.as_deref().map(String::as_str), out).await
        }
        KeyCommand::List => {
            for key in store.api_keys().await? {
                writeln!(out, "{}", line(&key))?;
            }
            Ok(())
        }
        KeyCommand::Show { name } => match store.api_keys().await?.iter().find(|key| key.name == name) {
            Some(key) => Ok(show(key, out)?),
            None => bail!("there is no key '{name}' in the database"),
        },
        KeyCommand::Revoke { name } => match store.change_api_key(ApiKeyChange::Remove { name: name.clone() }).await {
            Err(StoreError::NotFound { .. }) => bail!("there is no key '{name}' in the database"),
            other => Ok(other?),
        },
    }
}

async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    let Some(database) = &settings.database else { bail!("no database is configured: set database-url") };
    database::refuse_missing_file(database)?;
    Ok(store::open(&database::store_settings(database, &settings.zones, true)).await?)
}

async fn make(store: &dyn Store, create: Create, chosen: Option<&str>, out: &mut dyn Write) -> anyhow::Result<()> {
    let now = unix_now();
    let expires_at = create.expires.as_deref().map(|text| expiry(text, now)).transpose().context("--expires")?;
    let request = ApiKeyRequest {
        name: create.name,
        zones: create.zones,
        types: create.types,
        names: create.names,
        read_only: create.read_only,
        expires_at,
    };
    let made = request.make(chosen, now).map_err(anyhow::Error::msg)?;
    let name = made.row.name.clone();
    match store.change_api_key(ApiKeyChange::Add(made.row)).await {
        Err(StoreError::Exists { .. }) => bail!("there is a key '{name}' already"),
        other => other?,
    }
    // Whoever gave the key has it.
    if chosen.is_none() {
        writeln!(out, "{}", *made.key)?;
        out.flush()?;
    }
    Ok(())
}

fn from_stdin() -> anyhow::Result<zeroize::Zeroizing<String>> {
    let mut line = zeroize::Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).context("cannot read the key from standard input")?;
    let key = line.trim_end_matches(['\n', '\r']);
    if key.is_empty() {
        bail!("there is no key on standard input");
    }
    Ok(zeroize::Zeroizing::new(key.to_owned()))
}

fn expiry(text: &str, now: i64) -> anyhow::Result<i64> {
    let days = text.strip_suffix('d').and_then(|days| days.parse::<u32>().ok());
    match days {
        Some(days) => Ok(now + i64::from(days) * 86_400),
        None => api_keys::time(text).map_err(anyhow::Error::msg),
    }
}

fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

fn at(seconds: Option<i64>) -> String {
    let time = seconds.map(jiff::Timestamp::from_second);
    time.map_or_else(|| "never".to_owned(), |time| time.map_or_else(|_| "?".to_owned(), |time| time.to_string()))
}

/// Limits of a key in words.
fn limits(key: &StoredApiKey) -> String {
    let mut limits = Vec::new();
    if key.read_only {
        limits.push("read-only".to_owned());
    }
    for (what, items) in [("zones", &key.zones), ("types", &key.types), ("names", &key.names)] {
        if !items.is_empty() {
            limits.push(format!("{what}={}", items.join(",")));
        }
    }
    if limits.is_empty() { "everything".to_owned() } else { limits.join(" ") }
}

fn line(key: &StoredApiKey) -> String {
    format!("{}\t{}\texpires {}\tused {}", key.name, limits(key), at(key.expires_at), at(key.used_at))
}

fn show(key: &StoredApiKey, out: &mut dyn Write) -> std::io::Result<()> {
    writeln!(out, "name: {}", key.name)?;
    writeln!(out, "may: {}", limits(key))?;
    writeln!(out, "made: {}", at(Some(key.made_at)))?;
    writeln!(out, "expires: {}", at(key.expires_at))?;
    writeln!(out, "used: {}", at(key.used_at))
}
